"""RADIUS and LDAP as the warden has them: led by its configuration, wherever they run."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Protocol

from lotor.config.back_ends import back_ends_of
from lotor.config.settings import Radius, Settings
from lotor.model.back_end import BackEnd
from lotor.model.login import LoginAttempt, Refused, Verdict
from lotor.model.member import Member
from lotor.model.reasons.logins import BackEndFault
from lotor.ports.accounting import Record
from lotor.ports.back_ends import BackEnds
from lotor.ports.demands import Demand, Demands, Settled
from lotor.ports.fleet import Fleet
from lotor.privsep.backing import Serving


class LedBackEnds(BackEnds, Demands, Protocol):
    """Those of one warden. `use` leads them to another configuration."""

    async def use(self, settings: Settings, member: Member | None = None, owed: Radius | None = None) -> None:
        """Returns when they serve what these settings want of them, for a gateway that is this `member` of a fleet, and
        tell the servers of accounts that are `owed`.
        Raises `OSError`, and nothing has changed."""
        ...

    async def stop(self) -> None:
        """Nothing is left of them."""
        ...

    def serving(self) -> Serving | None:
        """The process in which they live; None where there is none."""
        ...

    @property
    def fleet(self) -> Fleet | None:
        """The same object for as long as there is one; None: the gateway stands alone."""
        ...


class NoBackEnds:
    """Implements `LedBackEnds` for a program that has none."""

    async def use(self, settings: Settings, member: Member | None = None, owed: Radius | None = None) -> None:
        """There is nothing to lead."""

    async def stop(self) -> None:
        """There is nothing to stop."""

    def serving(self) -> Serving | None:
        return None

    @property
    def fleet(self) -> Fleet | None:
        return None

    async def judge(self, which: BackEnd, attempt: LoginAttempt) -> Verdict:
        return Refused(BackEndFault(attempt.user, f"this program does not speak to {which.value}"))

    async def abandon(self, which: BackEnd, conversation: bytes) -> None:
        """There is none."""

    async def account(self, record: Record) -> None:
        del record
        raise OSError(errno.ENOTCONN, "this program speaks to no server of accounts")

    async def groups(self, user: str) -> frozenset[str]:
        del user
        raise OSError(errno.ENOTCONN, "this program speaks to no directory")

    async def demanded(self) -> tuple[Demand, ...]:
        """Nobody is to be heard."""
        await asyncio.Event().wait()
        return ()

    async def settle(self, settled: Settled) -> None:
        """Nobody demanded it."""


class BackEndsAtNeed:
    """Implements `LedBackEnds`: none, until a configuration wants some. Only then `make` loads what they need."""

    def __init__(self, make: Callable[[], LedBackEnds]) -> None:
        self._make = make
        self._made: LedBackEnds | None = None
        self._needed = asyncio.Event()
        self._none = NoBackEnds()

    @property
    def _present(self) -> LedBackEnds:
        return self._made or self._none

    async def use(self, settings: Settings, member: Member | None = None, owed: Radius | None = None) -> None:
        if self._made is None and back_ends_of(settings, member, owed) is not None:
            self._made = self._make()
            self._needed.set()
        await self._present.use(settings, member, owed)

    async def stop(self) -> None:
        await self._present.stop()

    def serving(self) -> Serving | None:
        return self._present.serving()

    @property
    def fleet(self) -> Fleet | None:
        return self._present.fleet

    async def judge(self, which: BackEnd, attempt: LoginAttempt) -> Verdict:
        return await self._present.judge(which, attempt)

    async def abandon(self, which: BackEnd, conversation: bytes) -> None:
        await self._present.abandon(which, conversation)

    async def account(self, record: Record) -> None:
        await self._present.account(record)

    async def groups(self, user: str) -> frozenset[str]:
        return await self._present.groups(user)

    async def demanded(self) -> tuple[Demand, ...]:
        await self._needed.wait()
        return await self._present.demanded()

    async def settle(self, settled: Settled) -> None:
        await self._present.settle(settled)


class BackEndLogins:
    """Implements `ports.auth.LoginBackend`: one of the back ends."""

    def __init__(self, back_ends: BackEnds, which: BackEnd) -> None:
        self._back_ends = back_ends
        self._which = which

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        return await self._back_ends.judge(self._which, attempt)

    async def abandon(self, conversation: bytes) -> None:
        await self._back_ends.abandon(self._which, conversation)
