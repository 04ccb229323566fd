"""Sessions of PAM, for `accounting pam`: opened and closed in two processes, so that none is kept for as long as
somebody is connected. What the modules leave in the environment of the first one, the second one finds there.

Modules that tie a session to the life or the memory of one process (pam_systemd, pam_wtmpdb) do not go with that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lotor.auth.pam import process as inside
from lotor.auth.pam.modules import TERMINAL, BrokenError, Done, Modules
from lotor.auth.pam.process import CLOSE, OPEN, packed
from lotor.auth.pam.verdicts import STEPS
from lotor.config.pam import missing
from lotor.model.text import clean

IN_MODULES = 45.0
"""Seconds, as for a login."""


class SessionError(Exception):
    """A session was not opened, or not closed: why, without a full stop."""


class PamSessions:
    """Belongs to one event loop. Whoever waits may be cancelled; then the process is ended, and nobody knows what
    became of the session. Each call has a process at once: whoever calls has a bound."""

    def __init__(
        self,
        service: str,
        start: Callable[[Callable[[], None]], Modules] = Modules,
    ) -> None:
        self._service = service
        self._start = start

    async def open(self, user: str, host: str) -> tuple[bytes, ...]:
        """What `close` needs: NAME=VALUE each, at most `process.MOST_VARIABLES` of them with at most
        `process.LONGEST_VARIABLE` octets; it may be kept on disk. Raises `SessionError`."""
        return (await self._done(OPEN, user, host, ())).variables

    async def close(self, user: str, host: str, variables: tuple[bytes, ...]) -> None:
        """Raises `SessionError`; the session counts as closed nevertheless."""
        await self._done(CLOSE, user, host, variables)

    async def _done(self, task: bytes, user: str, host: str, variables: tuple[bytes, ...]) -> Done:
        if lacking := await asyncio.to_thread(missing, self._service, sessions=True):
            raise SessionError(lacking)
        done = await self._said(packed(task, *self._request(user, host), *variables))
        if done.step != inside.PROVED:
            step = STEPS.get(done.step, "start")
            raise SessionError(f"PAM service {self._service} refused it ({step}): {clean(done.words)}")
        return done

    def _request(self, user: str, host: str) -> tuple[bytes, ...]:
        return self._service.encode(), user.encode(), b"", host.encode(), TERMINAL.encode()

    async def _said(self, message: bytes) -> Done:
        try:
            modules = self._start(lambda: None)
        except OSError as error:
            raise SessionError(f"no process for PAM could be started ({error.strerror})") from error
        try:
            return Done.of(await modules.exchange(message, IN_MODULES))
        except (BrokenError, ValueError) as fault:
            text = fault if isinstance(fault, BrokenError) else "asked a question, or said what nobody understands"
            raise SessionError(f"the process of PAM service {self._service} {text}") from fault
        finally:
            modules.kill()
