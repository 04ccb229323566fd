"""A gateway's host: the routes to the clients' addresses, and remarks on what only its administrator may switch.

The TUN device has no address: the first address of the HOW-TO's pool is a client's already, and routes need none. What
else a gateway needs is told, not done: forwarding, and a way back to the pool on the inside.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from ipaddress import IPv4Address, IPv4Network, summarize_address_range
from pathlib import Path

from lotor.hosts import sysctl, undo
from lotor.hosts.changes import LinkUp, Machine, RouteMade
from lotor.hosts.commands import Commands
from lotor.hosts.journal import STATE_DIRECTORY, Journal, Owner
from lotor.hosts.netlink import MAIN_TABLE, Network, Route

log = logging.getLogger(__name__)


def pool_networks(first: IPv4Address, size: int) -> list[IPv4Network]:
    """Exactly the addresses of a pool: a pool cut out of the gateway's own LAN leaves the rest of the LAN alone."""
    return list(summarize_address_range(first, first + (size - 1)))


FORWARDING_IS_OFF = (
    "IPv4 forwarding is off, so clients reach this host only: run `sysctl -w net.ipv4.ip_forward=1`, "
    "and put net.ipv4.ip_forward=1 into a file in /etc/sysctl.d for the next boot"
)


def hint(device: str, networks: Iterable[IPv4Network]) -> str:
    """What else the inside needs; it cannot be seen from here whether it is there."""
    parts = sorted(networks)
    inside = f"{parts[0].network_address} to {parts[-1].broadcast_address}" if parts else "nowhere"
    return (
        f"hosts of the inside network need a route to the addresses {inside} by way of this gateway; a firewall on it "
        f"must let UDP 500 and 4500 in, and forward from and to {device}"
    )


class GatewayHost:
    """The gateway's one set of changes, with the same journal as a client's."""

    def __init__(self, state: Path = STATE_DIRECTORY, machine: Machine | None = None) -> None:
        self._state = state
        self._machine = machine or Machine(Network(), Commands())
        self._journal: Journal | None = None

    async def start(self, device: str, mtu: int, networks: Iterable[IPv4Network]) -> None:
        """The device is up and the networks are behind it. Raises `OSError`, after undoing what was done."""
        wanted = list(networks)
        link = await self._machine.network.link(device)
        owner = Owner.myself()
        journal = Journal.begin(self._state, f"{owner.namespace}-gateway-{owner.pid}-{link.index}")
        try:
            up = LinkUp(device, link.index, mtu, link.mtu, link.up)
            await undo.make(self._machine, journal, up)
            for network in wanted:
                route = Route(str(network), MAIN_TABLE, link.index)
                await undo.make(self._machine, journal, RouteMade(**asdict(route)))
        except BaseException:
            await undo.undo(self._machine, journal)
            raise
        self._journal = journal
        if not sysctl.forwards():
            log.warning("%s", FORWARDING_IS_OFF)
        log.info("%s", hint(device, wanted))

    async def stop(self) -> None:
        if self._journal is not None:
            await undo.undo(self._machine, self._journal)
            self._journal = None

    async def recover(self) -> int:
        """Undo what a crashed gateway left; how many changes were undone."""
        return await undo.recover(self._machine, self._state)
