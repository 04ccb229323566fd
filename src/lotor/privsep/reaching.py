"""The verbs by which a daemon asks for what an administrator wants to know and to do at all gateways of a fleet."""

from __future__ import annotations

from types import NoneType

from lotor.ports.fleet import Present
from lotor.ports.gateways import FleetLook
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.sharing import Part, Portion
from lotor.privsep.verb import Verb

LONGEST_SUBJECT = 1_024
"""Octets of a login, an inside address or the id of a session."""

LOOK: Verb[None, FleetLook | Fault | None] = Verb(
    number=112,
    name="tell about the fleet",
    request=NoneType,
    answer=FleetLook | None | Fault,
    most_request=0,
    most_answer=MOST_OCTETS,
    most_asked=4,
)
CONNECTED: Verb[Part[str], Portion[Present] | Fault] = Verb(
    number=113,
    name="tell who is connected to the fleet",
    request=Part[str],
    answer=Portion[Present] | Fault,
    most_request=LONGEST_SUBJECT + 32,
    most_answer=MOST_OCTETS,
    most_asked=1,
)
LOG_OUT: Verb[str, Fault | None] = Verb(
    number=114,
    name="log somebody out of the fleet",
    request=str,
    answer=None | Fault,
    most_request=LONGEST_SUBJECT + 4,
    most_answer=MOST_FAULT,
    most_asked=4,
)
