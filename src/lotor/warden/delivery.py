"""Accounting records are told to their keeper: in order for each session, several sessions side by side, again and
again until the keeper has them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from lotor.model.entry import RECORD_KEY, Entry
from lotor.model.quantity import quantity
from lotor.model.text import clean
from lotor.ports.accounting import Keeper, Status
from lotor.store.account_rows import Waiting
from lotor.store.spool import Spool

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Records that are taken from the store in one go."""
SIDE_BY_SIDE = 16
"""Sessions whose records are under way at a time."""
PROBES = 8
"""Sessions of which one record is tried while the keeper is silent: of more nobody would be the wiser."""
KEEPER_SECONDS = 60.0
"""So long one record may take, with all servers and all their repetitions."""
PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds between tries while the keeper is silent."""
MOST_TRIES = 10
"""A record that is not taken so often, while others are, is lost, and said: something is wrong with it, not with the
keeper."""
SILENT, BACK = "AccountingSilent", "AccountingBack"
"""Among the events of the log (docs/events.md)."""
WHOLE = frozenset({Status.ON, Status.OFF})
"""Nothing else is told meanwhile: a keeper may end all sessions that it knows of by one."""


@dataclass(slots=True)
class _Outcome:
    """`taken`: how many records; `refused`: sessions whose turn ended with a record that was not taken, and the reason
    of each."""

    taken: int = 0
    refused: dict[str, tuple[Waiting, str]] = field(default_factory=dict)


class Delivery:
    """`start`, maybe again and again, and `stop` once; `grown` whenever there may be more to tell. `silent`: since when
    nobody takes anything, by the loop's clock."""

    def __init__(self, name: str, keeper: Keeper, spool: Spool) -> None:
        self.name = name
        self.silent: float | None = None
        self._keeper = keeper
        self._spool = spool
        self._pauses = 0
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._go_on())

    def grown(self) -> None:
        self._more.set()
        self._idle.clear()

    async def finished(self, seconds: float) -> None:
        """Until nothing waits, or the time is over: at the end of the program."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def turn(self) -> float | None:
        """Tells what is first. Seconds until the next turn; None: nothing waits."""
        batch = self._batch(await self._spool.first(self.name, AT_ONCE))
        if not batch:
            return None
        outcome = await self._told(batch)
        if outcome.taken:
            self._heard(outcome.taken)
            await self._pass_over(outcome)
            return 0.0
        return self._unheard(next(iter(outcome.refused.values()))[1])

    def _batch(self, found: list[Waiting]) -> list[list[Waiting]]:
        """The records of each session, in order. A record of the whole gateway comes alone; while the keeper is silent
        it is tried beside others, in case that it alone is not taken."""
        sessions: dict[str, list[Waiting]] = {}
        for each in found:
            if each.record.status in WHOLE and self.silent is None:
                if not sessions:
                    sessions[each.id] = [each]
                break
            sessions.setdefault(each.id, []).append(each)
        if self.silent is not None:
            return [each[:1] for each in list(sessions.values())[:PROBES]]
        return list(sessions.values())

    async def _told(self, batch: list[list[Waiting]]) -> _Outcome:
        outcome = _Outcome()
        await asyncio.gather(*(self._tell(each, outcome) for each in batch))
        return outcome

    async def _tell(self, records: list[Waiting], outcome: _Outcome) -> None:
        """Of one session, until one is not taken. What is taken is noted at once, and also where this is cancelled:
        others of the turn may take long."""
        taken: list[int] = []
        try:
            async with self._places:
                for each in records:
                    if (why := await self._refusal(each)) is not None:
                        outcome.refused[each.id] = each, why
                        return
                    taken.append(each.number)
        finally:
            if taken:
                outcome.taken += len(taken)
                await self._spool.taken(taken)

    async def _refusal(self, waiting: Waiting) -> str | None:
        try:
            async with asyncio.timeout(KEEPER_SECONDS):
                await self._keeper.take(waiting.record)
        except TimeoutError as error:
            return error.strerror or f"no answer within {KEEPER_SECONDS:g} s"
        except OSError as error:
            return error.strerror or str(error) or errno.errorcode.get(error.errno or 0, "it failed")
        except Exception as error:  # noqa: BLE001 - its text may quote a peer
            return f"internal error: {type(error).__name__}"
        return None

    async def _pass_over(self, outcome: _Outcome) -> None:
        """Others were taken: those that were not have their turn later, ten times."""
        if not outcome.refused:
            return
        for waiting, why in outcome.refused.values():
            if waiting.tries >= MOST_TRIES:
                record = f"{waiting.record.status.name.lower()} of {waiting.id or 'the gateway'}"
                log.error("accounting %s: a record is lost, %s: %s", self.name, record, clean(why))
                await self._spool.taken([waiting.number])
        await self._spool.passed_over(outcome.refused)

    def _heard(self, records: int) -> None:
        self._pauses = 0
        if self.silent is None:
            return
        silent = int(asyncio.get_running_loop().time() - self.silent)
        self.silent = None
        line = f"accounting {self.name} answers again after {quantity(silent, 'second')}"
        _tell(logging.INFO, line, Entry(BACK, {"keeper": self.name, "seconds": silent, "records": records}))

    def _unheard(self, why: str) -> float:
        if self.silent is None:
            self.silent = asyncio.get_running_loop().time()
            why = clean(why)
            line = f"accounting {self.name} is silent, records wait: {why}"
            _tell(logging.WARNING, line, Entry(SILENT, {"keeper": self.name, "why": why}))
        pause = PAUSES[min(self._pauses, len(PAUSES) - 1)]
        self._pauses += 1
        return pause

    async def _go_on(self) -> None:
        while True:
            self._more.clear()
            try:
                pause = await self.turn()
            except Exception as error:  # noqa: BLE001 - the records wait
                log.error("internal error: accounting %s: %s", self.name, type(error).__name__)  # noqa: TRY400
                pause = PAUSES[-1]
            if pause is None and not self._more.is_set():
                self._idle.set()
                await self._more.wait()
            elif pause:
                await asyncio.sleep(pause)


Making = Callable[[], Entry]


def _tell(level: int, line: str, entry: Entry) -> None:
    making: Making = lambda: entry  # noqa: E731
    log.log(level, "%s", line, extra={RECORD_KEY: making})
