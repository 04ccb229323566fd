"""The verbs of logins: one round is judged by accounts that never leave the warden, or a conversation is given up; and
those of tickets (RFC 5723), whose keys stay there as well."""

from __future__ import annotations

from types import NoneType

from lotor.model.judgement import Failure
from lotor.model.login import LoginAttempt, Verdict
from lotor.model.ticket import LONGEST_TICKET as LONGEST_SHOWN
from lotor.model.ticket import Opened, Sealing, Ticket
from lotor.privsep.verb import Verb

MOST_LOGINS = 2048
"""Under way at a time: as many as may wait for a processor (`auth.workers.ROOM`). Those that are slowed down on purpose
wait in the warden, and must not keep others from being looked at."""
LONGEST_TICKET = 512
"""Octets of what a back end calls a conversation."""
LONGEST_GRANTS = 57_344
"""Octets of what a back end grants at most, by the bounds of `model.grants`: most of them are names of groups."""

CHECK_LOGIN: Verb[LoginAttempt, Verdict] = Verb(
    number=10,
    name="check_login",
    request=LoginAttempt,
    answer=Verdict,
    # a name of 1 KiB, one answer of 1 KiB for each of six fields or a packet of EAP, a ticket, an id of an account
    most_request=8_192,
    most_answer=LONGEST_GRANTS + 2_176,  # with the user's name and keys; or a prompt for a person, or a packet of EAP
    most_asked=MOST_LOGINS,
)
ABANDON: Verb[bytes, None] = Verb(
    number=11,
    name="abandon",
    request=bytes,
    answer=NoneType,
    most_request=4 + LONGEST_TICKET,
    most_answer=0,
)
SEAL_TICKET: Verb[Sealing, Ticket | Failure] = Verb(
    number=14,
    name="seal_ticket",
    request=Sealing,
    answer=Ticket | Failure,
    most_request=8_192,  # names of a user, a block and both ends of 1 KiB each, a key, the name of a PPK
    most_answer=8_192,
    most_asked=MOST_LOGINS,
)
OPEN_TICKET: Verb[bytes, Opened | Failure] = Verb(
    number=15,
    name="open_ticket",
    request=bytes,
    answer=Opened | Failure,
    most_request=4 + LONGEST_SHOWN,
    most_answer=8_192,
    most_asked=MOST_LOGINS,
)
