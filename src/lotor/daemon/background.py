"""Going to the background: the person's command ends when the daemon serves, or with the reason why it does not."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from pathlib import Path

from lotor.daemon.exits import Exit, StartError
from lotor.files.places import make_open

READY = b"ready"
LONGEST_REPORT = 1 << 20
"""Octets: a configuration may have many mistakes."""


class PidFile:
    """Held locked as long as the daemon runs, so that a stale file can be told from a live one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises `StartError` when another daemon holds it."""
        try:
            make_open(self._path.parent)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise StartError(f"cannot write the pid file {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            what = f"a daemon runs already: process {holder} has {self._path}"
            raise StartError(f"{what}: stop it, or set path pidfile to another file", Exit.BUSY) from error
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            self._path.unlink(missing_ok=True)  # an empty one tells nobody anything
            os.close(descriptor)
            raise StartError(f"cannot write the pid file {self._path}: {error.strerror}") from error
        self._descriptor = descriptor

    def give_back(self) -> None:
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def in_background(serve: Callable[[Callable[[], None]], int]) -> int:
    """Runs `serve(ready)` in a process of its own session; returns in the caller's process, 0 as soon as `ready` was
    called there. A `StartError` over there is raised here."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os._exit(_background(serve, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        report = pipe.read(LONGEST_REPORT)
    if report == READY:
        return Exit.OK
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    fix, _, text = report.decode("utf-8", "replace").partition("\0")
    known = Exit(code) if code in Exit.__members__.values() and code else Exit.FAILED
    raise StartError(text or "the daemon ended at once; its log says more", known, fix)


def _background(serve: Callable[[Callable[[], None]], int], pipe: int) -> int:
    """In the child. Nothing is left of the terminal once `ready` was called."""
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.chdir("/")

    def ready() -> None:
        os.write(pipe, READY)
        os.close(pipe)
        _leave_terminal()

    try:
        return serve(ready)
    except StartError as error:
        os.write(pipe, f"{error.fix}\0{error}".encode())
        return error.code
    except BaseException as error:  # noqa: BLE001 - the parent waits for a word
        os.write(pipe, f"\0internal error: {type(error).__name__}".encode())
        return Exit.FAILED


def _leave_terminal() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
