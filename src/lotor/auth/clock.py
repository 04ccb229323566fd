"""Time as the back ends know it, so that tests can bring their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from lotor.model.frozen import frozen


@frozen
class Clock:
    """Monotonic seconds, how to let them pass, and the seconds since 1970 that the clock on the wall shows."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    wall: Callable[[], float] = time.time


SYSTEM = Clock()
