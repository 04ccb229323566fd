"""Work that goes on when its caller stops waiting, and that is done at once where nothing has to be waited for.

A task begins in the next turn of the event loop, and is heard of in the one after the next: three turns for a question
to the kernel, which answers at once. With two tasks around it that is most of what an SA pair costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from lotor.model.begun import Over, begin

T = TypeVar("T")


async def at_once(work: Coroutine[Any, Any, T], goes_on: Callable[[asyncio.Task[T]], None]) -> T:
    """`goes_on` is told the task where there is one. What the work does before it first waits it does in its caller's
    task: it may not ask for the present task, as time limits do."""
    begun = begin(work)
    if isinstance(begun, Over):
        return begun.value
    task = asyncio.get_running_loop().create_task(begun)
    goes_on(task)
    return await asyncio.shield(task)
