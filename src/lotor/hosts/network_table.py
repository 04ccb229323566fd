"""The nftables table of `network { }`: a pure plan, as JSON for nft and as text for a person.

One table for a host, replaced in one transaction. Rules by group and by user ask sets whose elements are the addresses
that proved users have now: who is in no set is denied.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Network
from typing import Any, NamedTuple

from lotor.config.settings import AccessRule, HostNetwork, Ports, Who
from lotor.hosts.nftables import IP, Command, Expression, among, anew, clamped, match, merged, payload
from lotor.model.frozen import frozen
from lotor.model.network import Network, lies_in

FAMILY, TABLE = "inet", "lotor_network"
TUNNELS = "tunnels"
"""The set of TUN devices by which clients' packets come: also those of networks that a peer brought itself."""
CLAMP, FORWARD, INPUT, ACCESS, LEAVE = "clamp", "forward", "input", "access", "leave"
BASES = {
    CLAMP: {"type": "filter", "hook": "forward", "prio": -150},
    FORWARD: {"type": "filter", "hook": "forward", "prio": 0},
    INPUT: {"type": "filter", "hook": "input", "prio": 0},
    LEAVE: {"type": "nat", "hook": "postrouting", "prio": 100},
}
PRIVATE6 = IPv6Network("fc00::/7")
LONGEST_COMMENT = 100
"""Octets: nft takes 128, with the digest."""
DIGITS = 8
"""Of the digest that tells a rule from one that somebody changed."""


class Subject(NamedTuple):
    """A group, a user or a filter that rules name."""

    who: Who
    name: str


class Row(NamedTuple):
    """One rule: its chain, what it is for, and its expressions."""

    chain: str
    comment: str
    expressions: list[Expression]

    @property
    def mark(self) -> str:
        """The comment that it has in the kernel, by which it is known again."""
        octets = json.dumps(self.expressions, sort_keys=True).encode()
        comment = self.comment.encode()[:LONGEST_COMMENT].decode(errors="ignore")
        return f"{comment} #{hashlib.sha256(octets).hexdigest()[:DIGITS]}"


@frozen
class Plan:
    """`clients` are the networks that the pools' addresses are in, and what sessions hold outside of them. `by_host`:
    the groups of this host count, beside those that come with a login."""

    network: HostNetwork
    clients: tuple[Network, ...]
    by_host: bool = True

    @property
    def subjects(self) -> dict[Subject, str]:
        """Those of the rules, with the first part of the names of their sets."""
        named = [Subject(rule.who, rule.name) for rule in self.network.rules if rule.who is not Who.EVERYONE]
        return {each: f"{each.who.value}{number}" for number, each in enumerate(dict.fromkeys(named), 1)}

    @property
    def groups(self) -> frozenset[str]:
        return frozenset(each.name for each in self.subjects if each.who is Who.GROUP)

    @property
    def filters(self) -> frozenset[str]:
        return frozenset(each.name for each in self.subjects if each.who is Who.FILTER)

    @property
    def covers_alone(self) -> bool:
        """Whether something is done for the clients' addresses by themselves."""
        return self.network.masquerade.on or bool(self.network.proxy_arp)

    def rows(self) -> list[Row]:
        """All rules; none where the block asks for nothing that needs a table."""
        return [*self._clamp(), *self._access(), *self._leave()]

    def sets(self) -> dict[str, str]:
        """Names of the sets, and the types of their elements."""
        found = {TUNNELS: "ifname"}
        for name in self.subjects.values():
            found |= {f"{name}_4": "ipv4_addr", f"{name}_6": "ipv6_addr"}
        return found

    def of(self, user: str, groups: frozenset[str], filter_: str) -> list[str]:
        """The first parts of the names of the sets that a user's addresses belong into."""
        own = {Subject(Who.USER, user), Subject(Who.FILTER, filter_)}
        mine = {*own, *(Subject(Who.GROUP, each) for each in groups)}
        return [name for subject, name in self.subjects.items() if subject in mine]

    def _clamp(self) -> Iterator[Row]:
        if not self.network.mss_clamp:
            return
        for key, whence in (("iifname", "from clients"), ("oifname", "to clients")):
            handshakes = clamped(match({"meta": {"key": key}}, f"@{TUNNELS}"))
            yield Row(CLAMP, f"segments that fit the path, {whence}", handshakes)

    def _access(self) -> Iterator[Row]:
        if not self.network.rules:
            return
        for chain, what in ((FORWARD, "the inside"), (INPUT, "this host")):
            jump = [match({"meta": {"key": "iifname"}}, f"@{TUNNELS}"), {"jump": {"target": ACCESS}}]
            yield Row(chain, f"what clients reach of {what}", jump)
        back = [match({"ct": {"key": "direction"}}, "reply"), _state("established"), {"accept": None}]
        yield Row(ACCESS, "answers to the inside", back)
        errors = [_of_protocol("icmp"), _state("related"), {"accept": None}]
        yield Row(ACCESS, "errors about known connections", errors)
        subjects = self.subjects
        for rule in self.network.rules:
            yield from _rule(rule, subjects.get(Subject(rule.who, rule.name), ""))
        yield Row(ACCESS, "everything else is denied", [{"counter": None}, *REFUSE])

    def _leave(self) -> Iterator[Row]:
        masquerade = self.network.masquerade
        ways = [match({"meta": {"key": "oifname"}}, {"set": sorted(masquerade.interfaces)})]
        for version in (4, 6) if masquerade.on else ():
            own = [each for each in merged(self.clients, version) if version == 4 or lies_in(each, PRIVATE6)]
            if not own:
                continue
            inside = [among(version, "saddr", own), among(version, "daddr", own, "!=")]
            last: list[Expression] = [{"counter": None}, {"masquerade": None}]
            yield Row(
                LEAVE, "clients leave with this host's address", inside + ways[: len(masquerade.interfaces)] + last
            )


REFUSE: list[Expression] = [{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}]


def _rule(rule: AccessRule, subject: str) -> Iterator[Row]:
    """One rule for each version of IP that it is about, or one for both."""
    end: list[Expression] = [{"counter": None}, *([{"accept": None}] if rule.allow else REFUSE)]
    for version in (4, 6) if subject or rule.networks else (0,):
        networks = merged(rule.networks, version)
        if rule.networks and not networks:
            continue
        conditions = [match(payload(IP[version], "saddr"), f"@{subject}_{version}")] if subject else []
        conditions += [among(version, "daddr", networks)] if networks else []
        yield Row(ACCESS, written(rule), [*conditions, *_transport(rule), *end])


def written(rule: AccessRule) -> str:
    """A rule as it stands in the file."""
    name = f' "{rule.name}"' if rule.name else ""
    networks = ", ".join(map(str, rule.networks)) or "any"
    ports = ", ".join(_span(each) for each in rule.ports)
    words = f"{'allow' if rule.allow else 'deny'} {rule.who.value}{name} to {networks} {rule.protocol} {ports}"
    return words.strip().replace('"', "'")


def replacing(plan: Plan, elements: Mapping[str, Iterable[str]]) -> list[Command]:
    """Commands that make the table anew, whether there was one or not, in one transaction. `elements` by set."""
    place = {"family": FAMILY, "table": TABLE}
    commands = anew(FAMILY, TABLE)
    rows = plan.rows()
    for name, kind in plan.sets().items():
        elem = sorted(elements.get(name, ()))
        commands.append({"add": {"set": {**place, "name": name, "type": kind, **({"elem": elem} if elem else {})}}})
    for name in _chains(rows):
        base = {**BASES[name], "policy": "accept"} if name in BASES else {}
        commands.append({"add": {"chain": {**place, "name": name, **base}}})
    for row in rows:
        about = {**place, "chain": row.chain, "comment": row.mark, "expr": row.expressions}
        commands.append({"add": {"rule": about}})
    return commands


def changing(what: str, name: str, elements: Iterable[str]) -> Command:
    """`what`: add or delete, of the elements of a set."""
    return {what: {"element": {"family": FAMILY, "table": TABLE, "name": name, "elem": list(elements)}}}


@frozen
class Found:
    """The table as nft lists it: the marks of its rules by chain, and the elements of its sets."""

    marks: tuple[tuple[str, str], ...]
    elements: Mapping[str, tuple[str, ...]]


def found(listed: str) -> Found:
    """Of what `nft -j list table` told. Raises `ValueError`."""
    entries = json.loads(listed)["nftables"]
    rules = [entry["rule"] for entry in entries if "rule" in entry]
    sets = [entry["set"] for entry in entries if "set" in entry]
    marks = tuple((rule["chain"], rule.get("comment") or text(rule.get("expr", ()))) for rule in rules)
    return Found(marks, {each["name"]: tuple(sorted(each.get("elem", ()))) for each in sets})


def difference(plan: Plan, there: Found | None) -> list[str]:
    """What is not as the plan wants it, in sentences; nothing where all is."""
    rows = plan.rows()
    if there is None:
        return [f"the table {FAMILY} {TABLE} is not there"] if rows else []
    if not rows:
        return [f"the table {FAMILY} {TABLE} is there, and nothing asks for it"]
    wanted = [(row.chain, row.mark) for row in rows]
    told = [f"a rule is missing in {chain}: {mark}" for chain, mark in wanted if (chain, mark) not in there.marks]
    told += [f"somebody added a rule in {chain}: {mark}" for chain, mark in there.marks if (chain, mark) not in wanted]
    if not told and _by_chain(wanted) != _by_chain(there.marks):
        told.append("the rules have another order")
    return told


def lines(plan: Plan) -> list[str]:
    """The table as a person reads it, in nft's own words."""
    rows = plan.rows()
    if not rows:
        return []
    told = [f"table {FAMILY} {TABLE} {{"]
    named = {name: subject for subject, name in plan.subjects.items()}
    for name, kind in plan.sets().items():
        subject = named.get(name.rpartition("_")[0])
        remark = f"  # of {subject.who.value} {subject.name}" if subject else "  # the devices of the tunnels"
        told.append(f"        set {name} {{ type {kind}; }}{remark}")
    for chain in _chains(rows):
        told.append(f"        chain {chain} {{")
        if chain in BASES:
            base = BASES[chain]
            told.append(
                f"                type {base['type']} hook {base['hook']} priority {base['prio']}; policy accept;"
            )
        told += [f'                {text(row.expressions)} comment "{row.mark}"' for row in rows if row.chain == chain]
        told.append("        }")
    return [*told, "}"]


def text(expressions: Iterable[Expression]) -> str:
    """Expressions of one rule in nft's own words, as far as this module writes them."""
    return " ".join(map(_text, expressions))


def _text(each: Any) -> str:
    if not isinstance(each, dict):
        return str(each)
    kind, value = next(iter(each.items()))
    match kind:
        case "match":
            return _condition(value)
        case "jump" | "goto":
            return f"{kind} {value['target']}"
        case "mangle":
            return "tcp option maxseg size set rt mtu"
        case "reject":
            return f"reject with {value['type']} {value['expr']}" if value else "reject"
    return str(kind)


def _condition(match: Mapping[str, Any]) -> str:
    operator = "!= " if match["op"] == "!=" else ""
    return f"{_left(match['left'])} {operator}{_right(match['right'])}"


def _left(left: Any) -> str:
    kind, value = next(iter(left.items()))
    match kind:
        case "payload":
            return f"{value.get('protocol')} {value.get('field')}"
        case "meta" | "ct":
            key = str(value["key"])
            return key if key.endswith("ifname") else f"{kind} {key}"
        case "&":
            return f"{_left(value[0])} & ({'|'.join(value[1])}) =="
    return str(kind)


def _right(right: Any) -> str:
    match right:
        case {"set": list(values)}:
            return f"{{ {', '.join(map(_right, values))} }}"
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [first, last]}:
            return f"{first}-{last}"
        case list(values):
            return ",".join(map(str, values))
    return str(right)


def _chains(rows: Iterable[Row]) -> list[str]:
    """Those that have rules; one that others jump to comes before them."""
    used = {row.chain for row in rows}
    return [name for name in (ACCESS, CLAMP, FORWARD, INPUT, LEAVE) if name in used]


def _by_chain(marks: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(marks, key=lambda each: each[0])


def _state(state: str) -> Expression:
    return match({"ct": {"key": "state"}}, state, "in")


def _of_protocol(name: str) -> Expression:
    numbers = ["icmp", "ipv6-icmp"] if name == "icmp" else [name]
    return match({"meta": {"key": "l4proto"}}, {"set": numbers})


def _transport(rule: AccessRule) -> list[Expression]:
    if not rule.protocol:
        return []
    if not rule.ports:
        return [_of_protocol(rule.protocol)]
    spans = [
        each.first if each.first == each.last else {"range": [each.first, each.last]} for each in _apart(rule.ports)
    ]
    return [match(payload(rule.protocol, "dport"), {"set": spans})]


def _apart(ports: Iterable[Ports]) -> list[Ports]:
    """Ranges that neither touch nor overlap: nftables refuses sets that do."""
    merged: list[Ports] = []
    for each in sorted(ports, key=lambda span: span.first):
        if merged and each.first <= merged[-1].last + 1:
            merged[-1] = Ports(merged[-1].first, max(merged[-1].last, each.last))
        else:
            merged.append(each)
    return merged


def _span(ports: Ports) -> str:
    return str(ports.first) if ports.first == ports.last else f"{ports.first}-{ports.last}"
