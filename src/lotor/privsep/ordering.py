"""The verbs of what is ordered of a daemon's sessions: it waits for orders, and says what became of them."""

from __future__ import annotations

from types import NoneType

from lotor.ports.orders import Order, Outcome
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.verb import Verb

MOST_IN_ANSWER = 8
"""Orders."""

ORDERS: Verb[None, tuple[Order, ...] | Fault] = Verb(
    number=110,
    name="wait for orders",
    request=NoneType,
    answer=tuple[Order, ...] | Fault,
    most_request=0,
    most_answer=MOST_OCTETS,
    most_asked=1,
)
OUTCOME: Verb[Outcome, Fault | None] = Verb(
    number=111,
    name="tell what became of an order",
    request=Outcome,
    answer=None | Fault,
    most_request=16,
    most_answer=MOST_FAULT,
    most_asked=MOST_IN_ANSWER,
)
