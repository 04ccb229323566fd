"""The person's terminal: what is typed without being shown, text in a frame, and colours."""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import BinaryIO, NamedTuple, TextIO

from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.model.text import clean

LABELS = {
    Field.USER_NAME: "Login",
    Field.PASSWORD: "Password",
    Field.PASSCODE: "Passcode",
    Field.NEXT_PIN: "Next PIN",
    Field.ANSWER: "Answer",
    Field.DOMAIN: "Domain",
}
ECHOED = frozenset({Field.USER_NAME, Field.DOMAIN})
"""Fields whose typing may be seen."""
LONGEST_ANSWER = 4096
WIDTH_WITHOUT_TERMINAL = 58
LOCAL_FLAGS = 3
"""Place of `c_lflag` in what termios gives."""


LONGEST_LINE = 4096
"""Characters of a line that is shown."""
SIMPLER = str.maketrans({"\N{EN DASH}": "-", "\N{HORIZONTAL ELLIPSIS}": "~"})
"""Signs of ours that not every terminal has."""
WITHOUT_COLOURS = frozenset({"", "dumb"})
"""Values of TERM."""


class Style(Enum):
    """What a line is, by the parameter of ECMA-48's SGR that it is shown with; PLAIN has none."""

    PLAIN = ""
    HEAD = "1"
    ERROR = "31"
    WARNING = "33"
    GOOD = "32"
    FAINT = "2"


class Line(NamedTuple):
    """One line of a picture, with nothing in it that moves a cursor."""

    text: str
    style: Style = Style.PLAIN


class NoTerminalError(Exception):
    """There is no terminal, so nobody can be asked; the text says what to do."""


def ask(wants: tuple[Field, ...], message: str) -> dict[Field, Secret]:
    """Asks on /dev/tty, so that it works in pipes too. `KeyboardInterrupt` on Ctrl-C."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise NoTerminalError(
            "there is no terminal to ask for the password: use --password-stdin, or psk.txt"
        ) from error
    with os.fdopen(descriptor, "r+b", buffering=0) as tty:
        if message:
            tty.write(f"{message}\n".encode())
        return {field: Secret(_ask_one(tty, field)) for field in wants}


@contextmanager
def hushed() -> Iterator[Callable[[], None]]:
    """From here on nothing that is typed is shown, so that a password may be typed before it is asked for. Gives what
    ends this early; the terminal is afterwards as it was, whatever ended the command. A job in the background has no
    hand in the terminal."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        yield lambda: None
        return
    try:
        if not _foreground(descriptor):
            yield lambda: None
            return
        before = termios.tcgetattr(descriptor)

        def lift() -> None:
            """Typed characters that no question asked for may be a password: the shell must not get them."""
            if _foreground(descriptor):
                termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)

        with orderly_end():
            try:
                _echo(descriptor, termios.TCSADRAIN, on=False)
                yield lift
            finally:
                lift()
    finally:
        os.close(descriptor)


def _foreground(descriptor: int) -> bool:
    """Whether the terminal listens to this process; one in the background is stopped when it sets the terminal."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def orderly_end() -> Iterator[None]:
    """A signal that ends the program lets it put the terminal right first."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def read_password(stream: BinaryIO) -> Secret:
    """One line of standard input, without its line end."""
    return Secret(stream.readline(LONGEST_ANSWER).rstrip(b"\r\n"))


def tell(text: str) -> None:
    """Tells a waiting person something; scripts get none of it."""
    if text and sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")


def coloured(stream: TextIO) -> bool:
    """Whether colours are seen there and wanted (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in WITHOUT_COLOURS


def paint(text: str, style: Style, stream: TextIO) -> str:
    """In its colour on a terminal, and as it is anywhere else."""
    if style is Style.PLAIN or not text or not coloured(stream):
        return text
    return f"\x1b[{style.value}m{text}\x1b[0m"


def painted(lines: Iterable[Line], stream: TextIO) -> list[str]:
    """Whatever a daemon tells, it cannot do more than be read; and what the terminal cannot write stands there as
    something like it."""
    texts = ((_writable(clean(each.text, longest=LONGEST_LINE), stream), each.style) for each in lines)
    return [paint(text, style, stream) for text, style in texts]


def _writable(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(SIMPLER).encode(encoding, "replace").decode(encoding)
    return text


def say(text: str, style: Style, *, error: bool = False) -> None:
    """On standard output or standard error. Of several lines the first says what it is; what follows shows where."""
    stream = sys.stderr if error else sys.stdout
    first, *more = text.split("\n")
    stream.write("\n".join([paint(first, style, stream), *more]) + "\n")
    stream.flush()


def columns() -> int | None:
    """Of the terminal that shows the answer; None where none does."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None


def framed(text: str) -> str:
    """Text between two lines of `=` as wide as the terminal."""
    rule = "=" * width()
    return f"{rule}\n{text.rstrip(chr(10))}\n{rule}"


def width() -> int:
    if not sys.stdout.isatty():
        return WIDTH_WITHOUT_TERMINAL
    from shutil import get_terminal_size

    return get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).columns


def _ask_one(tty: BinaryIO, field: Field) -> bytes:
    with _echoing(tty, on=field in ECHOED):
        tty.write(f"{LABELS[field]}: ".encode())
        line = tty.readline(LONGEST_ANSWER).rstrip(b"\r\n")
        if field not in ECHOED:
            tty.write(b"\n")
    return line


@contextmanager
def _echoing(tty: BinaryIO, *, on: bool) -> Iterator[None]:
    """What was typed before a question counts where the terminal did not show it."""
    before = termios.tcgetattr(tty)
    when = termios.TCSAFLUSH if before[LOCAL_FLAGS] & termios.ECHO else termios.TCSADRAIN
    _echo(tty.fileno(), when, on=on)
    try:
        yield
    finally:
        termios.tcsetattr(tty, when, before)


def _echo(descriptor: int, when: int, *, on: bool) -> None:
    flags = termios.tcgetattr(descriptor)
    flags[LOCAL_FLAGS] = flags[LOCAL_FLAGS] | termios.ECHO if on else flags[LOCAL_FLAGS] & ~termios.ECHO
    termios.tcsetattr(descriptor, when, flags)
