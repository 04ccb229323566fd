"""What the warden keeps for its daemons: who is banned, and where all of it is stored.

A daemon hands on what an administrator wants. An owned one can ban and lift bans, each with a line of the log and no
faster than a person would; what slows guesses down (`auth.throttle`) it cannot lift.
"""

from __future__ import annotations

import asyncio
import errno
import logging

from lotor.auth.banning import Banning
from lotor.config.settings import Settings
from lotor.model.ban import LONGEST_SUBJECT, Ban
from lotor.model.text import clean
from lotor.ports.auth import LoginBackend
from lotor.ports.records import StoreState
from lotor.privsep.recording import BAN, BANS, LIFT, MOST_IN_ANSWER, STORE_STATE, BanWish
from lotor.privsep.serving import Handler, Reply, handling
from lotor.store import Store, StoreFault, bans
from lotor.store.bans import Change
from lotor.store.behind import Behind
from lotor.warden.fleet_bans import FleetBans, is_wide
from lotor.warden.fleet_watch import FleetWatch
from lotor.warden.pace import Pace

log = logging.getLogger(__name__)

CHANGES_A_SECOND, CHANGES_AT_ONCE = 1.0, 100
"""Of bans by one daemon after another: a script that takes over a list goes on at this speed."""


class KeptRecords:
    """Implements `ports.records.Records`. `logins` are those of a back end behind the bans."""

    def __init__(self, backend: LoginBackend, store: Store) -> None:
        self._store = store
        self._behind: Behind[tuple[bool, str], Change] = Behind(store, "bans", bans.write)
        self.logins = Banning(backend, changed=self._changed)
        self.fleet = FleetBans(self.logins, self._told)
        self._untold: list[Change] = []
        self._shares = False
        self._recalling: asyncio.Task[None] | None = None
        store.follow(self._returned)

    def share(self, watch: FleetWatch) -> None:
        """From here on bans are the whole fleet's. What it was not told before is told now."""
        self._shares = True
        self._tell_untold()
        self.fleet.begin(watch)

    def _tell_untold(self) -> None:
        wall, untold, self._untold = self.logins.banned.wall(), self._untold, []
        for each in untold:
            if each.there:
                self.fleet.made(each.ban, min(each.ban.until - wall, each.ban.until - each.ban.since))
            else:
                self.fleet.lifted(each.ban)

    async def recall(self) -> None:
        """Bans of an earlier program are in force again. Before the first login."""
        if not self._store.lasts:
            return
        try:
            self.logins.banned.load(await self._store.run(bans.load))
            self._untold = await self._store.run(bans.untold)
            if self._shares:
                self._tell_untold()
        except (StoreFault, ValueError) as fault:
            text = fault.strerror if isinstance(fault, StoreFault) else f"{fault}"
            log.error("the bans of before are not known: %s", text)  # noqa: TRY400 - it says all

    def _returned(self) -> None:
        """The store has its file again: bans that are in it count."""
        self._recalling = asyncio.get_running_loop().create_task(self.recall())

    def obey(self, settings: Settings) -> None:
        self.logins.rule = settings.mode_cfg.auth_ban if settings.mode_cfg is not None else None

    async def store(self) -> StoreState:
        file = self._store.file
        fault = self._store.fault
        return StoreState(clean(str(file)) if file is not None else "", clean(fault.strerror or "") if fault else "")

    async def bans(self) -> tuple[Ban, ...]:
        return self.logins.all()

    async def ban(self, subject: str, seconds: int) -> Ban:
        if subject != clean(subject):
            raise OSError(errno.EINVAL, "a login has no control characters")
        try:
            return self.logins.ban(subject, seconds)
        except (ValueError, OverflowError) as error:
            raise OSError(errno.EINVAL, str(error)) from None

    async def lift(self, subject: str) -> bool:
        lifted = self.logins.lift(subject) if len(subject) <= LONGEST_SUBJECT else None
        if lifted is not None and self._shares:
            self.fleet.lifted(lifted)
            self._note(Change(lifted, there=False, untold=not is_wide(lifted)))
        return lifted is not None

    async def settle(self) -> None:
        await self.fleet.end()
        await self._behind.settle()

    def _changed(self, ban: Ban, there: bool) -> None:
        """Here. That one is over each gateway sees by itself."""
        self._note(Change(ban, there, untold=there))
        if there and self._shares:
            self.fleet.made(ban, ban.until - ban.since)

    def _told(self, ban: Ban, there: bool) -> None:
        """The fleet has it so."""
        self._note(Change(ban, there))

    def _note(self, change: Change) -> None:
        self._behind.note((change.ban.network, change.ban.subject), change)


def rows(records: KeptRecords) -> dict[int, Handler]:
    pace = Pace(CHANGES_A_SECOND, CHANGES_AT_ONCE)

    async def state(nothing: None) -> Reply:
        del nothing
        return Reply(await records.store())

    async def some(first: int) -> Reply:
        return Reply((await records.bans())[max(0, first) :][:MOST_IN_ANSWER])

    async def ban(wish: BanWish) -> Reply:
        await pace.take()
        return Reply(await records.ban(wish.subject, wish.seconds))

    async def lift(subject: str) -> Reply:
        await pace.take()
        return Reply(await records.lift(subject))

    return dict((handling(state, STORE_STATE), handling(some, BANS), handling(ban, BAN), handling(lift, LIFT)))
