"""A terminal as one picture that is drawn again and again, with keys. It is as it was afterwards, whatever ended the
command: a key, a signal, a stop by Ctrl-Z, or a fault."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import tty
from types import FrameType, TracebackType
from typing import Self

from lotor.cli.columns import cut
from lotor.cli.terminal import Line, orderly_end, painted

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The other screen of xterm, without a cursor, and without lines that go on in the next."""
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
SIZE = (80, 24)
"""Of a terminal that does not say."""
KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)
NAMES = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    " ": "page down",
    "\x1b[H": "home",
    "\x1bOH": "home",
    "\x1b[1~": "home",
    "\x1b[F": "end",
    "\x1bOF": "end",
    "\x1b[4~": "end",
}
MOST_TYPED = 1024


def is_possible() -> bool:
    """Whether there is a terminal to draw on and to type at."""
    return sys.stdin.isatty() and sys.stdout.isatty()


class Screen:
    """In a `with` block, of which Ctrl-C raises `KeyboardInterrupt` as always."""

    def __init__(self) -> None:
        self._input, self._output = sys.stdin.fileno(), sys.stdout.fileno()
        self._before = termios.tcgetattr(self._input)
        self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(orderly_end())
        self._stack.callback(self._close)
        for number, handler in ((signal.SIGWINCH, self._resized), (signal.SIGTSTP, self._stopped)):
            self._stack.callback(signal.signal, number, signal.signal(number, handler))
        self._stack.callback(self._leave)
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, at least one of each."""
        try:
            columns, lines = os.get_terminal_size(self._output)
        except OSError:
            return SIZE
        return columns or SIZE[0], lines or SIZE[1]

    def show(self, lines: list[Line]) -> None:
        """The picture, cut to what the screen holds. One write, so that nobody sees half of it."""
        width, height = self.size
        shown = [Line(cut(text, width), style) for text, style in lines[:height]]
        picture = "\x1b[K\r\n".join(painted(shown, sys.stdout))
        self._write(f"\x1b[H{picture}\x1b[K\x1b[J")

    def keys(self, seconds: float) -> list[str]:
        """What was typed, by the names of `NAMES` or as it is, as soon as there is something; empty when the time is
        over, or the size is another one."""
        ready, _, _ = select.select([self._input, self._bell[0]], [], [], seconds)
        if self._bell[0] in ready:
            os.read(self._bell[0], MOST_TYPED)
        if self._input not in ready:
            return []
        typed = os.read(self._input, MOST_TYPED)
        if not typed:
            raise KeyboardInterrupt  # the terminal is gone
        return [NAMES.get(each, each) for each in KEY.findall(typed.decode("utf-8", "replace"))]

    def _enter(self) -> None:
        tty.setcbreak(self._input, termios.TCSAFLUSH)
        self._write(ENTER)

    def _leave(self) -> None:
        with contextlib.suppress(OSError, termios.error):  # a terminal that is gone needs nothing
            self._write(LEAVE)
            termios.tcsetattr(self._input, termios.TCSAFLUSH, self._before)

    def _close(self) -> None:
        for each in self._bell:
            os.close(each)

    def _write(self, text: str) -> None:
        left = text.encode(sys.stdout.encoding or "ascii", "replace")
        while left:
            left = left[os.write(self._output, left) :]

    def _resized(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        with contextlib.suppress(BlockingIOError):  # it rings already
            os.write(self._bell[1], b"\0")

    def _stopped(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: the shell gets its terminal as it was, and `fg` gives the picture back."""
        del frame
        self._leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stopped)
        self._enter()
        self._resized(number, None)
