"""Whether the database of the fleet answers, what it says is new, and the signs that this gateway lives."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from lotor.model.reasons.local import FleetAway
from lotor.ports.fleet import LONGEST_WAIT, Fleet, News, Sign
from lotor.privsep.sharing import REFUSED

log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 8.0
"""Seconds that one question to the fleet takes at most; the engine answers sooner, also where it cannot."""
FIRST_PATIENCE = 12.0
"""The same at the start, when tables may have to be made."""
LAST_PATIENCE = 3.0
"""The same at the end of the program: what is not given back then is free after the lease time."""
RETRY = 2.0
"""Seconds between two looks at a database that is away."""
NEWS_PATIENCE = LONGEST_WAIT + PATIENCE
SHOWN = 0.3
"""Seconds between two signs that this gateway has heard who waits for it."""
PAUSE = 0.1
"""Seconds between two questions for news: however fast the other end answers, they take no processor."""


@dataclass(frozen=True, slots=True)
class Away:
    """Since when the database cannot be asked (`loop.time`), and why. `refused`: it can be, and somebody has to change
    something first."""

    since: float
    why: str
    refused: bool = False


class FleetWatch:
    """`begin` first, `end` last, in one event loop. Followers hear each news once, in order; they return at once and
    raise nothing."""

    def __init__(self, fleet: Fleet, lease: int) -> None:
        self.fleet = fleet
        self._lease = lease
        self.away: Away | None = None
        self._heard = float("-inf")
        self._followers: list[Callable[[News], None]] = []
        self._due, self._waited_for = asyncio.Event(), asyncio.Event()
        self._back = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def follow(self, follower: Callable[[News], None]) -> None:
        self._followers.append(follower)

    async def begin(self) -> None:
        """Raises `OSError` where this gateway may not be one of the fleet; a database that is away is waited for."""
        try:
            await self._beaten(FIRST_PATIENCE)
        except OSError as error:
            if error.errno == REFUSED:
                raise
        loop = asyncio.get_running_loop()
        self._tasks = tuple(map(loop.create_task, (self._beats(), self._hears(), self._shows())))

    async def end(self) -> None:
        """The gateway leaves the fleet."""
        tasks, self._tasks = self._tasks, ()
        for each in tasks:
            each.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self.away is not None:
            return
        try:
            await self.ask(self.fleet.leave(), LAST_PATIENCE)
        except OSError as error:
            log.warning("the fleet was not left, it has this gateway's addresses after the lease time: %s", text(error))

    async def ask(self, question: Awaitable[T], patience: float = PATIENCE) -> T:
        """Its answer. Raises `OSError` where there is none in time; what follows from that is known then."""
        try:
            async with asyncio.timeout(patience) as limit:
                answer = await question
        except OSError as error:  # a TimeoutError is one, also where the other end says it
            late = f"the fleet's database did not answer within {patience:g} s"
            told = OSError(errno.ETIMEDOUT, late) if limit.expired() else error
            self._missed(told)
            raise told from error
        self._answered()
        return answer

    @property
    def holds(self) -> bool:
        """Whether what this gateway had when the database heard of it last is its own still. Nothing but a beat makes
        its lease begin anew there."""
        return _awake_or_not() - self._heard < self._lease

    @property
    def seconds_away(self) -> float | None:
        """None where it answers."""
        return asyncio.get_running_loop().time() - self.away.since if self.away is not None else None

    async def there(self) -> None:
        """Returns when the database answers."""
        while self.away is not None:
            self._back.clear()
            await self._back.wait()

    def reason(self) -> FleetAway:
        return FleetAway(self.away.why if self.away is not None else "it did not answer")

    def _answered(self) -> None:
        if self.away is not None:
            seconds = asyncio.get_running_loop().time() - self.away.since
            log.warning("the fleet's database answers again, after %d s", seconds)
            self.away = None
            self._back.set()

    def _missed(self, error: OSError) -> None:
        now = asyncio.get_running_loop().time()
        before, refused = self.away, error.errno == REFUSED
        if refused and (before is None or not before.refused):
            log.error("nobody logs in, the fleet's database is there and this gateway may not be: %s", text(error))
        elif before is None:
            log.error("the fleet's database cannot be asked, no tunnel ends for that: %s", text(error))
        self.away = Away(before.since if before is not None else now, text(error), refused)
        self._due.set()

    async def _beats(self) -> None:
        """Three in each lease; more while nobody answers."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._lease / 3):
                    await self._due.wait()
                await asyncio.sleep(RETRY)
            self._due.clear()
            await self._beat()

    async def _shows(self) -> None:
        """Another gateway waits longer for one that hears it."""
        while True:
            await self._waited_for.wait()
            self._waited_for.clear()
            await self._beat()
            await asyncio.sleep(SHOWN)

    async def _beat(self) -> None:
        try:
            await self._beaten()
        except OSError:
            return  # which is told

    async def _beaten(self, patience: float = PATIENCE) -> None:
        """Raises `OSError`."""
        began = _awake_or_not()  # the database hears it no sooner
        await self.ask(self.fleet.beat(), patience)
        self._heard = max(self._heard, began)

    async def _hears(self) -> None:
        while True:
            try:
                async with asyncio.timeout(NEWS_PATIENCE):
                    found = await self.fleet.news()
            except OSError:  # of no interest: a beat tells whether the database is away
                await asyncio.sleep(RETRY)
                continue
            for each in dict.fromkeys(found):
                if each.sign is Sign.REPLACED:
                    self._heard = float("-inf")
                if each.sign is Sign.RETURNED:
                    self._waited_for.set()
                for follower in self._followers:
                    follower(each)
            await asyncio.sleep(PAUSE)


def _awake_or_not() -> float:
    """Seconds, with those in which this host slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def text(error: OSError) -> str:
    return error.strerror or str(error)
