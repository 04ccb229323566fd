"""Post-quantum pre-shared keys (RFC 8784): the lines of their file, and which PPK is for a peer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lotor.files.private import FileError
from lotor.keys.saved import Entry, entries, hexadecimal
from lotor.keys.shared import Means, first_of
from lotor.model.frozen import frozen

LEAST_OCTETS = 32
"""256 bits, if the key is random: a quantum computer halves the bits that have to be guessed (RFC 8784 §6)."""


@frozen
class PpkLine:
    """Whose PPK it is and its octets as written, as in psk.txt, and what it is called."""

    entry: Entry
    ppk_id: bytes


def ppk_lines(path: Path) -> Iterator[PpkLine]:
    """A line is whose PPK it is, its name and the key, with blanks between them. Raises `FileError` when the file may
    not be trusted, or for a line without a key."""
    for entry in entries(path):
        words = entry.written.split(None, 1)
        if len(words) != 2:
            raise FileError(f"{path} line {entry.line}: a PPK has whose it is, its name, and the key")
        called, written = words
        yield PpkLine(Entry(entry.line, entry.name, written), hexadecimal(called) or called)


def ppk_of(path: Path, names: Iterable[Means], ppk_id: bytes | None) -> PpkLine | None:
    """The PPK of a peer that is called `ppk_id`; None: the first that it has. Raises `FileError` as `ppk_lines`."""
    lines = [each for each in ppk_lines(path) if ppk_id in {None, each.ppk_id}]
    found = first_of([each.entry for each in lines], names)
    return next((each for each in lines if each.entry is found), None)


def short_ppks(path: Path) -> Iterator[str]:
    """A sentence for each PPK that a quantum computer could guess. Raises `FileError`."""
    for each in ppk_lines(path):
        octets = len(each.entry.secret(path))
        if octets < LEAST_OCTETS:
            text = f"{path} line {each.entry.line}: this PPK has {octets} octets only, which a quantum computer guesses"
            yield f"{text}; use {LEAST_OCTETS} random ones, such as 0x and what 'openssl rand -hex 32' says"
