"""Ports that stay the same objects while a reload replaces the engines behind them."""

from __future__ import annotations

from concurrent.futures import Executor

from lotor.auth import Throttle
from lotor.keys import Keyring, LocalSigner
from lotor.model.judgement import Failure, Feigned, PskRequest, Signature, SignedHash
from lotor.model.login import Challenge, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import NobodyLogsIn
from lotor.model.secret import Secret
from lotor.ports.auth import LoginBackend


class CurrentSigner:
    """Implements `ports.signer.Signer`; without keys before the first `use`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._signer = LocalSigner(Keyring(()), executor)

    def use(self, keyring: Keyring) -> None:
        self._signer = LocalSigner(keyring, self._executor)

    async def sign(self, remote: str, made_of: SignedHash) -> Signature | Failure:
        return await self._signer.sign(remote, made_of)

    async def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        return await self._signer.derive_skeyid(request)

    async def saved_password(self, remote: str) -> Secret | None:
        return await self._signer.saved_password(remote)


class NoLogins:
    """For a client alone: nobody logs in here."""

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        return Refused(NobodyLogsIn(attempt.user))

    async def abandon(self, conversation: bytes) -> None:
        """There is none."""


class CurrentLogins:
    """Implements `ports.auth.LoginBackend`. A conversation stays with the back end that began it, also when a reload
    names another; there are as many as rounds that somebody waits for."""

    def __init__(self) -> None:
        self._backend: LoginBackend = NoLogins()
        self._conversations: dict[bytes, LoginBackend] = {}

    def use(self, backend: LoginBackend) -> None:
        """What was remembered of guesses and of proved users counts with the new one, too."""
        if isinstance(backend, Throttle):
            backend.take_over(self._backend)
        self._backend = backend

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        backend = self._conversations.get(attempt.conversation, self._backend)
        verdict = await backend.judge(attempt)
        self._conversations.pop(attempt.conversation, None)
        if isinstance(verdict, Challenge):
            self._conversations[verdict.conversation] = backend
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        if (backend := self._conversations.pop(conversation, None)) is not None:
            await backend.abandon(conversation)
