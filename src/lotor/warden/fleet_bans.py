"""Bans of the whole fleet: one that is made here is in force at every gateway, and the reverse. The database's clock
says how long each lasts."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from lotor.auth.banned import BY_HAND, MOST
from lotor.auth.banning import Banning
from lotor.model.ban import Ban, known_as, network_of
from lotor.ports.fleet import News, Sign
from lotor.warden.fleet_watch import FleetWatch
from lotor.warden.judged_fleet import WIDEST

log = logging.getLogger(__name__)

MOST_PENDING = 4_096
"""Bans, and lifted ones, that wait for the database: four times as many as a gateway has at a time."""
NEAR = 2.0
"""Seconds by which the end of a ban may seem to be another one, since answers take their time."""

Key = tuple[bool, str]
Note = Callable[[Ban, bool], None]


@dataclass(frozen=True, slots=True)
class _Change:
    """`until`: when a ban ends by the clock of the event loop; None: it was lifted."""

    ban: Ban
    until: float | None


class FleetBans:
    """`banning` has those in force here. `note` writes down what the fleet has, too: a ban, and whether it is there."""

    def __init__(self, banning: Banning, note: Note) -> None:
        self._banning = banning
        self._banned = banning.banned
        self._note = note
        self._pending: OrderedDict[Key, _Change] = OrderedDict()
        self._stale = False
        self._wake = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def begin(self, watch: FleetWatch) -> None:
        watch.follow(self.hear)
        self._work = asyncio.get_running_loop().create_task(self._works(watch))

    async def end(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def hear(self, news: News) -> None:
        if news.sign in {Sign.JOINED, Sign.BANS}:
            self._stale = True
            self._wake.set()

    def made(self, ban: Ban, seconds: float) -> None:
        """Here; it lasts so long from now on. One that shuts out everybody is for this gateway alone."""
        if seconds > 0 and not is_wide(ban):
            self._add(ban, asyncio.get_running_loop().time() + seconds)

    def lifted(self, ban: Ban) -> None:
        if not is_wide(ban):
            self._add(ban, None)

    def _add(self, ban: Ban, until: float | None) -> None:
        self._pending[_key(ban)] = _Change(ban, until)
        self._pending.move_to_end(_key(ban))
        if len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
            log.error("%d bans wait for the fleet's database already, the oldest stays here alone", MOST_PENDING)
        self._wake.set()

    async def _works(self, watch: FleetWatch) -> None:
        while True:
            await self._wake.wait()
            await watch.there()
            self._wake.clear()
            try:
                await self._tell(watch)
                await self._look(watch)
            except OSError:  # which is told: once the database answers it goes on
                self._wake.set()
                await asyncio.sleep(PAUSE)
            except Exception as error:  # noqa: BLE001 - its text may have a login in it
                log.error("internal error: bans of the fleet: %s", type(error).__name__)  # noqa: TRY400

    async def _tell(self, watch: FleetWatch) -> None:
        """In order. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        while self._pending:
            key, change = next(iter(self._pending.items()))
            left = max(0.0, change.until - loop.time()) if change.until is not None else 0.0
            if change.until is None or left:
                await watch.ask(watch.fleet.ban(change.ban, left))
            if self._pending.get(key) is change:
                del self._pending[key]
                self._note(change.ban, left > 0)

    async def _look(self, watch: FleetWatch) -> None:
        """What the fleet has is in force here, and nothing else but what it does not know yet. Raises `OSError`."""
        if not self._stale:
            return
        self._stale = False
        try:
            found = await watch.ask(watch.fleet.bans())
        except OSError:
            self._stale = True
            raise
        self._banning.all()  # those that are over go first
        theirs = {_key(ban): (ban, seconds) for ban, seconds in found}
        for each in self._banning.all():
            if _key(each) not in theirs and _key(each) not in self._pending and not is_wide(each):
                self._banned.lift(each.subject, network=each.network)
                self._note(each, False)
                log.warning("ban of %s is lifted in the fleet", each.subject)
        for ban, seconds in self._fitting(theirs):
            self._take(ban, seconds)

    def _fitting(self, theirs: Mapping[Key, tuple[Ban, float]]) -> list[tuple[Ban, float]]:
        """As many as there is room for beside those of this gateway: at each look the same, those by hand and those
        that last the longest."""
        own = sum(_key(each) not in theirs or _key(each) in self._pending for each in self._banning.all())
        others = [each for key, each in theirs.items() if key not in self._pending]
        others.sort(key=lambda each: (each[0].why != BY_HAND, -each[1]))
        return others[: max(0, MOST - own)]

    def _take(self, ban: Ban, seconds: float) -> None:
        wall = self._banned.wall()
        mine = self._banned.get(ban.subject, network=ban.network)
        if mine is not None and abs(mine.until - wall - seconds) < NEAR:
            return
        here = replace(ban, since=min(ban.since, wall), until=wall + seconds)
        try:
            gone = self._banned.add(here, seconds)
        except OverflowError as error:
            log.error("%s is banned in the fleet, and not here: %s", ban.subject, error)  # noqa: TRY400
            return
        self._note_all(gone)
        self._note(here, True)
        log.warning("banned %s for %d s, as in the fleet: %s", ban.subject, seconds, ban.why)

    def _note_all(self, gone: Iterable[Ban]) -> None:
        for each in gone:
            self._note(each, False)


PAUSE = 1.0
"""Seconds after a question that nobody answered."""


def is_wide(ban: Ban) -> bool:
    """Whether it shuts out too many to be believed when another gateway says it."""
    if not ban.network:
        return False
    network = network_of(ban.subject)
    return network.prefixlen < WIDEST[network.version]


def _key(ban: Ban) -> Key:
    return ban.network, ban.subject if ban.network else known_as(ban.subject)
