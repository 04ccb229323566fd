"""The port of the engines that judge a login."""

from __future__ import annotations

from typing import Protocol

from lotor.model.login import LoginAttempt, Verdict


class LoginBackend(Protocol):
    """A back end answers every attempt: a fault of its own is `Refused` with the fault as `why`."""

    async def judge(self, attempt: LoginAttempt) -> Verdict: ...
