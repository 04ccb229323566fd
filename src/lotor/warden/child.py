"""One daemon process, from the start of the interpreter to its end: what it gets, what it said, how it is ended.

It is started by exec: its memory never held a key. It gets one end of the line, standard error and the descriptors that
are named, and of the environment what an interpreter needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lotor.model.text import clean
from lotor.privsep.frames import pair
from lotor.privsep.living import FAILED, READY, StartFailure
from lotor.privsep.serving import Handler, Server, answering

LOST = 0.5
"""Seconds that a daemon has after the end of the line, before it is killed: both processes notice within a second."""
KEPT = ("LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "RES_OPTIONS")
KEPT_KINDS = ("PYTHON", "LC_")


@dataclass(frozen=True, slots=True)
class Program:
    """What is started: the words of the command line, to which the number of the line's descriptor is added, and the
    descriptors that the new process inherits under their own numbers. `quiet`: standard error leads nowhere, since the
    person's terminal is not the program's any more once it serves."""

    words: tuple[str, ...]
    descriptors: tuple[int, ...] = ()
    quiet: bool = False


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


class Child:
    """`ready` is done once the daemon serves, `ended` once the process is gone and reaped. Made in a running event
    loop, by the thread that lives as long as the warden: the kernel ties the daemon's life to it. Raises `OSError`
    where no process can be started."""

    def __init__(self, program: Program, handlers: Mapping[int, Handler]) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[End] = loop.create_future()
        self._failure: StartFailure | None = None
        self._broken = ""
        self._killing: asyncio.TimerHandle | None = None
        self._line, theirs = pair()
        with contextlib.ExitStack() as undo, theirs:
            undo.callback(self._line.close)
            self._process = _started(program, theirs.fileno())
            undo.callback(self._process.kill)
            self._watched = os.pidfd_open(self._process.pid)
            undo.pop_all()
        loop.add_reader(self._watched, self._gone)
        rows = dict((answering(self._is_ready, READY), answering(self._failed, FAILED)))
        self._server = Server(self._line, {**handlers, **rows}, self._lost)

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

    async def _failed(self, failure: StartFailure) -> None:
        if not self.ready.done():
            self._failure = failure

    def _lost(self, why: str) -> None:
        """Of a process that ends by itself this is the first sign. One that broke a rule learns that nobody listens."""
        self._broken = why
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
        if self._killing is not None:
            self._killing.cancel()
        self._server.close()
        self._line.close()
        self.ended.set_result(End(code, self.ready.done(), self._broken, self._failure))


def interpreter(module: str, *words: str) -> tuple[str, ...]:
    """The command line by which this interpreter runs a module as this one runs: no module from the working directory,
    and none from places that this process does not look at."""
    flags = [letter for name, letter in _FLAGS.items() if getattr(sys.flags, name)]
    flags += ["-O"] * sys.flags.optimize
    chosen = sys._xoptions.items()  # noqa: SLF001 - documented, in spite of its name
    options = [f"-X{name}" if value is True else f"-X{name}={value}" for name, value in chosen]
    warnings = [f"-W{each}" for each in sys.warnoptions]
    return (sys.executable, "-P", *flags, *options, *warnings, "-m", module, *words)


_FLAGS = {
    "isolated": "-I",
    "ignore_environment": "-E",
    "no_user_site": "-s",
    "no_site": "-S",
    "dont_write_bytecode": "-B",
}


def environment(whole: Mapping[str, str]) -> dict[str, str]:
    """What a daemon gets of it: a service manager may hand its warden secrets there."""
    return {name: value for name, value in whole.items() if name in KEPT or name.startswith(KEPT_KINDS)}


def _started(program: Program, line: int) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C reaches the warden, which ends both in their order."""
    words: Sequence[str] = (*program.words, str(line))
    return subprocess.Popen(  # noqa: S603 - the words are this program's own
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if program.quiet else None,
        pass_fds=(line, *program.descriptors),
        env=environment(os.environ),
        start_new_session=True,
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
