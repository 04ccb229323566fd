"""The verbs by which a warden asks the process in which RADIUS and LDAP live, which holds their secrets alone.

These go the other way: the warden asks and the process answers. What the warden looks at in the answers stands in
`lotor.warden.judging`.
"""

from __future__ import annotations

from types import NoneType

from lotor.config.back_ends import BackEndSettings
from lotor.model.back_end import BackEnd
from lotor.model.frozen import frozen
from lotor.model.login import LoginAttempt, Verdict
from lotor.ports.accounting import Record
from lotor.privsep.faults import MOST_FAULT, Fault
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.logging_in import LONGEST_GRANTS, LONGEST_TICKET, MOST_LOGINS
from lotor.privsep.verb import Verb

LONGEST_RECORD = 8_192
"""Octets of a record of accounting: an account has 7 KiB at most (`privsep.accounting`)."""


@frozen
class Confined:
    """What the process gave up before it had anything secret: as a daemon, see `confinement.unprivileged.GivenUp`."""

    pid: int
    user: str
    group: str
    landlock: int
    calls: str
    refused: tuple[str, ...]


@frozen
class Round:
    """One round of a login, for one of the back ends."""

    which: BackEnd
    attempt: LoginAttempt


@frozen
class Abandoned:
    """A conversation that is given up."""

    which: BackEnd
    conversation: bytes


@frozen
class Serving:
    """The process as its warden knows it: for so many `seconds` it `serves` what these sentences say; `restarts`: how
    many there were before it. Between two of them there is none: `confined` is None."""

    confined: Confined | None
    serves: tuple[str, ...]
    seconds: float
    restarts: int


BACK_ENDS: Verb[None, Serving | None] = Verb(
    number=55,
    name="tell about the process of back ends",
    request=NoneType,
    answer=Serving | None,
    most_request=0,
    most_answer=8_192,
)
"""Asked by the daemon, for whoever looks at the program."""


CONFIGURE: Verb[BackEndSettings, Confined | Fault] = Verb(
    number=60,
    name="use settings of back ends",
    request=BackEndSettings,
    answer=Confined | Fault,
    most_request=MOST_OCTETS,  # ten servers with secrets, names and attributes of a directory
    most_answer=4_096 + MOST_FAULT,
    most_asked=1,
)
CHECK: Verb[Round, Verdict] = Verb(
    number=61,
    name="judge a login",
    request=Round,
    answer=Verdict,
    most_request=8_256,
    most_answer=LONGEST_GRANTS + 2_176,
    most_asked=MOST_LOGINS,
)
ABANDON_ROUND: Verb[Abandoned, None] = Verb(
    number=62,
    name="abandon a login",
    request=Abandoned,
    answer=NoneType,
    most_request=16 + LONGEST_TICKET,
    most_answer=0,
)
ACCOUNT: Verb[Record, Fault | None] = Verb(
    number=63,
    name="keep account",
    request=Record,
    answer=Fault | None,
    most_request=LONGEST_RECORD,
    most_answer=MOST_FAULT,
)
GROUPS: Verb[str, frozenset[str] | Fault] = Verb(
    number=64,
    name="tell the groups of a user",
    request=str,
    answer=frozenset[str] | Fault,
    most_request=4_096,
    most_answer=65_536,
)
