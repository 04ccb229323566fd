"""The verbs by which a warden asks the process of back ends what RADIUS servers demand of sessions, and says what
became of it."""

from __future__ import annotations

from types import NoneType

from lotor.ports.demands import Demand, Settled
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.verb import Verb

MOST_UNDER_WAY = 64
"""Demands that the warden carries out at a time."""

DEMANDS: Verb[None, tuple[Demand, ...]] = Verb(
    number=66,
    name="wait for demands of servers",
    request=NoneType,
    answer=tuple[Demand, ...],
    most_request=0,
    most_answer=MOST_OCTETS,  # 16 of 2.5 KiB
    most_asked=1,
)
SETTLE: Verb[Settled, None] = Verb(
    number=67,
    name="tell what became of a demand",
    request=Settled,
    answer=NoneType,
    most_request=32,
    most_answer=0,
    most_asked=MOST_UNDER_WAY,
)
