"""psk.txt: its lines, and the passwords that a person saved in it for `xauth_login`; it is read at every use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from lotor.files.private import FileError, read_private
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

HEX_MARK = b"0x"
BLANKS = b" \t"
EVERYBODY = b"*"


@frozen
class Entry:
    """One line: who, and the octets behind it as they are written."""

    line: int
    name: bytes
    written: bytes = field(repr=False)

    def secret(self, path: Path) -> Secret:
        """What the line means: text, or octets behind `0x`. `FileError` for what is not hexadecimal, or nothing."""
        if not self.written.startswith(HEX_MARK):
            return Secret(self.written)
        octets = hexadecimal(self.written)
        if octets is None:
            raise FileError(f"{path} line {self.line}: what follows 0x is not hexadecimal")
        if not octets:
            raise FileError(f"{path} line {self.line}: there is nothing behind 0x")
        return Secret(octets)


def entries(path: Path) -> Iterator[Entry]:
    """A line is a name, blanks and a secret to the end of the line (blanks at the end belong to it); `#` in the first
    column makes a comment. Raises `FileError` when the file may not be trusted."""
    for number, line in enumerate(read_private(path).split(b"\n"), 1):
        words = line.removesuffix(b"\r").lstrip(BLANKS).split(None, 1)
        if len(words) == 2 and not line.startswith(b"#"):
            yield Entry(number, words[0], words[1])


def hexadecimal(written: bytes) -> bytes | None:
    """The octets of `0x…`; None where it is something else."""
    try:
        return bytes.fromhex(written.removeprefix(HEX_MARK).decode("ascii")) if written.startswith(HEX_MARK) else None
    except ValueError:
        return None


def saved_password(path: Path, login: str) -> Secret | None:
    """The password beside a login; the first line with it counts, `*` means nobody here. Raises `FileError`."""
    name = login.encode()
    if name == EVERYBODY:
        return None
    return next((entry.secret(path) for entry in entries(path) if entry.name == name), None)
