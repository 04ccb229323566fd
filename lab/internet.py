"""The topology: clients behind a NAT router, a gateway at the HOW-TO's address, and a host in the inside network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.hosts import Hosts
from lab.node import Node

GATEWAY = "192.0.2.50"
GATEWAY_INSIDE = "203.0.113.1"
INSIDE_HOST = "203.0.113.10"
INSIDE_NETWORK = "203.0.113.0/24"
ROUTER = "192.0.2.1"
POOL = "10.99.99.0/24"
GATEWAY6 = "2001:db8::50"
INSIDE_HOST6 = "fd00:113::10"

_NAT = """
table ip lab {
    chain leave {
        type nat hook postrouting priority 100;
        oifname "wan" meta l4proto { tcp, udp } masquerade to :20000-60000 random
        oifname "wan" masquerade
    }
}
"""
_BROKEN = """
table ip broken {
    counter fragments { }
    counter large { }
    chain arrive {
        type filter hook prerouting priority -450;
        ip frag-off & 0x3fff != 0 counter name fragments drop
        ip protocol udp ip length > %d counter name large drop
    }
}
"""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What the broken router threw away so far: IP fragments, and UDP datagrams over its limit."""

    fragments: int
    large: int


class Internet(Hosts):
    """`clients` are behind one NAT address (the router's); `broken` is the largest UDP
    datagram, as an IP packet in octets, that the router lets through (it then drops every IP fragment, too). `homes`:
    the clients are behind so many NAT routers of their own, which are behind the router: those of one home have
    addresses side by side, and those of the next home the same ones. With `ipv6` all hosts have addresses of both
    versions; there is no NAT for IPv6."""

    def __init__(
        self,
        *,
        clients: int = 1,
        broken: int | None = None,
        nat: bool = True,
        ipv6: bool = False,
        homes: int = 0,
    ) -> None:
        super().__init__("lotor-lab-")
        try:
            self.router = self._node("router")
            self.gateway = self._node("gateway")
            self.inside = self._node("inside")
            self.clients = [self._node(f"client{number}") for number in range(1, clients + 1)]
            self._wire(nat=nat)
            at_home = [self._home(number) for number in range(homes)]
            for number, client in enumerate(self.clients):
                if homes:
                    self._at_home(at_home[number % homes], number // homes, client)
                else:
                    self._at_the_router(number, client)
            if ipv6:
                self._wire_ipv6()
            if broken is not None:
                self.break_router(broken)
        except BaseException:
            self.close()
            raise

    @property
    def client(self) -> Node:
        return self.clients[0]

    def break_router(self, limit: int) -> None:
        """From now on no IP fragment and no UDP datagram over `limit` octets passes, as in many a DSL router."""
        self.router.run("nft", "-f", "-", stdin=_BROKEN % limit)
        for node in (*self.clients, self.gateway):
            node.run("sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1")
            # A router sees what is on the cable, not what two hosts of one machine hand each other in one piece.
            node.ip("link", "set", "eth0", "gso_max_segs", "1")

    def dropped(self) -> Dropped:
        counters = self.router.run("nft", "list", "counters", "table", "ip", "broken").stdout
        found = dict(re.findall(r"counter (\w+) \{\s*packets (\d+)", counters))
        return Dropped(int(found["fragments"]), int(found["large"]))

    def rebind(self) -> None:
        """The router forgets its mappings, as after a restart: the clients get new outer ports."""
        self.translate(on=False)
        self.translate(on=True)

    def translate(self, *, on: bool) -> None:
        """The router has a NAT from now on, or it only routes."""
        if on:
            self.router.run("nft", "-f", "-", stdin=_NAT)
        else:
            self.router.run("nft", "delete", "table", "ip", "lab")
        self.router.run("conntrack", "-F")

    def _wire(self, *, nat: bool) -> None:
        self._join(self.router, "wan", self.gateway, "eth0")
        self._join(self.gateway, "eth1", self.inside, "eth0")
        self.router.ip("link", "add", "lan", "type", "bridge")
        self._address(self.router, "lan", "198.51.100.1/24")
        self._address(self.router, "wan", f"{ROUTER}/24")
        self._address(self.gateway, "eth0", f"{GATEWAY}/24", None if nat else ROUTER)
        self._address(self.gateway, "eth1", f"{GATEWAY_INSIDE}/24")
        self._address(self.inside, "eth0", f"{INSIDE_HOST}/24", GATEWAY_INSIDE)
        for forwarder in (self.router, self.gateway):
            forwarder.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
        if nat:
            self.translate(on=True)

    def _wire_ipv6(self) -> None:
        self._address(self.router, "lan", "2001:db8:1::1/64")
        self._address(self.router, "wan", "2001:db8::1/64")
        for number, client in enumerate(self.clients):
            self._address(client, "eth0", f"2001:db8:1::{10 + number}/64", "2001:db8:1::1")
        self._address(self.gateway, "eth0", f"{GATEWAY6}/64", "2001:db8::1")
        self._address(self.gateway, "eth1", "fd00:113::1/64")
        self._address(self.inside, "eth0", f"{INSIDE_HOST6}/64", "fd00:113::1")
        for forwarder in (self.router, self.gateway):
            forwarder.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")

    def _at_the_router(self, number: int, client: Node, device: str = "eth0") -> None:
        self._join(self.router, f"lan{number}", client, device)
        self.router.ip("link", "set", f"lan{number}", "master", "lan")
        self._address(client, device, f"198.51.100.{10 + number}/24", "198.51.100.1")

    def _home(self, number: int) -> Node:
        """A router that is behind the router."""
        home = self._node(f"home{number + 1}")
        self._at_the_router(number, home, "wan")
        home.ip("link", "add", "lan", "type", "bridge")
        self._address(home, "lan", "198.51.100.129/25")
        home.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        home.run("nft", "-f", "-", stdin=_NAT)
        return home

    def _at_home(self, home: Node, number: int, client: Node) -> None:
        self._join(home, f"lan{number}", client, "eth0")
        home.ip("link", "set", f"lan{number}", "master", "lan")
        self._address(client, "eth0", f"198.51.100.{130 + number}/25", "198.51.100.129")

    def _join(self, one: Node, first: str, other: Node, second: str) -> None:
        """The end at the other node is down until it has an address."""
        one.ips(
            f"link add {first} type veth peer name {second} netns {other.pid}",
            f"link set {first} up",
        )

    def _address(self, node: Node, device: str, address: str, router: str | None = None) -> None:
        route = [f"route add default via {router}"] if router else []
        node.ips(f"address add {address} dev {device}", f"link set {device} up", *route)
