"""The verbs of what the warden keeps: the state of the store, and bans."""

from __future__ import annotations

from types import NoneType

from lotor.model.ban import LONGEST_SUBJECT, Ban
from lotor.model.frozen import frozen
from lotor.ports.records import StoreState
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.verb import Verb

MOST_IN_ANSWER = 48
"""Bans: as many as there is room for."""
_SUBJECT = 4 * LONGEST_SUBJECT + 4
"""Octets of the longest login that can be banned."""


@frozen
class BanWish:
    """`subject` as a person writes it; seconds."""

    subject: str
    seconds: int


STORE_STATE: Verb[None, StoreState | Fault] = Verb(
    number=80,
    name="tell about the store",
    request=NoneType,
    answer=StoreState | Fault,
    most_request=0,
    most_answer=16_384,  # a path and a sentence that has it, too
    most_asked=8,
)
BANS: Verb[int, tuple[Ban, ...] | Fault] = Verb(
    number=81,
    name="list bans",
    request=int,
    answer=tuple[Ban, ...] | Fault,
    most_request=8,
    most_answer=MOST_OCTETS,
    most_asked=8,
)
BAN: Verb[BanWish, Ban | Fault] = Verb(
    number=82,
    name="ban somebody",
    request=BanWish,
    answer=Ban | Fault,
    most_request=_SUBJECT + 16,
    most_answer=max(2 * _SUBJECT, MOST_FAULT),
    most_asked=8,
)
LIFT: Verb[str, bool | Fault] = Verb(
    number=83,
    name="lift a ban",
    request=str,
    answer=bool | Fault,
    most_request=_SUBJECT,
    most_answer=MOST_FAULT,
    most_asked=8,
)
