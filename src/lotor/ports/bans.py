"""The port of what is remembered of guessers: who failed how often, from where, and how long the next one waits."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from lotor.model.frozen import frozen
from lotor.model.network import Peer


class Outcome(Enum):
    """What became of an attempt. `UNJUDGED`: nobody looked at the password, or more is asked for."""

    PROVED = auto()
    WRONG = auto()
    UNJUDGED = auto()


@frozen
class Turn:
    """`ticket` names the attempt until it leaves; `known`: the user was proved from there lately; `wait`: seconds until
    the password may be looked at. None: the line is too long. Then nothing was noted, and nobody leaves."""

    ticket: int
    known: bool
    wait: float | None


class Bans(Protocol):
    """Maybe one memory of many gateways. Raises `OSError` with a clear text when it cannot be asked."""

    async def enter(self, user: str, source: Peer) -> Turn:
        """An attempt begins: from here on it counts beside those that come at the same time. Every `enter` is
        followed by a `leave`, but for one that was cancelled before its answer: that one does not count."""
        ...

    async def leave(self, ticket: int, outcome: Outcome) -> None:
        """Once for each attempt; unknown tickets are ignored."""
        ...

    def change(self, step: float) -> None:
        """Seconds that a failure makes the next attempt wait, from now on; 0: nobody waits. Returns at once."""
        ...
