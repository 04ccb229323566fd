"""Logins under way: each conversation stays with the back end that began it, which hears when it is abandoned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Conversation:
    """A back end waits for the next round."""

    backend: LoginBackend
    ticket: bytes


class Logins:
    """`backend` is that of the present configuration, for logins to come. One conversation a session at most, and none
    of a session that has ended."""

    def __init__(self, backend: Callable[[], LoginBackend]) -> None:
        self._backend = backend
        self._open: dict[int, Conversation] = {}
        self._lanes = Lanes(ABANDON_SECONDS)

    async def judge(self, session: int, attempt: LoginAttempt) -> Verdict:
        """Whoever stops waiting abandons the conversation."""
        before = self._open.pop(session, None)
        backend = before.backend if before is not None else self._backend()
        try:
            verdict = await backend.judge(attempt)
        except BaseException:
            self._abandon(session, before)
            raise
        if isinstance(verdict, Challenge):
            self._open[session] = Conversation(backend, verdict.conversation)
        return verdict

    def follow(self, event: Event) -> None:
        match event:
            case Ended(session=session) | Renewed(attempt=session):
                self._abandon(session, self._open.pop(session, None))

    async def settled(self) -> None:
        """Until every back end has heard."""
        await self._lanes.settled()

    def _abandon(self, session: int, conversation: Conversation | None) -> None:
        if conversation is not None:
            step = partial(conversation.backend.abandon, conversation.ticket)
            self._lanes.follow((session, conversation.ticket), Step.ABANDON, step)
