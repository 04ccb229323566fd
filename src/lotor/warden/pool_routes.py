"""The pools of the present configuration, and the routes to their addresses, and to addresses that a back end grants
from elsewhere: an address is given only when it has a route."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from lotor import config
from lotor.config.giving import PoolSettings
from lotor.config.settings import ConfSource, ModeCfg, Settings
from lotor.hosts.gateway import pool_networks
from lotor.leases.pool import Ipv6Range, Pool
from lotor.leases.pool_history import PoolHistory
from lotor.model.configuration import EVERYTHING, EVERYTHING6
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.network import Address, Network, lies_in
from lotor.model.reason import Reason
from lotor.model.reasons.local import GrantInside, GrantInUse, PoolFault
from lotor.ports.fleet import FleetPool
from lotor.ports.host import GatewayRoutes
from lotor.ports.leases import Lease

log = logging.getLogger(__name__)

REST = 5.0
"""Seconds between two times that routes to addresses of earlier pools are taken away: each time costs as much as there
are sessions left that hold one."""
AFTER_A_FAULT = 60.0
"""Seconds before a host that refused is asked again."""


class PoolRoutes:
    """Implements `ports.leases.Leases`. Routes exist between `begin` and `end`, which belong to one TUN device; leases
    and the memory of who had which address outlive the device.

    Routes and leases change one after the other: no client gets an address without a route, and no route is removed
    while a client has its address.
    """

    def __init__(self, routes: GatewayRoutes) -> None:
        self._routes = routes
        self._pools = PoolHistory(None)
        self._mode_cfg: ModeCfg | None = None
        self._fixed: frozenset[Address] = frozenset()
        self._shared: tuple[FleetPool, ...] | None = None
        self._device: tuple[str, int] | None = None
        self._begun = False
        self._stray: set[Address] = set()
        """Addresses outside of the present pools that routes lead to."""
        self._reached: dict[int, tuple[Network, ...]] = {}
        """What a session reaches by its grants and beyond what others reach; its answers come from there."""
        self._unneeded = False
        """Some of them are nobody's any more."""
        self._rest: asyncio.TimerHandle | None = None
        self._again: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def begin(self, device: str, mtu: int) -> None:
        """`mtu` in octets. Raises `OSError`, and there are no routes."""
        async with self._turn:
            if self._device is not None:
                raise OSError(errno.EBUSY, f"the routes lead to {self._device[0]} already")
            self._device = device, mtu
            try:
                await self._serve(self._mode_cfg, self._pools.given())
            except BaseException:  # also a daemon's that does not wait for it
                self._device = None
                raise

    async def end(self) -> None:
        """Everything on the host as it was; also without a device, and again."""
        async with self._turn:
            self._device, self._begun = None, False
            self._stray, self._unneeded = set(), False
            if self._rest is not None:
                self._rest.cancel()
                self._rest = None
            await self._routes.stop()

    async def adapt(self, settings: Settings) -> list[str]:
        """Serves the pool of these settings from now on. Returns sentences for a person. Raises `OSError`, and nothing
        has changed."""
        mode_cfg = pool_of(settings)
        async with self._turn:
            other = _shape(mode_cfg) != _shape(self._mode_cfg)
            if other or partners_of(mode_cfg) != partners_of(self._mode_cfg):
                await self._serve(mode_cfg, self._pools.given())
            before, self._mode_cfg = self._mode_cfg, mode_cfg
            self._pools.allow(allowed_of(mode_cfg))
            self._reserve()
            if not other:
                return []
            pools = _renewed(mode_cfg, before, self._pools.pools)
            self._pools.replace(pools.pop("", None), pools)
            self._shared = None
            return [_told(self._pools.pools)]

    @property
    def mode_cfg(self) -> ModeCfg | None:
        """The block whose pools these are."""
        return self._mode_cfg

    def remember(self, known: Iterable[tuple[str, IPv4Address]]) -> None:
        """Users with the address that each had last, the longest ago first. Where everybody gets the lowest free
        address nobody is remembered."""
        if self._mode_cfg is not None and not self._mode_cfg.lowest_address:
            for user, address in known:
                self._pools.remember(user, address)

    def fix(self, addresses: frozenset[Address]) -> None:
        """Besides those that the configuration reserves, these are given to whom they are granted only: addresses of
        single users. Whoever has one now keeps it."""
        self._fixed = addresses
        self._reserve()

    @property
    def fleet_pools(self) -> tuple[FleetPool, ...]:
        """As other gateways are to know them: the same object until something of them changes."""
        if self._shared is None:
            mode_cfg = self._mode_cfg
            lowest = mode_cfg is not None and mode_cfg.lowest_address
            reserved = self._fixed.union(mode_cfg.reserved if mode_cfg is not None else ())
            self._shared = tuple(
                FleetPool(name, pool.first, pool.size, _within(pool, reserved), lowest)
                for name, pool in self._pools.pools.items()
            )
        return self._shared

    def twin(self, address: IPv6Address) -> IPv4Address | None:
        """The address of IPv4 beside which a pool gives this one; None where none does."""
        return next((each.twin(address) for each in self._pools.pools.values() if each.has(address)), None)

    def _reserve(self) -> None:
        self._shared = None
        configured = self._mode_cfg.reserved if self._mode_cfg is not None else ()
        self._pools.reserve(self._fixed.union(configured))

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        return await self.give(session, user, grants, grants.address)

    async def give(self, session: int, user: str, grants: Grants, address: IPv4Address | None) -> Lease | Failure:
        """As `acquire`, with an address of a pool that was not granted, but chosen by whoever shares the pools."""
        async with self._turn:
            if (withheld := await self._of_host(grants)) is not None:
                return Failure(withheld)
            grants = replace(grants, address=address)
            lease = self._pools.acquire(session, user, grants)
            if isinstance(lease, Failure) or not self._leads_further(session, lease, grants):
                return lease
            try:
                await self._serve(self._mode_cfg, self._pools.outside())
            except OSError as error:
                self._reached.pop(session, None)
                self._pools.release(session)
                return Failure(PoolFault(error.strerror or str(error)))
            return lease

    async def _of_host(self, grants: Grants) -> Reason | None:
        """Why the host itself is in the way of what was granted. An address of its own would not reach it any more."""
        address6 = grants.address6.ip if grants.address6 is not None else None
        granted = [each for each in (grants.address, address6) if each is not None]
        if not granted:
            return None
        try:
            own, inside = await self._routes.own(), await self._inside(granted)
        except OSError as error:
            return PoolFault(error.strerror or str(error))
        used = next((GrantInUse(each) for each in granted if each in own), None)
        return used or next((GrantInside(each) for each in inside), None)

    async def _inside(self, granted: Iterable[Address]) -> list[Address]:
        """Those that other hosts may have: in a network of this host, or in one that clients reach. Where the
        configuration names networks, these alone count."""
        stray = [each for each in granted if self._is_stray(each)]
        if not stray or EVERYTHING not in allowed_of(self._mode_cfg):
            return []
        reached = (each for each in partners_of(self._mode_cfg) if each not in {EVERYTHING, EVERYTHING6})
        taken = [*await self._routes.links(), *reached]
        return [each for each in stray if any(each in network for network in taken)]

    def _leads_further(self, session: int, lease: Lease, grants: Grants) -> bool:
        """Whether the host must be told of a lease: of an address of no pool, or of networks that answer to it."""
        usual, reached = partners_of(self._mode_cfg), _reached(grants)
        beyond = tuple(each for each in reached if not _covers(usual, each))
        answers = self._partners(self._mode_cfg) if beyond else usual
        further = not all(_covers(answers, each) for each in beyond)
        if beyond:  # also what another session reaches: that one may end first
            self._reached[session] = beyond
        granted = grants.address is not None or grants.address6 is not None
        stray = granted and any(self._is_stray(each) for each in lease.addresses - self._stray)
        return further or stray

    def _is_stray(self, address: Address) -> bool:
        return not any(address in network for network in _networks(self._mode_cfg))

    def _partners(self, mode_cfg: ModeCfg | None) -> list[Network]:
        """Of an IP version for which there is none everybody may send."""
        usual = partners_of(mode_cfg)
        limited = {each.version for each in usual}
        more = (each for networks in self._reached.values() for each in networks if each.version in limited)
        return list(dict.fromkeys([*usual, *more]))

    async def release(self, session: int) -> None:
        async with self._turn:
            lease = self._pools.release(session)
            self._unneeded |= self._reached.pop(session, None) is not None
            self._unneeded |= lease is not None and not self._stray.isdisjoint(lease.addresses)
            if self._unneeded and self._rest is None:
                await self._tidy()

    def networks(self, settings: Settings) -> list[Network]:
        """Of the pool of these settings, and what sessions hold outside of it."""
        pool = networks_of(settings)
        single = (address for lease in self._pools.given() for address in lease.addresses)
        return [*pool, *(ip_network(each) for each in single if not any(each in network for network in pool))]

    @property
    def sessions(self) -> int:
        """How many hold a lease."""
        return len(self._pools)

    def holder(self, addresses: frozenset[Address]) -> str | None:
        """The user of the one lease of a session that has them all; None where there is none."""
        return self._pools.holder(addresses)

    async def _tidy(self) -> None:
        """No route stays to an address of an earlier pool that nobody holds any more."""
        seconds = REST
        try:
            await self._serve(self._mode_cfg, self._pools.outside())
        except OSError as error:
            seconds = AFTER_A_FAULT
            log.warning("a route to an address that nobody has any more stays: %s", error.strerror or error)
        self._rest = asyncio.get_running_loop().call_later(seconds, self._rested)

    def _rested(self) -> None:
        """Removes the routes of addresses that were released meanwhile, or that the host kept."""
        self._rest = None
        if self._unneeded:
            self._again = asyncio.get_running_loop().create_task(self._tidy_again())

    async def _tidy_again(self) -> None:
        async with self._turn:
            if self._unneeded and self._rest is None:
                await self._tidy()

    async def _serve(self, mode_cfg: ModeCfg | None, leases: Sequence[Lease]) -> None:
        """Leads the pool of these settings to the device, and the addresses of the leases outside of it."""
        networks = _networks(mode_cfg)
        single = [address for lease in leases for address in lease.addresses]
        stray = [each for each in single if not any(each in network for network in networks)]
        networks += map(ip_network, stray)
        partners = self._partners(mode_cfg)
        if self._device is not None and self._begun:
            await self._routes.serve(networks, partners)
        elif self._device is not None and networks:
            await self._routes.start(*self._device, networks, partners)
            self._begun = True
        self._stray, self._unneeded = set(stray), False


def _within(pool: Pool, addresses: Iterable[Address]) -> tuple[IPv4Address, ...]:
    return tuple(sorted(each for each in addresses if isinstance(each, IPv4Address) and pool.has(each)))


def _networks(mode_cfg: ModeCfg | None) -> list[Network]:
    """Networks that together are exactly the addresses of the pools, and those from which addresses are granted."""
    if mode_cfg is None:
        return []
    pools = (network for pool in _pools_of(mode_cfg).values() for network in _of_pool(pool))
    return list(dict.fromkeys([*pools, *mode_cfg.granted_networks]))


def _of_pool(pool: ModeCfg | PoolSettings) -> list[Network]:
    firsts = [first for first in (pool.network4, pool.network6) if first is not None]
    return [network for first in firsts for network in pool_networks(first, pool.pool_size)]


def allowed_of(mode_cfg: ModeCfg | None) -> tuple[Network, ...]:
    """Where a back end may grant addresses outside of the pools."""
    if mode_cfg is None:
        return ()
    anywhere = mode_cfg.conf_source is not ConfSource.LOCAL and not mode_cfg.granted_networks
    return (EVERYTHING, EVERYTHING6) if anywhere else mode_cfg.granted_networks


def networks_of(settings: Settings) -> list[Network]:
    """Those of the pool of these settings."""
    return _networks(pool_of(settings))


def pool_of(settings: Settings) -> ModeCfg | None:
    """The block that says which addresses a gateway gives, None where none are given."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None or not config.gives_addresses(mode_cfg) or not config.is_gateway(settings):
        return None
    return mode_cfg


def partners_of(mode_cfg: ModeCfg | None) -> list[Network]:
    """The networks that may send to the clients: what they reach by the tunnel, and the servers that answer them there.
    None of an IP version: everybody may."""
    if mode_cfg is None:
        return []
    groups = [config.group_configuration(mode_cfg, each) for each in mode_cfg.groups]
    all_told = [config.mode_configuration(mode_cfg), *groups]
    found: list[Network] = []
    if all(told.split_include for told in all_told):
        found += [each for told in all_told for each in (*told.split_include, *map(IPv4Network, told.dns + told.wins))]
    if all(told.split_include6 for told in all_told):
        found += [each for told in all_told for each in (*told.split_include6, *map(IPv6Network, told.dns6))]
    return list(dict.fromkeys(found))


def _reached(grants: Grants) -> list[Network]:
    """Networks and servers that a login makes its client reach."""
    servers4 = [IPv4Network(each) for each in grants.dns4 + grants.wins4]
    return [*grants.routes, *grants.routes6, *servers4, *map(IPv6Network, grants.dns6)]


def _covers(partners: Sequence[Network], network: Network) -> bool:
    same = [each for each in partners if each.version == network.version]
    return not same or any(lies_in(network, each) for each in same)


def make_pool(settings: ModeCfg | PoolSettings | None, *, lowest: bool = False) -> Pool | None:
    if settings is None or settings.network4 is None:
        return None
    beside = Ipv6Range(settings.network6, settings.prefix6) if settings.network6 is not None else None
    return Pool(settings.network4, settings.pool_size, settings.netmask4, beside, lowest=lowest)


def _renewed(mode_cfg: ModeCfg | None, before: ModeCfg | None, pools: Mapping[str, Pool]) -> dict[str, Pool]:
    """The pools of a block by name; those that are as they were before go on."""
    lowest = mode_cfg is not None and mode_cfg.lowest_address
    former = _pools_of(before) if before is not None and before.lowest_address == lowest else {}
    renewed: dict[str, Pool] = {}
    for name, settings in _pools_of(mode_cfg).items():
        same = name in former and _pool_shape(settings) == _pool_shape(former[name])
        pool = pools.get(name) if same else make_pool(settings, lowest=lowest)
        if pool is not None:
            renewed[name] = pool
    return renewed


def _pools_of(mode_cfg: ModeCfg | None) -> dict[str, ModeCfg | PoolSettings]:
    if mode_cfg is None:
        return {}
    return {"": mode_cfg, **{each.name: each for each in mode_cfg.pools}}


def _pool_shape(pool: ModeCfg | PoolSettings) -> tuple[object, ...]:
    """The settings of a pool: where one differs, it is another pool."""
    return pool.network4, pool.pool_size, pool.netmask4, pool.network6, pool.prefix6


def _shape(mode_cfg: ModeCfg | None) -> tuple[object, ...]:
    """All pools, and where else addresses are granted."""
    pools = [(name, *_pool_shape(pool)) for name, pool in _pools_of(mode_cfg).items()]
    return (*pools, mode_cfg.lowest_address, allowed_of(mode_cfg)) if mode_cfg is not None else ()


def _told(pools: Mapping[str, Pool]) -> str:
    if not pools:
        return "no more addresses are given from a pool, those that are stay until their sessions end"
    spans = [f"{pool.first} to {pool.last}" for pool in pools.values()]
    what = f"the pool is {spans[0]}" if len(spans) == 1 else f"the pools are {', '.join(spans)}"
    return f"{what} now, addresses that are given stay until their sessions end"
