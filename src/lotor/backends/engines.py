"""The engines of back ends on other hosts, made of settings. What is not wanted is not even loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Protocol

from lotor.config.back_ends import BackEndSettings, FleetPlace
from lotor.model.back_end import BackEnd
from lotor.model.frozen import frozen
from lotor.ports.accounting import Keeper
from lotor.ports.auth import LoginBackend
from lotor.ports.back_ends import Groups
from lotor.ports.fleet import Fleet

Close = Callable[[], Awaitable[None] | None]


@frozen
class Engines:
    """Those of one configuration. `close` is called once nobody has a conversation with them any more."""

    logins: Mapping[BackEnd, LoginBackend] = field(default_factory=dict)
    accounts: Keeper | None = None
    groups: Groups | None = None
    close: tuple[Close, ...] = ()


class Openable(Fleet, Protocol):
    """An engine of a fleet: `open` first, `close` last."""

    async def open(self) -> None:
        """Raises `OSError` where its database cannot be asked now: it is tried again with each call."""
        ...

    async def close(self) -> None: ...


Make = Callable[[BackEndSettings], Engines]
MakeFleet = Callable[[FleetPlace], Openable]


def fleet_of(place: FleetPlace) -> Openable:
    """Called in a running event loop."""
    from lotor.fleet.store import FleetStore

    return FleetStore(place.settings, place.member)


def engines_of(settings: BackEndSettings) -> Engines:
    """Called in a running event loop. Raises `OSError` with a whole sentence where an engine cannot be."""
    made = [each for each in (_radius(settings), _ldap(settings), _accounts(settings)) if each is not None]
    return Engines(
        {which: logins for each in made for which, logins in each.logins.items()},
        next((each.accounts for each in made if each.accounts is not None), None),
        next((each.groups for each in made if each.groups is not None), None),
        tuple(close for each in made for close in each.close),
    )


def _radius(settings: BackEndSettings) -> Engines | None:
    if settings.logins is not BackEnd.RADIUS or settings.radius is None:
        return None
    from lotor.radius.logins import RadiusLogins

    logins = RadiusLogins(settings.radius, addresses=settings.addresses is BackEnd.RADIUS)
    return Engines({BackEnd.RADIUS: logins}, close=(logins.close,))


def _ldap(settings: BackEndSettings) -> Engines | None:
    """Logins and groups share connections. An address is that of the entry that logged in."""
    if settings.ldap is None:
        return None
    from lotor.ldap.logins import LdapLogins

    addresses = settings.addresses is BackEnd.LDAP
    logins = LdapLogins(settings.ldap, addresses=addresses, groups=settings.groups)
    judging = {BackEnd.LDAP: logins} if settings.logins is BackEnd.LDAP else {}
    return Engines(judging, groups=logins.groups if settings.groups else None, close=(logins.close,))


def _accounts(settings: BackEndSettings) -> Engines | None:
    if settings.radius is None or not settings.accounts:
        return None
    from lotor.radius.accounts import RadiusAccounts, authentic

    accounts = RadiusAccounts(settings.radius, authentic=authentic(settings.logins))
    return Engines(accounts=accounts, close=(accounts.close,))
