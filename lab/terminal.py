"""A person at a terminal: a command on a pseudo terminal of its own, and what is typed into it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from typing import Protocol, Self

from lab.node import PATIENCE, LabError, only_child


class Host(Protocol):
    """Where a person sits: the command line that runs `argv` there."""

    def inside(self, argv: tuple[str, ...]) -> list[str]: ...


class Terminal:
    """Runs `argv` on a host with a controlling terminal. `screen` is all that a person would have seen."""

    def __init__(self, node: Host, *argv: str) -> None:
        self._argv = argv
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            node.inside(argv),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - one thread, nothing but two calls of the system
        )
        os.close(slave)
        self.screen = ""

    def expect(self, needle: str, patience: float = PATIENCE) -> str:
        """The screen once `needle` stands on it; `LabError` with the screen when the command ends or time is over."""
        if self._watch(lambda: needle in self.screen, patience):
            return self.screen
        state = "still runs" if self.process.poll() is None else f"ended with {self.process.returncode}"
        raise LabError(f"{' '.join(self._argv)} {state} without saying {needle!r}; it said:\n{self.screen}")

    def type(self, line: str) -> None:
        """A line and the return key."""
        os.write(self._master, line.encode() + b"\n")

    def interrupt(self) -> None:
        """Ctrl-C, as the command sees it (the wrapper that put it into the node shall live to tell its end)."""
        if pid := only_child(self.process.pid):
            os.kill(pid, signal.SIGINT)

    def end(self, patience: float = 60.0) -> int:
        """Waits for the command's own end; its exit code."""
        self._watch(lambda: False, patience)
        try:
            return self.process.wait(max(1.0, patience))
        except subprocess.TimeoutExpired as late:
            raise LabError(f"{' '.join(self._argv)} does not end; it said:\n{self.screen}") from late

    def close(self) -> None:
        if self.process.poll() is None and (pid := only_child(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait(PATIENCE)
        os.close(self._master)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _watch(self, condition: object, patience: float) -> bool:
        if not callable(condition):
            raise TypeError("a terminal watches for a callable")
        end = time.monotonic() + patience
        while not condition():
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            if not ready or not self._read():
                return bool(condition())
        return True

    def _read(self) -> bool:
        try:
            seen = os.read(self._master, 65536)
        except OSError:  # the last holder of the other end is gone
            return False
        self.screen += seen.decode(errors="replace").replace("\r\n", "\n")
        return bool(seen)


def _take_terminal() -> None:
    """Whoever sits at a terminal can interrupt, also when the tests were started where that is ignored (nohup, a job in
    the background)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
