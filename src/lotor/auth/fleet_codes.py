"""Used codes of all gateways of a fleet: what opened at one opens at no other."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from lotor.auth.spent import SpentCodes, SpentError
from lotor.ports.fleet import Fleet, News, Sign

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds after which a database that does not answer is taken for one that is away."""
REST = 5.0
"""Seconds in which nobody asks it after it did not answer."""
MOST_LATER = 4096
"""Codes of the hour that were used while the database was away; of the oldest no app shows the code any more."""
MOST_RECOVERY = 65_536
"""Used recovery codes that are told when the database is there again."""


class FleetCodes:
    """Implements `auth.second.Elsewhere`. `refuses`: whether nobody with a code gets in while the database is away;
    else what this gateway knows itself counts then."""

    def __init__(self, fleet: Fleet, refuses: Callable[[], bool], spent: SpentCodes | None = None) -> None:
        self._fleet, self._refuses = fleet, refuses
        self._spent = spent or SpentCodes()
        self._later: OrderedDict[str, int] = OrderedDict()
        self._telling: asyncio.Task[None] | None = None
        self._rests_until = 0.0

    async def spend(self, key: str, step: int | None) -> bool:
        try:
            return await self._asked(key, step)
        except OSError as fault:  # also TimeoutError
            if self._refuses():
                raise OSError(fault.errno, f"no code can be taken: {_text(fault)}") from None
        if step is not None:
            self._later[key] = max(step, self._later.pop(key, step))
            while len(self._later) > MOST_LATER:
                self._later.popitem(last=False)
        return True

    async def _asked(self, key: str, step: int | None) -> bool:
        """Whoever comes behind one that waited in vain does not wait. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._rests_until:
            raise TimeoutError
        try:
            async with asyncio.timeout(PATIENCE) as limit:
                return await self._fleet.spend(key, step)
        except TimeoutError:  # which may be the database's own, said at once
            if limit.expired():
                self._rests_until = loop.time() + REST
            raise

    def hear(self, news: News) -> None:
        """What was used while the database was away is told when it is there, and also what was used before this
        gateway was one of the fleet."""
        if news.sign is Sign.JOINED:
            self._rests_until = 0.0
        if news.sign is Sign.JOINED and (self._telling is None or self._telling.done()):
            self._telling = asyncio.get_running_loop().create_task(self._told())

    async def stop(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait({self._telling})

    async def _told(self) -> None:
        try:
            while self._later:
                key, step = next(iter(self._later.items()))
                await self._fleet.spend(key, step)
                if self._later.get(key) == step:
                    del self._later[key]
            for each in sorted(await asyncio.to_thread(self._spent.spent))[:MOST_RECOVERY]:
                await self._fleet.spend(each, None)
        except SpentError as fault:
            log.error("the fleet does not hear of used recovery codes: %s", fault)  # noqa: TRY400 - it says all
        except OSError:
            return  # which the fleet has told, and tells when it is there again


def _text(fault: OSError) -> str:
    return fault.strerror or "the database of the fleet does not answer"
