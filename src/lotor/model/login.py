"""A login as a conversation: what a person (or a file) gives, and what a back end answers."""

from __future__ import annotations

from dataclasses import dataclass

from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret

REPEATABLE = frozenset({Field.USER_NAME, Field.PASSWORD, Field.DOMAIN})
"""What may be kept for a later phase 1 of the same connection; all else are one-time codes."""


AGAIN = "try again"
"""Stands in whatever a gateway says to a person whose password nobody looked at; our client knows by it that nothing is
wrong with the login."""
LATER = f"the gateway cannot check logins now: {AGAIN} later, and tell its administrator"
"""For a person, where the gateway itself is at fault."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One round at a back end. `conversation` is what the last `Challenge` carried, empty in the first round.
    `known`: the user was proved from there lately."""

    user: str
    answers: tuple[tuple[Field, Secret], ...]
    source: Peer
    conversation: bytes = b""
    known: bool = False

    def answer(self, field: Field) -> Secret:
        return dict(self.answers).get(field, Secret(b""))


@dataclass(frozen=True, slots=True)
class Accepted:
    """The only value that opens the gate. `user` is the name to account for."""

    user: str
    grants: Grants = NO_GRANTS


@dataclass(frozen=True, slots=True)
class Refused:
    """`why` is for the gateway's log; the peer only learns that the login was refused. `told` is for the person, where
    nobody looked at the password: no room, or a fault of the gateway's. Such an attempt is no guess."""

    user: str
    why: str
    told: str = ""

    @property
    def judged(self) -> bool:
        return not self.told


@dataclass(frozen=True, slots=True)
class Challenge:
    """One more prompt: `message` is shown to the person, `wants` is what to ask. `conversation` is the back end's
    ticket for the next round: nobody else reads it."""

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

    why: str
