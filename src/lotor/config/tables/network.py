"""The table of network: what a gateway's host does for its clients' packets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lotor.config.arguments import Argument, Flag, ListOf
from lotor.config.choices import SWITCH, Case, Cases, one_of
from lotor.config.directive import Block, Directive, Use
from lotor.config.lexer import Kind
from lotor.config.settings import AccessRule, HostNetwork, Masquerade, Ports, Who
from lotor.config.tables.given import NAME, NetworkOf
from lotor.config.words import Mistake, Words, suggestion
from lotor.model.network import Network

MOST_RULES = 256
MOST_INTERFACES = 16
PROTOCOLS = ("tcp", "udp", "icmp")
ANY = "any"
INTERFACE = r"[A-Za-z0-9_.:-]{1,15}"


class InterfaceOf(Argument):
    """The name of a network interface, without quotes."""

    def read(self, words: Words) -> str:
        token = words.bare("the name of an interface, like eth1")
        if not re.fullmatch(INTERFACE, token.text, re.ASCII) or token.text in {".", ".."}:
            raise Mistake(token.at, f"{token} is no name of an interface: {words.name} wants one like eth1")
        return token.text

    def syntax(self) -> str:
        return "INTERFACE"


class PortsOf(Argument):
    """A port, or a range of ports."""

    def read(self, words: Words) -> Ports:
        token = words.bare("a port, like 443, or 8000-8080")
        found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", token.text, re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 0 < first <= last < 65536:
            raise Mistake(token.at, f"{token} is no port: {words.name} wants 1 to 65535, or a range like 8000-8080")
        return Ports(first, last)

    def syntax(self) -> str:
        return "PORT[-PORT]"


@dataclass(frozen=True)
class RuleOf(Argument):
    """Who, where to, and by which ports."""

    allow: bool

    def read(self, words: Words) -> AccessRule:
        at = words.at
        who, name = self._who(words)
        token = words.bare("to, and a network")
        if token.text != "to":
            raise Mistake(token.at, f"{token} stands where to should: {words.name} {who.value} … to NETWORK")
        networks = self._networks(words)
        protocol = self._protocol(words)
        ports = ()
        if protocol in {"tcp", "udp"} and words.peek() is not None:
            ports = ListOf(PortsOf()).read(words)
        return AccessRule(self.allow, who, name, networks, protocol, ports, at)

    @staticmethod
    def _who(words: Words) -> tuple[Who, str]:
        wanted = one_of([each.value for each in Who])
        token = words.bare(wanted)
        if token.text not in {each.value for each in Who}:
            near = suggestion(token.text, (each.value for each in Who))
            raise Mistake(token.at, f"{token} is not known here: {words.name} wants {wanted}{near}")
        who = Who(token.text)
        return who, "" if who is Who.EVERYONE else NAME.read(words)

    @staticmethod
    def _networks(words: Words) -> tuple[Network, ...]:
        following = words.peek()
        if following is not None and following.text == ANY:
            words.take(ANY)
            return ()
        networks: tuple[Network, ...] = ListOf(NetworkOf(alone=True)).read(words)
        return networks

    @staticmethod
    def _protocol(words: Words) -> str:
        following = words.peek()
        if following is None or following.kind is not Kind.WORD or following.text not in PROTOCOLS:
            return ""
        return words.take("").text

    def syntax(self) -> str:
        who = '(everyone | group "name" | user "name" | filter "name")'
        return f"{who} to (any | ADDR[/prefix][, …]) [icmp | (tcp | udp) [PORT[-PORT][, …]]]"


def _rule(word: str, meaning: str, *, allow: bool) -> Directive:
    return Directive(
        word,
        RuleOf(allow),
        meaning,
        field="rules",
        default=(),
        default_text="without any rule clients reach everything",
        repeatable=True,
        most=MOST_RULES,
        use=Use.EXTENSION,
    )


NETWORK = Block(
    "network",
    (
        Directive(
            "forward",
            SWITCH,
            "Switch forwarding on while the daemon runs: that of IPv4, and that of IPv6 where the pool has it; then "
            "interfaces that take router advertisements go on taking them (accept_ra=2). At its end the daemon puts "
            "both back as they were, unless somebody changed them meanwhile.",
            default=True,
            default_text="on",
            use=Use.EXTENSION,
        ),
        Directive(
            "masquerade",
            Cases(
                (
                    Case("on", Flag(), lambda _: Masquerade(on=True), "whatever way the packets leave"),
                    Case("off", Flag(), lambda _: Masquerade(on=False), "hosts inside have a way back to the pool"),
                    Case(
                        "interface",
                        ListOf(InterfaceOf(), MOST_INTERFACES),
                        lambda names: Masquerade(on=True, interfaces=names),
                        "only where they leave by one of these",
                    ),
                )
            ),
            "Clients appear inside with an address of this host, so that nobody there needs a route to the pool. Of "
            "IPv6 only a private pool (fc00::/7) is translated.",
            default=Masquerade(on=False),
            default_text="off",
            use=Use.EXTENSION,
        ),
        Directive(
            "proxy_arp",
            ListOf(InterfaceOf(), MOST_INTERFACES),
            "For a pool that is a part of the inside network: this host answers there for the addresses of the pool, "
            "by ARP, and by neighbour discovery for IPv6. The pool may have 4096 addresses at most.",
            default=(),
            default_text="none",
            use=Use.EXTENSION,
        ),
        Directive(
            "mss_clamp",
            SWITCH,
            "TCP connections between clients and the inside begin with segments that fit through the tunnel (the MSS "
            "is lowered to the path's MTU).",
            default=True,
            default_text="on",
            use=Use.EXTENSION,
        ),
        _rule(
            "allow",
            "Clients may reach these networks, by these ports. The first rule that fits counts, and where there is any "
            "rule the rest is denied. Rules hold for the inside and for this host's own addresses; answers pass.",
            allow=True,
        ),
        _rule(
            "deny", "Clients may not reach these networks, and hear so at once. See `allow` for the order.", allow=False
        ),
    ),
    "What the gateway's host does for its clients' packets, in a table of nftables of lotor's own (`inet "
    "lotor_network`). The daemon sets it up when it starts and at a reload, and takes it back when it ends; `lotor "
    "network` shows what is there. Groups are those that the back end of logins grants, and with `group_source system` "
    "those of this host (`/etc/group`) beside them: the groups of the account that has the user's name. A filter is "
    "one that the back end grants by name (RADIUS: Filter-Id), or that of a `group` of `mode_cfg`.",
    HostNetwork,
    use=Use.EXTENSION,
)
