"""The verbs of accounting: a session of this daemon is up, goes on, and has ended."""

from __future__ import annotations

from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.ports.accounting import Account, Backlog, Usage
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.verb import Verb

LONGEST_ACCOUNT = 7_168
"""Octets: a name of 1 KiB, that of a device, what a back end granted, addresses and networks."""
LONGEST_ID = 64
"""Octets of a session's id."""
FIGURES = 5 * 8 + 16


def is_id(text: str, beginning: str) -> bool:
    """Whether it is that of a session of the daemon whose sessions' ids begin so."""
    number = text.removeprefix(f"{beginning}-")
    return number != text and number.isascii() and number.isdigit() and len(text) <= LONGEST_ID


@frozen
class Used:
    """What a session has carried so far."""

    id: str
    usage: Usage


@frozen
class Over:
    """A session has ended."""

    id: str
    usage: Usage
    why: Kind


START: Verb[Account, Fault | None] = Verb(
    number=70,
    name="begin the account of a session",
    request=Account,
    answer=None | Fault,
    most_request=LONGEST_ACCOUNT,
    most_answer=MOST_FAULT,
)
INTERIM: Verb[Used, Fault | None] = Verb(
    number=71,
    name="tell what a session carries",
    request=Used,
    answer=None | Fault,
    most_request=LONGEST_ID + FIGURES,
    most_answer=MOST_FAULT,
)
STOP: Verb[Over, Fault | None] = Verb(
    number=72,
    name="end the account of a session",
    request=Over,
    answer=None | Fault,
    most_request=LONGEST_ID + FIGURES,
    most_answer=MOST_FAULT,
)
BACKLOG: Verb[None, tuple[Backlog, ...] | Fault] = Verb(
    number=73,
    name="tell which accounts wait",
    request=type(None),
    answer=tuple[Backlog, ...] | Fault,
    most_request=0,
    most_answer=MOST_FAULT,
    most_asked=4,
)
