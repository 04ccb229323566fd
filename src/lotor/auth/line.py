"""A line that is fair by source: the sources take turns, however many another source has in the line."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class FairLine(Generic[T]):
    """What waits, by the `source` that brought it; every step but `crowd` takes the same time, however many wait."""

    def __init__(self) -> None:
        self._sources: OrderedDict[Hashable, OrderedDict[T, None]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def waiting(self, source: Hashable) -> int:
        return len(self._sources.get(source, ()))

    def add(self, source: Hashable, item: T) -> None:
        self._sources.setdefault(source, OrderedDict())[item] = None
        self._count += 1

    def remove(self, source: Hashable, item: T) -> None:
        """Nothing happens when it does not wait (any more)."""
        waiting = self._sources.get(source)
        if waiting is None or item not in waiting:
            return
        del waiting[item]
        self._count -= 1
        if not waiting:
            del self._sources[source]

    def take(self) -> T | None:
        """The oldest of the source whose turn it is; None when nobody waits."""
        if not self._sources:
            return None
        source, waiting = next(iter(self._sources.items()))
        item = next(iter(waiting))
        self._sources.move_to_end(source)
        self.remove(source, item)
        return item

    @property
    def next_source(self) -> Hashable | None:
        """Whose turn it is; None when nobody waits."""
        return next(iter(self._sources), None)

    def crowd(self) -> tuple[Hashable, T] | None:
        """The source with the most in the line, and the newest of them."""
        if not self._sources:
            return None
        source = max(self._sources, key=self.waiting)
        return source, next(reversed(self._sources[source]))
