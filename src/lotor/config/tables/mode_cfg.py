"""The table of mode_cfg: what the gateway gives its clients, and who may log in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lotor.config.arguments import AddressOf, Duration, File, ListOf, Number, Several, Text, netmask, pool_start
from lotor.config.choices import SWITCH, Choice, Keyword
from lotor.config.directive import Block, Directive, Use
from lotor.config.giving import Unkept
from lotor.config.settings import (
    Accounting,
    AuthSource,
    ConfSource,
    FileName,
    GroupSource,
    ModeCfg,
)
from lotor.config.tables.given import GROUP, IKEV1_UNTIL, MOST_POOLS, POOL, POOL_SIZE, PREFIX6, TOLD, NetworkOf
from lotor.model.ban import BanRule

DEFAULT_USERS = FileName("/etc/lotor/users", Path("/etc/lotor/users"))


def _sources(kind: Any, words: tuple[tuple[str, str], ...]) -> Keyword:
    return Keyword(tuple(Choice(word, kind(word), meaning) for word, meaning in words))


AUTH_SOURCE = _sources(
    AuthSource,
    (
        ("system", "the accounts of this host (passwd and shadow); never root"),
        ("local", "lotor's own users, see `users` (lotor only)"),
        ("radius", "a RADIUS server"),
        ("pam", "the host's PAM, see `pam_service`; never root"),
        ("ldap", "an LDAP directory"),
    ),
)
GROUP_SOURCE = _sources(
    GroupSource,
    (
        ("system", "the groups of this host, and those that the back end of logins grants"),
        ("local", "those of lotor's own users alone, for `auth_source local`"),
        ("radius", "those that the RADIUS server grants alone"),
        ("ldap", "those that the directory of `ldapcfg` knows, whoever judges the login"),
    ),
)
CONF_SOURCE = _sources(
    ConfSource,
    (
        ("local", "the pools of this block; a granted address must be one of them, or of a `granted_network`"),
        ("radius", "the RADIUS server that judged the login, else the pool"),
        ("ldap", "the LDAP directory that judged the login, else the pool"),
    ),
)
ACCOUNTING = _sources(
    Accounting,
    (
        ("none", "the journal only"),
        ("system", "login records of this host (wtmp), and the journal"),
        ("radius", "a RADIUS server, and the journal"),
        ("pam", "a session of the host's PAM, see `pam_service`, and the journal"),
    ),
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
        PREFIX6,
        POOL_SIZE,
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
            "The service of PAM for `auth_source pam` and `accounting pam`: a file of that name in /etc/pam.d names "
            "the modules that judge a login, and those that open and close a session.",
            default="racoon",
            default_text='"racoon"',
            use=Use.EXTENSION,
        ),
        Directive(
            "auth_groups",
            ListOf(Text("the name of a group in quotes", longest=64, shown="group")),
            "A user must be in one of these groups to log in: see `group_source`.",
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
            "Where a client's address comes from, for whom none is granted from the pool.",
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
        *TOLD,
        IKEV1_UNTIL,
        Directive(
            "auth_throttle",
            Number(0, 3600, "seconds", clamps=True),
            "By how much each refused login delays the next one of that user from that address, up to 10 seconds; 0: "
            "not at all. When many fail in one network, or for one user from everywhere, that delays others, too.",
            default=1,
        ),
        Directive(
            "auth_ban",
            Several((Number(2, 1000), Duration(1, 86400), Duration(1, 30 * 86400)), BanRule),
            "After so many wrong logins from one address (IPv6: one /64) within the first time nobody logs in from "
            "there for the second one, also after a restart. `lotor ban` shows and lifts it (docs/bans.md). Everybody "
            "behind a NAT router has one address.",
            default=None,
            default_text="nobody is banned",
            use=Use.EXTENSION,
        ),
        Directive(
            "auth_remember",
            Duration(0, 86400),
            "How long a password that was right need not be hashed again, so that renewals and returns cost next to "
            "nothing: a keyed hash of it stays in memory, until the user's entry changes. 0 sec: not at all. Of "
            "lotor's own users with a second factor also how long a session that is up may be renewed without a new "
            "code.",
            default=28800,
            default_text="8 hour",
            use=Use.EXTENSION,
        ),
        Directive(
            "granted_network",
            ListOf(NetworkOf(alone=True)),
            "Networks outside of the pools in which a back end may grant addresses; they are led to the clients as a "
            "whole. With `conf_source` radius or ldap and without this line any address may be granted.",
            default=(),
            default_text="none",
            field="granted_networks",
            repeatable=True,
            most=MOST_POOLS,
            use=Use.EXTENSION,
        ),
        Directive(
            "unkept_grants",
            Keyword(
                (
                    Choice("refuse", Unkept.REFUSE, "the login is refused, and both ends hear of the grant"),
                    Choice("note", Unkept.NOTE, "the person comes in without the grant, and journal and status say so"),
                )
            ),
            "What becomes of a login whose back end grants what this gateway cannot give: an address that somebody has "
            "or that is of no pool, a pool or a filter that there is not; a rate where the kernel carries ESP.",
            default=Unkept.REFUSE,
            default_text="refuse",
            use=Use.EXTENSION,
        ),
        Directive(
            "dhcp_inform",
            SWITCH,
            "Whether a Windows that came by IKEv2 and asks for its routes by DHCPINFORM, through the tunnel, is "
            "answered here: with the networks of `split_network include`, DNS servers, mask and domain. It takes "
            "routes of a gateway in no other way. Switched off, such packets go to the inner network, as to a DHCP "
            "relay.",
            default=True,
            default_text="on",
            use=Use.EXTENSION,
        ),
        POOL,
        GROUP,
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
