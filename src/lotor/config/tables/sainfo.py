"""The table of sainfo: how traffic is protected (phase 2)."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

from lotor.config.arguments import RATES, Argument, Duration, ListOf, Number, Rate, Text, Volume, to_address
from lotor.config.choices import AlgorithmOf, Choice, Keyword
from lotor.config.directive import MANDATORY, Block, Directive, Use
from lotor.config.lexer import Kind, Token
from lotor.config.settings import Address, Ipcomp, Places, SainfoSettings, Selector
from lotor.config.tables.algorithms import COMPRESSIONS, ESP_CIPHERS, GROUPS, INTEGRITIES
from lotor.config.words import Mistake, Words
from lotor.model.network import Network

PROTOCOLS = ("any", "tcp", "udp", "icmp", "icmp6", "esp", "ah", "ipcomp", "gre")
NETWORK = re.compile(
    r"(?P<low>[0-9A-Fa-f:.]+)(-(?P<high>[0-9A-Fa-f:.]+))?(?P<prefix>/\d{1,3})?(?P<port>\[(\d{1,5}|any)\])?", re.ASCII
)
WANTED = "anonymous, address, subnet, fqdn, user_fqdn or keyid"


class SainfoHeader(Argument):
    """Local end, remote end, and whom it is for."""

    def read(self, words: Words) -> dict[str, Any]:
        found: dict[str, Any] = {"local": _selector(words), "remote": None, "client_address": False}
        found |= {"only_from": None, "group": None}
        following = words.peek()
        if following and following.text == "clientaddr":
            words.take("clientaddr")
            found["client_address"] = True
        elif following and following.text not in {"from", "group"}:
            found["remote"] = _selector(words)
        found.update(_condition(words))
        return found

    def syntax(self) -> str:
        return "(END|anonymous) [END|anonymous|clientaddr] [from IDENTIFIER | group GROUP]"

    def remarks(self) -> tuple[tuple[str, str], ...]:
        return (
            ("END", '(address|subnet) ADDR[/prefix][[port]] PROTOCOL, or (fqdn|user_fqdn|keyid|address) "S"'),
            ("clientaddr", "the address that mode config gave the client"),
            ("from", "only for the peer with this identifier; not available in this version, use ph1id and remoteid"),
            ("group", "only for users of this group, whom `group_source` of mode_cfg tells; looked at first"),
        )


def _condition(words: Words) -> dict[str, Any]:
    following = words.peek()
    if following and following.text == "from":
        words.take("from")
        return {"only_from": _identifier(words)}
    if following and following.text == "group":
        words.take("group")
        return {"group": words.quoted("the name of a group in quotes").text}
    return {}


def _selector(words: Words) -> Selector | None:
    """One end; None for anonymous."""
    kind = words.bare(WANTED)
    following = words.peek()
    if kind.text == "anonymous":
        return None
    if kind.text in {"fqdn", "user_fqdn", "keyid"} or (following and following.kind is Kind.STRING):
        return _named(words, kind)
    if kind.text not in {"address", "subnet"}:
        raise Mistake(kind.at, f"{kind} is not known here: {words.name} wants {WANTED}")
    return _network(words, kind)


def _named(words: Words, kind: Token) -> Selector:
    if kind.text not in {"fqdn", "user_fqdn", "keyid", "address"}:
        raise Mistake(kind.at, f"{kind} cannot stand before a text here: {words.name} wants {WANTED}")
    value = words.quoted("a text in quotes")
    return Selector(f'{kind.text} "{value.text}"', at=kind.at)


def _network(words: Words, kind: Token) -> Selector:
    wanted = "an address or a network, like 10.0.0.0/8"
    token = words.joined(wanted)
    match = NETWORK.fullmatch(token.text)
    if not match:
        raise Mistake(token.at, f"{token} is no network: {words.name} wants {wanted}")
    ends = [to_address(token, words, wanted, end) for end in (match["low"], match["high"]) if end]
    protocol = words.bare(f"a protocol: a number, {', '.join(PROTOCOLS)}")
    if protocol.text not in PROTOCOLS and not re.fullmatch(r"\d{1,3}", protocol.text, re.ASCII):
        raise Mistake(protocol.at, f"{protocol} is no protocol: write a number, {' or '.join(PROTOCOLS)}")
    every = protocol.text in {"any", "0"} and match["port"] in {None, "[any]", "[0]"}
    network = _whole(ends, match["prefix"]) if every else None
    return Selector(f"{kind.text} {token.text} {protocol.text}", network, kind.at)


def _whole(ends: list[Address], prefix: str | None) -> Network | None:
    """The network of an address and a prefix length, or from one address to another; None where it is no whole one."""
    if len(ends) == 1:
        return _network_of(f"{ends[0]}{prefix or ''}")
    low, high = ends
    if low.version != high.version or int(high) < int(low):
        return None
    network = _network_of(f"{low}/{low.max_prefixlen - (int(high) ^ int(low)).bit_length()}")
    return network if network and (network[0], network[-1]) == (low, high) else None


def _network_of(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _identifier(words: Words) -> Selector:
    kind = words.bare("the kind of an identifier")
    if kind.text not in {"address", "fqdn", "user_fqdn", "keyid", "asn1dn"}:
        text = f"{kind} is no kind of identifier: write address, fqdn, user_fqdn, keyid or asn1dn"
        raise Mistake(kind.at, text)
    following = words.peek()
    return Selector(f"{kind.text} {words.take('').text}" if following else kind.text, at=kind.at)


IPCOMP = Keyword(
    (
        Choice("on", Ipcomp.OFFER, "asked for where this end begins, and accepted"),
        Choice("accept", Ipcomp.ACCEPT, "accepted where the peer asks for it"),
        Choice("off", Ipcomp.OFF, "never"),
    )
)


def make_sainfo(*, places: Places, **fields: Any) -> SainfoSettings:
    return SainfoSettings(**fields, places=places)


SAINFO = Block(
    "sainfo",
    (
        Directive(
            "encryption_algorithm",
            ListOf(AlgorithmOf(ESP_CIPHERS, skips=True)),
            "Ciphers, the preferred one first.",
            default=MANDATORY,
        ),
        Directive(
            "authentication_algorithm",
            ListOf(AlgorithmOf(INTEGRITIES, skips=True)),
            "What protects packets from being changed, the preferred one first. Each cipher goes with each of these, "
            "but those that authenticate by themselves go alone.",
            default=(),
            default_text="none, which only ciphers that authenticate by themselves allow",
        ),
        Directive(
            "compression_algorithm",
            ListOf(AlgorithmOf(COMPRESSIONS, skips=True)),
            "Compression of packets, as far as ipcomp allows it.",
            default=MANDATORY,
        ),
        Directive(
            "ipcomp",
            IPCOMP,
            "Whether packets are compressed before they are encrypted (IPComp, RFC 3173), for slow lines. An attacker "
            "who can inject text into a user's traffic can guess secrets sent beside it from packet lengths (CRIME).",
            default=Ipcomp.ACCEPT,
            default_text="accept",
            use=Use.EXTENSION,
            differs="racoon asks for it where a policy of setkey says ipcomp, and as a gateway with generate_policy on "
            "takes what the client offers first.",
        ),
        Directive(
            "rate_limit",
            Rate(64 * RATES["kbit"]),
            "What each SA pair carries a second, each way, at most. Packets that know congestion marks (ECN) get one "
            "before any is lost; nothing waits in a queue.",
            default_text="none",
            use=Use.EXTENSION,
        ),
        Directive(
            "pfs_group",
            AlgorithmOf(GROUPS),
            "The group of a fresh Diffie-Hellman exchange for every SA (perfect forward secrecy).",
            default_text="none",
        ),
        Directive(
            "lifetime time",
            Duration(1),
            "How long an SA lives.",
            default=28800,
            default_text="8 hour",
            field="lifetime",
        ),
        Directive(
            "lifetime byte",
            Volume(),
            "How much an SA carries, each way, before it is renewed. A peer that names no volume is told this one. "
            "Under one key of a cipher with blocks of 64 bits (3des, blowfish, cast128) it is never more than 4 GB.",
            default_text="none",
            field="volume",
            differs="racoon refuses limits by volume.",
        ),
        Directive(
            "remoteid",
            Number(),
            "Only for the remote with this ph1id; 0: for all.",
            default=0,
        ),
        Directive(
            "my_identifier",
            Text(),
            "An old way to write `from`.",
            use=Use.REFUSED,
            note="racoon never read it; take the line out",
        ),
    ),
    "How traffic is protected. The block that says most of whom it is for is looked at first; ends mean SA pairs of "
    "just these networks, not of parts of them. A client has one block for all: its gateway says what goes through the "
    "tunnel. A file without a block gets AES with HMAC-SHA-256 or HMAC-SHA-1, or AES-GCM, for 8 hours, with a warning.",
    make_sainfo,
    header=SainfoHeader(),
    field="sainfos",
    repeatable=True,
    differs="one that cannot be carried out is left out with a warning, as long as another one is there for the "
    "remote; and racoon has no default.",
)
