"""lotor's own users in a private file, which is rewritten whole under a lock; what somebody wrote into it by hand
stays."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lotor.auth.facts import NO_FACTS, FactError, Facts, group_name
from lotor.auth.nt_keys import NtKeys
from lotor.auth.passwords import LONGEST_PASSWORD, LONGEST_USER
from lotor.auth.stand_ins import StandIns, phc_kind
from lotor.auth.userlines import GROUP, LOCKED, Broken, Fault, Lines, LocalGroup, LocalUser, parse
from lotor.crypto.mschap import nt_hash
from lotor.crypto.passwords import DEFAULT_COST, Cost, hash_password
from lotor.files import writing
from lotor.files.current import Current
from lotor.files.private import FileError, read_private
from lotor.model.secret import Secret

log = logging.getLogger(__name__)

STAND_IN_SALT, STAND_IN_TAG = "bG90b3Igc3RhbmQtaW4", "A" * 43
"""Of a hash that no password has."""
LARGEST = 1 << 25
"""Octets: 65,536 users with a second factor and recovery codes, 400 to 500 octets each."""
MOST_FAULTS_TOLD = 20


class UserError(Exception):
    """The text is a whole sentence for the administrator."""


class Users:
    """What the file says, and what it says of costs."""

    def __init__(self, lines: Lines, cost: Cost) -> None:
        entries = tuple(lines.entries())
        self.faults = lines.faults()
        self._users = {each.name: each for each in entries if isinstance(each, LocalUser)}
        self._groups = {each.name: each for each in entries if isinstance(each, LocalGroup)}
        self._broken = {each.name: each for each in entries if isinstance(each, Broken)}
        self._last_resort = f"{cost}${STAND_IN_SALT}${STAND_IN_TAG}"
        hashes = (user.hash for user in self._users.values())
        self._stand_ins = StandIns(hashes, phc_kind, self._last_resort)
        self.second_factors = any(user.facts.totp is not None for user in self._users.values())
        """Whether anybody has one: then a password may have a code at its end."""

    def get(self, name: str) -> LocalUser | None:
        """Also a user whose facts are wrong: without them, see `fault`."""
        broken = self._broken.get(name)
        return broken.user if broken is not None else self._users.get(name)

    def fault(self, name: str) -> str:
        """What in the file keeps this user out, which may be the line of a group; empty: nothing."""
        user = self._users.get(name)
        named = (name, *(GROUP + each for each in (user.facts.groups if user is not None else ())))
        found = [f"{fault}" for fault in self.faults if fault.who in named and fault.who in self._broken]
        return found[0] if found else ""

    def facts(self, user: LocalUser) -> Facts:
        """With what the groups give."""
        groups = (self._groups[name].facts for name in user.facts.groups if name in self._groups)
        return user.facts.over(groups)

    def all(self) -> tuple[LocalUser, ...]:
        return tuple(self._users[name] for name in sorted(self._users))

    def groups(self) -> tuple[LocalGroup, ...]:
        return tuple(self._groups[name] for name in sorted(self._groups))

    def stand_ins(self, name: str) -> tuple[str, ...]:
        """What to hash for a user without a hash: one of a cost that users have, and one that always works."""
        return (self._stand_ins.of(name), self._last_resort)


class UserFile:
    """The users in `path`. Every method raises `UserError`; a file that is not there is a list without users."""

    def __init__(self, path: Path, cost: Cost = DEFAULT_COST, nt_keys: NtKeys | None = None) -> None:
        self.path = path
        self.nt_keys = nt_keys or NtKeys.beside(path)
        self._cost = cost
        self._current = Current(path, lambda _: self._told())
        self._faults: frozenset[Fault] = frozenset()

    def current(self) -> Users:
        """The users as of now; the file is read again when it has changed."""
        return self._current.get()

    @property
    def at_hand(self) -> bool:
        """Whether neither `current` nor the keys of NT hashes read anything, as the files are now."""
        return self._current.at_hand and self.nt_keys.at_hand

    def is_current(self, phc: str) -> bool:
        """Whether the hash costs what a new one would."""
        return phc_kind(phc) == str(self._cost)

    def with_password(self, user: LocalUser, password: Secret, *, mschap: bool | None = None) -> LocalUser:
        """`mschap`: whether with an NT hash, too; None: whoever had one has one of the new password."""
        facts, stored = user.facts, hash_password(password, self._cost)
        wanted = bool(facts.mschap) if mschap is None else mschap
        sealed = self._sealed(user.name, stored, password) if wanted else ""
        return replace(user, hash=stored, facts=replace(facts, mschap=sealed))

    def _sealed(self, name: str, stored: str, password: Secret) -> str:
        try:
            return self.nt_keys.seal(name, stored, hash_for_mschap(name, password))
        except FileError as fault:
            raise UserError(str(fault)) from None

    def rewrite(self, better: Mapping[str, LocalUser]) -> None:
        """Replaces the lines of users by better ones. Users that were changed or removed meanwhile, and all other
        lines of the file, stay as they are."""
        with self._locked():
            old = self._text()
            new = "\n".join(_rewritten(line, better) for line in old.split("\n"))
            if new != old:
                self._write(new)

    def read(self) -> Users:
        """What the file says now, with its faults."""
        return Users(self.lines(), self._cost)

    def lines(self) -> Lines:
        return Lines(self._text())

    def list(self) -> tuple[LocalUser, ...]:
        return self.read().all()

    def find(self, name: str) -> LocalUser | None:
        return self.read().get(name)

    def vacant(self, name: str) -> None:
        """Before a person is asked for a password in vain."""
        check_name(name)
        if self.lines().entry(name) is not None:
            raise UserError(f"user {name} exists already: change the password with 'lotor user passwd {name}'")

    def add(self, name: str, password: Secret, facts: Facts | None = None, *, mschap: bool = False) -> None:
        check_name(name)
        check_new_password(password)
        with self._rewriting() as lines:
            if lines.entry(name) is not None:
                raise UserError(f"user {name} exists already: change the password with 'lotor user passwd {name}'")
            user = LocalUser(name, "", facts=facts or NO_FACTS)
            lines.put(self.with_password(user, password, mschap=mschap))

    def remove(self, name: str) -> None:
        with self._rewriting() as lines:
            if lines.entry(name) is None or name.startswith(GROUP):
                raise self._nobody(name)
            lines.drop(name)

    def passwd(self, name: str, password: Secret, *, mschap: bool | None = None) -> LocalUser:
        """`mschap` as in `with_password`."""
        check_new_password(password)
        return self.change(name, lambda user: self.with_password(user, password, mschap=mschap))

    def lock(self, name: str, *, locked: bool = True) -> None:
        def changed(user: LocalUser) -> LocalUser:
            return replace(user, flags=user.flags | {LOCKED} if locked else user.flags - {LOCKED})

        self.change(name, changed)

    def change(self, name: str, change: Callable[[LocalUser], LocalUser]) -> LocalUser:
        """Returns the user as the file has it now."""
        with self._rewriting() as lines:
            user = lines.entry(name)
            if isinstance(user, Broken) and not name.startswith(GROUP):
                raise UserError(f"{self.path} {_place(lines, name)}: mend the line first")
            if not isinstance(user, LocalUser):
                raise self._nobody(name)
            changed = change(user)
            lines.put(changed)
        return changed

    def put_group(self, name: str, change: Callable[[Facts], Facts]) -> LocalGroup:
        """A group that is not there is made."""
        try:
            group_name(name)
        except FactError as fault:
            raise UserError(f"a group needs a name: {fault}") from None
        with self._rewriting() as lines:
            group = lines.entry(GROUP + name)
            if isinstance(group, Broken):
                raise UserError(f"{self.path} {_place(lines, GROUP + name)}: mend the line first")
            known = group if isinstance(group, LocalGroup) else LocalGroup(name)
            changed = replace(known, facts=change(known.facts))
            lines.put(changed)
        return changed

    def remove_group(self, name: str) -> None:
        """Its members stay, without what it gave."""
        with self._rewriting() as lines:
            if lines.entry(GROUP + name) is None:
                raise UserError(f"there is no group {name!r} in {self.path}")
            lines.drop(GROUP + name)

    def put_all(self, entries: Callable[[Lines], tuple[LocalUser | LocalGroup, ...]]) -> None:
        """All of them in one rewrite; `entries` sees the file as it will be changed."""
        with self._rewriting() as lines:
            for entry in entries(lines):
                lines.put(entry)

    def edit(self, change: Callable[[Lines, bool], None]) -> bool:
        """The lines as `change` leaves them; what it raises leaves the file as it is. It also hears whether the file is
        missing, or empty. False: somebody else has the file at this moment, and nothing was done."""
        try:
            with self._locked(wait=False):
                old = self._text()
                lines = Lines(old)
                before = lines.text()
                change(lines, not old)
                if lines.text() != before:
                    self._write(lines.text())
        except BlockingIOError:
            return False
        return True

    def _nobody(self, name: str) -> UserError:
        return UserError(f"there is no user {name!r} in {self.path}")

    def _told(self) -> Users:
        """Each fault has its line in the log once."""
        users = self.read()
        new = [fault for fault in users.faults if fault not in self._faults]
        self._faults = frozenset(users.faults)
        for fault in new[:MOST_FAULTS_TOLD]:
            log.warning("%s %s", self.path, fault)
        if len(new) > MOST_FAULTS_TOLD:
            log.warning("%s: %d lines are wrong in all", self.path, len(users.faults))
        return users

    def _text(self) -> str:
        if not os.path.lexists(self.path):
            return ""
        try:
            return read_private(self.path, largest=LARGEST).decode()
        except FileError as fault:
            raise UserError(str(fault)) from None
        except UnicodeDecodeError:
            raise UserError(f"{self.path} is not UTF-8 text") from None

    def _write(self, text: str) -> None:
        octets = text.encode()
        if len(octets) > LARGEST:
            raise UserError(f"{self.path} would have more than {LARGEST} octets")
        try:
            writing.replace(self.path, octets)
        except FileError as fault:
            raise UserError(str(fault)) from None

    @contextlib.contextmanager
    def _rewriting(self) -> Iterator[Lines]:
        """The lines to change; written when the block ends without an error."""
        with self._locked():
            lines = self.lines()
            yield lines
            self._write(lines.text())

    @contextlib.contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[None]:
        """Beside the file, which is replaced and so cannot carry a lock itself. Raises `BlockingIOError` where somebody
        has it and nobody is to `wait`."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, writing.PRIVATE)
        except OSError as error:
            raise UserError(f"{lock} cannot be made: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield
        finally:
            os.close(descriptor)


def _place(lines: Lines, name: str) -> Fault:
    return [fault for fault in lines.faults() if fault.who == name][-1]


def _rewritten(line: str, better: Mapping[str, LocalUser]) -> str:
    user = parse(line)
    found = better.get(user.line()) if user is not None else None
    return found.line().rstrip("\n") if found is not None else line


def check_name(name: str) -> None:
    """Raises `UserError` for a name that cannot be written into the file or a log."""
    if not name:
        raise UserError("a user needs a name")
    if len(name) > LONGEST_USER:
        raise UserError(f"a user name has at most {LONGEST_USER} characters")
    if ":" in name or not name.isprintable() or name != name.strip() or name[0] in "#@":
        raise UserError("a user name has no colon, no control characters, no blanks around it and no # or @ in front")


def check_new_password(password: Secret) -> None:
    """Raises `UserError` for a password that no login could give."""
    if not password:
        raise UserError("the password is empty")
    if len(password) > LONGEST_PASSWORD or b"\0" in password.reveal():
        raise UserError(f"a password has at most {LONGEST_PASSWORD} octets, and no NUL among them")


def hash_for_mschap(name: str, password: Secret) -> Secret:
    """The NT hash. Raises `UserError` for a user who could not log in by it."""
    if "\\" in name:
        raise UserError("MSCHAPv2 takes what stands before a \\ for a domain: a user of that name cannot have it")
    try:
        return nt_hash(password.reveal().decode())
    except UnicodeDecodeError:
        raise UserError("for MSCHAPv2 a password is UTF-8 text") from None
    except ValueError as fault:
        raise UserError(str(fault)) from None
