"""Hashes of another cost than today's are made anew when their user logs in, and written a moment later, many at a
time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lotor.auth.userlines import LocalUser, parse
from lotor.auth.users import UserError, UserFile
from lotor.model.secret import Secret

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds in which logins gather before the file is written: a thousand on one morning are not a thousand rewrites."""
REST = 3600.0
"""Seconds without another try after the file could not be written."""
MOST_AT_ONCE = 4096


class Renewals:
    """Threads may share it. No login ever waits for the file to be written, or fails because it cannot be."""

    def __init__(self, users: UserFile, pause: float = PAUSE, now: Callable[[], float] = time.monotonic) -> None:
        self._users = users
        self._pause = pause
        self._now = now
        self._lock = threading.Lock()
        self._made: dict[str, LocalUser] = {}
        self._written: dict[str, LocalUser] = {}
        """Of the last rewrite: a login may have looked at the file before it."""
        self._writing = False
        self._rests_until = 0.0

    def renewed(self, entry: str, password: Secret) -> str:
        """The line of a user whose password was proved, as the file will soon have it. A new one takes a while."""
        user = parse(entry)
        with self._lock:
            made = self._made.get(entry) or self._written.get(entry)
            if made is not None:
                return made.line()
            if user is None or self._users.is_current(user.hash) or not self._has_room():
                return entry
        try:
            better = self._users.with_password(user, password)
        except UserError as fault:  # its NT hash could not be sealed anew
            log.warning("the password of %s stays hashed as it was: %s", user.name, fault)
            return entry
        with self._lock:
            self._made[entry] = better
            if not self._writing:
                self._writing = True
                threading.Thread(target=self._write, name="lotor-users", daemon=True).start()
        return better.line()

    def _has_room(self) -> bool:
        return len(self._made) < MOST_AT_ONCE and self._now() >= self._rests_until

    def _write(self) -> None:
        time.sleep(self._pause)
        with self._lock:
            made = dict(self._made)
        written: dict[str, LocalUser] = {}
        try:
            self._users.rewrite(made)
            written = made
        except UserError as fault:
            log.warning("passwords stay hashed as they were: %s", fault)
            with self._lock:
                self._rests_until = self._now() + REST
        with self._lock:
            self._written = written
            for entry in made:
                del self._made[entry]
            self._writing = bool(self._made)
            if self._made:
                threading.Thread(target=self._write, name="lotor-users", daemon=True).start()
