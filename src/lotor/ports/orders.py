"""The port of what is ordered from outside of sessions that are up at a gateway: they end, or their peers show that
they are there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lotor.model.network import Address

LONGEST_WAIT = 20.0
"""Seconds after which `Orders.next` answers that there is none."""


class Why(Enum):
    """For what sessions are to end."""

    LOGOUT = "logout"
    """An administrator wants it, here or at another gateway of the fleet."""
    LEASE_LOST = "lease lost"
    """Another gateway of the fleet has the inside address."""
    SERVER = "server"
    """The RADIUS server wants it (RFC 5176)."""
    SILENT = "silent"
    """Only that whose peer does not answer: it may have come to another gateway."""


@dataclass(frozen=True, slots=True)
class Whom:
    """The sessions that are meant: those for which everything holds that is not empty; where all is empty, none.
    `session` as in accounting (Acct-Session-Id); `named`: one of them, the session of that id, else of that inside
    address, else all of that user."""

    user: str = ""
    inside: Address | None = None
    session: str = ""
    named: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """`number` names it in its outcome."""

    number: int
    whom: Whom
    why: Why


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of the order of that number: so many `sessions` were found, and end or are asked."""

    number: int
    sessions: int


class Orders(Protocol):
    """Raises `OSError` where nobody can be asked."""

    async def next(self) -> tuple[Order, ...]:
        """What was ordered since, each once; waits for it, at most `LONGEST_WAIT`."""
        ...

    async def done(self, outcome: Outcome) -> None:
        """Whoever ordered it hears of it. An outcome of no order is ignored."""
        ...
