"""What a daemon that was killed left on this host: routes, rules, the kill switch, resolv.conf."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lotor.doctor.daemon import start_of
from lotor.doctor.finding import Finding, ok, warn
from lotor.doctor.subject import Subject
from lotor.hosts.changes import (
    AddressMade,
    Closing,
    LinkUp,
    Resolvconf,
    Resolved,
    ResolvFile,
    ReversePath,
    RouteMade,
    RuleMade,
    Table,
)
from lotor.hosts.journal import STATE_DIRECTORY, SUFFIX, Owner

NOUNS = {
    AddressMade.__name__: ("address", "addresses"),
    RouteMade.__name__: ("route", "routes"),
    RuleMade.__name__: ("routing rule", "routing rules"),
    Table.__name__: ("table of nftables", "tables of nftables"),
    Closing.__name__: ("kill switch", "kill switches"),
    LinkUp.__name__: ("device", "devices"),
    ReversePath.__name__: ("rp_filter", "rp_filters"),
    Resolved.__name__: ("setting of systemd-resolved", "settings of systemd-resolved"),
    Resolvconf.__name__: ("record of resolvconf", "records of resolvconf"),
    ResolvFile.__name__: ("/etc/resolv.conf", "/etc/resolv.conf"),
}
"""One of a kind, and more."""


@dataclass(frozen=True, slots=True)
class Left:
    """A journal whose owner is gone: what stands in it, by kind."""

    file: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leftovers:
    left: tuple[Left, ...]
    start: str


def look(subject: Subject) -> Leftovers:
    """Raises `OSError` for a directory that this user may not read."""
    if not STATE_DIRECTORY.exists():
        return Leftovers((), start_of(subject))
    namespace = Path("/proc/self/ns/net").stat().st_ino
    files = sorted(each for each in STATE_DIRECTORY.iterdir() if each.suffix == SUFFIX)
    found = [left for each in files if (left := left_in(each.name, each.read_text(), namespace)) is not None]
    return Leftovers(tuple(found), start_of(subject))


def left_in(name: str, text: str, namespace: int) -> Left | None:
    """None where the owner lives, or the journal is of another network namespace."""
    lines = text.splitlines()
    with suppress(ValueError, TypeError, LookupError):
        owner = Owner(**json.loads(lines[0]))
        if owner.namespace != namespace or owner.lives():
            return None
        kinds = [str(json.loads(line).get("change")) for line in lines[1:] if line.endswith("}")]
        return Left(name, tuple(kinds)) if kinds else None
    return None


def judge(leftovers: Leftovers) -> Iterator[Finding]:
    for left in leftovers.left:
        counted = {kind: left.kinds.count(kind) for kind in dict.fromkeys(left.kinds)}
        told = ", ".join(f"{number} {NOUNS.get(kind, (kind, kind))[number > 1]}" for kind, number in counted.items())
        yield warn(f"a daemon that was killed left {told}: the next start takes it back", leftovers.start)
    if not leftovers.left:
        yield ok("nothing is left of an earlier daemon")
