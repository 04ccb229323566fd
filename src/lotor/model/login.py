"""A login as a conversation: what a person (or a file) gives, and what a back end answers."""

from __future__ import annotations

from dataclasses import dataclass

from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.network import Address, Peer
from lotor.model.prompt import Field
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.logins import LoginReason
from lotor.model.secret import Secret

REPEATABLE = frozenset({Field.USER_NAME, Field.PASSWORD, Field.DOMAIN})
"""The answers that may be kept for a later phase 1 of the same connection. All others are one-time codes."""

LOGIN_SECONDS = 60.0
"""That a back end has for one round; one that is silent for longer has refused."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One round at a back end. `conversation` is what the last `Challenge` carried, empty in the first round.
    `known`: the user was proved from there lately. `gateway`: the gateway's address that the client came to, None where
    nobody knows it. `account`: the id of the account that the session has, or will have; empty where nobody knows."""

    user: str
    answers: tuple[tuple[Field, Secret], ...]
    source: Peer
    conversation: bytes = b""
    known: bool = False
    gateway: Address | None = None
    account: str = ""

    def answer(self, field: Field) -> Secret:
        return dict(self.answers).get(field, Secret(b""))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The only value that opens the login gate. `user` is the name for accounting."""

    user: str
    grants: Grants = NO_GRANTS


@dataclass(frozen=True, slots=True)
class Refused:
    """`reason` is for the gateway's log; the peer only learns that the login was refused, and its person the message of
    the reason, where it has one."""

    reason: LoginReason

    @property
    def judged(self) -> bool:
        """Whether the password was checked. If not, the attempt was no guess."""
        return self.reason.cause is not Cause.NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Challenge:
    """One more prompt: `message` is shown to the person, `wants` is what to ask. `conversation` is the back end's
    ticket for the next round; only the back end reads it."""

    message: str
    wants: tuple[Field, ...]
    conversation: bytes


Verdict = Accepted | Refused | Challenge


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the person at the client gave."""

    answers: tuple[tuple[Field, Secret], ...]


@dataclass(frozen=True, slots=True)
class Declined:
    """The person at the client gave nothing (no terminal, Ctrl-C, no saved password)."""

    reason: Reason
