"""Logins under way: the back end hears which account is meant, and when a conversation is abandoned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from functools import partial

from lotor.ike.events import Ended, Event, Renewed
from lotor.model.login import Challenge, LoginAttempt, Verdict
from lotor.ports.auth import LoginBackend
from lotor.runtime.lanes import Lanes

ABANDON_SECONDS = 10.0
"""A back end that takes longer to let go of a conversation is not waited for."""


class Step(Enum):
    """What waits for one conversation."""

    ABANDON = auto()


class Logins:
    """One conversation a session at most, and none of a session that has ended. `account`: the id of the account of a
    session, by the core's number; empty where nobody knows."""

    def __init__(self, backend: LoginBackend, account: Callable[[int], str] = lambda _: "") -> None:
        self._backend = backend
        self._account = account
        self._open: dict[int, bytes] = {}
        self._lanes = Lanes(ABANDON_SECONDS)

    def account(self, session: int) -> str:
        """The id of the account of a session, by the core's number; empty where nobody knows."""
        return self._account(session)

    async def judge(self, session: int, attempt: LoginAttempt, continues: int | None = None) -> Verdict:
        """A caller that stops waiting abandons the conversation. `continues`: the session that the account is of, where
        it is another one."""
        before = self._open.pop(session, None)
        try:
            account = self._account(session if continues is None else continues)
            verdict = await self._backend.judge(replace(attempt, account=account))
        except BaseException:
            self._abandon(session, before)
            raise
        if isinstance(verdict, Challenge):
            self._open[session] = verdict.conversation
        return verdict

    def follow(self, event: Event) -> None:
        match event:
            case Ended(session=session) | Renewed(attempt=session):
                self._abandon(session, self._open.pop(session, None))

    async def settled(self) -> None:
        """Until every back end has heard."""
        await self._lanes.settled()

    def _abandon(self, session: int, ticket: bytes | None) -> None:
        if ticket is not None:
            step = partial(self._backend.abandon, ticket)
            self._lanes.follow((session, ticket), Step.ABANDON, step)
