"""Tests that are coroutines: each has an event loop of its own."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any


def looped(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        asyncio.run(_whole(test(*arguments, **fixtures)))

    return run


async def _whole(test: Awaitable[None]) -> None:
    await test
