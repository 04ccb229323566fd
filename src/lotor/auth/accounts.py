"""passwd, shadow and group as files: one account, its hash, its dates, its groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, field
from functools import partial
from pathlib import Path

from lotor.auth.stand_ins import StandIns, crypt_kind
from lotor.files.current import Current
from lotor.model.frozen import frozen
from lotor.model.reasons import logins
from lotor.model.reasons.logins import LoginReason

LOCK_MARKS = "!*"
LOCK_MARK = "!"
STAND_IN = "$y$j9T$vLzwR8cPqWn0sKd1UeMba/$4Wc0jv7nXwzsZBqkVd1sSxDFSbGdwcPDvPFYRBhyT52"
"""What an unknown user's password is compared with where no account has a hash to imitate (yescrypt, Debian's cost)."""

SHORTEST_HASH = 13
"""Characters: that of DES."""


@frozen
class SystemFiles:
    passwd: Path = Path("/etc/passwd")
    shadow: Path = Path("/etc/shadow")
    group: Path = Path("/etc/group")
    nologin: Path = Path("/etc/nologin")


OF_THE_HOST = SystemFiles()


@frozen
class Account:
    """`hash` as stored, marks of a lock included. Days count from 1970-01-01; None: not set."""

    name: str
    uid: int
    gid: int
    hash: str = field(repr=False)
    last_change: int | None = None
    maximum: int | None = None
    expires: int | None = None

    @property
    def locked(self) -> bool:
        return self.hash[:1] in LOCK_MARKS or not self.hash

    @property
    def own_hash(self) -> str:
        """Also behind a lock's mark; empty where there is none."""
        return _behind_lock(self.hash)

    @property
    def entry(self) -> str:
        """All that is stored of it and counts at a login."""
        return repr(astuple(self))

    def objection(self, today: int) -> LoginReason | None:
        """Why login(1) would not let this account in today, whatever the password; None when it would."""
        if self.expires is not None and today >= self.expires:
            return logins.AccountExpired(self.name)
        if self.last_change == 0:
            return logins.PasswordDue(self.name)
        if self.last_change is None or self.maximum is None or self.last_change > today:
            return None
        return logins.PasswordExpired(self.name) if today > self.last_change + self.maximum else None


class Accounts:
    """The accounts of some files, which are read again when they have changed. Every method raises `OSError` when a
    file cannot be read, and takes the same time for a name without an account."""

    def __init__(self, files: SystemFiles) -> None:
        self._passwd = Current(files.passwd, partial(_lines, 7))
        self._shadow = Current(files.shadow, _Shadow)
        self._group = Current(files.group, _Groups)

    def find(self, name: str) -> Account | None:
        lines, shadow = self._passwd.get(), self._shadow.get()
        entry, secret = _split(lines.get(name)), _split(shadow.lines.get(name))
        if len(entry) < 7 or not (entry[2].isdecimal() and entry[3].isdecimal()):
            return None
        uid, gid = int(entry[2]), int(entry[3])
        if entry[1] != "x":
            return Account(name, uid, gid, entry[1])
        if not secret:
            return Account(name, uid, gid, "*")
        return Account(name, uid, gid, secret[1], _days(secret[2]), _days(secret[4]), _days(secret[7]))

    def stand_ins(self, name: str) -> tuple[str, ...]:
        """What to hash for a user without a hash: one of the kind that accounts have, and one that always works."""
        return (self._shadow.get().stand_ins.of(name), STAND_IN)

    def groups_of(self, name: str) -> frozenset[str]:
        """The primary group included."""
        entry = _split(self._passwd.get().get(name))
        return self._group.get().of(name, entry[3] if entry else None)


class _Shadow:
    def __init__(self, path: Path) -> None:
        self.lines = _lines(8, path)
        hashes = (_behind_lock(line.split(":", 2)[1]) for line in self.lines.values())
        self.stand_ins = StandIns(filter(None, hashes), crypt_kind, STAND_IN)


class _Groups:
    """Names of groups by their number, and by the names of their members."""

    def __init__(self, path: Path) -> None:
        self._by_number: dict[str, frozenset[str]] = {}
        self._by_member: dict[str, frozenset[str]] = {}
        for name, _, number, members, *_ in _entries(path, 4):
            self._by_number[number] = self._by_number.get(number, frozenset()) | {name}
            for member in members.split(","):
                self._by_member[member] = self._by_member.get(member, frozenset()) | {name}

    def of(self, name: str, primary: str | None) -> frozenset[str]:
        nothing: frozenset[str] = frozenset()
        return self._by_number.get(primary or "", nothing) | self._by_member.get(name, nothing)


def _behind_lock(stored: str) -> str:
    """What may be a hash: accounts without a login have a word there, like `*LK*`."""
    plain = stored.lstrip(LOCK_MARK)
    return plain if plain.startswith("$") or len(plain) >= SHORTEST_HASH else ""


def _lines(least: int, path: Path) -> dict[str, str]:
    """The lines that are accounts, by name; the first of a name counts."""
    found: dict[str, str] = {}
    for line in _text(path).split("\n"):
        if fields := _fields(line, least):
            found.setdefault(fields[0], line)
    return found


def _split(line: str | None) -> list[str]:
    return line.split(":") if line is not None else []


def _entries(path: Path, least: int) -> Iterator[list[str]]:
    """The lines that are groups."""
    for line in _text(path).split("\n"):
        if fields := _fields(line, least):
            yield fields


def _fields(line: str, least: int) -> list[str]:
    """The fields of a line; none for a comment, an entry of NIS (`+`, `-`) or a line of fewer than `least` fields."""
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
