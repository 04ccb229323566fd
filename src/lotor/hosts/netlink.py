"""The kernel's links, addresses, routes and rules over rtnetlink, with types.

Every method raises `OSError` with the kernel's errno; it says what was refused.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, ip_address, ip_interface, ip_network

from lotor.hosts import rtnetlink
from lotor.hosts.rtnetlink import ADDRESS, LINK, NEIGHBOUR, ROUTE, RULE, Kernel, attributes_in, number, u32
from lotor.model.frozen import frozen
from lotor.model.network import Address, Network
from lotor.ports.host_esp import Leading

IFF_UP = 1
UNICAST, UNREACHABLE = 1, 7
"""Types of a route; the second is an action of a rule, too."""
TO_TABLE = 1
"""The action of a rule that leads to a table."""
IFA_F_NODAD = 2
PROXY = 8
"""NTF_PROXY: this host answers for a neighbour."""
OF_NEIGHBOUR = 1
"""NDA_DST: the neighbour's address."""
FAMILIES = (socket.AF_INET, socket.AF_INET6)
MAIN_TABLE = 254
SCOPE_LINK = 253
IPV6_METRIC = 1024
"""Of a route of IPv6 that says 0. A removal that says 0 would mean any."""
LEAST_IPV6_MTU = 1280
"""RFC 8200 §5: a link with less has no IPv6."""
KERNEL_PROTOCOL = 2
"""Routes and rules carry the kernel's own protocol number because systemd-networkd deletes all others that its files do
not name whenever it starts anew, and the tunnel would leak."""


@frozen
class Link:
    """A network device: its number lives as long as the device, its name may come again."""

    name: str
    index: int
    mtu: int
    up: bool
    kind: str = ""
    """As the kernel calls it: `tun`, `xfrm`, `dummy`; empty for one of hardware."""

    @property
    def leading(self) -> Leading | None:
        """What leads packets into the tunnels of one that lotor made for the kernel's ESP; None for another."""
        return next((each for each, kind in KINDS.items() if kind == self.kind), None)


@frozen
class Route:
    """One route. `index` None: unreachable. `source` is the preferred source address."""

    network: str
    table: int
    index: int | None = None
    source: str | None = None
    metric: int = 0


@frozen
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


KINDS = {Leading.ROUTES: "xfrm", Leading.POLICIES: "dummy"}
"""Of the devices for the kernel's ESP, the better one first."""


class OfLink:
    """Attributes of a link, by number (IFLA_)."""

    NAME, MTU, INFO = 3, 4, 18
    INFO_KIND = 1
    """Within INFO (IFLA_INFO_)."""


class OfAddress:
    """IFA_."""

    ADDRESS, LOCAL = 1, 2


class OfRoute:
    """RTA_."""

    DESTINATION, DEVICE, GATEWAY, METRIC, SOURCE, TABLE, MARK = 1, 4, 5, 6, 7, 15, 16


class OfRule:
    """FRA_. `MADE_BY` is a protocol of routing, `PROTOCOL` one of IP."""

    DESTINATION, SOURCE, PRIORITY, MARK, TABLE, MASK = 1, 2, 6, 10, 15, 16
    MADE_BY, PROTOCOL, SOURCE_PORTS, DESTINATION_PORTS = 21, 22, 23, 24


class Netlink:
    """The network of the namespace this process is in. Each call opens and closes its own netlink socket."""

    async def link(self, name: str) -> Link:
        with _kernel(f"the device {name} was not found") as kernel:
            return await _link(kernel, 0, name)

    async def is_up(self, index: int) -> bool:
        with _kernel("the device was not found") as kernel:
            return (await _link(kernel, index)).up

    async def set_link(self, index: int, mtu: int, *, up: bool) -> None:
        with _kernel(f"MTU {mtu} was refused by the device") as kernel:
            wanted = LINK.write(0, 0, index, IFF_UP if up else 0, IFF_UP, attributes={OfLink.MTU: u32(mtu)})
            await kernel.change(rtnetlink.NEW_LINK, wanted)

    async def add_address(self, index: int, address: str) -> None:
        with _kernel(f"the address {address} was refused") as kernel:
            await kernel.add(rtnetlink.NEW_ADDRESS, _alone(index, address))

    async def remove_address(self, index: int, address: str) -> None:
        with _kernel(f"the address {address} was not removed") as kernel:
            await kernel.change(rtnetlink.DELETE_ADDRESS, _alone(index, address))

    async def addresses(self) -> list[tuple[int, Address]]:
        """Every address of this host with the index of its device."""
        with _kernel("the addresses of this host were not listed") as kernel:
            return [(index, address) for index, address, _ in await _addresses(kernel)]

    async def own(self) -> frozenset[Address]:
        """Every address of this host, and the first and the last one of each of its networks: of IPv4 packets to them
        are for all hosts there, of IPv6 the first one is its routers' (RFC 4291 §2.6.1)."""
        with _kernel("the addresses of this host were not listed") as kernel:
            listed = [ip_interface(f"{address}/{length}") for _, address, length in await _addresses(kernel)]
            ends = [end for each in listed for end in (each.network.network_address, each.network.broadcast_address)]
            return frozenset([*(each.ip for each in listed), *ends])

    async def on_link(self) -> list[tuple[int, Network]]:
        """The networks that this host has an address in, each with the index of its device."""
        with _kernel("the networks of this host were not listed") as kernel:
            listed = await _addresses(kernel)
            return [(index, ip_interface(f"{address}/{length}").network) for index, address, length in listed]

    async def ways_out(self) -> list[str]:
        """Names of the devices on which the main table's default routes of IPv4 leave."""
        with _kernel("the default routes were not listed") as kernel:
            listed = await _routes(kernel, socket.AF_INET, MAIN_TABLE)
            indices = dict.fromkeys(each.index for each in listed if each.length == 0 and each.index)
            return [(await _link(kernel, each)).name for each in indices]

    async def routers(self) -> frozenset[Address]:
        """The next hops of the main table's routes."""
        with _kernel("the routes were not listed") as kernel:
            listed = [each for family in FAMILIES for each in await _routes(kernel, family, MAIN_TABLE)]
            return frozenset(each.gateway for each in listed if each.gateway is not None)

    async def add_route(self, route: Route) -> None:
        with _kernel(f"the route to {route.network} was refused") as kernel:
            await kernel.add(rtnetlink.NEW_ROUTE, _route(route))

    async def remove_route(self, route: Route) -> None:
        with _kernel(f"the route to {route.network} was not removed") as kernel:
            await kernel.change(rtnetlink.DELETE_ROUTE, _route(route))

    async def table_is_empty(self, table: int) -> bool:
        with _kernel(f"routing table {table} was not listed") as kernel:
            return not [each for family in FAMILIES for each in await _routes(kernel, family, table)]

    async def connected(self, index: int) -> list[IPv4Network]:
        """The networks that the main table reaches on a device without a router."""
        with _kernel("the connected networks were not listed") as kernel:
            listed = await _routes(kernel, socket.AF_INET, MAIN_TABLE)
            near = [each for each in listed if each.index == index and each.scope == SCOPE_LINK]
            return [IPv4Network(f"{each.destination}/{each.length}") for each in near if each.destination is not None]

    async def way_to(self, address: Address, mark: int) -> str:
        """Name of the device on which marked datagrams to an address leave."""
        with _kernel(f"there is no route to {address}") as kernel:
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            towards = {OfRoute.DESTINATION: address.packed, OfRoute.MARK: u32(mark)}
            asked = ROUTE.write(family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0, attributes=towards)
            found = _listed(await kernel.get(rtnetlink.GET_ROUTE, asked))
            return (await _link(kernel, found.index or 0)).name

    async def add_rule(self, rule: Rule) -> None:
        with _kernel(f"routing rule {rule.priority} was refused") as kernel:
            await kernel.add(rtnetlink.NEW_RULE, _rule(rule))

    async def remove_rule(self, rule: Rule) -> None:
        with _kernel(f"routing rule {rule.priority} was not removed") as kernel:
            await kernel.change(rtnetlink.DELETE_RULE, _rule(rule))

    async def proxies(self, index: int) -> frozenset[Address]:
        """The addresses for which this host answers on a device (proxy ARP and neighbour discovery, one by one)."""
        with _kernel("the addresses that this host answers for were not listed") as kernel:
            asked = [NEIGHBOUR.write(family, 0, 0, PROXY, 0) for family in FAMILIES]
            listed = [NEIGHBOUR.read(each) for one in asked for each in await kernel.dump(rtnetlink.GET_NEIGHBOUR, one)]
            named = [values for (_, device, *_), values in listed if device == index]
            return frozenset(ip_address(values[OF_NEIGHBOUR]) for values in named if OF_NEIGHBOUR in values)

    async def add_proxies(self, index: int, addresses: Iterable[str]) -> None:
        with _kernel("this host cannot answer for the pool on that device") as kernel:
            for each in addresses:
                await kernel.make(rtnetlink.NEW_NEIGHBOUR, _proxy(index, each))

    async def remove_proxies(self, index: int, addresses: Iterable[str]) -> None:
        """Those that are not there any more are passed over."""
        with _kernel("this host did not stop to answer for the pool") as kernel:
            for each in addresses:
                try:
                    await kernel.change(rtnetlink.DELETE_NEIGHBOUR, _proxy(index, each))
                except OSError as error:
                    if error.errno != errno.ENOENT:
                        raise

    async def priorities(self) -> set[int]:
        """The priorities of all rules, IPv4 and IPv6."""
        with _kernel("the routing rules were not listed") as kernel:
            return {number(attributes.get(OfRule.PRIORITY, b"")) for _, attributes in await _rules(kernel)}

    async def led_to(self, tables: range) -> set[Network]:
        """The networks that rules lead to these tables."""
        with _kernel("the routing rules were not listed") as kernel:
            rules = [rule for rule in await _rules(kernel) if number(rule[1].get(OfRule.TABLE, b"")) in tables]
            named = [(length, attributes.get(OfRule.DESTINATION)) for (_, length, *_), attributes in rules]
            return {ip_network((octets, length)) for length, octets in named if octets}


@contextmanager
def _kernel(refusal: str) -> Iterator[Kernel]:
    """A refusal of the kernel becomes `OSError` with `refusal` and the kernel's own words."""
    try:
        with Kernel() as kernel:
            yield kernel
    except OSError as error:
        raise OSError(error.errno, f"{refusal}: {error.strerror}") from None


async def _link(kernel: Kernel, index: int, name: str = "") -> Link:
    """By its number, or by its name."""
    asked = LINK.write(0, 0, index, 0, 0, attributes={OfLink.NAME: f"{name}\0".encode() if name else b""})
    (_, _, found, flags, _), attributes = LINK.read(await kernel.get(rtnetlink.GET_LINK, asked))
    named = attributes.get(OfLink.NAME, b"").rstrip(b"\0").decode(errors="backslashreplace")
    kind = (
        attributes_in(attributes.get(OfLink.INFO, b""))
        .get(OfLink.INFO_KIND, b"")
        .rstrip(b"\0")
        .decode("ascii", "replace")
    )
    return Link(named, found, number(attributes.get(OfLink.MTU, b"")), bool(flags & IFF_UP), kind)


async def _addresses(kernel: Kernel) -> list[tuple[int, Address, int]]:
    """Of all devices: index, address, length of the prefix."""
    asked = [ADDRESS.write(family, 0, 0, 0, 0) for family in FAMILIES]
    bodies = [each for one in asked for each in await kernel.dump(rtnetlink.GET_ADDRESS, one)]
    read = [ADDRESS.read(each) for each in bodies]
    named = [(fields, attributes.get(OfAddress.LOCAL) or attributes[OfAddress.ADDRESS]) for fields, attributes in read]
    return [(index, ip_address(octets), length) for (_, length, _, _, index), octets in named]


@frozen
class _Listed:
    """A route as the kernel tells it. `destination` None: everything; `length` of its prefix."""

    destination: Address | None
    length: int
    table: int
    scope: int
    index: int | None
    gateway: Address | None


def _listed(body: bytes) -> _Listed:
    (_, length, _, _, table, _, scope, _, _), attributes = ROUTE.read(body)
    destination, gateway = (attributes.get(each) for each in (OfRoute.DESTINATION, OfRoute.GATEWAY))
    return _Listed(
        ip_address(destination) if destination else None,
        length,
        number(attributes[OfRoute.TABLE]) if OfRoute.TABLE in attributes else table,
        scope,
        number(attributes[OfRoute.DEVICE]) if OfRoute.DEVICE in attributes else None,
        ip_address(gateway) if gateway else None,
    )


async def _routes(kernel: Kernel, family: int, table: int) -> list[_Listed]:
    bodies = await kernel.dump(rtnetlink.GET_ROUTE, ROUTE.write(family, 0, 0, 0, 0, 0, 0, 0, 0))
    return [each for each in map(_listed, bodies) if each.table == table]


async def _rules(kernel: Kernel) -> list[tuple[tuple[int, ...], dict[int, bytes]]]:
    """IPv4 and IPv6: fields and attributes. A kernel without rules for an IP version has none of it."""
    found: list[bytes] = []
    for family in FAMILIES:
        try:
            found += await kernel.dump(rtnetlink.GET_RULE, RULE.write(family, 0, 0, 0, 0, 0, 0))
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:
                raise
    return [RULE.read(each) for each in found]


def _alone(index: int, address: str) -> bytes:
    """An address that says nothing about its neighbours, ready at once: a route may name it before the kernel had time
    to ask whether another host has it."""
    found = ip_address(address)
    if found.version == 4:
        named = {OfAddress.ADDRESS: found.packed, OfAddress.LOCAL: found.packed}
        return ADDRESS.write(socket.AF_INET, 32, 0, 0, index, attributes=named)
    return ADDRESS.write(socket.AF_INET6, 128, IFA_F_NODAD, 0, index, attributes={OfAddress.ADDRESS: found.packed})


def _route(route: Route) -> bytes:
    network = ip_network(route.network)
    family = socket.AF_INET6 if network.version == 6 else socket.AF_INET
    scope, kind = (0, UNREACHABLE) if route.index is None else (SCOPE_LINK, UNICAST)
    attributes = {
        OfRoute.DESTINATION: network.network_address.packed if network.prefixlen else b"",
        OfRoute.METRIC: u32(route.metric or (IPV6_METRIC if network.version == 6 else 0)),
        OfRoute.TABLE: u32(route.table),
        OfRoute.DEVICE: u32(route.index) if route.index is not None else b"",
        OfRoute.SOURCE: ip_address(route.source).packed if route.index is not None and route.source else b"",
    }
    fields = (family, network.prefixlen, 0, 0, 0, KERNEL_PROTOCOL, scope, kind, 0)
    return ROUTE.write(*fields, attributes=attributes)


def _rule(rule: Rule) -> bytes:
    source, destination = (ip_network(each) if each is not None else None for each in (rule.source, rule.destination))
    attributes = {
        OfRule.PRIORITY: u32(rule.priority),
        OfRule.MADE_BY: bytes([KERNEL_PROTOCOL]),
        OfRule.TABLE: u32(rule.table) if rule.table is not None else b"",
        OfRule.MARK: u32(rule.mark) if rule.mark is not None else b"",
        OfRule.MASK: u32(0xFFFFFFFF) if rule.mark is not None else b"",
        OfRule.SOURCE: source.network_address.packed if source is not None else b"",
        OfRule.DESTINATION: destination.network_address.packed if destination is not None else b"",
        OfRule.PROTOCOL: bytes([rule.protocol]) if rule.protocol is not None else b"",
        OfRule.SOURCE_PORTS: _ports(rule.source_port),
        OfRule.DESTINATION_PORTS: _ports(rule.destination_port),
    }
    lengths = (each.prefixlen if each is not None else 0 for each in (destination, source))
    action = UNREACHABLE if rule.table is None else TO_TABLE
    return RULE.write(rule.family, *lengths, 0, 0, action, 0, attributes=attributes)


def _proxy(index: int, address: str) -> bytes:
    asked = ip_address(address)
    family = socket.AF_INET if asked.version == 4 else socket.AF_INET6
    return NEIGHBOUR.write(family, index, 0, PROXY, 0, attributes={OF_NEIGHBOUR: asked.packed})


def _ports(port: int | None) -> bytes:
    """A range of one, `struct fib_rule_port_range`; empty for none."""
    return struct.pack("=HH", port, port) if port is not None else b""
