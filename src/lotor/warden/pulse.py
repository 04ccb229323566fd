"""How long a daemon has not answered, in time that this process was awake for.

CLOCK_MONOTONIC does not run while the host is suspended, but it does while a container is frozen or somebody stopped
both processes. So a look that comes late counts no more than one that comes in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lotor.privsep.living import BEAT

EVERY = BEAT
"""Seconds between two looks: a daemon shows that it lives as often."""
LONGEST_SILENCE = 30.0
"""Seconds. A daemon whose event loop stood still for so long serves nobody: peers have given it up by then."""


class Pulse:
    """`beat` when the daemon showed that it lives, `look` every `EVERY` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, longest: float | None = None) -> None:
        self._clock = clock
        self._longest = longest
        self._looked = clock()
        self.silence = 0.0
        """Seconds without a sign of life, as of the last look."""

    def beat(self) -> None:
        self.silence, self._looked = 0.0, self._clock()

    def look(self) -> float:
        """`silence` now."""
        now = self._clock()
        self.silence += min(now - self._looked, EVERY)
        self._looked = now
        return self.silence

    @property
    def stands_still(self) -> bool:
        return self.silence >= (LONGEST_SILENCE if self._longest is None else self._longest)
