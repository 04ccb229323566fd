"""Threads for slow password hashes: few run at once, a bounded number waits, the event loop never does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

THREADS = 2
MOST_WAITING = 256


class BusyError(Exception):
    """More logins wait than could be answered in a useful time."""


class Workers:
    def __init__(self, threads: int = THREADS, most_waiting: int = MOST_WAITING) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="login")
        self._most = threads + most_waiting
        self._pending = 0

    async def run(self, check: Callable[[], T]) -> T:
        """Raises `BusyError`, and whatever `check` raises."""
        if self._pending >= self._most:
            raise BusyError(f"{self._pending} logins are waiting already")
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, check)
        future.add_done_callback(self._done)  # not in a finally: a cancelled caller leaves the thread working
        return await asyncio.shield(future)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _done(self, future: asyncio.Future[T]) -> None:
        self._pending -= 1
        if not future.cancelled():
            future.exception()  # fetched, so that an abandoned one is not reported as never looked at
