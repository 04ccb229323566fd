"""Addresses are given when the rules of `network { }` hold for them, and the host's network is as a configuration wants
it.

Whose address it is decides what it may reach. An owned daemon chooses no groups: it is the warden that knows who has
logged in, and looks up which groups that is in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from lotor import config
from lotor.auth.accounts import OF_THE_HOST, Accounts
from lotor.config.giving import Unkept
from lotor.config.settings import GroupSource, ModeCfg, Settings
from lotor.hosts.network import NetworkHost, Whose
from lotor.hosts.network_table import Plan
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.quantity import quantity
from lotor.model.reason import Reason
from lotor.model.reasons.local import (
    GrantFilterUnknown,
    GrantInside,
    GrantInUse,
    GrantOutsidePool,
    GrantPoolUnknown,
    GrantRateUnkept,
    PoolFault,
)
from lotor.ports.host_esp import Leading
from lotor.ports.leases import Lease, Leases
from lotor.warden.pool_routes import PoolRoutes, networks_of

log = logging.getLogger(__name__)

NOBODY = ""
"""Who holds an address without a login that this warden has accepted: rules for everyone are his."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms somebody gets an address: `grants` with the pool that counts, `group` and `groups` as `Lease` has
    them, and the filter that counts."""

    user: str
    grants: Grants = NO_GRANTS
    group: str = ""
    groups: frozenset[str] = frozenset()
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Giving:
    """By what the terms are found: the block in force, and the groups that a `sainfo` names."""

    mode_cfg: ModeCfg | None = None
    named: frozenset[str] = frozenset()


class AdmittedLeases:
    """Implements `ports.leases.Leases`. `proved`: whether a user has logged in, with these grants; `giving` is what is
    in force; `limits`: whether sessions are held to rates by what carries ESP."""

    def __init__(
        self,
        leases: Leases,
        network: NetworkHost,
        proved: Callable[[str, Grants], bool],
        giving: Callable[[], Giving] = Giving,
        *,
        limits: Callable[[], bool] = lambda: True,
    ) -> None:
        self._leases = leases
        self._network = network
        self._proved = proved
        self._giving = giving
        self._limits = limits

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        """Whoever says that a login had other grants than it had is nobody, and has none."""
        if not self._proved(user, grants):
            return await self._admitted(session, Terms(NOBODY), ())
        try:
            terms, unkept = self._terms(user, grants)
            if unkept and not self._lenient:
                return Failure(unkept[0])
            return await self._admitted(session, terms, unkept)
        except OSError as error:  # of whoever knows the groups
            await self.release(session)
            return Failure(PoolFault(error.strerror or str(error)))

    async def release(self, session: int) -> None:
        self._network.dismiss(session)
        await self._leases.release(session)

    @property
    def _lenient(self) -> bool:
        mode_cfg = self._giving().mode_cfg
        return mode_cfg is not None and mode_cfg.unkept_grants is Unkept.NOTE

    def _terms(self, user: str, grants: Grants) -> tuple[Terms, list[Reason]]:
        """Whose block of `mode_cfg` counts, and which pool and filter. Raises `OSError` where groups are not known."""
        giving = self._giving()
        groups = self._groups(user, grants, giving)
        blocks = giving.mode_cfg.groups if giving.mode_cfg is not None else ()
        group = next((each for each in blocks if each.name in groups), None)
        pool = grants.pool or (group.pool if group is not None else "")
        usual = group.filter if group is not None else ""
        filter_, unkept = grants.filter or usual, list[Reason]()
        if grants.filter and grants.filter not in self._network.filters:
            filter_, unkept = usual, [GrantFilterUnknown(grants.filter)]
        if grants.rate is not None and not self._limits():
            unkept.append(GrantRateUnkept(grants.rate))
        name = group.name if group is not None else ""
        return Terms(user, replace(grants, pool=pool), name, groups & giving.named, filter_), unkept

    def _groups(self, user: str, grants: Grants, giving: Giving) -> frozenset[str]:
        """All of a user, where anybody asks for those of the host."""
        mode_cfg = giving.mode_cfg
        asked = bool(giving.named) or (mode_cfg is not None and bool(mode_cfg.groups))
        by_host = mode_cfg is None or mode_cfg.group_source is GroupSource.SYSTEM
        return grants.groups | self._network.groups_of(user) if asked and by_host else grants.groups

    async def _admitted(self, session: int, terms: Terms, unkept: Iterable[Reason]) -> Lease | Failure:
        lease, more = await self._kept(session, terms)
        if isinstance(lease, Failure):
            self._network.dismiss(session)  # what it had before is gone, where routes to more of it were refused
            return lease
        who = Whose(terms.user, terms.grants.groups, terms.filter)
        try:
            await self._network.admit(session, who, lease.addresses)
        except OSError as error:
            await self.release(session)  # also of what it had before: another one may get the address
            return Failure(PoolFault(error.strerror or str(error)))
        return replace(lease, group=terms.group, groups=terms.groups, unkept=(*unkept, *more))

    async def _kept(self, session: int, terms: Terms) -> tuple[Lease | Failure, list[Reason]]:
        """A lease with what was granted, or, where the configuration says so, without what cannot be given of it."""
        grants, unkept = terms.grants, list[Reason]()
        while True:
            lease = await self._leases.acquire(session, terms.user, grants)
            less = _without(grants, lease.reason) if isinstance(lease, Failure) and self._lenient else None
            if less is None or not isinstance(lease, Failure):
                return lease, unkept
            unkept.append(lease.reason)
            grants = less


def _without(grants: Grants, reason: Reason) -> Grants | None:
    """What is left without the grant that cannot be kept; None where the reason is of none."""
    match reason:
        case GrantOutsidePool(address=address) | GrantInUse(address=address) | GrantInside(address=address):
            asked6 = grants.address6 is not None and address == grants.address6.ip
            return replace(grants, address6=None) if asked6 else replace(grants, address=None)
        case GrantPoolUnknown():
            return replace(grants, pool="")
    return None


class LedNetwork:
    """The host's network, for one configuration after another."""

    def __init__(self, network: NetworkHost, pool: PoolRoutes) -> None:
        self._network = network
        self._pool = pool
        self._looks: asyncio.Task[None] | None = None

    async def adapt(self, settings: Settings) -> list[str]:
        """Network and pool are as these settings want them. Returns sentences for a person. Raises `OSError`, and
        nothing has changed."""
        former = self._network.plan
        await self._network.use(plan_of(settings, self._pool))
        try:
            return await self._pool.adapt(settings)
        except BaseException:
            await self._network.use(former)
            raise

    async def lead(self, device: str, leading: Leading | None = None) -> None:
        """Clients come by this device. `leading`: of one of the kernel's ESP. Raises `OSError`."""
        await self._network.lead(device, leading)
        plan = self._network.plan
        if plan is not None:
            self._looks = asyncio.get_running_loop().create_task(_tell_obstacles(plan, device))

    async def let_go(self) -> None:
        """The device is gone."""
        await self._drop_look()
        try:
            await self._network.lead(None)
        except OSError as error:
            log.warning("%s", error.strerror or error)

    async def stop(self) -> None:
        await self._drop_look()
        await self._network.stop()

    async def clean(self) -> None:
        """What a killed gateway left goes."""
        try:
            if undone := await self._network.clean():
                what = quantity(undone, "change")
                log.warning("undone on this host: %s that an earlier lotor left for its network", what)
        except OSError as error:
            log.warning("%s", error.strerror or error)

    async def _drop_look(self) -> None:
        if self._looks is not None:
            self._looks.cancel()
            await asyncio.wait({self._looks})
            self._looks = None


def plan_of(settings: Settings, pool: PoolRoutes | None = None) -> Plan | None:
    """What the `network` block asks for; None where nothing is set up. `pool`: sessions may hold addresses of another
    one than that of the settings."""
    if settings.network is None or not config.is_gateway(settings):
        return None
    mode_cfg = settings.mode_cfg
    by_host = mode_cfg is None or mode_cfg.group_source is GroupSource.SYSTEM
    clients = tuple(pool.networks(settings) if pool is not None else networks_of(settings))
    return Plan(settings.network, clients, by_host=by_host)


def groups_of(accounts: Accounts | None = None) -> Callable[[str], frozenset[str]]:
    """The groups of this host that a user is in; the one without a name is in none. Raises `OSError`."""
    found = accounts or Accounts(OF_THE_HOST)

    def groups(user: str) -> frozenset[str]:
        try:
            return found.groups_of(user) if user != NOBODY else frozenset()
        except OSError as error:
            what = f"the groups of users are not known: {error.filename} cannot be read ({error.strerror})"
            raise OSError(error.errno, what) from None

    return groups


async def _tell_obstacles(plan: Plan, device: str) -> None:
    from lotor.hosts import network_state  # only a host with network { } reads other programs' rules

    try:
        for line in await network_state.warnings(plan, device):
            log.warning("%s", line)
    except (OSError, ValueError) as error:
        log.info("whether a firewall drops packets of clients is not known: %s", error)
