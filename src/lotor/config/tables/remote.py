"""The table of remote: one peer, or everybody, and how phase 1 with it goes."""

from __future__ import annotations

from typing import Any

from lotor.config.arguments import (
    AddressPort,
    Argument,
    Duration,
    File,
    ListOf,
    Number,
    Several,
    Text,
    split_port,
    to_address,
)
from lotor.config.choices import SWITCH, AlgorithmOf, Choice, Keyword
from lotor.config.directive import MANDATORY, Block, Directive, Use
from lotor.config.lexer import Kind, Token
from lotor.config.settings import (
    ListenAddress,
    Places,
    RemoteSettings,
    Script,
)
from lotor.config.tables.algorithms import GROUPS
from lotor.config.tables.apple import APPLE
from lotor.config.tables.identity import IDENTITY
from lotor.config.tables.ikev2 import BOTH, IKEV2
from lotor.config.tables.path import PATH, on_off
from lotor.config.tables.proposal import PROPOSAL
from lotor.config.words import Mistake, Words
from lotor.model.policy import (
    MOST_SESSIONS,
    ExchangeMode,
    GeneratePolicy,
    ProposalCheck,
    Switch,
    Transfer,
    Uniqueness,
)

WANTED = 'an address, anonymous, or a name in quotes, like remote 192.0.2.50 or remote "office"'
LONGEST_NAME = 128
LOGIN = Text("a login in quotes", longest=255, pattern=r"[^\s:]+([^:]*[^\s:])?", shown="user")


class RemoteHeader(Argument):
    """`"name"`, ADDR[port] or anonymous[port], then perhaps `inherit` and the same of the parent."""

    def read(self, words: Words) -> dict[str, Any]:
        found = self._who(words)
        following = words.peek()
        if following and following.kind is Kind.WORD and following.text == "inherit":
            words.take("inherit")
            at = words.at
            found["inherit"] = (self._who(words)["name"], at)
        return found

    @staticmethod
    def _who(words: Words) -> dict[str, Any]:
        following = words.peek()
        if following is not None and following.kind is Kind.STRING:
            return {"name": _name(words.take(WANTED)), "address": None, "port": 500, "named": True}
        token = words.joined(WANTED)
        host, port = split_port(token, words, 500)
        suffix = "" if port == 500 else f"[{port}]"
        if host == "anonymous":
            return {"name": f"anonymous{suffix}", "address": None, "port": port, "named": False}
        address = to_address(token, words, WANTED, host)
        return {"name": f"{address}{suffix}", "address": address, "port": port, "named": False}

    def syntax(self) -> str:
        return '("name"|ADDR[[port]]|anonymous[[port]]) [inherit PARENT]'


def _name(token: Token) -> str:
    if not token.text or len(token.text) > LONGEST_NAME:
        raise Mistake(token.at, f"the name of a remote has 1 to {LONGEST_NAME} characters")
    return token.text


OF_IKEV2 = frozenset(row.key for row in IKEV2)
USUAL = {"nat_traversal": Switch.ON, "ike_frag": Switch.ON, "dpd_delay": 30}
"""The defaults, in a block that speaks IKEv2, of directives that racoon has, too."""


def make_remote(*, remote_address: ListenAddress | None, places: Places, **fields: Any) -> RemoteSettings:
    """The settings of a block whose parents are merged in already."""
    if not fields["ike_version"]:
        fields["ike_version"] = BOTH if OF_IKEV2 & places.fields.keys() else (1,)
    if 2 in fields["ike_version"]:
        fields |= {name: value for name, value in USUAL.items() if name not in places.fields}
    for name in ("inherit", "named", "dh_group", *(row.key for row in APPLE)):
        fields.pop(name, None)
    if remote_address:
        fields |= {"address": remote_address.address, "port": remote_address.port}
    return RemoteSettings(**{"exchange_mode": (), "proposals": (), **fields}, places=places)


EXCHANGE_MODE = Keyword(
    (
        Choice("aggressive", ExchangeMode.AGGRESSIVE, "three messages; what hybrid clients use"),
        Choice("main", ExchangeMode.MAIN, "six messages; who the peers are stays hidden from listeners"),
        Choice("base", refused="no client of today speaks it; use main or aggressive"),
    ),
    skips=True,
)

_EXCHANGE = (
    Directive(
        "remote_address",
        AddressPort(),
        "The address of a peer that is called by a name.",
        default_text="any",
    ),
    Directive(
        "exchange_mode",
        ListOf(EXCHANGE_MODE, loose=True),
        "The first is what this end begins with, all are what it answers.",
        default=MANDATORY,
    ),
    Directive(
        "proposal_check",
        Keyword(
            (
                Choice("obey", ProposalCheck.OBEY, "take what the peer wants"),
                Choice("strict", ProposalCheck.STRICT, "refuse longer lifetimes and shorter keys"),
                Choice("claim", ProposalCheck.CLAIM, "shorten longer lifetimes to the own; refuse shorter keys"),
                Choice("exact", ProposalCheck.EXACT, "refuse every difference"),
            )
        ),
        "What to do when the peer proposes other lifetimes, key lengths or PFS groups.",
        default=ProposalCheck.STRICT,
        default_text="strict",
        differs="claim keeps phase 1 to the own lifetime; racoon refuses the peer, and every client that proposes more "
        "than 8 hours cannot connect.",
    ),
    Directive(
        "lifetime time",
        Duration(1),
        "How long a phase 1 lives, where a proposal does not say otherwise.",
        default=28800,
        default_text="8 hour",
        field="lifetime",
    ),
    Directive(
        "lifetime byte",
        Text(),
        "A limit by volume.",
        use=Use.REFUSED,
        note="limits by volume were given up; use lifetime time",
    ),
    Directive("nonce_size", Number(8, 256, "octets", clamps=True), "Octets of the nonces.", default=16),
    Directive(
        "dh_group",
        AlgorithmOf(GROUPS),
        "The Diffie-Hellman group.",
        use=Use.REFUSED,
        note="it belongs into each proposal { }",
    ),
    Directive(
        "doi", Keyword((Choice("ipsec_doi", "ipsec_doi"),)), "The domain of interpretation.", default="ipsec_doi"
    ),
    Directive(
        "situation",
        Keyword((Choice("identity_only", "identity_only"), *(Choice(word, word) for word in ("secrecy", "integrity")))),
        "The situation of the IPsec domain.",
        default="identity_only",
        use=Use.NO_EFFECT,
        note="it is always identity_only, the only one that racoon has code for",
        quiet="identity_only",
    ),
    on_off(
        default=False,
        name="passive",
        meaning="Begin a connection only when someone asks for it; only `auto_connect on` does otherwise.",
    ),
    Directive(
        "kill_switch",
        SWITCH,
        "Client: what belongs into the tunnel stays unreachable when the connection is lost, by IPv6, too, until it is "
        "up again or somebody ends it with `lotor vd` or stops lotor; the log and `lotor status` say so. It holds when "
        "the daemon or the warden dies.",
        default_text="on for a tunnel that takes everything, off for the others",
        use=Use.EXTENSION,
    ),
    Directive(
        "captive_portal",
        Duration(0, 600),
        "Client: how long DNS, HTTP and HTTPS leave in clear from a host that is closed, once for each network that it "
        "comes to, if the gateway does not answer there: a login page may be in the way. `lotor portal` does it when "
        "somebody asks.",
        default=0,
        default_text="0: only when somebody asks",
        use=Use.EXTENSION,
    ),
    on_off(
        default=False,
        name="auto_connect",
        meaning="Client: connect at the start, if the password is saved beside `xauth_login` in psk.txt or none is "
        "asked for, and come back by itself when the network changes, after a sleep, and when the gateway was away. "
        "A connection that somebody began comes back, too: its password is kept in memory until somebody ends it. "
        "A password that was refused is not sent again, and one that is good for once is asked for.",
        use=Use.EXTENSION,
    ),
    on_off(default=True, name="initial_contact", meaning="Tell the peer when this end remembers no older connection."),
    on_off(
        default=False,
        name="weak_phase1_check",
        meaning="Obey deletes that nobody authenticated.",
        use=Use.NO_EFFECT,
        note="only deletes that are authenticated are obeyed",
        quiet=False,
    ),
    Directive(
        "rekey",
        Keyword(
            (
                Choice("on", "on", "by the end that began it, after four fifths of the lifetime"),
                Choice("off", "off", "never: the connection ends with the lifetime of its phase 1"),
                Choice("force", "force", "the same as on"),
            )
        ),
        "Whether a phase 1 is renewed before its lifetime ends. Addresses, routes and SAs stay as they are.",
        default="on",
        differs="on renews whether or not the peer speaks dead peer detection, for which racoon needs force.",
    ),
)

_LOGIN = (
    on_off(default=False, name="mode_cfg", meaning="Client: ask the gateway for an address and the rest."),
    on_off(
        default=True,
        name="mode_cfg6",
        meaning="Client, with mode_cfg on: ask for an IPv6 address as well.",
        use=Use.EXTENSION,
    ),
    Directive(
        "mode_config",
        Keyword(
            (
                Choice("pull", Transfer.PULL, "the client asks; a gateway only answers"),
                Choice("push", Transfer.PUSH, "the gateway begins; a client only waits"),
                Choice("auto", Transfer.AUTO, "a client waits 0.3 s before it asks, a gateway 3 s before it begins"),
            )
        ),
        "Who begins with the configuration after the login. Either end takes what the other begins.",
        default=Transfer.AUTO,
        default_text="auto",
        use=Use.EXTENSION,
    ),
    Directive(
        "xauth_login",
        LOGIN,
        "Client: the login, when none is given on the command line; its password may stand in the file of path "
        "pre_shared_key.",
        default_text="none",
    ),
    Directive(
        "generate_policy",
        Keyword(tuple(Choice(policy.value, policy) for policy in GeneratePolicy)),
        "Gateway: make the policies for a client when it connects.",
        default=GeneratePolicy.OFF,
        default_text="off",
        differs="whatever is written, every client gets policies of its own, so that any number can sit behind one NAT "
        "router; in racoon they cut each other off unless this is unique.",
    ),
    Directive(
        "unique",
        Keyword(
            (
                Choice("keep", Uniqueness.KEEP, "both sessions go on, each with an address of its own"),
                Choice("replace", Uniqueness.REPLACE, "the new session takes over, the old one ends"),
                Choice("refuse", Uniqueness.REFUSE, "the old session goes on, the new one is refused"),
            )
        ),
        "Gateway: what becomes of a person's session when the same person logs in from elsewhere; decided once the "
        "login is proved.",
        default=Uniqueness.KEEP,
        default_text="keep",
        field="uniqueness",
        use=Use.EXTENSION,
    ),
    Directive(
        "max_sessions",
        Number(1, 65535),
        "Gateway: how many sessions one person may have at a time; one more is refused, and both ends are told why. A "
        "pre_shared_key alone names nobody and has no limit.",
        default=None,
        default_text=f"{MOST_SESSIONS}, but at most half of pool_size",
        use=Use.EXTENSION,
    ),
    on_off(
        False,
        "offer_lifetime",
        "On a gateway: answer with the lifetime configured here where the client offers a shorter one for phase 1. "
        "Apple clients log in again after 48 minutes; if the password was not saved, or was a one-time code, the "
        "connection ends then. lifetime time 24 hour moves this to 19 hours. Clients that accept only their own offer "
        "refuse the answer.",
        use=Use.EXTENSION,
    ),
    Directive(
        "script",
        Several(
            (
                File("script"),
                Keyword(
                    (
                        Choice("phase1_up", "phase1_up", "the connection is up"),
                        Choice("phase1_down", "phase1_down", "the connection is over"),
                        Choice("phase1_dead", "phase1_dead", "the peer stopped answering"),
                    )
                ),
            ),
            lambda file, event: Script(event, file),
        ),
        "A program that is run at an event.",
        default=(),
        default_text="none",
        field="scripts",
        repeatable=True,
    ),
    on_off(
        default=False,
        name="support_proxy",
        meaning="Use the addresses of the identities as the ends of SAs.",
        use=Use.NO_EFFECT,
        note="SAs are made between the addresses that IKE uses",
        quiet=False,
        aliases=("support_mip6",),
    ),
    Directive(
        "ph1id",
        Number(),
        "A number that a sainfo can ask for with remoteid.",
        default=0,
    ),
)


REMOTE = Block(
    "remote",
    (*_EXCHANGE, *IDENTITY, *PATH, *_LOGIN, *IKEV2, *APPLE, PROPOSAL),
    "A peer, or (anonymous) every peer that has no block of its own, and how phase 1 with it goes. What a block does "
    "not say it takes from its parent, if it inherits one, and from up to 32 in all, one above the other.",
    make_remote,
    header=RemoteHeader(),
    field="remotes",
    repeatable=True,
    inherits=True,
    differs="the parent may stand anywhere in the file; in racoon it must stand before.",
)
