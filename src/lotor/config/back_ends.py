"""What a configuration wants of back ends on other hosts, with their secrets: what the process gets in which they
live."""

from __future__ import annotations

from dataclasses import replace

from lotor.config.methods import is_gateway
from lotor.config.provision import bare_of
from lotor.config.radsec import MOST_OCTETS, files_for
from lotor.config.settings import (
    Accounting,
    AuthSource,
    ConfSource,
    FleetSettings,
    GroupSource,
    Ldap,
    LogForm,
    ModeCfg,
    Radius,
    Settings,
)
from lotor.model.back_end import BackEnd
from lotor.model.frozen import frozen
from lotor.model.member import Member


@frozen
class FleetPlace:
    """The database of a fleet, and what this gateway is there."""

    settings: FleetSettings
    member: Member


@frozen
class BackEndSettings:
    """`logins`: who judges them, and `addresses`: who has those of users; None: neither. `groups` and `accounts`:
    whether group_source names LDAP, and accounting RADIUS. `level` of the log, as the `log` directive names it,
    and its `form`. `fleet`: its database, and this gateway as one of it; None: it stands alone."""

    logins: BackEnd | None
    addresses: BackEnd | None
    groups: bool
    accounts: bool
    radius: Radius | None
    ldap: Ldap | None
    level: str
    form: LogForm
    fleet: FleetPlace | None = None

    @property
    def serves(self) -> tuple[str, ...]:
        """In words, for a person."""
        told = (f"logins by {_name(self.logins)}",) if self.logins is not None else ()
        heard = self.radius is not None and bool(self.radius.dynamic_clients)
        told = (*told, *(("groups by LDAP",) * self.groups), *(("accounts by RADIUS",) * self.accounts))
        return (*told, *(("orders of RADIUS servers",) * heard), *self._shares)

    @property
    def _shares(self) -> tuple[str, ...]:
        return (f"the fleet at {self.fleet.settings.shown}",) if self.fleet is not None else ()


def keeps_accounts(settings: Settings) -> bool:
    """Whether RADIUS servers keep the accounts of sessions that begin."""
    mode_cfg = settings.mode_cfg
    return mode_cfg is not None and is_gateway(settings) and mode_cfg.accounting is Accounting.RADIUS


def back_ends_of(
    settings: Settings, member: Member | None = None, owed: Radius | None = None
) -> BackEndSettings | None:
    """None where nothing of the configuration is asked of RADIUS, LDAP or the database of a fleet; a client asks
    nobody. `member`: what this gateway is in its fleet, None: of none. `owed`: servers of accounts that are still told
    of sessions that began before."""
    wanted = _wanted(settings, member)
    if owed is None:
        return wanted
    if wanted is None:
        return replace(_nothing(settings), accounts=True, radius=_accounts_alone(owed))
    radius = _with_accounts(wanted.radius, owed) if wanted.radius is not None else _accounts_alone(owed)
    return replace(wanted, accounts=True, radius=radius)


def _with_accounts(radius: Radius, owed: Radius) -> Radius:
    """What these servers need of files comes along, where there is room for it on the line."""
    files = {**files_for(owed.acct, owed.files), **radius.files}
    if sum(map(len, files.values())) > MOST_OCTETS:
        files = dict(radius.files)
    return replace(radius, acct=bare_of(owed.acct), files=files)


def _accounts_alone(owed: Radius) -> Radius:
    files = files_for(owed.acct, owed.files)
    return replace(bare_of(owed), auth=(), dynamic_clients=(), dynamic_listen=(), files=files)


def _nothing(settings: Settings) -> BackEndSettings:
    level, form = settings.log.value, settings.log_format
    return BackEndSettings(None, None, groups=False, accounts=False, radius=None, ldap=None, level=level, form=form)


def _wanted(settings: Settings, member: Member | None) -> BackEndSettings | None:
    mode_cfg = settings.mode_cfg
    used = _used(mode_cfg, settings.radius)
    fleet = fleet_place(settings, member)
    if not is_gateway(settings) or not (used or fleet):
        return None
    return BackEndSettings(
        logins=_LOGINS.get(mode_cfg.auth_source) if mode_cfg is not None else None,
        addresses=_ADDRESSES.get(mode_cfg.conf_source) if mode_cfg is not None else None,
        groups=mode_cfg is not None and mode_cfg.group_source is GroupSource.LDAP,
        accounts=mode_cfg is not None and mode_cfg.accounting is Accounting.RADIUS,
        radius=bare_of(settings.radius) if BackEnd.RADIUS in used else None,
        ldap=bare_of(settings.ldap) if BackEnd.LDAP in used else None,
        level=settings.log.value,
        form=settings.log_format,
        fleet=fleet,
    )


def fleet_place(settings: Settings, member: Member | None) -> FleetPlace | None:
    return FleetPlace(bare_of(settings.fleet), member) if settings.fleet is not None and member is not None else None


def _used(mode_cfg: ModeCfg | None, radius: Radius | None) -> frozenset[BackEnd]:
    """Servers that end sessions are heard also where nobody logs in."""
    heard = {BackEnd.RADIUS} if radius is not None and radius.dynamic_clients else set()
    if mode_cfg is None:
        return frozenset(heard)
    named = (
        _LOGINS.get(mode_cfg.auth_source),
        _ADDRESSES.get(mode_cfg.conf_source),
        BackEnd.LDAP if mode_cfg.group_source is GroupSource.LDAP else None,
        BackEnd.RADIUS if mode_cfg.accounting is Accounting.RADIUS else None,
    )
    return frozenset(heard.union(each for each in named if each is not None))


_LOGINS = {AuthSource.RADIUS: BackEnd.RADIUS, AuthSource.LDAP: BackEnd.LDAP}
_ADDRESSES = {ConfSource.RADIUS: BackEnd.RADIUS, ConfSource.LDAP: BackEnd.LDAP}
_NAMES = {BackEnd.RADIUS: "RADIUS", BackEnd.LDAP: "LDAP"}


def _name(back_end: BackEnd) -> str:
    return _NAMES[back_end]
