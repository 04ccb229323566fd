"""What the program holds of its host and a reload may change: sockets of port 500, the pool, and the routes to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from lotor import config
from lotor.config.problem import NOWHERE
from lotor.config.settings import Listen, ListenAddress, ModeCfg
from lotor.daemon import listening
from lotor.daemon.exits import StartError
from lotor.daemon.loadout import Loadout
from lotor.hosts.gateway import pool_networks
from lotor.ike.events import Ended, Event
from lotor.leases.pool import Beside, Pool
from lotor.leases.succession import Succession
from lotor.model.network import Network, Peer
from lotor.model.policy import Side
from lotor.ports.host import GatewayRoutes
from lotor.ports.leases import Lease
from lotor.ports.sockets import Sockets
from lotor.runtime.doors import Doors
from lotor.runtime.sockets import IsakmpSocket

log = logging.getLogger(__name__)


class Grounds:
    """A gateway's host, which is one only from the first pool on."""

    def __init__(self, host: GatewayRoutes, device: str, mtu: int) -> None:
        self._host = host
        self._device = device
        self._mtu = mtu
        self._begun = False

    async def serve(self, networks: Sequence[Network], partners: Sequence[Network]) -> None:
        """These networks are behind the device and no others; `partners` are who may send to them. Raises `OSError`,
        and nothing has changed."""
        if self._begun:
            await self._host.serve(networks, partners)
        elif networks:
            await self._host.start(self._device, self._mtu, networks, partners)
            self._begun = True

    async def stop(self) -> None:
        await self._host.stop()


@dataclass(frozen=True, slots=True)
class Held:
    """What a start took. `floated`: where the sockets of port 4500 are bound, which no reload changes."""

    doors: Doors
    leases: Succession
    grounds: Grounds
    floated: frozenset[Peer]
    sockets: Sockets


class Premises:
    """`open` once; `adapt` changes all or nothing; `follow` and `freed` let go of what only a session that ended
    still needed."""

    def __init__(self, held: Held, loadout: Loadout) -> None:
        self._held = held
        self._mode_cfg = pool_of(loadout)
        self._led: list[Network] = []
        self._moving = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises `StartError`."""
        await self._lead(self._mode_cfg, self._networks(self._mode_cfg, ()))

    async def adapt(self, loadout: Loadout) -> list[str]:
        """What a person should know of it. Raises `StartError`, and nothing has changed."""
        mode_cfg = pool_of(loadout)
        with ExitStack() as opened:
            doors = await self._open(loadout, opened)
            other = _shape(mode_cfg) != _shape(self._mode_cfg)
            if other or partners_of(mode_cfg) != partners_of(self._mode_cfg):
                await self._lead(mode_cfg, self._networks(mode_cfg, self._held.leases.given()))
                self._moving = True
            opened.pop_all()
        told = [*self._moved(doors), *self._bound(loadout)]
        self._held.doors.replace(doors)
        if other:
            pool = make_pool(loadout)
            self._held.leases.replace(pool)
            told.append(_told(pool))
        self._mode_cfg = mode_cfg
        return told

    def follow(self, event: Event) -> None:
        """Behind the register, which knows whose sockets are needed."""
        if isinstance(event, Ended):
            self._held.doors.tidy()

    def freed(self) -> None:
        """A lease was given back."""
        if not self._moving:
            return
        outside = self._held.leases.outside()
        self._moving = bool(outside)
        networks = self._networks(self._mode_cfg, outside)
        if set(networks) < set(self._led):
            task = asyncio.get_running_loop().create_task(self._let_go(networks))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _let_go(self, networks: list[Network]) -> None:
        try:
            await self._lead(self._mode_cfg, networks)
        except StartError as error:
            log.warning("%s", error)
            self._moving = True

    async def _lead(self, mode_cfg: ModeCfg | None, networks: list[Network]) -> None:
        try:
            await self._held.grounds.serve(networks, partners_of(mode_cfg))
        except OSError as error:
            raise StartError(f"this host cannot be a gateway: {error.strerror or error}") from error
        self._led = networks

    async def _open(self, loadout: Loadout, opened: ExitStack) -> list[IsakmpSocket]:
        """A socket for every address, those that are open already among them. A mere client keeps a free port that it
        got where the usual one was taken."""
        listen = loadout.settings.listen
        there = {door.local: door for door in self._held.doors.open if isinstance(door, IsakmpSocket)}
        free = {} if loadout.serves_as(Side.GATEWAY) else {door.local.address: door for door in there.values()}
        found: list[IsakmpSocket] = []
        for wanted in listening.isakmp(listen):
            door = there.get(Peer(wanted.address, wanted.port))
            if door is None and wanted.at == NOWHERE:
                door = free.get(wanted.address)
            if door is None:
                door = await self._opened(wanted, listen, opened)
            if door is not None:
                found.append(door)
        if not found:
            raise StartError("no address of listen { isakmp } can be opened: see the log")
        return found

    async def _opened(self, wanted: ListenAddress, listen: Listen, opened: ExitStack) -> IsakmpSocket | None:
        beside = [door.socket for door in self._held.doors.open if isinstance(door, IsakmpSocket)]
        udp = await listening.open_at(self._held.sockets, wanted, listen, beside)
        if udp is None:
            return None
        opened.callback(udp.close)
        return IsakmpSocket(udp)

    def _moved(self, doors: Sequence[IsakmpSocket]) -> list[str]:
        before, now = {door.local for door in self._held.doors.open}, {door.local for door in doors}
        told = [f"{each} is open now" for each in sorted(now - before, key=str)]
        return told + [f"{each} is closed to new clients" for each in sorted(before - now, key=str)]

    def _bound(self, loadout: Loadout) -> list[str]:
        """Port 4500 belongs to the engine that carries the traffic. What no line asks for is an address that this host
        lacks, or a client's port that was taken."""
        bound = {each.address for each in self._held.floated}
        usual = bound if loadout.serves_as(Side.GATEWAY) else set()
        places = listening.nat_t(loadout.settings.listen)
        wanted = {Peer(each.address, each.port) for each in places if each.at != NOWHERE or each.address in usual}
        if wanted <= self._held.floated:
            return []
        here = " and ".join(map(str, sorted(self._held.floated, key=str)))
        return [f"NAT traversal stays at {here} until the next start: restart lotor to move it"]

    @staticmethod
    def _networks(mode_cfg: ModeCfg | None, leases: Sequence[Lease]) -> list[Network]:
        """The pool, and leases that are outside of it."""
        firsts = [mode_cfg.network4, mode_cfg.network6] if mode_cfg is not None else []
        size = mode_cfg.pool_size if mode_cfg is not None else 0
        found = [network for first in firsts if first is not None for network in pool_networks(first, size)]
        single = [address for lease in leases for address in lease.addresses]
        return found + [ip_network(each) for each in single if not any(each in network for network in found)]


def pool_of(loadout: Loadout) -> ModeCfg | None:
    """The block that says which addresses a gateway gives, None where none are given."""
    mode_cfg = loadout.settings.mode_cfg
    if mode_cfg is None or mode_cfg.network4 is None or not loadout.serves_as(Side.GATEWAY):
        return None
    return mode_cfg


def partners_of(mode_cfg: ModeCfg | None) -> list[Network]:
    """Who sends to the clients: what they reach by the tunnel and answer there. None of an IP version: everybody."""
    if mode_cfg is None:
        return []
    told = config.mode_configuration(mode_cfg)
    found: list[Network] = []
    if told.split_include:
        found += [*told.split_include, *map(IPv4Network, (*told.dns, *told.wins))]
    if told.split_include6:
        found += [*told.split_include6, *map(IPv6Network, told.dns6)]
    return list(dict.fromkeys(found))


def make_pool(loadout: Loadout) -> Pool | None:
    mode_cfg = pool_of(loadout)
    if mode_cfg is None or mode_cfg.network4 is None:
        return None
    beside = Beside(mode_cfg.network6, mode_cfg.prefix6) if mode_cfg.network6 is not None else None
    return Pool(mode_cfg.network4, mode_cfg.pool_size, mode_cfg.netmask4, beside)


def _shape(mode_cfg: ModeCfg | None) -> tuple[object, ...]:
    """What makes a pool another one."""
    if mode_cfg is None:
        return ()
    return mode_cfg.network4, mode_cfg.pool_size, mode_cfg.netmask4, mode_cfg.network6, mode_cfg.prefix6


def _told(pool: Pool | None) -> str:
    if pool is None:
        return "no more addresses are given, those that are stay until their sessions end"
    return f"the pool is {pool.first} to {pool.last} now, addresses that are given stay until their sessions end"
