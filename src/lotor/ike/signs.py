"""What is known of a peer's life in either version: the last proved sign, when it may be asked outside the schedule,
and how often anybody's doubt counts."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from lotor.model.network import Instant

BETWEEN_DOUBTS_S = 1.0
"""Seconds between two doubts of a peer, which anybody can raise: so often they are told, and no more."""


@dataclass(slots=True)
class Signs:
    """A version's own way of asking builds on it, and writes `_life`."""

    _life: Instant = 0.0
    _questioned: Instant = -inf
    _doubted: Instant = -inf

    def heard_since(self, then: Instant) -> bool:
        """Whether a proved message came after that time."""
        return self._life > then

    def question(self, now: Instant, seconds: float) -> bool:
        """Whether the peer may be asked outside the schedule: for so many seconds it is asked once."""
        if now < self._questioned:
            return False
        self._questioned = now + seconds
        return True

    def doubtable(self, now: Instant) -> bool:
        """Whether what anybody may say against the peer counts: not before a second after the last time."""
        return now >= self._doubted + BETWEEN_DOUBTS_S

    def doubt(self, now: Instant) -> None:
        """Somebody says that the peer does not know this end."""
        self._doubted = now
