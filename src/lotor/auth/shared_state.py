"""What a gateway has agreed on with its fleet of each user, in a private file: so it knows after a restart who was
changed here, and that nobody gives it an older line."""

from __future__ import annotations

import re
from pathlib import Path

from lotor.auth.shared_lines import Seen
from lotor.files import writing
from lotor.files.places import state_directory
from lotor.files.private import FileError, read_private

NAME = "fleet-users"
LARGEST = 1 << 25
"""Octets: 65,536 names of 64 characters, with room for those that are gone."""
_FIRST = "lotor fleet users 1 "
_LINE = re.compile(r"(\d{1,16}) ([0-9a-f]{32}|-) (.+)")


class SharedState:
    """Of the fleet with the key of the name `key`: what was agreed with another fleet counts nothing here."""

    def __init__(self, key: str, path: Path | None = None) -> None:
        self.path = path or state_directory() / NAME
        self._key = key
        self._written: dict[str, Seen] | None = None

    def load(self) -> dict[str, Seen]:
        """Empty for a gateway that is new in the fleet. Raises `FileError`."""
        if self._written is None:
            self._written = self._read()
        return dict(self._written)

    def save(self, known: dict[str, Seen]) -> None:
        """Raises `FileError`: then what was known before is still known."""
        if known == self._written:
            return
        lines = [f"{each.edition} {each.mark or '-'} {name}\n" for name, each in known.items()]
        octets = "".join([f"{_FIRST}{self._key}\n", *lines]).encode()
        if len(octets) > LARGEST:
            raise FileError(f"{self.path} would have more than {LARGEST} octets")
        writing.replace(self.path, octets)
        self._written = dict(known)

    def _read(self) -> dict[str, Seen]:
        if not self.path.exists():
            return {}
        try:
            first, *lines = read_private(self.path, largest=LARGEST).decode().removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            raise self._foreign(1) from None
        if not first.startswith(_FIRST):
            raise self._foreign(1)
        if first != _FIRST + self._key:
            return {}
        known: dict[str, Seen] = {}
        for number, line in enumerate(lines, 2):
            if (parts := _LINE.fullmatch(line)) is None:
                raise self._foreign(number)
            known[parts[3]] = Seen(int(parts[1]), parts[2] if parts[2] != "-" else "")
        return known

    def _foreign(self, number: int) -> FileError:
        told = "move it away, and the lines of the fleet count here once more"
        return FileError(f"{self.path} line {number} is none that lotor wrote: {told}")
