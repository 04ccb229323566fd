"""Work that must keep its order: the steps of one lane one after the other, those of different lanes side by side."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from lotor.model.begun import Over, begin, finished
from lotor.runtime.faults import trace

log = logging.getLogger(__name__)

T = TypeVar("T")
Step = Callable[[], Awaitable[Any]]


@dataclass(slots=True)
class _Waiting:
    """A step that has not begun; `told`: its fault goes to the journal."""

    step: Step
    outcome: asyncio.Future[Any]
    told: bool = False


@dataclass(slots=True)
class _Lane:
    """`task` works off what waits, by the names of the steps."""

    waiting: dict[Enum, _Waiting]
    task: asyncio.Task[None]


class Lanes:
    """A lane is there while it has work. A step that still waits gives way to a later one of the same name, whose place
    is the last: no lane is longer than there are names, however slow an engine is, and what was asked for last is done
    last. Nobody who gives up waiting cancels a step. `seconds`: so long one step may take, None for steps that end by
    themselves. `at_once`: steps of a lane that is empty begin before `put` returns (`model/begun`); most engines of
    this process are done then."""

    def __init__(self, seconds: float | None = None, *, at_once: bool = False) -> None:
        self._seconds = seconds
        self._at_once = at_once
        self._lanes: dict[Hashable, _Lane] = {}

    def put(self, key: Hashable, name: Enum, step: Callable[[], Awaitable[T]]) -> asyncio.Future[T]:
        """What comes of the step, or its exception."""
        return self._put(key, name, step).outcome

    def follow(self, key: Hashable, name: Enum, step: Step) -> asyncio.Future[Any]:
        """`put` for a caller that does not wait for the result: a fault goes to the journal."""
        waiting = self._put(key, name, step)
        if waiting.outcome.done():
            _tell(waiting.outcome)
        elif not waiting.told:
            waiting.told = True
            waiting.outcome.add_done_callback(_tell)
        return waiting.outcome

    def _put(self, key: Hashable, name: Enum, step: Step) -> _Waiting:
        lane = self._lanes.get(key)
        if lane is not None and (before := lane.waiting.pop(name, None)) is not None and not before.outcome.cancelled():
            before.step = step
            lane.waiting[name] = before
            return before
        loop = asyncio.get_running_loop()
        waiting = _Waiting(step, loop.create_future())
        if lane is None and self._at_once and _over(waiting):
            return waiting
        waiting.outcome.add_done_callback(_look)
        if lane is not None:
            lane.waiting[name] = waiting
        else:
            queue = {name: waiting}
            self._lanes[key] = _Lane(queue, loop.create_task(self._work(key, queue)))
        return waiting

    def waits(self, key: Hashable, name: Enum) -> bool:
        """Whether a step of that name has not begun."""
        lane = self._lanes.get(key)
        return lane is not None and name in lane.waiting

    def task(self, key: Hashable) -> asyncio.Task[None] | None:
        """What ends when the lane is empty; None when it is."""
        lane = self._lanes.get(key)
        return lane.task if lane is not None else None

    async def finished(self, key: Hashable) -> None:
        """Until a lane is empty."""
        while (task := self.task(key)) is not None:
            await asyncio.wait({task})

    async def settled(self) -> None:
        """Until all are."""
        while self._lanes:
            await asyncio.wait({lane.task for lane in self._lanes.values()})

    async def _work(self, key: Hashable, waiting: dict[Enum, _Waiting]) -> None:
        try:
            while waiting:
                await self._take(waiting.pop(next(iter(waiting))))
        finally:
            for left in waiting.values():
                left.outcome.cancel()
            del self._lanes[key]

    async def _take(self, waiting: _Waiting) -> None:
        outcome = waiting.outcome
        try:
            result = await within(self._seconds, waiting.step)
        except asyncio.CancelledError:
            outcome.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the caller that waits gets it, and the next step goes on
            if not outcome.cancelled():
                outcome.set_exception(error)
        else:
            if not outcome.cancelled():
                outcome.set_result(result)


def _over(waiting: _Waiting) -> bool:
    """Whether the step, which is begun, has nothing to wait for. Else the lane goes on with the rest of it."""
    try:
        begun = begin(finished(waiting.step))
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - as in a lane
        waiting.outcome.set_exception(error if isinstance(error, Exception) else _given_up())
        _look(waiting.outcome)
        return True
    if isinstance(begun, Over):
        waiting.outcome.set_result(begun.value)
        return True
    waiting.step = lambda: begun
    return False


async def within(seconds: float | None, step: Callable[[], Awaitable[T]]) -> T:
    """What comes of a step. `OSError` for an engine that is silent for longer, or that gave the step up itself."""
    limit = asyncio.timeout(seconds) if seconds is not None else None
    try:
        if limit is None:
            return await step()
        async with limit:
            return await step()
    except TimeoutError:
        if limit is not None and limit.expired():
            raise TimeoutError(errno.ETIMEDOUT, f"no answer within {seconds:g} s") from None
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise _given_up() from None


def _given_up() -> OSError:
    return ConnectionAbortedError(errno.ECONNABORTED, "the engine gave it up")


def _look(outcome: asyncio.Future[Any]) -> None:
    """A fault that comes when no caller waits any more is no fault of the program."""
    if not outcome.cancelled():
        outcome.exception()


def _tell(outcome: asyncio.Future[Any]) -> None:
    if outcome.cancelled() or (error := outcome.exception()) is None:
        return
    if isinstance(error, OSError):
        log.error("an engine did not follow: %s", error.strerror or error)
    else:
        log.error("internal error: an engine did not follow: %s", trace(error))
