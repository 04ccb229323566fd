"""Who is banned, in memory: looked up at each login, and forgotten when it is over."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import ip_network

from lotor.model.ban import Ban, known_as, network_of
from lotor.model.network import Address, Network

MOST = 1000
"""Bans at a time. One of wrong logins that ends first gives way to another one; an administrator's never does."""
BY_HAND = "by hand"


class Banned:
    """Wall clocks say when a ban began and ends, the monotonic clock how long is left: a clock that is set lifts none
    and prolongs none while the program runs."""

    def __init__(self, wall: Callable[[], float] = time.time, now: Callable[[], float] = time.monotonic) -> None:
        self.wall = wall
        self._now = now
        self._ends: dict[tuple[bool, str], tuple[float, Ban]] = {}
        self._networks: dict[Network, Ban] = {}
        self._lengths: Counter[tuple[int, int]] = Counter()
        """IP versions and prefix lengths of the networks that are banned."""

    def load(self, known: Iterable[Ban]) -> None:
        """Bans that an earlier program left, but for those that there are. One whose beginning lies in the future was
        made under another clock: it has its whole length before it."""
        wall = self.wall()
        for each in known:
            left = min(each.until - wall, each.until - each.since)
            there = _key(each.subject, network=each.network) in self._ends
            if left > 0 and not there and len(self._ends) < MOST:
                self._keep(each, left)

    def add(self, ban: Ban, left: float | None = None) -> tuple[Ban, ...]:
        """Returns those that gave way. `left`: so many seconds from now on, else its whole length. Raises
        `OverflowError` where none may."""
        gone = [each for each in (self.lift(ban.subject, network=ban.network),) if each is not None]
        self.expired()
        if len(self._ends) >= MOST:
            gone.append(self._oldest())
        self._keep(ban, ban.until - ban.since if left is None else left)
        return tuple(each for each in gone if (each.network, each.subject) != (ban.network, ban.subject))

    def lift(self, subject: str, *, network: bool) -> Ban | None:
        """The ban that was lifted."""
        found = self._ends.pop(_key(subject, network=network), None)
        if found is None:
            return None
        if network:
            there = network_of(subject)
            del self._networks[there]
            self._lengths[there.version, there.prefixlen] -= 1
            self._lengths += Counter()  # without those of nobody
        return found[1]

    def get(self, subject: str, *, network: bool) -> Ban | None:
        """The one of just this login, or this network."""
        return self._current(subject, network=network)

    def expired(self) -> tuple[Ban, ...]:
        """Forgets those that are over."""
        now = self._now()
        over = [ban for until, ban in self._ends.values() if until <= now]
        for each in over:
            self.lift(each.subject, network=each.network)
        return tuple(over)

    def find(self, user: str, address: Address) -> Ban | None:
        """The ban that an attempt meets."""
        found = self._current(user, network=False)
        if found is not None:
            return found
        for version, length in self._lengths:
            if version == address.version:
                there = ip_network((address, length), strict=False)
                ban = self._networks.get(there)
                if ban is not None and (found := self._current(ban.subject, network=True)) is not None:
                    return found
        return None

    def all(self) -> tuple[Ban, ...]:
        self.expired()
        return tuple(ban for _, ban in self._ends.values())

    def __len__(self) -> int:
        return len(self._ends)

    def _current(self, subject: str, *, network: bool) -> Ban | None:
        until, ban = self._ends.get(_key(subject, network=network), (0.0, None))
        return ban if ban is not None and until > self._now() else None

    def _keep(self, ban: Ban, left: float) -> None:
        if ban.network:
            there = network_of(ban.subject)
            self._networks[there] = ban
            self._lengths[there.version, there.prefixlen] += 1
        self._ends[_key(ban.subject, network=ban.network)] = self._now() + left, ban

    def _oldest(self) -> Ban:
        """Of wrong logins, the one that ends first. Raises `OverflowError`."""
        mine = [(until, ban) for until, ban in self._ends.values() if ban.why != BY_HAND]
        if not mine:
            raise OverflowError(f"there are {MOST} bans already, all made by hand: lift one first")
        _, ban = min(mine, key=lambda each: each[0])
        self.lift(ban.subject, network=ban.network)
        return ban


def _key(subject: str, *, network: bool) -> tuple[bool, str]:
    return network, subject if network else known_as(subject)
