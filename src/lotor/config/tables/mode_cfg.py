"""The table of mode_cfg: what the gateway gives its clients, and who may log in."""

from __future__ import annotations

from ipaddress import ip_interface
from pathlib import Path
from typing import Any, ClassVar

from lotor.config.arguments import AddressOf, Argument, Duration, File, ListOf, Number, Text, netmask, pool_start
from lotor.config.choices import SWITCH, Case, Cases, Choice, Keyword
from lotor.config.directive import Block, Directive, Use
from lotor.config.settings import (
    Accounting,
    AuthSource,
    ConfSource,
    FileName,
    GroupSource,
    ModeCfg,
    SplitNetwork,
)
from lotor.config.words import Mistake, Words
from lotor.model.configuration import LONGEST_BANNER
from lotor.model.network import Network

DEFAULT_USERS = FileName("/etc/lotor/users", Path("/etc/lotor/users"))
LARGEST_POOL = 1 << 20
DOMAIN = Text(
    "a domain in quotes, like example.net",
    longest=253,
    pattern=r"\.?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?",
    shown="domain",
)


class NetworkOf(Argument):
    """A network: address and prefix length. `alone`: an address without a length is a network of one."""

    alone: ClassVar[bool] = False

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
        return "ADDR/prefix"


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


def _sources(kind: Any, words: tuple[tuple[str, str], ...], *available: str) -> Keyword:
    return Keyword(tuple(Choice(word, kind(word), meaning, later=word not in available) for word, meaning in words))


AUTH_SOURCE = _sources(
    AuthSource,
    (
        ("system", "the accounts of this host (passwd and shadow); never root"),
        ("local", "lotor's own users, see `users` (lotor only)"),
        ("radius", "a RADIUS server"),
        ("pam", "the host's PAM, see `pam_service`; never root"),
        ("ldap", "an LDAP directory"),
    ),
    "system",
    "local",
    "pam",
)
GROUP_SOURCE = _sources(GroupSource, (("system", "the groups of this host"), ("ldap", "an LDAP directory")), "system")
CONF_SOURCE = _sources(
    ConfSource,
    (("local", "the pool of this block"), ("radius", "a RADIUS server"), ("ldap", "an LDAP directory")),
    "local",
)
ACCOUNTING = _sources(
    Accounting,
    (
        ("none", "the journal only"),
        ("system", "login records of this host (utmp)"),
        ("radius", "a RADIUS server"),
        ("pam", "a PAM session"),
    ),
    "none",
)

MODE_CFG = Block(
    "mode_cfg",
    (
        Directive(
            "network4",
            AddressOf(4, pool_start),
            "The first address of the pool; it is given out too.",
            default_text="none: no pool, and no login",
        ),
        Directive(
            "netmask4",
            AddressOf(4, netmask),
            "The network mask that clients are told.",
            default_text="that of the smallest network that holds the pool",
            differs="racoon tells 0.0.0.0 when the line is missing.",
        ),
        Directive(
            "network6",
            AddressOf(6, pool_start),
            "The first IPv6 address of the pool, for clients that also ask for one: the client with the third IPv4 "
            "address has the third IPv6 address.",
            default_text="none: clients get IPv4 only",
            use=Use.EXTENSION,
        ),
        Directive(
            "prefix6",
            Number(1, 128),
            "The length of the IPv6 prefix that clients are told.",
            default=64,
            use=Use.EXTENSION,
        ),
        Directive(
            "pool_size",
            Number(1, LARGEST_POOL, zero=255),
            "How many addresses the pool has, of each kind; 0 stands for 255, as in racoon.",
            default=255,
        ),
        Directive(
            "address_policy",
            Keyword(
                (
                    Choice(
                        "sticky",
                        False,
                        "the address that the user had last, else one that nobody ever had, else the one that has "
                        "been free the longest",
                    ),
                    Choice("lowest", True, "the lowest free one"),
                )
            ),
            "Which address of the pool a user gets.",
            default=False,
            default_text="sticky",
            field="lowest_address",
            use=Use.EXTENSION,
            differs="racoon gives the lowest free one.",
        ),
        Directive(
            "reserve",
            ListOf(AddressOf(None)),
            "Addresses that the pool gives to nobody; a user whom a back end grants one of them gets it.",
            default=(),
            default_text="none",
            field="reserved",
            repeatable=True,
            use=Use.EXTENSION,
        ),
        Directive(
            "auth_source",
            AUTH_SOURCE,
            "Who judges a login and its password.",
            default=AuthSource.SYSTEM,
            default_text="system",
        ),
        Directive(
            "users",
            File(),
            "The file of lotor's own users, for `auth_source local`; `lotor user add` writes it.",
            default=DEFAULT_USERS,
            default_text='"/etc/lotor/users"',
            use=Use.EXTENSION,
        ),
        Directive(
            "pam_service",
            Text(
                "the name of a file in /etc/pam.d in quotes, in small letters",
                longest=64,
                pattern=r"[a-z0-9_][a-z0-9_.-]*",
                shown="service",
            ),
            "The service of PAM for `auth_source pam`: a file of that name in /etc/pam.d says what its modules ask and "
            "check.",
            default="racoon",
            default_text='"racoon"',
            use=Use.EXTENSION,
        ),
        Directive(
            "auth_groups",
            ListOf(Text("the name of a group in quotes", longest=64, shown="group")),
            "A user must be in one of these groups to log in.",
            default=(),
            default_text="every user may",
            repeatable=True,
        ),
        Directive(
            "group_source",
            GROUP_SOURCE,
            "Where groups are looked up.",
            default=GroupSource.SYSTEM,
            default_text="system",
        ),
        Directive(
            "conf_source",
            CONF_SOURCE,
            "Where a client's address comes from.",
            default=ConfSource.LOCAL,
            default_text="local",
        ),
        Directive(
            "accounting",
            ACCOUNTING,
            "Who is told of connections and their traffic.",
            default=Accounting.NONE,
            default_text="none",
        ),
        Directive(
            "accounting_interval",
            Duration(0, 86400),
            "How often accounting is told of a session that is up, with what it carried; 0 sec: not before its end.",
            default_text="10 min with `accounting radius`, else 0 sec",
            use=Use.EXTENSION,
        ),
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
        Directive(
            "auth_throttle",
            Number(0, 3600, "seconds", clamps=True),
            "By how much each refused login delays the next one of that user from that address, up to 10 seconds; 0: "
            "not at all. When many fail in one network, or for one user from everywhere, that delays others, too.",
            default=1,
        ),
        Directive(
            "auth_remember",
            Duration(0, 86400),
            "How long a password that was right need not be hashed again, so that renewals and returns cost next to "
            "nothing: a keyed hash of it stays in memory, until the user's entry changes. 0 sec: not at all.",
            default=28800,
            default_text="8 hour",
            use=Use.EXTENSION,
        ),
        Directive("pfs_group", Number(0, 32767), "The PFS group that Cisco's clients are told; 0: none.", default=0),
        Directive(
            "save_passwd",
            SWITCH,
            "Whether clients are told that they may save the password.",
            default=False,
            default_text="off",
        ),
    ),
    "The gateway's side of ISAKMP mode config: what clients are given, and who may log in.",
    ModeCfg,
)
