"""What a daemon that was killed left on this host: routes, rules, resolv.conf, and a host that is closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from lotor.doctor.daemon import start_of
from lotor.doctor.finding import Finding, ok, unknown, warn
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
from lotor.hosts.closures import gateways
from lotor.hosts.journal import STATE_DIRECTORY, SUFFIX
from lotor.hosts.owner import Owner
from lotor.model.frozen import frozen

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


@frozen
class Left:
    """A journal whose owner is gone: what stands in it, by kind."""

    file: str
    kinds: tuple[str, ...]


@frozen
class Leftovers:
    """`closed`: the gateways that the host is closed for, which everybody may see. `hidden`: why the rest is not
    known."""

    left: tuple[Left, ...]
    start: str
    closed: tuple[str, ...] = ()
    hidden: str = ""


def look(subject: Subject) -> Leftovers:
    closed = gateways()
    try:
        return Leftovers(_left(), start_of(subject), closed)
    except OSError as error:
        return Leftovers((), start_of(subject), closed, error.strerror or str(error))


def _left() -> tuple[Left, ...]:
    if not STATE_DIRECTORY.exists():
        return ()
    namespace = Owner.myself().namespace
    files = sorted(each for each in STATE_DIRECTORY.iterdir() if each.suffix == SUFFIX)
    found = (left_in(each.name, each.read_text(), namespace) for each in files)
    return tuple(left for left in found if left is not None)


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
    for gateway in leftovers.closed:
        what = f"this host is closed: what belongs into the tunnel to {gateway} is unreachable"
        yield warn(what, f"lotor vd {gateway}")
    if leftovers.hidden:
        yield unknown(f"root may see what else is left: {leftovers.hidden}", "sudo lotor doctor")
    elif not leftovers.left and not leftovers.closed:
        yield ok("nothing is left of an earlier daemon")
