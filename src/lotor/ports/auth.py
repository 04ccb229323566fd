"""The port of the engines that judge a login."""

from __future__ import annotations

from typing import Protocol

from lotor.model.login import LoginAttempt, Verdict


class LoginBackend(Protocol):
    """A back end answers every attempt: a fault of its own is `Refused` with the fault as `why`."""

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        """Cancelled when the caller no longer waits for the verdict of this round."""
        ...

    async def abandon(self, conversation: bytes) -> None:
        """No next round will come to this ticket. Unknown ones are ignored."""
        ...
