"""Numbers from which the lowest is taken first."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Lowest:
    """Each number is in it once, and leaves it when it is taken."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._members: set[int] = set()

    def add(self, number: int) -> None:
        if number not in self._members:
            self._members.add(number)
            heapq.heappush(self._heap, number)

    def take(self, below: int, usable: Callable[[int], bool]) -> int | None:
        """The lowest one below `below` that is usable; those that are not stay for another time."""
        passed = []
        found = None
        while found is None and self._heap and self._heap[0] < below:
            number = heapq.heappop(self._heap)
            if usable(number):
                self._members.discard(number)
                found = number
            else:
                passed.append(number)
        for each in passed:
            heapq.heappush(self._heap, each)
        return found
