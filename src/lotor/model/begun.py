"""Work that is begun before anybody waits for it: what has nothing to wait for is over by then, without a task of an
event loop and without a turn of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from lotor.model.frozen import frozen

T = TypeVar("T")


@frozen
class Over(Generic[T]):
    """What came of it."""

    value: T


def begin(work: Coroutine[Any, Any, T]) -> Over[T] | Rest[T]:
    """Runs it until it waits for the first time, or to its end; its exception is raised. No task of its own is there
    before it waits, so that it must not ask for one until then, as `asyncio.timeout` does."""
    try:
        awaited = work.send(None)
    except StopIteration as end:
        return Over(end.value)
    return Rest(work, awaited)


async def finished(step: Callable[[], Awaitable[T]]) -> T:
    """A step as work."""
    return await step()


class Rest(Coroutine[Any, Any, T]):
    """What is left of work that waits for `awaited`: to be awaited once, or closed."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: Any) -> None:
        self._work = work
        self._awaited = awaited
        self._told = False

    def send(self, value: Any) -> Any:
        if self._told:
            return self._work.send(value)
        self._told = True
        return self._awaited

    def throw(self, *error: Any) -> Any:
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __next__(self) -> Any:
        return self.send(None)

    def __iter__(self) -> Generator[Any, Any, T]:
        return self

    __await__ = __iter__
