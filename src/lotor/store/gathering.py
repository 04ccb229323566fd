"""Rows of several tables that are to be written soon: whoever has some begins in one turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Gathering:
    """Of one store. `begin` is called once behind each `join`."""

    def __init__(self) -> None:
        self._begins: dict[Callable[[], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, seconds: float, begin: Callable[[], None]) -> None:
        """After so long, or sooner, with those who joined before."""
        self._begins[begin] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._over)

    def leave(self, begin: Callable[[], None]) -> None:
        """It begins by itself."""
        self._begins.pop(begin, None)

    def _over(self) -> None:
        self._timer = None
        begins, self._begins = self._begins, {}
        for begin in begins:
            begin()
