"""The port of logins that stays the same object while a reload replaces the back end behind it."""

from __future__ import annotations

from lotor.auth.grouped import judge_of
from lotor.auth.local import LocalLogins
from lotor.auth.system import SystemLogins
from lotor.auth.throttle import Throttle
from lotor.model.login import Challenge, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import AnswerLate, NobodyLogsIn
from lotor.ports.auth import LoginBackend


class NoLogins:
    """For a client alone: nobody logs in here."""

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        return Refused(NobodyLogsIn(attempt.user))

    async def abandon(self, conversation: bytes) -> None:
        """There is none."""


class CurrentLogins:
    """Implements `ports.auth.LoginBackend`. A conversation stays with the back end that began it, also when a reload
    names another, and with its user: guesses are counted by the name. There are as many as rounds that somebody waits
    for."""

    def __init__(self) -> None:
        self._backend: LoginBackend = NoLogins()
        self._conversations: dict[bytes, tuple[LoginBackend, str]] = {}

    def use(self, backend: LoginBackend) -> None:
        """What was remembered of guesses and of proved users counts with the new one, too."""
        if isinstance(backend, Throttle):
            backend.take_over(self._backend)
        self._backend = backend

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        backend, user = self._conversations.get(attempt.conversation, (self._backend, attempt.user))
        if user != attempt.user:
            await self.abandon(attempt.conversation)
            return Refused(AnswerLate(attempt.user))
        verdict = await backend.judge(attempt)
        self._conversations.pop(attempt.conversation, None)
        if isinstance(verdict, Challenge):
            self._conversations[verdict.conversation] = backend, user
        return verdict

    async def mark(self, user: str) -> bytes | None:
        """Of a user whom the back end knows without a password; None: it does not (`auth.readmission.Marked`)."""
        backend = self._backend.backend if isinstance(self._backend, Throttle) else self._backend
        judge = judge_of(backend)
        return await judge.mark(user) if isinstance(judge, LocalLogins | SystemLogins) else None

    async def abandon(self, conversation: bytes) -> None:
        if (begun := self._conversations.pop(conversation, None)) is not None:
            await begun[0].abandon(conversation)
