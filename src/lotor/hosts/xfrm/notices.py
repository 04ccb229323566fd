"""What the daemon hears of its SA pairs when it asks next."""

from __future__ import annotations

import asyncio

from lotor.model.network import Peer
from lotor.ports.esp import Ending, Expired, Moved


class Notices:
    """At most three for each SA pair, whatever its peer does: one for each lifetime, and the last move."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, str], Expired | Moved] = {}
        self._broken: OSError | None = None
        self._there = asyncio.Event()

    def begin(self) -> None:
        """Nothing of what was before."""
        self._waiting.clear()
        self._broken = None

    def aged(self, child: int) -> None:
        self._put((child, "soft"), Expired(child, hard=False))

    def ended(self, child: int, ending: Ending) -> None:
        self._put((child, "hard"), Expired(child, hard=True, ending=ending))

    def moved(self, child: int, remote: Peer) -> None:
        self._put((child, "moved"), Moved(child, remote))

    def forget(self, child: int) -> None:
        """Nobody wants to hear of a pair that was removed."""
        for what in ("hard", "soft", "moved"):
            self._waiting.pop((child, what), None)

    def broken(self, why: OSError) -> None:
        """Nothing is told any more."""
        self._broken = why
        self._there.set()

    async def take(self) -> tuple[Expired | Moved, ...]:
        """What came since the last call, in its order: waits until there is something."""
        while not self._waiting:
            if self._broken is not None:
                raise self._broken
            self._there.clear()
            await self._there.wait()
        taken = tuple(self._waiting.values())
        self._waiting.clear()
        return taken

    def _put(self, key: tuple[int, str], notice: Expired | Moved) -> None:
        self._waiting.pop(key, None)
        self._waiting[key] = notice
        self._there.set()
