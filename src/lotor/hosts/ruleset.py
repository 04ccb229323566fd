"""What other programs' rules do to a packet: a walk over `nft -j list ruleset` and `iptables-save`, pure.

Some matches cannot be judged from here: named sets, marks, most extensions of iptables. Such a rule counts as it does
less harm: one that accepts is taken to accept, one that drops is left out. So what is told as dropped is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import Any

from lotor.hosts import iptables
from lotor.model.network import Network

DEEPEST = 16
"""Jumps from chain to chain, as many as the kernel allows."""
FAMILIES = {4: frozenset({"ip", "inet"}), 6: frozenset({"ip6", "inet"})}
VERDICTS = {
    "accept": "accept",
    "queue": "accept",
    "drop": "drop",
    "reject": "drop",
    "REJECT": "drop",
    "return": "end",
    "masquerade": "translate",
    "MASQUERADE": "translate",
    "snat": "translate",
    "SNAT": "translate",
}
"""What statements, and targets of iptables, do to a packet."""
PROTOCOLS = {"udp": 17, "tcp": 6, "icmp": 1}

Expression = Mapping[str, Any]
Answer = bool | None
"""Whether a packet matches; None: cannot be judged."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One that passes a hook: `entry` and `exit` are names of devices, empty where there is none. `source` None:
    anybody. `state` is that of connection tracking."""

    hook: str
    entry: str = ""
    exit: str = ""
    protocol: str = ""
    port: int | None = None
    source: Network | None = None
    state: str = "new"
    version: int = 4


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a packet ends: the base chain that it came by, and the chain whose rule or policy drops it."""

    family: str
    table: str
    base: str
    chain: str
    policy: bool


@dataclass(slots=True)
class Chain:
    """A base chain has a `hook`; `kind` is `filter` or `nat`."""

    family: str
    table: str
    name: str
    kind: str = ""
    hook: str = ""
    policy: str = "accept"
    rules: list[list[Expression]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a walk through a chain ends. `doubt`: by a rule that could not be judged."""

    word: str
    chain: str = ""
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What programs say of the rules: `nft -j list ruleset`, and `iptables-save` by family (`ip`, `ip6`), which shows
    what nft does not. Empty texts where there was nothing to ask."""

    nft: str = ""
    saved: Mapping[str, str] = field(default_factory=dict)


class Ruleset:
    """Raises `ValueError` for a listing that is none."""

    def __init__(self, listing: Listing) -> None:
        self.chains: dict[tuple[str, str, str], Chain] = {}
        try:
            listed = json.loads(listing.nft)["nftables"] if listing.nft else []
            for entry in _whole(listed, listing.saved):
                self._add(entry)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a ruleset of nftables") from error

    def _add(self, entry: Mapping[str, Any]) -> None:
        if (chain := entry.get("chain")) is not None:
            place = chain["family"], chain["table"], chain["name"]
            how = chain.get("type", ""), chain.get("hook", ""), chain.get("policy", "accept")
            self.chains[place] = Chain(*place, *how)
        elif (rule := entry.get("rule")) is not None:
            self.chains[rule["family"], rule["table"], rule["chain"]].rules.append(list(rule.get("expr", ())))

    def stops(self, packet: Packet) -> list[Stop]:
        """Each base chain that drops the packet, or refuses it."""
        found = []
        for base in self._bases(packet, "filter"):
            outcome = self._walk(base, packet, 0)
            if outcome.word == "drop":
                found.append(Stop(base.family, base.table, base.name, outcome.chain, policy=False))
            elif outcome.word in {"end", ""} and base.policy == "drop":
                found.append(Stop(base.family, base.table, base.name, base.name, policy=True))
        return found

    def translates(self, packet: Packet) -> Answer:
        """Whether the packet leaves with another source; None: perhaps."""
        outcomes = [self._walk(base, packet, 0) for base in self._bases(packet, "nat")]
        answers = [not each.doubt for each in outcomes if each.word == "translate"]
        return True if True in answers else None if answers else False

    def _bases(self, packet: Packet, kind: str) -> list[Chain]:
        known = FAMILIES[packet.version]
        return [
            each
            for each in self.chains.values()
            if each.hook == packet.hook and each.kind == kind and each.family in known
        ]

    def _walk(self, chain: Chain, packet: Packet, depth: int) -> _Outcome:
        if depth > DEEPEST:
            return _Outcome("")
        gone = False
        for rule in chain.rules:
            outcome = self._rule(chain, rule, packet, depth)
            if outcome.word == "end" and outcome.doubt:
                gone = True
            elif outcome.word:
                return _Outcome("end") if gone and outcome.word == "drop" else outcome
        return _Outcome("")

    def _rule(self, chain: Chain, rule: Iterable[Expression], packet: Packet, depth: int) -> _Outcome:
        doubt = False
        for each in rule:
            word, value = next(iter(each.items()))
            if word == "match":
                answer = _matches(value, packet)
                if answer is False:
                    return _Outcome("")
                doubt = doubt or answer is None
            elif word in {"limit", "quota"} or _is_opaque(word, value):
                doubt = True
            else:
                outcome = self._act(chain, (word, value), packet, depth)
                if outcome.word:
                    return _in_doubt(outcome) if doubt else outcome
        return _Outcome("")

    def _act(self, chain: Chain, statement: tuple[str, Any], packet: Packet, depth: int) -> _Outcome:
        word, value = statement
        if word in {"jump", "goto"}:
            return self._follow(chain, statement, packet, depth)
        if word == "vmap":
            return self._mapped(chain, value, packet, depth)
        verdict = value.get("name", "") if word == "xt" else word
        return _Outcome(VERDICTS.get(verdict, ""), chain.name)

    def _follow(self, chain: Chain, statement: tuple[str, Any], packet: Packet, depth: int) -> _Outcome:
        word, value = statement
        target = self.chains.get((chain.family, chain.table, value["target"]))
        outcome = self._walk(target, packet, depth + 1) if target else _Outcome("")
        if outcome.word in {"", "end"}:
            return _Outcome("end" if word == "goto" else "")
        return outcome

    def _mapped(self, chain: Chain, value: Mapping[str, Any], packet: Packet, depth: int) -> _Outcome:
        """The verdict of the element that fits."""
        elements = value["data"].get("set", ()) if isinstance(value["data"], dict) else ()
        for key, verdict in elements:
            if _matches({"op": "==", "left": value["key"], "right": key}, packet):
                return self._act(chain, next(iter(verdict.items())), packet, depth)
        return _Outcome("")


def _whole(listed: Sequence[Any], saved: Mapping[str, str]) -> list[Any]:
    """Tables that nft shows in part only as iptables-save has them."""
    rules = [each["rule"] for each in listed if "rule" in each]
    veiled = {(each["family"], each["table"]) for each in rules if any("xt" in one for one in each.get("expr", ()))}
    known = [each for family, text in saved.items() for each in iptables.entries(text, family)]
    told = {_place(each) for each in known}
    replaced = told if not listed else told & veiled
    kept = [each for each in listed if _place(each) not in replaced]
    return [*kept, *(each for each in known if _place(each) in replaced)]


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    """The family and the table of a chain or a rule."""
    about = entry.get("chain") or entry.get("rule") or {}
    return about.get("family", ""), about.get("table", "")


def _in_doubt(outcome: _Outcome) -> _Outcome:
    """What a rule does of which nobody knows whether it fits: nothing that harms."""
    return _Outcome("") if outcome.word == "drop" else _Outcome(outcome.word, outcome.chain, doubt=True)


def _is_opaque(word: str, value: Any) -> bool:
    """A match of iptables, which nft does not translate."""
    return word == "xt" and not (isinstance(value, dict) and value.get("type") == "target")


def _matches(match: Mapping[str, Any], packet: Packet) -> Answer:
    answer = _holds(match["left"], match["right"], packet)
    return answer if answer is None or match["op"] != "!=" else not answer


def _holds(left: Any, right: Any, packet: Packet) -> Answer:
    if not isinstance(left, dict):
        return None
    kind, of = next(iter(left.items()))
    if kind == "payload":
        return _of_payload(of, right, packet)
    key = of.get("key", "") if isinstance(of, dict) else ""
    if (kind, key) == ("fib", ""):
        return _any(right, lambda value: value == "local") if packet.hook == "input" and _asks_for_type(of) else None
    if (kind, key) == ("ct", "status"):
        return False if packet.state == "new" else None
    question = QUESTIONS.get((kind, key))
    if question is None or (key == "l4proto" and not packet.protocol):
        return None
    return _any(right, lambda value: question(value, packet))


def _asks_for_type(fib: Mapping[str, Any]) -> bool:
    """Whether the destination is an address of this host, a broadcast or another."""
    return fib.get("result") == "type" and "daddr" in fib.get("flags", ())


Question = Callable[[Any, Packet], bool]
QUESTIONS: Mapping[tuple[str, str], Question] = {
    ("meta", "iifname"): lambda name, packet: _named(name, packet.entry),
    ("meta", "iif"): lambda name, packet: _named(name, packet.entry),
    ("meta", "oifname"): lambda name, packet: _named(name, packet.exit),
    ("meta", "oif"): lambda name, packet: _named(name, packet.exit),
    ("meta", "l4proto"): lambda value, packet: value in {packet.protocol, PROTOCOLS.get(packet.protocol)},
    ("meta", "nfproto"): lambda value, packet: value == f"ipv{packet.version}",
    ("ct", "state"): lambda value, packet: value == packet.state,
}
"""What the left side of a match says of a packet, by kind and key."""


def _of_payload(of: Mapping[str, Any], right: Any, packet: Packet) -> Answer:
    protocol, name = of.get("protocol", ""), of.get("field", "")
    if protocol in {"ip", "ip6"}:
        if protocol != ("ip6" if packet.version == 6 else "ip"):
            return False
        if name == "protocol" and packet.protocol:
            return _any(right, lambda value: value in {packet.protocol, PROTOCOLS.get(packet.protocol)})
        return _from(right, packet.source) if name == "saddr" else None
    if protocol in {"udp", "tcp", "th"}:
        if packet.protocol and protocol not in {packet.protocol, "th"}:
            return False
        return _any(right, lambda value: value == packet.port) if name == "dport" and packet.port else None
    return False if packet.protocol and protocol in {"icmp", "icmpv6"} else None


def _any(right: Any, fits: Any) -> Answer:
    """Of a value, a range, or a set of both; None for a named set."""
    answers: list[Answer] = []
    for each in _elements(right):
        if isinstance(each, str) and each.startswith("@"):
            answers.append(None)
        elif isinstance(each, dict) and "range" in each:
            answers.append(_within(each["range"], fits))
        elif isinstance(each, dict):
            answers.append(None)
        else:
            answers.append(bool(fits(each)))
    return True if True in answers else None if None in answers else False


def _elements(right: Any) -> Iterator[Any]:
    listed = right.get("set", [right]) if isinstance(right, dict) else right
    for each in listed if isinstance(listed, list) else (listed,):
        yield each["elem"]["val"] if isinstance(each, dict) and "elem" in each else each


def _within(bounds: Any, fits: Any) -> Answer:
    first, last = bounds
    if isinstance(first, int) and isinstance(last, int) and last - first < 1 << 16:
        return any(fits(number) for number in range(first, last + 1))
    return None


def _named(pattern: Any, device: str) -> bool:
    return isinstance(pattern, str) and bool(device) and fnmatchcase(device, pattern.replace("[", "[[]"))


def _from(right: Any, source: Network | None) -> Answer:
    """Whether a source is in a network, all of it; anybody is in none but that of everybody."""
    answers = [_contains(each, source) for each in _elements(right)]
    return True if True in answers else None if None in answers else False


def _contains(text: Any, source: Network | None) -> Answer:
    if isinstance(text, dict) and "prefix" in text:
        text = f"{text['prefix']['addr']}/{text['prefix']['len']}"
    if not isinstance(text, str) or text.startswith("@"):
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if source is None or network.version != source.version:
        return network.prefixlen == 0
    if network.supernet_of(source):  # type: ignore[arg-type]  # of one version, as was just seen
        return True
    return None if network.overlaps(source) else False
