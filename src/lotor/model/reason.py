"""Why something was refused, failed or ended, as data: a kind with its facts. The kinds are in `model.reasons`.

A reason is compared, counted and reacted to by its `kind`, its `cause` or its class. `text` is for people alone: it is
made from the facts when a person is told, and nothing reads it to decide.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar

from lotor.model.declared import Declared
from lotor.model.kinds import Kind
from lotor.model.text import clean

LONGEST_FACT = 1024
"""Characters of one fact; a distinguished name of a dozen parts has some 400."""

Fact = str | int | bool


class Cause(Enum):
    """Families of kinds; each has one exit code of `lotor connect` (docs/exit-codes)."""

    ADMINISTRATOR = "closed here"
    PEER_CLOSED = "closed by the peer"
    NO_ANSWER = "no answer"
    NO_PROPOSAL = "no proposal chosen"
    CERTIFICATE = "certificate refused"
    LOGIN_REFUSED = "login refused"
    LOGIN_DECLINED = "no login given"
    POOL_EXHAUSTED = "address pool exhausted"
    DEAD_PEER = "peer is dead"
    EXPIRED = "lifetime over"
    PROTOCOL = "protocol error"
    LOCAL_FAULT = "local fault"
    REPLACED = "replaced by a newer session"
    ALREADY_CONNECTED = "logged in already"
    NOT_JUDGED = "login not judged"


HEALING = frozenset(
    {
        *(Cause.PEER_CLOSED, Cause.NO_ANSWER, Cause.NO_PROPOSAL, Cause.CERTIFICATE, Cause.POOL_EXHAUSTED),
        *(Cause.DEAD_PEER, Cause.EXPIRED, Cause.PROTOCOL, Cause.ALREADY_CONNECTED, Cause.NOT_JUDGED),
    }
)
"""Families of kinds that go by: a client that comes back tries again. Anybody on the way can cause most of them, so
that none of them may end it. A password that was refused is not sent again: accounts are locked for that."""


class Told(Enum):
    """Who learns of a reason, besides the journal of the end where it arises."""

    NOBODY = "the journal"
    PEER = "the journal, and the peer by a notification"
    PERSON = "the journal, and the person at the client"


class Reason(Declared):
    """Base of all kinds. The fields of a kind are its facts; those that are text are cleaned of control characters and
    cut to `LONGEST_FACT` when they come in, whoever chose them. `line` is a format string over the facts and properties
    of the kind. `headed`: the sentence begins with the words of its cause already. `since`: the first version. `heals`:
    whether it may go by; None: as its cause says."""

    kind: ClassVar[Kind]
    cause: ClassVar[Cause] = Cause.PROTOCOL
    line: ClassVar[str]
    headed: ClassVar[bool] = False
    told: ClassVar[Told] = Told.NOBODY
    since: ClassVar[str] = "0.1.0"
    heals: ClassVar[bool | None] = None

    @staticmethod
    def cleaned(value: Any) -> Any:
        return clean(value, longest=LONGEST_FACT) if isinstance(value, str) else value

    @property
    def text(self) -> str:
        """A whole sentence for a person."""
        return filled(self.line, self)

    @property
    def clause(self) -> str:
        """The same without the words that say whose login was refused."""
        return self.text

    @classmethod
    def may_heal(cls) -> bool:
        """Whether it makes sense to connect again without a person."""
        return cls.cause in HEALING if cls.heals is None else cls.heals

    @classmethod
    def by_hand(cls) -> bool:
        """Whether a person at this end ended it, for good."""
        return cls.cause is Cause.ADMINISTRATOR and not cls.may_heal()

    @property
    def message(self) -> str:
        """What a gateway tells the person at the client; empty: nothing."""
        return self.text if self.told is Told.PERSON else ""

    def facts(self) -> dict[str, Fact]:
        """For programs: numbers as numbers, everything else as text."""
        return {name: _plain(getattr(self, name)) for name in self.declared}

    def __str__(self) -> str:
        return self.text


def filled(line: str, reason: Reason) -> str:
    """`line` with facts and properties of the reason in the place of their names."""
    return line.format_map(_Named(reason))


class _Named(dict[str, object]):
    """The attributes of a reason as a mapping."""

    def __init__(self, reason: Reason) -> None:
        super().__init__()
        self._reason = reason

    def __missing__(self, name: str) -> object:
        return getattr(self._reason, name)


def _plain(value: object) -> Fact:
    return value if isinstance(value, int | bool) else str(value)
