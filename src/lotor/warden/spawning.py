"""The start of the daemon's interpreter: by exec, so that its memory never held a key, with one end of the line.

It may be started ahead, as the first thing that a warden does: both load their modules at the same time, on two cores.
What the daemon is to do it asks for over the line. It gets standard error, unless that is a terminal, and of the
environment what an interpreter needs.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lotor.privsep.frames import pair
from lotor.warden.terminal import Relay

KEPT = ("LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "RES_OPTIONS", "JOURNAL_STREAM")
KEPT_KINDS = ("PYTHON", "LC_")
UMASK = 0o077
STANDARD_ERROR = 2


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and the warden's end of the line to it. Both belong to whoever has this. `told`: what it writes to
    standard error can be read there; None where that leads elsewhere."""

    process: subprocess.Popen[bytes]
    line: socket.socket
    told: int | None = None

    def abandon(self) -> None:
        """It is gone when this returns."""
        self.process.kill()
        self.process.wait()
        self.line.close()
        if self.told is not None:
            os.close(self.told)


class Program:
    """What is started: the words of the command line, to which the number of the line's descriptor is added. `quiet`:
    standard error leads nowhere, since the person's terminal is not the program's any more once it serves. A process
    never has a terminal: what it writes for one is passed on."""

    def __init__(self, words: tuple[str, ...], *, quiet: bool = False) -> None:
        self.words = words
        self._quiet = quiet
        self._ahead: Started | None = None
        self._relay: Relay | None = None

    def beside(self, word: str) -> Program:
        """Another one, of the same module with one more word."""
        return Program((*self.words, word), quiet=self._quiet)

    def begin(self) -> None:
        """Starts the first process ahead. Where none can be started, `take` says why. To be called by the thread that
        lives as long as the warden: the kernel ties the process's life to it."""
        with contextlib.suppress(OSError):
            self._ahead = self._started()

    def take(self) -> Started:
        """The process that was started ahead, or a new one. `OSError` where none can be started."""
        ahead, self._ahead = self._ahead, None
        started = ahead if ahead is not None else self._started()
        if started.told is None:
            return started
        with contextlib.ExitStack() as undo:
            undo.callback(started.abandon)
            self._relay = Relay(started.told, STANDARD_ERROR)  # not sooner: rights are given up thread by thread
            undo.pop_all()
        return replace(started, told=None)

    def close(self) -> None:
        """Nothing is left of a process that nobody took, and the last one that was taken has ended: its last lines are
        written."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.abandon()
        if self._relay is not None:
            self._relay.finish()

    def _started(self) -> Started:
        """In a session of its own: Ctrl-C reaches the warden, which ends both in their order."""
        line, theirs = pair()
        with contextlib.ExitStack() as undo, theirs, self._standard_error() as (told, theirs_to_tell):
            undo.callback(line.close)
            if told is not None:
                undo.callback(os.close, told)
            process = subprocess.Popen(  # noqa: S603 - the words are this program's own
                (*self.words, str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=theirs_to_tell,
                pass_fds=(theirs.fileno(),),
                env=environment(os.environ),
                start_new_session=True,
                umask=UMASK,
            )
            undo.pop_all()
        return Started(process, line, told)

    @contextlib.contextmanager
    def _standard_error(self) -> Iterator[tuple[int | None, int | None]]:
        """Where what a process writes can be read, and what it writes to: None for what this process has. The second
        one is closed behind it."""
        if self._quiet or not os.isatty(STANDARD_ERROR):
            yield None, subprocess.DEVNULL if self._quiet else None
            return
        told, theirs = os.pipe()
        try:
            yield told, theirs
        finally:
            os.close(theirs)


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
