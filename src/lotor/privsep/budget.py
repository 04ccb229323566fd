"""How often something may happen."""

from __future__ import annotations


class Budget:
    """`most` at once, and another one for each `span` of time, in seconds of any clock that only goes on."""

    def __init__(self, most: int, span: float) -> None:
        self._most, self._span = most, span
        self._left, self._since = float(most), 0.0

    def take(self, now: float, times: int = 1) -> bool:
        """Whether the thing may happen once more now, or so many times. A refusal uses nothing up."""
        self._left = min(self._most, self._left + (now - self._since) / self._span)
        self._since = now
        if self._left < times:
            return False
        self._left -= times
        return True
