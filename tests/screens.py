"""A program on a terminal of its own, as a person has it."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import sys
import termios

PROGRAM = [sys.executable, "-m", "lotor.cli.main"]
PATIENCE = 60.0


class Screen:
    """A program on a terminal of its own, read and written by the test."""

    def __init__(self, *words: str, program: list[str] = PROGRAM, colours: bool = False) -> None:
        self.child, self._descriptor = pty.fork()
        if self.child == 0:
            os.environ |= {"TERM": "xterm", "NO_COLOR": "" if colours else "1"}
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(program[0], [*program, *words])
        self.shown = ""

    def expect(self, needle: str) -> None:
        """Reads until `needle` stands there, then goes on behind it."""
        before = ""
        while needle not in self.shown:
            assert self._read(), f"no {needle!r} on the screen: {before}{self.shown}"
        before, _, self.shown = self.shown.partition(needle)

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._descriptor)[3] & termios.ECHO)

    def end(self) -> int:
        while self._read():
            pass
        _, status = os.waitpid(self.child, 0)
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], PATIENCE)
        assert ready, f"nothing comes any more: {self.shown}"
        with contextlib.suppress(OSError):
            seen = os.read(self._descriptor, 65536)
            self.shown += seen.decode().replace("\r\n", "\n")
            return bool(seen)
        return False


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123 - one line
        return int(file.read().split()[0])
