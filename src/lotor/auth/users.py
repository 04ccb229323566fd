"""lotor's own users: one line each in a private file, `name:hash:flags`, rewritten whole under a lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lotor.auth.passwords import LONGEST_PASSWORD, LONGEST_USER
from lotor.auth.stand_ins import StandIns, phc_kind
from lotor.crypto.passwords import DEFAULT_COST, Cost, hash_password
from lotor.files import writing
from lotor.files.current import Current
from lotor.files.private import FileError, read_private
from lotor.model.secret import Secret

LOCKED = "locked"
HEADER = "# lotor's users: name:hash:flags - written by `lotor user`\n"
STAND_IN_SALT, STAND_IN_TAG = "bG90b3Igc3RhbmQtaW4", "A" * 43
"""Of a hash that no password has."""


class UserError(Exception):
    """The text is a whole sentence for the administrator."""


@dataclass(frozen=True, slots=True)
class LocalUser:
    """`hash` is PHC text of Argon2id."""

    name: str
    hash: str = field(repr=False)
    flags: frozenset[str] = frozenset()

    @property
    def locked(self) -> bool:
        return LOCKED in self.flags

    def line(self) -> str:
        return f"{self.name}:{self.hash}:{','.join(sorted(self.flags))}\n"


class Users:
    """What the file says, and what it says of costs."""

    def __init__(self, users: Mapping[str, LocalUser], cost: Cost) -> None:
        self._users = users
        self._last_resort = f"{cost}${STAND_IN_SALT}${STAND_IN_TAG}"
        self._stand_ins = StandIns((user.hash for user in users.values()), phc_kind, self._last_resort)

    def get(self, name: str) -> LocalUser | None:
        return self._users.get(name)

    def stand_ins(self, name: str) -> tuple[str, ...]:
        """What to hash for a user without a hash: one of a cost that users have, and one that always works."""
        return (self._stand_ins.of(name), self._last_resort)


class UserFile:
    """The users in `path`. Every method raises `UserError`; a file that is not there is a list without users."""

    def __init__(self, path: Path, cost: Cost = DEFAULT_COST) -> None:
        self.path = path
        self._cost = cost
        self._current = Current(path, lambda _: Users(self._read(), cost))

    def current(self) -> Users:
        """The users as of now; the file is read again when it has changed."""
        return self._current.get()

    def is_current(self, phc: str) -> bool:
        """Whether the hash costs what a new one would."""
        return phc_kind(phc) == str(self._cost)

    def hashed(self, password: Secret) -> str:
        return hash_password(password, self._cost)

    def rewrite(self, better: Mapping[str, LocalUser]) -> None:
        """Replaces the lines of users by better ones. Users that were changed or removed meanwhile, and all other
        lines of the file, stay as they are."""
        with self._locked():
            old = self._text()
            new = "\n".join(_rewritten(line, better) for line in old.split("\n"))
            if new != old:
                self._write(new)

    def list(self) -> tuple[LocalUser, ...]:
        return tuple(self._read().values())

    def find(self, name: str) -> LocalUser | None:
        return self._read().get(name)

    def add(self, name: str, password: Secret) -> None:
        check_name(name)
        check_new_password(password)
        with self._rewriting() as users:
            if name in users:
                raise UserError(f"user {name} exists already: change the password with 'lotor user passwd {name}'")
            users[name] = LocalUser(name, hash_password(password, self._cost))

    def remove(self, name: str) -> None:
        with self._rewriting() as users:
            self._existing(users, name)
            del users[name]

    def passwd(self, name: str, password: Secret) -> None:
        check_new_password(password)
        with self._rewriting() as users:
            user = self._existing(users, name)
            users[name] = replace(user, hash=hash_password(password, self._cost))

    def lock(self, name: str, *, locked: bool = True) -> None:
        with self._rewriting() as users:
            user = self._existing(users, name)
            flags = user.flags | {LOCKED} if locked else user.flags - {LOCKED}
            users[name] = replace(user, flags=flags)

    def _existing(self, users: dict[str, LocalUser], name: str) -> LocalUser:
        if name not in users:
            raise UserError(f"there is no user {name!r} in {self.path}")
        return users[name]

    def _read(self) -> dict[str, LocalUser]:
        lines = enumerate(self._text().split("\n"), 1)
        users = [self._parse(number, line) for number, line in lines if line and not line.startswith("#")]
        return {user.name: user for user in users}

    def _text(self) -> str:
        if not os.path.lexists(self.path):
            return ""
        try:
            return read_private(self.path).decode()
        except FileError as fault:
            raise UserError(str(fault)) from None
        except UnicodeDecodeError:
            raise UserError(f"{self.path} is not UTF-8 text") from None

    def _parse(self, number: int, line: str) -> LocalUser:
        user = parse(line)
        if user is None:
            raise UserError(f"{self.path} line {number} is not of the form name:hash:flags")
        return user

    def _write(self, text: str) -> None:
        try:
            writing.replace(self.path, text.encode())
        except FileError as fault:
            raise UserError(str(fault)) from None

    @contextlib.contextmanager
    def _rewriting(self) -> Iterator[dict[str, LocalUser]]:
        """The users to change; written when the block ends without an error."""
        with self._locked():
            users = self._read()
            yield users
            self._write(HEADER + "".join(users[name].line() for name in sorted(users)))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Beside the file, which is replaced and so cannot carry a lock itself."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, writing.PRIVATE)
        except OSError as error:
            raise UserError(f"{lock} cannot be made: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def parse(line: str) -> LocalUser | None:
    """A line of the file; None when it is of another form."""
    fields = line.rstrip("\n").split(":")
    if len(fields) != 3 or not fields[0]:
        return None
    return LocalUser(fields[0], fields[1], frozenset(filter(None, fields[2].split(","))))


def _rewritten(line: str, better: Mapping[str, LocalUser]) -> str:
    user = None if line.startswith("#") else parse(line)
    found = better.get(user.line()) if user is not None else None
    return found.line().rstrip("\n") if found is not None else line


def check_name(name: str) -> None:
    """Raises `UserError` for a name that cannot be written into the file or a log."""
    if not name:
        raise UserError("a user needs a name")
    if len(name) > LONGEST_USER:
        raise UserError(f"a user name has at most {LONGEST_USER} characters")
    if ":" in name or not name.isprintable() or name != name.strip() or name.startswith("#"):
        raise UserError("a user name has no colon, no control characters, no blanks around it and no # in front")


def check_new_password(password: Secret) -> None:
    """Raises `UserError` for a password that no login could give."""
    if not password:
        raise UserError("the password is empty")
    if len(password) > LONGEST_PASSWORD or b"\0" in password.reveal():
        raise UserError(f"a password has at most {LONGEST_PASSWORD} octets, and no NUL among them")
