"""The steps of a setup: each is made, taken back, and noted in the record before it is made.

Taking back is exact, and harmless where the step was never made or was taken back already. A secret is no part of what
is noted: of a file its hash is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Any, Protocol

from lotor.files import writing
from lotor.files.private import FileError
from lotor.init.host import Target
from lotor.model.frozen import frozen

BACKUP = ".before-init"
LOCKED = ".{}.lock"
"""What `lotor user` leaves beside a file of users."""


class Step(Protocol):
    """`make` raises `OSError`, and `take_back` then finds what it left. `take_back` says what stays, and why; the empty
    text: nothing. It raises `OSError` where something could not be taken back and another try is worth while."""

    def make(self, target: Target) -> None: ...

    def take_back(self, target: Target) -> str: ...

    def told(self) -> str:
        """What it does, in a line for a person."""
        ...


@frozen
class NewDirectory:
    """A directory that was not there; it goes again when nothing is left in it."""

    path: str
    mode: int = 0o755

    def make(self, target: Target) -> None:
        place = target.path(self.path)
        place.mkdir()
        place.chmod(self.mode)

    def take_back(self, target: Target) -> str:
        with suppress(OSError):
            target.path(self.path).rmdir()
        return ""

    def told(self) -> str:
        return f"{self.path}/  (directory)"


@frozen
class NewFile:
    """A file, known by the SHA-256 of what was written; `backup` is where the file that was there before is kept."""

    path: str
    mode: int
    digest: str
    what: str
    backup: str = ""
    octets: bytes = field(default=b"", repr=False, compare=False)

    def make(self, target: Target) -> None:
        place = target.path(self.path)
        try:
            if self.backup:
                os.link(place, target.path(self.backup), follow_symlinks=False)
                writing.replace(place, self.octets, self.mode)
            else:
                writing.create(place, self.octets, self.mode)
        except FileError as fault:
            raise OSError(str(fault)) from None

    def take_back(self, target: Target) -> str:
        place, backup = target.path(self.path), target.path(self.backup) if self.backup else None
        if backup is not None and not os.path.lexists(backup):
            return ""  # never made, or taken back already
        if os.path.lexists(place) and not self._replaced(place, backup):
            if not self.written(target):
                kept = f"; what was there before it is {self.backup}" if self.backup else ""
                return f"{self.path} was changed since and is kept{kept}"
            place.unlink()
            place.with_name(LOCKED.format(place.name)).unlink(missing_ok=True)
        if backup is not None:
            backup.replace(place)
            backup.unlink(missing_ok=True)  # two names of one file are left as they are by a renaming
        return ""

    def written(self, target: Target) -> bool:
        """Whether it still is what was written."""
        place = target.path(self.path)
        return place.is_file() and not place.is_symlink() and digest_of(place.read_bytes()) == self.digest

    @staticmethod
    def _replaced(place: Path, backup: Path | None) -> bool:
        """Whether the old file is still in its place: the new one was never written."""
        return backup is not None and os.path.samestat(place.lstat(), backup.lstat())

    def told(self) -> str:
        before = f"; the one before is kept as {self.backup}" if self.backup else ""
        return f"{self.path}  {self.what}{before}"


@frozen
class Switched:
    """A switch of the kernel's (a name of sysctl) has another value than before, until the next boot. Records of
    earlier builds have it: today the daemon switches forwarding."""

    name: str
    value: str
    before: str

    def _place(self, target: Target) -> Path:
        return target.path(f"/proc/sys/{self.name.replace('.', '/')}")

    def make(self, target: Target) -> None:
        try:
            self._place(target).write_text(self.value)
        except OSError as error:
            raise OSError(error.errno, f"{self.name} cannot be set: {error.strerror}") from None

    def take_back(self, target: Target) -> str:
        place = self._place(target)
        if place.read_text().strip() == self.value:
            place.write_text(self.before)
        return ""

    def told(self) -> str:
        return f"{self.name}={self.value}  now"


@frozen
class Called:
    """A program with its arguments, and the one that undoes what it did; empty: there is nothing to run. `unit` is the
    service that it starts: its last words say why it does not."""

    words: tuple[str, ...]
    back: tuple[str, ...] = ()
    unit: str = ""

    def make(self, target: Target) -> None:
        try:
            if self.words:
                target.run(*self.words)
        except OSError as error:
            if self.unit and (said := target.last_words(self.unit)):
                raise OSError(error.errno, f"{self.unit} does not start: {said}") from None
            raise

    def take_back(self, target: Target) -> str:
        if self.back and target.has(self.back[0]):
            target.run(*self.back)
        return ""

    @property
    def again(self) -> bool:
        """Whether it is undone by the same again, such as a restart: behind all others, with the files as they were."""
        return self.back == self.words

    def told(self) -> str:
        return " ".join(self.words)


KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (NewDirectory, NewFile, Switched, Called)}


def noted(step: Step) -> dict[str, Any]:
    """A step as the record keeps it."""
    values = asdict(step)  # type: ignore[call-overload]  # every kind is a dataclass
    values.pop("octets", None)
    return {"step": type(step).__name__, **values}


def read(entry: Mapping[str, Any]) -> Step:
    """A step of a record. Raises `ValueError` when it is none of ours."""
    kind = KINDS.get(str(entry.get("step")))
    names = {each.name for each in fields(kind)} - {"octets"} if kind else set()
    if kind is None or names | {"step"} != set(entry):
        raise ValueError(f"unknown step {entry.get('step')}")
    step: Step = kind(**{name: _tuple(entry[name]) for name in names})
    return step


def file(target: Target, path: str, octets: bytes, what: str, mode: int = writing.PUBLIC) -> NewFile:
    """A step that writes a file; what is there already will be kept beside it."""
    backup = _free(target, path) if os.path.lexists(target.path(path)) else ""
    return NewFile(path, mode, digest_of(octets), what, backup, octets)


def directories(target: Target, *paths: str) -> list[Step]:
    return [NewDirectory(path) for path in paths if not target.path(path).is_dir()]


def digest_of(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def _free(target: Target, path: str) -> str:
    names = (f"{path}{BACKUP}{f'.{number}' if number else ''}" for number in range(1000))
    return next(name for name in names if not os.path.lexists(target.path(name)))


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
