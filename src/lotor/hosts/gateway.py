"""A gateway's host: the routes to the clients' addresses, and remarks on what only its administrator may switch.

The device has no address: the first address of the HOW-TO's pool is a client's already, and routes need none.
Forwarding, and a way back to the pool on the inside, are `hosts/network`'s, where the configuration says so; without
that they are told here.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Iterable
from dataclasses import asdict
from ipaddress import summarize_address_range
from pathlib import Path

from lotor.hosts import firewall, guard, sysctl, undo
from lotor.hosts.changes import LinkUp, Machine, RouteMade, Table
from lotor.hosts.firewall import Pool
from lotor.hosts.journal import STATE_DIRECTORY, Journal
from lotor.hosts.keeper import Keeper
from lotor.hosts.netlink import LEAST_IPV6_MTU, MAIN_TABLE, Route
from lotor.hosts.owner import Owner
from lotor.model.network import Address, Network, lies_in
from lotor.ports.host_esp import Leading

log = logging.getLogger(__name__)


def pool_networks(first: Address, size: int) -> list[Network]:
    """Exactly the addresses of a pool: a pool cut out of the gateway's own LAN leaves the rest of the LAN alone."""
    return list(summarize_address_range(first, first + (size - 1)))


FORWARDING_IS_OFF = (
    "IPv4 forwarding is off, so clients reach this host only: write network { forward on; } into racoon.conf and run "
    "`lotor reload`, or run `sysctl -w net.ipv4.ip_forward=1` and put it into a file in /etc/sysctl.d"
)
FORWARDING6_IS_OFF = (
    "IPv6 forwarding is off, so clients reach this host only by IPv6: write network { forward on; } into racoon.conf "
    "and run `lotor reload`, or run `sysctl -w net.ipv6.conf.all.forwarding=1` and put it into a file in "
    "/etc/sysctl.d; a gateway that takes its own address from router advertisements needs accept_ra=2 on that "
    "interface besides, which the network block sees to"
)


def hint(device: str, networks: Iterable[Network]) -> str:
    """What else the inside needs; it cannot be seen from here whether it is there."""
    ends = [(network.network_address, network.broadcast_address) for network in networks]
    kinds = [[pair for pair in ends if pair[0].version == version] for version in (4, 6)]
    inside = " and ".join(f"{min(kind)[0]} to {max(kind)[1]}" for kind in kinds if kind)
    return (
        f"hosts of the inside network need a route to the addresses {inside} by way of this gateway; a firewall on it "
        f"must let UDP 500 and 4500 in, and forward from and to {device}"
    )


class GatewayHost:
    """The gateway's one set of changes, with the same journal as a client's."""

    def __init__(self, state: Path = STATE_DIRECTORY, machine: Machine | None = None) -> None:
        self._state = state
        self._machine = machine or Machine()
        self._journal: Journal | None = None
        self._link: LinkUp | None = None
        self._leading: Leading | None = None
        self._routes: dict[Network, RouteMade] = {}
        """Those to the present networks."""
        self._turn = asyncio.Lock()
        self._keeper = Keeper(self._machine, self._turn, lambda: [self._journal] if self._journal else [])

    async def start(self, device: str, mtu: int, networks: Iterable[Network], partners: Iterable[Network] = ()) -> None:
        """The device is up and the networks are behind it. `partners` are who may send to them; none: everybody.
        Raises `OSError`, after undoing what was done."""
        pool = Pool(tuple(networks), tuple(partners))
        link = await self._machine.network.link(device)
        owner = Owner.myself()
        journal = Journal.begin(self._state, f"{owner.namespace}-gateway-{owner.pid}-{link.index}")
        up = LinkUp(device, link.index, mtu, link.mtu, link.up)
        self._routes, self._leading = {}, link.leading
        try:
            await guard.shut(self._machine, journal, await self._table(up, pool), self._machine.network.ways_out)
            await guard.clamp(self._machine, journal, link)
            await undo.make(self._machine, journal, up)
            await self._lead(journal, up, pool)
        except BaseException:
            await undo.undo(self._machine, journal)
            raise
        self._journal, self._link = journal, up
        self._keeper.start()
        _remark(device, pool)

    async def serve(self, networks: Iterable[Network], partners: Iterable[Network] = ()) -> None:
        """From now on these networks are behind the device and no others. Raises `OSError`, and nothing changed."""
        if self._journal is None or self._link is None:
            raise OSError(errno.ENODEV, "there is no device to lead the pool to")
        pool = Pool(tuple(networks), tuple(partners))
        async with self._turn:
            await self._serve(self._journal, self._link, pool)

    async def _serve(self, journal: Journal, link: LinkUp, pool: Pool) -> None:
        before = next((change for change in journal.changes if isinstance(change, Table)), None)
        if before is None:
            await self._lead(journal, link, pool)
            return
        now = await self._table(link, pool)
        await self._exchange(journal, before, now)
        try:
            await self._lead(journal, link, pool)
        except BaseException:
            await self._exchange(journal, now, before)
            raise

    async def _table(self, link: LinkUp, pool: Pool) -> Table:
        """A pool inside a LAN of this host is for everybody on it, and for whom its routers let in."""
        lans = [lan for index, lan in await self._machine.network.on_link() if index != link.index]
        inside = {each.version for each in pool.networks for lan in lans if lies_in(each, lan)}
        partners = tuple(each for each in pool.partners if each.version not in inside)
        rules = firewall.led(self._leading, firewall.pool_rules(link.index, Pool(pool.networks, partners)))
        return Table("inet", firewall.table_name(link.device, link.index, "pool"), rules)

    async def _exchange(self, journal: Journal, before: Table, now: Table) -> None:
        if before == now:
            return
        try:
            await undo.replace(self._machine, journal, before, now)
        except undo.NotMadeError as error:
            raise OSError(errno.EIO, f"the table {now.name} of nftables was not changed: {error}") from error

    async def _lead(self, journal: Journal, link: LinkUp, pool: Pool) -> None:
        if any(network.version == 6 for network in pool.networks):
            _demand_ipv6(link)
        self._routes = {each: self._routes.get(each) or _route(each, link.index) for each in pool.networks}
        routes = list(self._routes.values())
        made = {change for change in journal.changes if isinstance(change, RouteMade)}
        missing = [route for route in routes if route not in made]
        try:
            for route in missing:
                await undo.make(self._machine, journal, route)
        except BaseException:
            await undo.retract(self._machine, journal, missing)
            raise
        wanted = set(routes)
        gone = [change for change in journal.changes if isinstance(change, RouteMade) and change not in wanted]
        await undo.retract(self._machine, journal, gone)

    async def own(self) -> frozenset[Address]:
        return await self._machine.network.own()

    async def links(self) -> frozenset[Network]:
        return frozenset(network for _, network in await self._machine.network.on_link())

    async def stop(self) -> None:
        async with self._turn:
            self._keeper.stop()
            if self._journal is not None:
                await undo.undo(self._machine, self._journal)
                self._journal = None


def _route(network: Network, index: int) -> RouteMade:
    return RouteMade(**asdict(Route(str(network), MAIN_TABLE, index)))


def _demand_ipv6(link: LinkUp) -> None:
    otherwise = "or take network6 out of mode_cfg"
    if link.mtu < LEAST_IPV6_MTU:
        what = f"an MTU of {link.mtu} is too small for IPv6 inside: set esp_frag to 1400 or more, or engine userspace"
        raise OSError(errno.EAFNOSUPPORT, f"{what}, {otherwise}")
    if not sysctl.takes_ipv6(link.device):
        what = f"{link.device} cannot have IPv6: switch it on for this host, {otherwise}"
        raise OSError(errno.EAFNOSUPPORT, what)


def _remark(device: str, pool: Pool) -> None:
    if not sysctl.forwards(4):
        log.warning("%s", FORWARDING_IS_OFF)
    if any(network.version == 6 for network in pool.networks) and not sysctl.forwards(6):
        log.warning("%s", FORWARDING6_IS_OFF)
    log.info("%s", hint(device, pool.networks))
