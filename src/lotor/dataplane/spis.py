"""The SPIs of an engine, whichever carries ESP: which are reserved, and which are in use."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from lotor.model.child import LOWEST_SPI
from lotor.model.network import Instant

PROMISED_FOR = 60.0
"""Seconds that a reserved SPI waits for its SA pair."""
_HIGHEST_SPI = 0xFFFF_FFFF


class Spis:
    """Random SPIs, each given out once: `reserve`, then `use` with an SA pair, then `free`."""

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self._clock = clock
        self._promised: dict[int, Instant] = {}
        self._used: dict[int, int] = {}
        self._taken: set[int] = set()

    def reserve(self) -> int:
        self._forget_old_promises()
        while True:
            spi = LOWEST_SPI + secrets.randbelow(_HIGHEST_SPI - LOWEST_SPI + 1)
            if spi not in self._promised and spi not in self._taken:
                self._promised[spi] = self._clock() + PROMISED_FOR
                return spi

    def use(self, child: int, spi: int) -> None:
        self._promised.pop(spi, None)
        self.free(child)
        self._used[child] = spi
        self._taken.add(spi)

    def free(self, child: int) -> None:
        self._taken.discard(self._used.pop(child, 0))

    def _forget_old_promises(self) -> None:
        now = self._clock()
        self._promised = {spi: until for spi, until in self._promised.items() if until > now}
