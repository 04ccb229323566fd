"""The kernel's links, addresses, routes and rules over rtnetlink, with types: the one file that knows pyroute2.

Every method raises `OSError` with the kernel's errno; it says what was refused.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network, ip_address, ip_interface
from typing import Any

from lotor.model.network import Address, Network

IFF_UP = 1
IFA_F_NODAD = 2
FAMILIES = (socket.AF_INET, socket.AF_INET6)
MAIN_TABLE = 254
SCOPE_LINK = 253
KERNEL_PROTOCOL = 2
"""Routes and rules carry the kernel's own protocol number because systemd-networkd deletes all others that its files do
not name whenever it starts anew, and the tunnel would leak."""


@dataclass(frozen=True, slots=True)
class Link:
    """A network device: its number lives as long as the device, its name may come again."""

    name: str
    index: int
    mtu: int
    up: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `index` None: unreachable. `source` is the preferred source address."""

    network: str
    table: int
    index: int | None = None
    source: str | None = None
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One routing policy rule. `table` None: unreachable. `protocol` is an IP protocol number."""

    family: int
    priority: int
    table: int | None
    mark: int | None = None
    source: str | None = None
    destination: str | None = None
    protocol: int | None = None
    source_port: int | None = None
    destination_port: int | None = None


class Netlink:
    """The network of the namespace this process is in. Each call opens and closes its own netlink socket."""

    async def link(self, name: str) -> Link:
        async with _netlink(f"the device {name} was not found") as netlink:
            (found,) = await netlink.link("get", ifname=name)
            return Link(name, found["index"], found.get("mtu"), bool(found["flags"] & IFF_UP))

    async def is_up(self, index: int) -> bool:
        async with _netlink("the device was not found") as netlink:
            (found,) = await netlink.link("get", index=index)
            return bool(found["flags"] & IFF_UP)

    async def set_link(self, index: int, mtu: int, *, up: bool) -> None:
        async with _netlink(f"MTU {mtu} was refused by the device") as netlink:
            await netlink.link("set", index=index, mtu=mtu, state="up" if up else "down")

    async def add_address(self, index: int, address: str) -> None:
        async with _netlink(f"the address {address} was refused") as netlink:
            await netlink.addr("add", **_alone(index, address))

    async def remove_address(self, index: int, address: str) -> None:
        async with _netlink(f"the address {address} was not removed") as netlink:
            await netlink.addr("delete", **_alone(index, address))

    async def addresses(self) -> list[tuple[int, Address]]:
        """Every address of this host with the index of its device."""
        async with _netlink("the addresses of this host were not listed") as netlink:
            listed = [one for family in FAMILIES async for one in await netlink.addr("dump", family=family)]
            return [(one["index"], ip_address(one.get("local") or one.get("address"))) for one in listed]

    async def on_link(self) -> list[tuple[int, Network]]:
        """The networks that this host has an address in, each with the index of its device."""
        async with _netlink("the networks of this host were not listed") as netlink:
            listed = [one for family in FAMILIES async for one in await netlink.addr("dump", family=family)]
            return [
                (one["index"], ip_interface(f"{one.get('local') or one.get('address')}/{one['prefixlen']}").network)
                for one in listed
            ]

    async def ways_out(self) -> list[str]:
        """Names of the devices on which the main table's default routes of IPv4 leave."""
        async with _netlink("the default routes were not listed") as netlink:
            query = {"family": socket.AF_INET, "table": MAIN_TABLE}
            listed = [one async for one in await netlink.route("dump", **query)]
            indices = dict.fromkeys(one.get("oif") for one in listed if one["dst_len"] == 0 and one.get("oif"))
            return [str(link.get("ifname")) for each in indices for link in await netlink.link("get", index=each)]

    async def routers(self) -> frozenset[Address]:
        """The next hops of the main table's routes."""
        async with _netlink("the routes were not listed") as netlink:
            queries = [{"family": family, "table": MAIN_TABLE} for family in FAMILIES]
            listed = [one for query in queries async for one in await netlink.route("dump", **query)]
            return frozenset(ip_address(one.get("gateway")) for one in listed if one.get("gateway"))

    async def add_route(self, route: Route) -> None:
        async with _netlink(f"the route to {route.network} was refused") as netlink:
            await netlink.route("add", **_route(route))

    async def remove_route(self, route: Route) -> None:
        async with _netlink(f"the route to {route.network} was not removed") as netlink:
            await netlink.route("delete", **_route(route))

    async def table_is_empty(self, table: int) -> bool:
        async with _netlink(f"routing table {table} was not listed") as netlink:
            return not [one for f in FAMILIES async for one in await netlink.route("dump", family=f, table=table)]

    async def connected(self, index: int) -> list[IPv4Network]:
        """The networks that the main table reaches on a device without a router."""
        async with _netlink("the connected networks were not listed") as netlink:
            query = {"family": socket.AF_INET, "table": MAIN_TABLE, "oif": index, "scope": SCOPE_LINK}
            listed = [one async for one in await netlink.route("dump", **query)]
            return [IPv4Network(f"{one.get('dst')}/{one['dst_len']}") for one in listed if one.get("dst")]

    async def way_to(self, address: Address, mark: int) -> str:
        """Name of the device on which marked datagrams to an address leave."""
        async with _netlink(f"there is no route to {address}") as netlink:
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            (found,) = await netlink.route("get", family=family, dst=str(address), mark=mark)
            (link,) = await netlink.link("get", index=found.get("oif"))
            return str(link.get("ifname"))

    async def add_rule(self, rule: Rule) -> None:
        async with _netlink(f"routing rule {rule.priority} was refused") as netlink:
            await netlink.rule("add", **_rule(rule))

    async def remove_rule(self, rule: Rule) -> None:
        async with _netlink(f"routing rule {rule.priority} was not removed") as netlink:
            await netlink.rule("delete", **_rule(rule))

    async def priorities(self) -> set[int]:
        """The priorities of all rules, IPv4 and IPv6."""
        async with _netlink("the routing rules were not listed") as netlink:
            return {one.get("priority") or 0 for f in FAMILIES async for one in await netlink.rule("dump", family=f)}


def load() -> None:
    """What the first call would load: in a thread, while a program waits for something else."""
    import pyroute2  # noqa: F401


@asynccontextmanager
async def _netlink(refusal: str) -> AsyncIterator[Any]:
    """A socket to the kernel; a refusal of the kernel becomes `OSError` with `refusal` and the kernel's own words."""
    # not above: it takes a quarter of a second, and few processes change routes
    from pyroute2 import AsyncIPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        async with AsyncIPRoute() as netlink:
            yield netlink
    except NetlinkError as error:
        raise OSError(error.code, f"{refusal}: {error.args[1]}") from None


def _alone(index: int, address: str) -> dict[str, Any]:
    """An address that says nothing about its neighbours, ready at once: a route may name it before the kernel had time
    to ask whether another host has it."""
    if ":" not in address:
        return {"family": socket.AF_INET, "index": index, "address": address, "prefixlen": 32}
    return {"family": socket.AF_INET6, "index": index, "address": address, "prefixlen": 128, "flags": IFA_F_NODAD}


def _route(route: Route) -> dict[str, Any]:
    family = socket.AF_INET6 if ":" in route.network else socket.AF_INET
    request: dict[str, Any] = {"family": family, "dst": route.network, "table": route.table}
    request |= {"priority": route.metric, "proto": KERNEL_PROTOCOL}
    if route.index is None:
        return request | {"type": "unreachable"}
    return request | {"oif": route.index, "scope": SCOPE_LINK} | ({"prefsrc": route.source} if route.source else {})


def _rule(rule: Rule) -> dict[str, Any]:
    request: dict[str, Any] = {"family": rule.family, "priority": rule.priority, "protocol": KERNEL_PROTOCOL}
    request |= {"action": "unreachable"} if rule.table is None else {"table": rule.table}
    if rule.mark is not None:
        request |= {"fwmark": rule.mark, "fwmask": 0xFFFFFFFF}
    given = {name: value for name, value in asdict(rule).items() if value is not None}
    for ours, theirs in (("source", "src"), ("destination", "dst")):
        if ours in given:
            request[theirs], length = given[ours].split("/")
            request[f"{theirs}_len"] = int(length)
    if "protocol" in given:
        request["ip_proto"] = rule.protocol
    for ours, theirs in (("source_port", "sport_range"), ("destination_port", "dport_range")):
        if ours in given:
            request[theirs] = f"{given[ours]}:{given[ours]}"
    return request
