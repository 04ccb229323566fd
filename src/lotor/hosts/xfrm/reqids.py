"""The numbers by which a policy finds its SAs (reqid): which are in use, and by how many."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Sequence

from lotor.hosts.xfrm.entries import OWN_REQIDS


class Reqids:
    """One that was freed comes again as late as can be, so that what the kernel still tells of it is nobody else's."""

    def __init__(self, numbers: Sequence[int] = OWN_REQIDS) -> None:
        self._numbers = numbers
        self._next = 0
        self._users: Counter[int] = Counter()

    def take(self) -> int:
        """A number that nobody uses."""
        for step in range(len(self._numbers)):
            number = self._numbers[(self._next + step) % len(self._numbers)]
            if number not in self._users:
                self._next = (self._next + step + 1) % len(self._numbers)
                return self.share(number)
        raise OSError(errno.ENOSPC, f"{len(self._numbers)} numbers (reqid) of SAs are in use, and there are no others")

    def share(self, number: int) -> int:
        """One user more."""
        self._users[number] += 1
        return number

    def free(self, number: int) -> None:
        """One user less."""
        self._users[number] -= 1
        if self._users[number] <= 0:
            del self._users[number]

    def __len__(self) -> int:
        """How many are in use."""
        return len(self._users)
