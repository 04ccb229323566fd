"""Passwords that were proved right a short while ago, as keyed hashes in memory: to prove the same one again costs
microseconds. Nothing of it reaches a disk, and it is worth nothing to the next start, which has another key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from lotor.model.secret import Secret

EIGHT_HOURS = 8 * 3600.0
MOST_USERS = 65536


class Proofs:
    """One proof for each user, of their stored `entry` and the password together: it is gone as soon as anything in the
    entry changes (password, lock, dates), and after `seconds`; 0: nothing is kept. Threads may share it."""

    def __init__(self, seconds: float = EIGHT_HOURS, now: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._key = secrets.token_bytes(hashlib.blake2b.MAX_KEY_SIZE)
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def note(self, user: str, entry: str, password: Secret) -> None:
        """The password was hashed, and was that of the entry."""
        if self.seconds <= 0:
            return
        with self._lock:
            self._kept[user] = self._digest(entry, password), self._now()
            self._kept.move_to_end(user)
            self._forget()

    def holds(self, user: str, entry: str, password: Secret) -> bool:
        """Whether this password was proved to be that of this entry, not too long ago."""
        with self._lock:
            self._forget()
            kept = self._kept.get(user, (b"", 0.0))[0]
        return hmac.compare_digest(kept, self._digest(entry, password))

    def forget(self, user: str) -> None:
        with self._lock:
            self._kept.pop(user, None)

    def _digest(self, entry: str, password: Secret) -> bytes:
        octets = entry.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(len(octets).to_bytes(8, "big") + octets + password.reveal(), key=self._key).digest()

    def _forget(self) -> None:
        """They are in the order of their proofs."""
        while self._kept:
            user, (_, proved) = next(iter(self._kept.items()))
            if proved + self.seconds > self._now() and len(self._kept) <= MOST_USERS:
                return
            del self._kept[user]
