"""A person at a terminal of a host with a kernel of its own: a command on a pseudo terminal there."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Protocol, Self

from lab.node import LabError, Running

_NUMBERS = count()
_PROGRAM = """
import os, pty, select, sys
place, argv = sys.argv[1], sys.argv[2:]
pid, master = pty.fork()
if not pid:
    os.execvp(argv[0], argv)
typed = 0
while True:
    if select.select([master], [], [], 0.05)[0]:
        try:
            shown = os.read(master, 4096)
        except OSError:
            break
        os.write(1, shown)
    if f"{typed}" in os.listdir(place):
        os.write(master, open(f"{place}/{typed}", "rb").read())
        typed += 1
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
"""What is typed comes in a file for each line: of one that grows on the other side its kernel remembers the old end."""


class Host(Protocol):
    """Where files of this side are seen, too."""

    def path(self, absolute: str) -> Path: ...

    def start(self, name: str, *argv: str) -> Running: ...


class Console:
    """As `lab.terminal.Terminal`, by a terminal of that kernel. `screen` is all that a person would have seen."""

    def __init__(self, host: Host, *argv: str) -> None:
        place = f"/etc/console-{next(_NUMBERS)}"
        self._place, self._typed = host.path(place), count()
        self._place.mkdir()
        self._running = host.start("console", sys.executable, "-IS", "-c", _PROGRAM, place, *argv)

    @property
    def screen(self) -> str:
        return self._running.text()

    def expect(self, needle: str) -> str:
        return self._running.expect(needle)

    def type(self, line: str) -> None:
        """A line and the return key."""
        self._press(f"{line}\n")

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._press("\x03")

    def _press(self, keys: str) -> None:
        new = self._place / "new"
        new.write_text(keys)
        new.rename(self._place / str(next(self._typed)))

    def end(self, patience: float = 60.0) -> int:
        """Waits for the command's own end; its exit code."""
        try:
            return self._running.process.wait(patience)
        except subprocess.TimeoutExpired as late:
            raise LabError(f"the command does not end; it said:\n{self.screen}") from late

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.stop()
