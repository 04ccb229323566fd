"""A limit on how often something is done: a call that comes too soon waits."""

from __future__ import annotations

import asyncio

from lotor.auth.clock import SYSTEM, Clock


class Pace:
    """`rate` a second; after a pause so many as `burst` at once. Calls that wait are served in the order in which they
    came."""

    def __init__(self, rate: float, burst: int, clock: Clock = SYSTEM) -> None:
        self._step = 1 / rate
        self._slack = burst / rate
        self._clock = clock
        self._next = clock.now() - self._slack

    async def take(self) -> None:
        """A call that is cancelled gives its place back."""
        now = self._clock.now()
        self._next = max(self._next, now - self._slack) + self._step
        if (wait := self._next - now) <= 0:
            return
        try:
            await self._clock.sleep(wait)
        except asyncio.CancelledError:
            self._next -= self._step
            raise
