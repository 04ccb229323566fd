"""The back ends of the configuration in force: one object for as long as the program runs.

A conversation of several rounds stays with the engine that began it; engines that are replaced are closed when it must
be over.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Iterable

from lotor.auth.current import CurrentLogins, NoLogins
from lotor.backends.dynamic import HeardDemands
from lotor.backends.engines import Close, Engines, Make, MakeFleet, engines_of, fleet_of
from lotor.backends.present_fleet import PresentFleet
from lotor.config.back_ends import BackEndSettings
from lotor.model.back_end import BackEnd
from lotor.model.login import LoginAttempt, Verdict
from lotor.ports.accounting import Record
from lotor.ports.demands import Demand, Settled
from lotor.ports.fleet import Fleet

log = logging.getLogger(__name__)

LONGEST_CONVERSATION = 300.0
"""Seconds in which a person answers all questions of a login: sessions without one are gone by then."""


class PresentBackEnds:
    """Implements `ports.back_ends.BackEnds` and `ports.demands.Demands`. Without engines before the first `replace`."""

    def __init__(self, make: Make = engines_of, make_fleet: MakeFleet = fleet_of) -> None:
        self._make = make
        self._fleets = PresentFleet(make_fleet)
        self._engines = Engines()
        self._settings: BackEndSettings | None = None
        self._demands = HeardDemands()
        self._logins = {each: CurrentLogins() for each in BackEnd}
        self._retired: dict[asyncio.Task[None], tuple[Close, ...]] = {}

    def replace(self, settings: BackEndSettings | None) -> None:
        """From now on these count; None: no back end. Raises `OSError`, and nothing has changed."""
        self._demands.use(settings)
        try:
            made = self._make(settings) if settings is not None else Engines()
        except BaseException:
            self._demands.use(self._settings)
            raise
        self._fleets.replace(settings.fleet if settings is not None else None)
        former, self._engines, self._settings = self._engines, made, settings
        for which, current in self._logins.items():
            current.use(made.logins.get(which, NoLogins()))
        if former.close:
            retiring = asyncio.get_running_loop().create_task(_retire(former.close))
            self._retired[retiring] = former.close
            retiring.add_done_callback(self._forget)

    async def judge(self, which: BackEnd, attempt: LoginAttempt) -> Verdict:
        return await self._logins[which].judge(attempt)

    async def abandon(self, which: BackEnd, conversation: bytes) -> None:
        await self._logins[which].abandon(conversation)

    async def account(self, record: Record) -> None:
        if self._engines.accounts is None:
            raise OSError(errno.ENOTCONN, "no back end keeps accounts in this configuration")
        await self._engines.accounts.take(record)

    async def groups(self, user: str) -> frozenset[str]:
        if self._engines.groups is None:
            raise OSError(errno.ENOTCONN, "no back end tells groups in this configuration")
        return await self._engines.groups.of(user)

    async def demanded(self) -> tuple[Demand, ...]:
        return await self._demands.demanded()

    async def settle(self, settled: Settled) -> None:
        await self._demands.settle(settled)

    @property
    def has_fleet(self) -> bool:
        return self._fleets.there

    async def present_fleet(self) -> Fleet:
        """The engine of the fleet. Raises `OSError` where there is none."""
        return await self._fleets.opened()

    async def close(self) -> None:
        """Those that were replaced, too."""
        await self._fleets.close()
        self._demands.close()
        for retiring, closers in tuple(self._retired.items()):
            retiring.cancel()
            await _close(closers)
        await _close(self._engines.close)

    def _forget(self, retiring: asyncio.Task[None]) -> None:
        self._retired.pop(retiring, None)


async def _retire(closers: Iterable[Close]) -> None:
    await asyncio.sleep(LONGEST_CONVERSATION)
    await _close(closers)


async def _close(closers: Iterable[Close]) -> None:
    for close in closers:
        try:
            if (closing := close()) is not None:
                await closing
        except OSError as error:
            log.warning("a back end was not closed: %s", error.strerror or error)
