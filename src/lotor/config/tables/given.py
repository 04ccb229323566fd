"""What a client is given, for everybody or by group: rows that `mode_cfg` and the blocks within it share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_interface
from typing import Any

from lotor.config.arguments import AddressOf, Argument, File, ListOf, Number, Text, netmask, pool_start
from lotor.config.choices import Case, Cases
from lotor.config.day import day_of
from lotor.config.directive import MANDATORY, Block, Directive, Use
from lotor.config.giving import GroupSettings, PoolSettings, SplitNetwork
from lotor.config.words import Mistake, Words
from lotor.model.configuration import LONGEST_BANNER
from lotor.model.grants import LONGEST_NAME
from lotor.model.network import Network

LARGEST_POOL = 1 << 20
MOST_POOLS = 64
"""Pools, groups and granted networks of a file, each."""
NAME = Text("a name in quotes", longest=LONGEST_NAME, pattern=r"[^\x00-\x1f\x7f\"]+", shown="name")
DOMAIN = Text(
    "a domain in quotes, like example.net",
    longest=253,
    pattern=r"\.?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?",
    shown="domain",
)


@dataclass(frozen=True)
class NetworkOf(Argument):
    """A network: address and prefix length. `alone`: an address without a length is a network of one."""

    alone: bool = False

    def read(self, words: Words) -> Network:
        token = words.joined("a network, like 10.0.0.0/8 or fd00:99::/64")
        try:
            network = ip_interface(token.text if "/" in token.text or self.alone else "").network
        except ValueError:
            text = f"{token} is no network: {words.name} wants it like 10.0.0.0/8 or fd00:99::/64"
            raise Mistake(token.at, text) from None
        if str(network.network_address) != token.text.partition("/")[0]:
            words.reading.warn(token.at, f"{token} has a host part: it is taken as {network}")
        return network

    def syntax(self) -> str:
        return "ADDR[/prefix]" if self.alone else "ADDR/prefix"


class Network4Of(NetworkOf):
    """An IPv4 network: mode config has no word for an IPv6 network that is not for the tunnel."""

    def read(self, words: Words) -> Network:
        at = words.at
        network = super().read(words)
        if network.version != 4:
            text = f"clients cannot be told of {network} beside the tunnel: {words.name} local_lan takes IPv4 networks"
            raise Mistake(at, f"{text}; for IPv6 list what goes through it, with include")
        return network


def _split(local: bool) -> Any:
    return lambda networks: SplitNetwork(networks, local)


class DayOf(Argument):
    """A day in quotes, as in ISO 8601; kept as it is written."""

    def read(self, words: Words) -> str:
        token = words.quoted('a day in quotes, like "2027-03-31"')
        if day_of(token.text) is None:
            raise Mistake(token.at, f'{token} is no day: {words.name} wants one like "2027-03-31"')
        return token.text

    def syntax(self) -> str:
        return '"YYYY-MM-DD"'


class Named(Argument):
    """The name of a block, before its brace."""

    def read(self, words: Words) -> dict[str, Any]:
        return {"name": NAME.read(words)}

    def syntax(self) -> str:
        return NAME.syntax()


PREFIX6 = Directive(
    "prefix6",
    Number(1, 128),
    "The length of the IPv6 prefix that clients are told.",
    default=64,
    use=Use.EXTENSION,
)
POOL_SIZE = Directive(
    "pool_size",
    Number(1, LARGEST_POOL, zero=255),
    "How many addresses the pool has, of each kind; 0 stands for 255, as in racoon.",
    default=255,
)
IKEV1_UNTIL = Directive(
    "ikev1_until",
    DayOf(),
    "The last day of logins by IKEv1, where the gateway stands; afterwards they are refused with a reason, those by "
    "IKEv2 are not. A day that lotor's own users have, or a group of them, goes before it.",
    default="",
    default_text="there is none",
    use=Use.EXTENSION,
)
TOLD = (
    Directive(
        "dns4",
        ListOf(AddressOf(4), most=3),
        "DNS servers for the clients.",
        default=(),
        default_text="none",
        repeatable=True,
        most=3,
    ),
    Directive(
        "dns6",
        ListOf(AddressOf(6), most=3),
        "DNS servers for the clients, reached by IPv6.",
        default=(),
        default_text="none",
        repeatable=True,
        most=3,
        use=Use.EXTENSION,
    ),
    Directive(
        "wins4",
        ListOf(AddressOf(4), most=4),
        "WINS servers for the clients.",
        default=(),
        default_text="none",
        repeatable=True,
        most=4,
        aliases=("nbns4",),
    ),
    Directive(
        "split_network",
        Cases(
            (
                Case("include", ListOf(NetworkOf()), _split(local=False), "only these go through the tunnel"),
                Case("local_lan", ListOf(Network4Of()), _split(local=True), "all but these go through the tunnel"),
            )
        ),
        "Networks that clients reach through the tunnel, or beside it. IPv4 and IPv6 are on their own: without a "
        "network of IPv6 all IPv6 of a client that has an address goes through the tunnel.",
        default=(),
        default_text="everything goes through the tunnel",
        field="split_networks",
        repeatable=True,
        differs="each line keeps its own kind; racoon gives all networks the kind of the last line.",
    ),
    Directive(
        "split_dns",
        ListOf(DOMAIN),
        "Domains that clients ask the DNS servers of this block for, and no others.",
        default=(),
        default_text="every domain",
        repeatable=True,
        differs="racoon sends a NUL after each domain, so that its clients see the first one only.",
    ),
    Directive("default_domain", DOMAIN, "The clients' search domain.", default="", default_text="none"),
    Directive(
        "banner",
        File(),
        "A text file that clients show when they are connected; read at the start and at a reload, at most "
        f"{LONGEST_BANNER} octets.",
        default=None,
        default_text="none",
        differs="without this line racoon sends /etc/motd, which is for people with a shell on the gateway.",
    ),
)
"""Rows of what clients are told."""

POOL = Block(
    "pool",
    (
        Directive(
            "network4",
            AddressOf(4, pool_start),
            "The first address of this pool; it is given out too.",
            default=MANDATORY,
            use=Use.EXTENSION,
        ),
        Directive(
            "netmask4",
            AddressOf(4, netmask),
            "The network mask that its clients are told.",
            default_text="that of the smallest network that holds this pool",
            use=Use.EXTENSION,
        ),
        Directive(
            "network6",
            AddressOf(6, pool_start),
            "The first IPv6 address of this pool.",
            default_text="none: its clients get IPv4 only",
            use=Use.EXTENSION,
        ),
        PREFIX6,
        replace(POOL_SIZE, use=Use.EXTENSION),
    ),
    "One more pool, for members of a `group`, or for whom a back end of logins grants it by its name (RADIUS: "
    "Framed-Pool). Pools may not overlap.",
    PoolSettings,
    header=Named(),
    field="pools",
    repeatable=True,
    use=Use.EXTENSION,
)


def _of_group(row: Directive) -> Directive:
    return replace(row, default=None, default_text="as `mode_cfg` says", use=Use.EXTENSION, differs="")


GROUP = Block(
    "group",
    (
        Directive(
            "pool",
            NAME,
            "The pool from which its members get their addresses.",
            default="",
            default_text="that of `mode_cfg` itself",
            use=Use.EXTENSION,
        ),
        Directive(
            "filter",
            NAME,
            "Rules of `network` that are for its members: `allow filter` and `deny filter` with this name.",
            default="",
            default_text="none",
            use=Use.EXTENSION,
        ),
        _of_group(IKEV1_UNTIL),
        *map(_of_group, TOLD),
    ),
    "What the members of a group are given in place of what `mode_cfg` says; what is left out is as there. Of several "
    "such blocks the first that names a group of the user counts. See `group_source` for whose groups these are; what "
    "a back end grants to the user goes before all of it.",
    GroupSettings,
    header=Named(),
    field="groups",
    repeatable=True,
    use=Use.EXTENSION,
)
