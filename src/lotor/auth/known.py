"""Who was proved lately, and from where: they go first, and those who guess beside them do not slow them down."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable

LATELY = 86400.0
"""Seconds: who works every day stays known."""
MOST_ENTRIES = 65536


class Known:
    """Pairs of a place (the networks of an address, the narrowest first) and a user, a bounded number."""

    def __init__(self) -> None:
        self._proved: OrderedDict[tuple[tuple[Hashable, ...], Hashable], float] = OrderedDict()
        self._users: Counter[Hashable] = Counter()

    def note(self, place: tuple[Hashable, ...], user: Hashable, now: float) -> None:
        if (place, user) not in self._proved:
            self._users.update(place)
        self._proved[(place, user)] = now
        self._proved.move_to_end((place, user))
        self._forget(now)

    def has(self, place: tuple[Hashable, ...], user: Hashable, now: float) -> bool:
        self._forget(now)
        return (place, user) in self._proved

    def users(self, network: Hashable) -> int:
        """How many people were proved from there: so many may also mistype."""
        return self._users[network]

    def _forget(self, now: float) -> None:
        while self._proved:
            (place, user), proved = next(iter(self._proved.items()))
            if proved + LATELY > now and len(self._proved) <= MOST_ENTRIES:
                return
            del self._proved[(place, user)]
            self._users.subtract(place)
            for network in place:
                if not self._users[network]:
                    del self._users[network]
