"""passwd, shadow and group as files: one account, its hash, its dates, its groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOCK_MARKS = "!*"
STAND_IN = "$y$j9T$vLzwR8cPqWn0sKd1UeMba/$4Wc0jv7nXwzsZBqkVd1sSxDFSbGdwcPDvPFYRBhyT52"
"""What an unknown user's password is compared with where no account has a hash to imitate (yescrypt, Debian's cost)."""


@dataclass(frozen=True, slots=True)
class SystemFiles:
    passwd: Path = Path("/etc/passwd")
    shadow: Path = Path("/etc/shadow")
    group: Path = Path("/etc/group")
    nologin: Path = Path("/etc/nologin")


OF_THE_HOST = SystemFiles()


@dataclass(frozen=True, slots=True)
class Account:
    """`hash` as stored, marks of a lock included. Days count from 1970-01-01; None: not set."""

    name: str
    uid: int
    gid: int
    hash: str
    last_change: int | None = None
    maximum: int | None = None
    expires: int | None = None

    @property
    def locked(self) -> bool:
        return self.hash[:1] in LOCK_MARKS or not self.hash

    def objection(self, today: int) -> str | None:
        """Why login(1) would not let this account in today, whatever the password; None when it would."""
        if self.expires is not None and today >= self.expires:
            return "the account expired"
        if self.last_change == 0:
            return "the password must be changed before the next login"
        if self.last_change is None or self.maximum is None or self.last_change > today:
            return None
        return "the password expired" if today > self.last_change + self.maximum else None


def find_account(files: SystemFiles, user: str) -> Account | None:
    """Raises `OSError` when passwd or shadow cannot be read."""
    entry = _entry(files.passwd, 7, user)
    if entry is None or not (entry[2].isdecimal() and entry[3].isdecimal()):
        return None
    uid, gid = int(entry[2]), int(entry[3])
    if entry[1] != "x":
        return Account(user, uid, gid, entry[1])
    shadow = _entry(files.shadow, 8, user)
    if shadow is None:
        return Account(user, uid, gid, "*")
    return Account(user, uid, gid, shadow[1], _days(shadow[2]), _days(shadow[4]), _days(shadow[7]))


def stand_in(files: SystemFiles) -> str:
    """A hash of the scheme that most accounts have: an unknown user costs what a known one does."""
    hashes = [fields[1] for fields in _entries(files.shadow, 2) if fields[1].startswith("$")]
    schemes = Counter(one.split("$")[1] for one in hashes)
    if not schemes:
        return STAND_IN
    usual = schemes.most_common(1)[0][0]
    return next(one for one in hashes if one.split("$")[1] == usual)


def groups_of(files: SystemFiles, user: str) -> frozenset[str]:
    """The primary group included. Raises `OSError`."""
    entry = _entry(files.passwd, 7, user)
    primary = entry[3] if entry else None
    return frozenset(
        fields[0] for fields in _entries(files.group, 4) if fields[2] == primary or user in fields[3].split(",")
    )


def _entry(path: Path, least: int, name: str) -> list[str] | None:
    """The first of `_entries` with that name. A login need not take thousands of other lines apart: other threads wait
    for the interpreter meanwhile."""
    text, mark = f"\n{_text(path)}\n", f"\n{name}:"
    start = text.find(mark)
    while start >= 0:
        fields = _fields(text[start + 1 : text.index("\n", start + 1)], least)
        if fields and fields[0] == name:
            return fields
        start = text.find(mark, start + 1)
    return None


def _entries(path: Path, least: int) -> Iterator[list[str]]:
    """The lines that are accounts."""
    for line in _text(path).split("\n"):
        if fields := _fields(line, least):
            yield fields


def _fields(line: str, least: int) -> list[str]:
    """Comments, NIS marks and lines with fewer than `least` fields are no accounts: empty."""
    fields = line.split(":")
    return fields if len(fields) >= least and fields[0] and fields[0][0] not in "#+-" else []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _days(text: str) -> int | None:
    try:
        days = int(text)
    except ValueError:
        return None
    return days if days >= 0 else None
