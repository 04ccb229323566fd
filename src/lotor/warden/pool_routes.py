"""The pool of the present configuration, and the routes to its addresses: an address is given only when it has a
route."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from lotor import config
from lotor.config.settings import ModeCfg, Settings
from lotor.hosts.gateway import pool_networks
from lotor.leases.pool import Ipv6Range, Pool
from lotor.leases.pool_history import PoolHistory
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.network import Address, Network
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
        self._device: tuple[str, int] | None = None
        self._begun = False
        self._stray: set[Address] = set()
        """Addresses outside of the present pool that routes lead to."""
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
            self._mode_cfg = mode_cfg
            self._reserve()
            if not other:
                return []
            pool = make_pool(mode_cfg)
            self._pools.replace(pool)
            return [_told(pool)]

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

    def _reserve(self) -> None:
        configured = self._mode_cfg.reserved if self._mode_cfg is not None else ()
        self._pools.reserve(self._fixed.union(configured))

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        async with self._turn:
            return self._pools.acquire(session, user, grants)

    async def release(self, session: int) -> None:
        async with self._turn:
            lease = self._pools.release(session)
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
        if self._device is not None and self._begun:
            await self._routes.serve(networks, partners_of(mode_cfg))
        elif self._device is not None and networks:
            await self._routes.start(*self._device, networks, partners_of(mode_cfg))
            self._begun = True
        self._stray, self._unneeded = set(stray), False


def _networks(mode_cfg: ModeCfg | None) -> list[Network]:
    """Networks that together are exactly the addresses of the pool."""
    if mode_cfg is None:
        return []
    firsts = [first for first in (mode_cfg.network4, mode_cfg.network6) if first is not None]
    return [network for first in firsts for network in pool_networks(first, mode_cfg.pool_size)]


def networks_of(settings: Settings) -> list[Network]:
    """Those of the pool of these settings."""
    return _networks(pool_of(settings))


def pool_of(settings: Settings) -> ModeCfg | None:
    """The block that says which addresses a gateway gives, None where none are given."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None or mode_cfg.network4 is None or not config.is_gateway(settings):
        return None
    return mode_cfg


def partners_of(mode_cfg: ModeCfg | None) -> list[Network]:
    """The networks that may send to the clients: what they reach by the tunnel, and the servers that answer them there.
    None of an IP version: everybody may."""
    if mode_cfg is None:
        return []
    told = config.mode_configuration(mode_cfg)
    found: list[Network] = []
    if told.split_include:
        found += [*told.split_include, *map(IPv4Network, (*told.dns, *told.wins))]
    if told.split_include6:
        found += [*told.split_include6, *map(IPv6Network, told.dns6)]
    return list(dict.fromkeys(found))


def make_pool(mode_cfg: ModeCfg | None) -> Pool | None:
    if mode_cfg is None or mode_cfg.network4 is None:
        return None
    beside = Ipv6Range(mode_cfg.network6, mode_cfg.prefix6) if mode_cfg.network6 is not None else None
    size, mask = mode_cfg.pool_size, mode_cfg.netmask4
    return Pool(mode_cfg.network4, size, mask, beside, lowest=mode_cfg.lowest_address)


def _shape(mode_cfg: ModeCfg | None) -> tuple[object, ...]:
    """The settings of a pool: where one differs, it is another pool."""
    if mode_cfg is None:
        return ()
    ipv6 = mode_cfg.network6, mode_cfg.prefix6
    return mode_cfg.network4, mode_cfg.pool_size, mode_cfg.netmask4, ipv6, mode_cfg.lowest_address


def _told(pool: Pool | None) -> str:
    if pool is None:
        return "no more addresses are given, those that are stay until their sessions end"
    return f"the pool is {pool.first} to {pool.last} now, addresses that are given stay until their sessions end"
