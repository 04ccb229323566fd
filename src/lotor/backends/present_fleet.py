"""The engine of the fleet that the configuration in force wants: one that a reload does not change goes on."""

from __future__ import annotations

import asyncio
import errno
import logging

from lotor.backends.engines import MakeFleet, Openable
from lotor.config.back_ends import FleetPlace
from lotor.ports.fleet import Fleet

log = logging.getLogger(__name__)


class PresentFleet:
    """None before the first `replace`."""

    def __init__(self, make: MakeFleet) -> None:
        self._make = make
        self._place: FleetPlace | None = None
        self._engine: Openable | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def there(self) -> bool:
        return self._engine is not None

    def replace(self, place: FleetPlace | None) -> None:
        """From now on this counts. Raises `OSError`, and nothing has changed."""
        if place == self._place:
            return
        made = self._make(place) if place is not None else None
        former, opening = self._engine, self._opening
        self._place, self._engine = place, made
        loop = asyncio.get_running_loop()
        self._opening = loop.create_task(_opened(made)) if made is not None else None
        if former is not None:
            closing = loop.create_task(_closed(former, opening))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def opened(self) -> Fleet:
        """Once its opening is over, whatever came of it: the engine says that itself, and tries again."""
        engine, opening = self._engine, self._opening
        if engine is None:
            raise OSError(errno.ENOTCONN, "this configuration has no fleet")
        if opening is not None and not opening.done():
            await asyncio.wait({opening})
        return engine

    async def close(self) -> None:
        engine, opening, self._engine, self._opening, self._place = self._engine, self._opening, None, None, None
        if engine is not None:
            await _closed(engine, opening)
        if self._closing:
            await asyncio.wait(self._closing)


async def _opened(engine: Openable) -> None:
    try:
        await engine.open()
    except OSError as error:
        log.warning("the fleet: %s", error.strerror or error)


async def _closed(engine: Openable, opening: asyncio.Task[None] | None) -> None:
    if opening is not None and not opening.done():
        opening.cancel()
        await asyncio.wait({opening})
    try:
        await engine.close()
    except OSError as error:
        log.warning("the fleet's database was not left in order: %s", error.strerror or error)
