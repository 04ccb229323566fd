"""The person's terminal: what is typed without being shown, and text in a frame."""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from lotor.model.prompt import Field
from lotor.model.secret import Secret

LABELS = {
    Field.USER_NAME: "Login",
    Field.PASSWORD: "Password",
    Field.PASSCODE: "Passcode",
    Field.NEXT_PIN: "Next PIN",
    Field.ANSWER: "Answer",
    Field.DOMAIN: "Domain",
}
SHOWN = frozenset({Field.USER_NAME, Field.DOMAIN})
"""Fields whose typing may be seen."""
LONGEST_ANSWER = 4096
WIDTH_WITHOUT_TERMINAL = 58
LOCAL_FLAGS = 3
"""Place of `c_lflag` in what termios gives."""


class NoTerminalError(Exception):
    """Nobody can be asked; the text says what to do."""


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
def kept() -> Iterator[None]:
    """The terminal is afterwards as it was, also when a prompt was left in the middle."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        yield
        return
    try:
        before = termios.tcgetattr(descriptor)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
    finally:
        os.close(descriptor)


def read_password(stream: BinaryIO) -> Secret:
    """One line of standard input, without its line end."""
    return Secret(stream.readline(LONGEST_ANSWER).rstrip(b"\r\n"))


def tell(text: str) -> None:
    """Something to know while waiting; scripts get none of it."""
    if text and sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")


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
    prompt = f"{LABELS[field]}: ".encode()
    if field in SHOWN:
        tty.write(prompt)
        return _line(tty)
    with _without_echo(tty):
        tty.write(prompt)
        line = _line(tty)
        tty.write(b"\n")
    return line


def _line(tty: BinaryIO) -> bytes:
    return tty.readline(LONGEST_ANSWER).rstrip(b"\r\n")


@contextmanager
def _without_echo(tty: BinaryIO) -> Iterator[None]:
    before = termios.tcgetattr(tty)
    hidden = list(before)
    hidden[LOCAL_FLAGS] &= ~termios.ECHO
    termios.tcsetattr(tty, termios.TCSAFLUSH, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(tty, termios.TCSAFLUSH, before)
