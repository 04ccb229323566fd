"""What other programs' rules of nftables do to a packet: a pure reading of `nft -j list ruleset`.

A packet goes by every chain of its hook, in whatever table, and one that drops it is enough: a rule of lotor's own that
accepts it changes nothing there. So this says which chain drops, and whose it is. A rule that asks for something that
is not known here (a mark, a time, a set whose elements were not listed) may fit or not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network, summarize_address_range
from typing import Any

from lotor.model.frozen import frozen
from lotor.model.network import Network, lies_in

OWN = "lotor"
"""How the names of tables begin that lotor makes."""
FAMILIES = {4: frozenset({"ip", "inet"}), 6: frozenset({"ip6", "inet"})}
VERSIONS = {"ip": 4, "ip6": 6}
TRANSPORTS = frozenset({"tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "esp", "ah"})
BRAKES = frozenset({"limit", "quota", "ct count", "meter"})
"""Statements that let some packets go on to the verdict."""
TRANSLATIONS = frozenset({"masquerade", "snat", "MASQUERADE", "SNAT"})
"""What gives packets another source address: statements, and targets of iptables."""
DEEPEST = 16
"""Jumps within jumps, as many as the kernel allows."""
MOST_RULES = 20_000
"""Rules that are looked at for one packet; what comes behind counts as unknown."""

LEGACY = "legacy"
"""Key of a ruleset: whether it is that of the kernel's older firewall."""

Ruleset = Mapping[str, Any]
Sets = Callable[[str], list[Any] | None]
"""The elements of a set by its name; None: they were not listed."""


@frozen
class Packet:
    """`hook`: forward, input or postrouting. `outgoing` are the devices by one of which it leaves. `source` and
    `destination` None: any; `port` is the destination's."""

    hook: str
    version: int
    incoming: str
    outgoing: tuple[str, ...] = ()
    source: Network | None = None
    destination: Network | None = None
    protocol: str | None = None
    port: int | None = None
    state: str = "new"


class Program(Enum):
    """Whose a table is, as far as that shows."""

    FIREWALLD = "firewalld"
    UFW = "ufw"
    DOCKER = "Docker"
    IPTABLES = "iptables"
    OTHER = ""


@frozen
class Obstacle:
    """A chain that drops a packet: `certain`, or unless a rule before fits that cannot be judged from here. `why`: its
    policy, or the rule, as a person reads it. `legacy`: of the kernel's older firewall."""

    family: str
    table: str
    chain: str
    why: str
    certain: bool
    program: Program
    legacy: bool = False

    @property
    def place(self) -> str:
        return f"{self.family} {self.table} {self.chain}"

    def __str__(self) -> str:
        of = f" of {self.program.value}" if self.program.value else ""
        drops = "drops" if self.certain else "may drop"
        return f"the chain {self.place}{of} {drops} them ({self.why})"


def ruleset(listed: str) -> Ruleset:
    """What `nft -j list ruleset` told. Raises `ValueError`."""
    found = json.loads(listed)
    if not isinstance(found, dict) or not isinstance(found.get("nftables"), list):
        raise ValueError("nft told no ruleset")  # noqa: TRY004 - it is the text that is wrong
    return found


def obstacles(rules: Ruleset, packet: Packet) -> list[Obstacle]:
    """The chains of others that drop this packet, in the kernel's order."""
    reader = _Reader(rules)
    found = []
    for chain in reader.bases(packet):
        outcome = reader.judge(chain, packet)
        if outcome is not None:
            found.append(outcome)
    return found


def in_the_way(rules: Ruleset, packets: Iterable[Packet]) -> list[Obstacle]:
    """Those of any of the packets, each chain once, the certain ones first."""
    by_place: dict[str, Obstacle] = {}
    for packet in packets:
        for each in obstacles(rules, packet):
            known = by_place.get(each.place)
            if known is None or (each.certain and not known.certain):
                by_place[each.place] = each
    return sorted(by_place.values(), key=lambda each: not each.certain)


def translates(rules: Ruleset, packet: Packet) -> bool | None:
    """Whether a packet of the hook postrouting leaves with another source address, also by lotor's own rules; None:
    that cannot be judged."""
    reader = _Reader(rules)
    found = [reader.translates(chain, packet) for chain in reader.bases(packet, "nat")]
    return _any(found)


def forwarded(clients: Iterable[Network], device: str, outgoing: Sequence[str]) -> list[Packet]:
    """A client's first packet of a TCP connection to the inside, and the answer to it."""
    packets = []
    for network in clients:
        there = Packet("forward", network.version, device, tuple(outgoing), source=network, protocol="tcp")
        back = replace(there, outgoing=(device,), source=None, destination=network, state="established")
        packets += [there, *(replace(back, incoming=name) for name in outgoing)]
    return packets


class _End(Enum):
    """How a walk through a chain ends. `THROUGH`: no rule decided."""

    ACCEPT = "accept"
    DROP = "drop"
    TRANSLATE = "translate"
    THROUGH = "through"


@dataclass(slots=True)
class _Walk:
    """One packet on its way through one chain. `maybe`: a rule that cannot be judged would accept it."""

    packet: Packet
    maybe: bool = False
    looked: int = 0
    why: str = ""


@dataclass(slots=True)
class _Chain:
    family: str
    table: str
    name: str
    about: Mapping[str, Any]
    rules: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)

    @property
    def place(self) -> tuple[str, str, str]:
        return self.family, self.table, self.name


class _Reader:
    def __init__(self, rules: Ruleset) -> None:
        self._chains: dict[tuple[str, str, str], _Chain] = {}
        self._sets: dict[tuple[str, str, str], list[Any]] = {}
        self._legacy = bool(rules.get(LEGACY))
        for entry in rules["nftables"]:
            if "chain" in entry:
                about = entry["chain"]
                chain = _Chain(about["family"], about["table"], about["name"], about)
                self._chains[chain.place] = chain
            elif "rule" in entry:
                about = entry["rule"]
                place = about["family"], about["table"], about["chain"]
                self._chains.setdefault(place, _Chain(*place, {})).rules.append(about.get("expr", ()))
            elif "set" in entry and "elem" in entry["set"]:
                about = entry["set"]
                self._sets[about["family"], about["table"], about["name"]] = about["elem"]

    def bases(self, packet: Packet, kind: str = "filter") -> list[_Chain]:
        """The chains to which a packet comes by itself; of filters those of others only."""
        found = [
            chain
            for chain in self._chains.values()
            if chain.about.get("hook") == packet.hook
            and chain.about.get("type") == kind
            and chain.family in FAMILIES[packet.version]
            and not (kind == "filter" and chain.table.startswith(OWN))
        ]
        return sorted(found, key=lambda chain: chain.about.get("prio", 0))

    def judge(self, chain: _Chain, packet: Packet) -> Obstacle | None:
        """None where it lets the packet pass."""
        walk = _Walk(packet)
        end = self._walk(walk, chain, 0)
        if end is _End.THROUGH and chain.about.get("policy") == "drop":
            end, walk.why = _End.DROP, "policy drop"
        if end is not _End.DROP:
            return None
        return Obstacle(*chain.place, walk.why, not walk.maybe, self._program(chain), self._legacy)

    def translates(self, chain: _Chain, packet: Packet) -> bool | None:
        walk = _Walk(packet)
        end = self._walk(walk, chain, 0)
        return None if walk.maybe else end is _End.TRANSLATE

    def _program(self, chain: _Chain) -> Program:
        names = [name for family, table, name in self._chains if (family, table) == (chain.family, chain.table)]
        if chain.table == "firewalld":
            return Program.FIREWALLD
        if any(name.startswith(("ufw-", "ufw6-")) for name in names):
            return Program.UFW
        if "DOCKER-USER" in names:
            return Program.DOCKER
        return Program.IPTABLES if chain.name.isupper() else Program.OTHER

    def _walk(self, walk: _Walk, chain: _Chain, depth: int) -> _End:
        for rule in chain.rules:
            walk.looked += 1
            if walk.looked > MOST_RULES:
                walk.maybe = True
                return _End.THROUGH
            fits = self._fits(walk.packet, chain, rule)
            if fits is False:
                continue
            verdict, sure = self._verdict(walk.packet, chain, rule)
            sure = sure and fits is True
            end, leaves = self._follow(walk, chain, (verdict, sure), depth)
            if leaves:
                if end is _End.DROP and not walk.why:
                    walk.why = told(rule)
                return end
        return _End.THROUGH

    def _follow(self, walk: _Walk, chain: _Chain, verdict: tuple[Any, bool], depth: int) -> tuple[_End, bool]:
        """How it ends, and whether the chain is left by that."""
        (word, target), sure = _word(verdict[0]), verdict[1]
        if word == "accept":
            walk.maybe |= not sure
            return _End.ACCEPT, sure
        if word in {"drop", "reject"}:
            return _End.DROP, sure
        if word == "translate":
            walk.maybe |= not sure
            return _End.TRANSLATE, sure
        if word == "return":
            return _End.THROUGH, sure
        inner = self._chains.get((chain.family, chain.table, target)) if word in {"jump", "goto"} else None
        if inner is None or depth >= DEEPEST:
            return _End.THROUGH, False
        beside = _Walk(walk.packet, looked=walk.looked)
        end = self._walk(beside, inner, depth + 1)
        walk.looked = beside.looked
        walk.maybe |= beside.maybe or (end in {_End.ACCEPT, _End.TRANSLATE} and not sure)
        if sure and end is _End.DROP:
            walk.why = beside.why
        return end, sure and (end is not _End.THROUGH or word == "goto")

    def _sets_of(self, chain: _Chain) -> Sets:
        """Those of its table."""
        return lambda name: self._sets.get((chain.family, chain.table, name))

    def _verdict(self, packet: Packet, chain: _Chain, rule: Sequence[Mapping[str, Any]]) -> tuple[Any, bool]:
        """The last word of a rule; whether it is the one for this packet for certain."""
        last = rule[-1] if rule else {}
        if "vmap" not in last:
            return last, True
        data = last["vmap"].get("data")
        for key, verdict in data.get("set", ()) if isinstance(data, dict) else ():
            fits = _match(packet, last["vmap"]["key"], key, self._sets_of(chain))
            if fits is not False:
                return verdict, fits is True
        return {}, False

    def _fits(self, packet: Packet, chain: _Chain, rule: Sequence[Mapping[str, Any]]) -> bool | None:
        """Whether all of its conditions hold; None: that cannot be judged."""
        outcome: bool | None = True
        for each in rule:
            if _is_of_another(packet, each):
                return False
            if "match" not in each:
                outcome = None if _is_partial(each) else outcome
                continue
            match = each["match"]
            fits = _match(packet, match["left"], match["right"], self._sets_of(chain))
            if match["op"] == "!=" and fits is not None:
                fits = not fits
            if fits is False:
                return False
            outcome = None if fits is None else outcome
        return outcome


def _is_partial(statement: Mapping[str, Any]) -> bool:
    """Whether it lets some packets go on to the verdict: a match of iptables, a brake."""
    if "xt" in statement:
        return not (isinstance(statement["xt"], dict) and statement["xt"].get("type") == "target")
    return not BRAKES.isdisjoint(statement) or bool(
        isinstance(statement.get("set"), dict) and statement["set"].get("stmt")
    )


def _word(verdict: Any) -> tuple[str, str]:
    """A verdict, and the chain that it leads to."""
    if not isinstance(verdict, dict):
        return "", ""
    for word in ("accept", "drop", "reject", "return"):
        if word in verdict:
            return word, ""
    for word in ("jump", "goto"):
        if word in verdict:
            return word, verdict[word]["target"]
    target = verdict["xt"].get("name") if isinstance(verdict.get("xt"), dict) else None
    if target in {"REJECT", "DROP"}:
        return "reject", ""
    return ("translate" if target in TRANSLATIONS or TRANSLATIONS & verdict.keys() else ""), ""


def _match(packet: Packet, left: Any, right: Any, sets: Sets) -> bool | None:
    if not isinstance(left, dict):
        return None
    values = _values(right, sets)
    if "meta" in left:
        return _of_meta(packet, left["meta"].get("key"), values)
    if "payload" in left and "field" in left["payload"]:
        return _of_payload(packet, left["payload"]["protocol"], left["payload"]["field"], values)
    if "ct" in left:
        return _of_connection(packet, left["ct"].get("key"), values)
    if "fib" in left and left["fib"].get("result") == "type" and "daddr" in left["fib"].get("flags", ()):
        local = packet.hook == "input"
        return None if values is None else any(value == "local" for value in values) is local
    return None


def _values(right: Any, sets: Sets) -> list[Any] | None:
    """What a condition compares with; None: that was not listed."""
    if isinstance(right, str) and right.startswith("@"):
        listed = sets(right[1:])
        return None if listed is None else [_element(each) for each in listed]
    if isinstance(right, dict) and "set" in right:
        inner = right["set"]
        return [_element(each) for each in (inner if isinstance(inner, list) else [inner])]
    return list(right) if isinstance(right, list) else [right]


def _element(each: Any) -> Any:
    """Without its counter and timeout."""
    return each["elem"]["val"] if isinstance(each, dict) and "elem" in each else each


def _any(found: Iterable[bool | None]) -> bool | None:
    listed = list(found)
    return True if True in listed else None if None in listed else False


def _of_meta(packet: Packet, key: str, values: list[Any] | None) -> bool | None:
    if values is None:
        return None
    if key in {"iifname", "iif", "oifname", "oif"}:
        return _named((packet.incoming,) if key.startswith("iif") else packet.outgoing, values)
    known = {
        "nfproto": "ipv4" if packet.version == 4 else "ipv6",
        "protocol": "ip" if packet.version == 4 else "ip6",
        "l4proto": packet.protocol,
    }.get(key)
    return None if known is None else known in values


def _named(devices: Sequence[str], values: Sequence[Any]) -> bool | None:
    """Devices by one of which it goes: all of them are named, none, or some."""
    if not devices:
        return None
    fit = [any(isinstance(value, str) and fnmatchcase(device, value) for value in values) for device in devices]
    return True if all(fit) else None if any(fit) else False


def _is_of_another(packet: Packet, condition: Mapping[str, Any]) -> bool:
    """Whether it reads a header that the packet has not: then it fits in no sense, negated or not."""
    left = condition.get("match", {}).get("left") or condition.get("vmap", {}).get("key")
    protocol = left["payload"].get("protocol") if isinstance(left, dict) and "payload" in left else None
    if protocol in VERSIONS:
        return packet.version != VERSIONS[protocol]
    return protocol in TRANSPORTS and packet.protocol not in {None, protocol}


def _of_payload(packet: Packet, protocol: str, name: str, values: list[Any] | None) -> bool | None:
    if protocol in VERSIONS:
        return _of_header(packet, name, values)
    if name != "dport" or packet.port is None or values is None or packet.protocol is None:
        return None
    port = packet.port
    return _any(_includes(value, port) for value in values)


def _of_header(packet: Packet, name: str, values: list[Any] | None) -> bool | None:
    if name in {"saddr", "daddr"}:
        end = packet.source if name == "saddr" else packet.destination
        return None if end is None or values is None else _any(_within(end, value) for value in values)
    return _of_meta(packet, "l4proto", values) if name in {"protocol", "nexthdr"} else None


def _within(end: Network, value: Any) -> bool | None:
    """Whether all of a network is what a condition names; None: some of it, or that cannot be read."""
    try:
        named = _networks(value)
    except (ValueError, KeyError, TypeError):
        return None
    if any(lies_in(end, each) for each in named):
        return True
    return None if any(each.version == end.version and each.overlaps(end) for each in named) else False


def _networks(value: Any) -> list[Network]:
    if isinstance(value, dict) and "prefix" in value:
        return [ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}")]
    if isinstance(value, dict) and "range" in value:
        first, last = (ip_address(each) for each in value["range"])
        return list(summarize_address_range(first, last))
    return [ip_network(value)]


def _includes(value: Any, port: int) -> bool | None:
    if isinstance(value, dict) and "range" in value:
        first, last = value["range"]
        return bool(first <= port <= last)
    return value == port if isinstance(value, int) else None


def _of_connection(packet: Packet, key: str, values: list[Any] | None) -> bool | None:
    if values is None:
        return None
    if key == "state":
        return packet.state in values
    if key == "status":
        return False if values == ["dnat"] else None
    return None


def told(rule: Sequence[Mapping[str, Any]]) -> str:
    """A rule of somebody else's in few words."""
    last = rule[-1] if rule else {}
    if "vmap" in last:
        return "a rule whose map says drop"
    word = _word(last)[0] or "a rule"
    conditions = sum("match" in each or "xt" in each for each in rule)
    return f"a rule that says {word}" if conditions else f"its last rule says {word}"
