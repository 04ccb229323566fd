"""Logins at the other end of the line: accounts, the throttle and what was proved are the warden's."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from lotor.model import login
from lotor.model.login import LoginAttempt, Verdict
from lotor.model.reasons.logins import BackEndFault
from lotor.privsep import asking
from lotor.privsep.asking import Asker, reason_of
from lotor.privsep.frames import Ended
from lotor.privsep.logging_in import ABANDON, CHECK_LOGIN


class FarLogins:
    """Implements `ports.auth.LoginBackend`. A caller that is cancelled withdraws its attempt from the warden, too."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        once = replace(
            attempt, answers=tuple(dict(attempt.answers).items())
        )  # of an answer given twice the last counts
        try:
            return (await self._asker.ask(CHECK_LOGIN, once)).value
        except (asking.Refused, Ended) as fault:
            return _unjudged(attempt, reason_of(fault).text)
        except ValueError:
            return _unjudged(attempt, "its name or its answers are longer than any")

    async def abandon(self, conversation: bytes) -> None:
        """Returns also where the warden is gone: that has ended all conversations."""
        with contextlib.suppress(asking.Refused, Ended, ValueError):
            await self._asker.ask(ABANDON, conversation)


def _unjudged(attempt: LoginAttempt, why: str) -> login.Refused:
    return login.Refused(BackEndFault(attempt.user, why))
