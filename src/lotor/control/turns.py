"""Turns of those who look: each user has one look at a time and a pause after it, however many connections it has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PAUSE = 0.1
"""Seconds between two looks of one user: a look costs milliseconds of the loop that serves the peers."""


class Turns:
    """By user id; root needs none. A user is forgotten when nobody of it waits."""

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._waiting: dict[int, int] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, uid: int) -> AsyncIterator[None]:
        if uid == 0:
            yield
            return
        self._waiting[uid] = self._waiting.get(uid, 0) + 1
        try:
            async with self._locks.setdefault(uid, asyncio.Lock()):
                yield
                await asyncio.sleep(self._pause)
        finally:
            self._leave(uid)

    def _leave(self, uid: int) -> None:
        self._waiting[uid] -= 1
        if not self._waiting[uid]:
            del self._waiting[uid], self._locks[uid]
