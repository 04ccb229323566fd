"""The one thread of the store: what it is given is done one after the other, while the event loop goes on."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Thread:
    """Its program never waits for it to end: a disk that answers nobody keeps no process from stopping."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self.waiting = 0
        """How many pieces of work have no result yet."""

    def submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """The result of `work`, which is done also where nobody waits for it any more."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        self.waiting += 1

        def carried_out() -> None:
            settle = _outcome(work, result)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(self._settled, settle)

        if not self._thread.is_alive():
            self._thread.start()
        self._work.put(carried_out)
        return result

    def end(self) -> None:
        """Behind what it was given before."""
        self._work.put(None)

    def _settled(self, settle: Callable[[], None]) -> None:
        self.waiting -= 1
        settle()

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def _outcome(work: Callable[[], Any], result: asyncio.Future[Any]) -> Callable[[], None]:
    """Does the work, and returns what tells the loop of it."""
    try:
        value = work()
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
        fault = error
        return lambda: result.set_exception(fault) if not result.done() else None
    return lambda: result.set_result(value) if not result.done() else None
