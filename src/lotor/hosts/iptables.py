"""What `iptables-save` says, in the form of `nft -j list ruleset`: nft shows only the names of matches of iptables.

Matches that are not known here stay opaque, as they are in nft's own list.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lotor.hosts.foreign_rules import Ruleset

Entry = dict[str, Any]

OPAQUE: Entry = {"xt": {"type": "match", "name": "another"}}
VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return", "MASQUERADE": "masquerade"}
TRANSLATIONS = frozenset({"SNAT", "NETMAP"})
BASES = {
    "filter": {"INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"},
    "nat": {"PREROUTING": "prerouting", "INPUT": "input", "OUTPUT": "output", "POSTROUTING": "postrouting"},
}
"""The chains of each table that packets come to by themselves; other tables are left out."""
SILENT = frozenset({"-m", "--comment", "--reject-with", "--to-source", "--to-ports", "--log-prefix", "--log-level"})
"""Options that match nothing: `-m` names what the next ones belong to."""


def whole(rules: Ruleset, saved: Mapping[str, str]) -> Ruleset:
    """Rules with the tables of which nft shows a part only as iptables-save has them; `saved` by family. Where nft told
    nothing, those of the kernel's older firewall."""
    listed = rules["nftables"]
    veiled = {_place(each) for each in listed if "rule" in each and any("xt" in one for one in each["rule"]["expr"])}
    known = [each for family, text in saved.items() for each in entries(text, family)]
    told = {_place(each) for each in known}
    replaced = told & veiled if listed else told
    kept = [each for each in listed if _place(each) not in replaced]
    return {"nftables": [*kept, *(each for each in known if _place(each) in replaced)]}


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    """The family and the table of a chain or a rule."""
    about = entry.get("chain") or entry.get("rule") or {}
    return about.get("family", ""), about.get("table", "")


def entries(saved: str, family: str) -> list[Entry]:
    """`family` is `ip` or `ip6`. Lines that are not understood are left out, and so may be jumped to in vain."""
    found: list[Entry] = []
    table, chains = "", set[str]()
    for line in saved.splitlines():
        if line.startswith("*"):
            table, chains = line[1:].strip(), set()
        elif line.startswith(":") and table in BASES:
            name, policy = line[1:].split()[:2]
            chains.add(name)
            found.append(_chain(family, table, name, policy))
        elif line.startswith("-A ") and table in BASES:
            words = _words(line)
            if len(words) > 1:
                expr = list(_expressions(words[2:], family))
                found.append({"rule": {"family": family, "table": table, "chain": words[1], "expr": expr}})
    return found


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _chain(family: str, table: str, name: str, policy: str) -> Entry:
    hook = BASES[table].get(name)
    base = {"type": table, "hook": hook, "policy": policy.lower()} if hook else {}
    return {"chain": {"family": family, "table": table, "name": name, **base}}


def _expressions(words: list[str], family: str) -> Iterator[Entry]:
    """Of one rule: its matches in their order, and last what is done."""
    negated, protocol = False, ""
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        value = "" if _is_option(following) else following
        if word in {"-j", "-g", "--jump", "--goto"}:
            yield from _act(word, value)
            return
        if word == "-p":
            protocol = value
        if _is_option(word) and word not in SILENT and word != "!":
            yield _match(word, value, (family, protocol), "!=" if negated else "==")
        negated = word == "!"


def _is_option(word: str) -> bool:
    return word.startswith("-") or word == "!"


def _act(word: str, target: str) -> Iterator[Entry]:
    if target in VERDICTS:
        yield {VERDICTS[target]: None}
    elif target in TRANSLATIONS:
        yield {"snat": None}
    elif target.isupper() and target in {"LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS"}:
        return
    else:
        yield {"goto" if word in {"-g", "--goto"} else "jump": {"target": target}}


def _match(word: str, value: str, about: tuple[str, str], op: str) -> Entry:
    family, protocol = about
    if word in {"--dport", "--dports"} and protocol not in {"udp", "tcp"}:
        return OPAQUE
    known: dict[str, tuple[Entry, Callable[[str], Any]]] = {
        "-i": ({"meta": {"key": "iifname"}}, _device),
        "-o": ({"meta": {"key": "oifname"}}, _device),
        "-p": ({"meta": {"key": "l4proto"}}, str),
        "-s": ({"payload": {"protocol": family, "field": "saddr"}}, _network),
        "--dport": ({"payload": {"protocol": protocol, "field": "dport"}}, _ports),
        "--dports": ({"payload": {"protocol": protocol, "field": "dport"}}, _ports),
        "--dst-type": ({"fib": {"result": "type", "flags": ["daddr"]}}, str.lower),
        "--ctstate": ({"ct": {"key": "state"}}, _states),
        "--state": ({"ct": {"key": "state"}}, _states),
    }
    if word not in known:
        return OPAQUE
    left, right = known[word]
    return {"match": {"op": op, "left": left, "right": right(value)}}


def _device(name: str) -> str:
    return f"{name[:-1]}*" if name.endswith("+") else name


def _states(text: str) -> Entry:
    return {"set": text.lower().split(",")}


def _network(text: str) -> Entry:
    address, _, length = text.partition("/")
    return {"prefix": {"addr": address, "len": int(length) if length.isdecimal() else 128 if ":" in address else 32}}


def _ports(text: str) -> Entry:
    found: list[Any] = []
    for each in text.split(","):
        first, colon, last = each.partition(":")
        found.append({"range": [int(first or 0), int(last or 65535)]} if colon else int(first))
    return {"set": found}
