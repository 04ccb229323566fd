"""The `network` block: what it wants of this host and the host has not. Firewalls of others have their own check."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.doctor.finding import Finding, ok, wrong
from lotor.doctor.subject import Subject
from lotor.hosts import network_state
from lotor.hosts.changes import Machine
from lotor.model.frozen import frozen
from lotor.warden.admitting import plan_of


@frozen
class Wanted:
    """`there`: there is such a block."""

    there: bool
    missing: tuple[str, ...] = ()


async def look(subject: Subject) -> Wanted:
    """Raises `OSError` where nft may not look."""
    plan = plan_of(subject.settings) if subject.settings else None
    if plan is None:
        return Wanted(there=False)
    return Wanted(there=True, missing=tuple(await network_state.missing(plan, Machine(commands=subject.commands))))


def judge(wanted: Wanted) -> Iterator[Finding]:
    if not wanted.there:
        yield ok("there is no network block: this host is set up by hand")
    elif not wanted.missing:
        yield ok("this host is as the network block wants it")
    for number, each in enumerate(wanted.missing, 1):
        yield wrong(each, *["lotor network apply"] * (number == len(wanted.missing)))
