"""How many lines somebody may cause in a second, and how many more there would have been."""

from __future__ import annotations

from collections.abc import Callable

WINDOW = 1.0
"""Seconds."""


class LineBudget:
    """`most` lines in a second; behind it `missed(number)` says how many more there would have been. `later(seconds,
    call)` is the loop's `call_later`."""

    def __init__(
        self, most: int, missed: Callable[[int], object], later: Callable[[float, Callable[[], None]], object]
    ) -> None:
        self._most = most
        self._missed = missed
        self._later = later
        self._lines = 0

    def admit(self) -> bool:
        if self._lines == 0:
            self._later(WINDOW, self._close)
        self._lines += 1
        return self._lines <= self._most

    def _close(self) -> None:
        missed, self._lines = self._lines - self._most, 0
        if missed > 0:
            self._missed(missed)
