"""Work that goes on when its caller stops waiting, and that is done at once where nothing has to be waited for.

A task begins in the next turn of the event loop, and is heard of in the one after the next: three turns for a question
to the kernel, which answers at once. With two tasks around it that is most of what an SA pair costs.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def at_once(work: Coroutine[Any, Any, T], goes_on: Callable[[asyncio.Task[T]], None]) -> T:
    """`goes_on` is told the task where there is one. What the work does before it first waits it does in its caller's
    task: it may not ask for the present task, as time limits do."""
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    task = asyncio.get_running_loop().create_task(_to_its_end(work, waits_for))
    goes_on(task)
    return await asyncio.shield(task)


async def _to_its_end(work: Coroutine[Any, Any, T], waits_for: object) -> T:
    return await _rest(work, waits_for)


@types.coroutine
def _rest(work: Coroutine[Any, Any, T], waits_for: object) -> Generator[object, None, T]:
    """Hands on what it waits for, and what becomes of that."""
    try:
        while True:
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - whatever it is
                waits_for = work.throw(error)
            else:
                waits_for = work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
