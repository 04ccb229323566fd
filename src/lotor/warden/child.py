"""One process of a warden, from the moment that it is answered to its end: what it said, how it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lotor.model.reason import Reason
from lotor.model.reasons.local import DaemonSilent
from lotor.model.text import clean
from lotor.privsep.living import FAILED, LIVES, READY, StartFailure
from lotor.privsep.serving import Handler, Server, answering
from lotor.warden import pulse
from lotor.warden.pulse import Pulse
from lotor.warden.spawning import Program

log = logging.getLogger(__name__)

LOST = 0.5
"""Seconds that a daemon has after the end of the line, before it is killed: both processes notice within a second."""


@dataclass(frozen=True, slots=True)
class End:
    """How a daemon ended. `code` as `subprocess` has it: below zero the number of the signal that killed it.
    `broken`: what the line ended with, where that came first; `failure`: what it said itself before it was ready."""

    code: int
    ready: bool
    broken: str = ""
    failure: StartFailure | None = None

    @property
    def text(self) -> str:
        """Without a full stop."""
        said = f"{clean(self.broken)}; " if self.broken else ""
        if self.code < 0:
            return f"{said}killed by {_name(-self.code)}"
        return f"{said}exit code {self.code}"


@dataclass(frozen=True, slots=True)
class Role:
    """What a process is for a warden: its `name` for people, and the reason to end one that showed no sign of life for
    `silence` seconds; None: `pulse.LONGEST_SILENCE`."""

    name: str = "daemon"
    silent: Callable[[int], Reason] = DaemonSilent
    silence: float | None = None


DAEMON = Role()


class Child:
    """`ready` is done once the daemon serves, `ended` once the process is gone and reaped. Made in a running event
    loop, by the thread that lives as long as the warden: the kernel ties the daemon's life to it. Raises `OSError`
    where no process can be started."""

    def __init__(self, program: Program, handlers: Mapping[int, Handler], role: Role = DAEMON) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[End] = loop.create_future()
        self._failure: StartFailure | None = None
        self._broken = ""
        self._killing: asyncio.TimerHandle | None = None
        self._looks: asyncio.TimerHandle | None = None
        self._role = role
        self.pulse = Pulse(longest=role.silence)
        started = program.take()
        self._process, self._line = started.process, started.line
        with contextlib.ExitStack() as undo:
            undo.callback(started.abandon)
            self._watched = os.pidfd_open(self._process.pid)
            undo.pop_all()
        loop.add_reader(self._watched, self._gone)
        rows = dict((answering(self._is_ready, READY), answering(self._failed, FAILED), answering(self._lives, LIVES)))
        self._server = Server(self._line, {**handlers, **rows}, self.lose, role.name)

    @property
    def pid(self) -> int:
        return self._process.pid

    def hang_up(self) -> bool:
        """Whether it was told: once it serves. Before, the signal would end it."""
        if not self.ready.done() or self.ended.done():
            return False
        self._signal(signal.SIGHUP)
        return True

    def end(self, patience: float) -> None:
        """It is asked to end, and killed after so many seconds."""
        self._signal(signal.SIGTERM)
        self._kill_in(patience)

    def _kill_in(self, patience: float) -> None:
        if self._killing is not None:
            self._killing.cancel()
        if not self.ended.done():
            self._killing = asyncio.get_running_loop().call_later(patience, self._signal, signal.SIGKILL)

    async def _is_ready(self, request: None) -> None:
        """Once: what it says again, or after it said that it could not start, counts for nothing."""
        del request
        if not self.ready.done() and self._failure is None:
            self.ready.set_result(None)
            self.pulse.beat()
            self._look_later()

    async def _lives(self, nothing: None) -> None:
        del nothing
        self.pulse.beat()

    def _look_later(self) -> None:
        self._looks = asyncio.get_running_loop().call_later(pulse.EVERY, self._look)

    def _look(self) -> None:
        """A process that stands still heeds no request to end."""
        self.pulse.look()
        if not self.pulse.stands_still:
            self._look_later()
            return
        silent = self._role.silent(round(self.pulse.silence))
        log.error("%s: %s", silent.kind.value, silent.text)
        self._broken = silent.text
        self._signal(signal.SIGKILL)

    async def _failed(self, failure: StartFailure) -> None:
        if not self.ready.done():
            self._failure = failure

    def lose(self, why: str) -> None:
        """Of a process that ends by itself this is the first sign. One that broke a rule learns that nobody listens."""
        self._broken = self._broken or why
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._kill_in(LOST)

    def _signal(self, number: signal.Signals) -> None:
        """Not to another process that has the number now: the descriptor means this one."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._watched, number)

    def _gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watched)
        code = self._process.wait()
        os.close(self._watched)
        for timer in (self._killing, self._looks):
            if timer is not None:
                timer.cancel()
        self._server.close()
        self._line.close()
        self.ended.set_result(End(code, self.ready.done(), self._broken, self._failure))


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
