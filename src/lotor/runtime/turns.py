"""A line of datagrams that is fair to their senders: each has its turn, and none more than its share of the places."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable

from lotor.model.network import Path

Datagram = tuple[bytes, Path]


class Line:
    """At most `most` datagrams, `each` of one sender. Where there is no place left, the largest crowd gives one up."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._senders: OrderedDict[Hashable, deque[Datagram]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, sender: Hashable, datagram: Datagram) -> bool:
        """False when one was dropped for it, which may be itself."""
        waiting = self._senders.get(sender)
        if waiting is not None and len(waiting) >= self._each:
            return False
        room = self._length < self._most
        if not room and not self._make_room(len(waiting) if waiting is not None else 0):
            return False
        if waiting is None:
            waiting = self._senders[sender] = deque()
        waiting.append(datagram)
        self._length += 1
        return room

    def take(self) -> Datagram:
        """The oldest of the sender whose turn it is. The line must not be empty."""
        sender, waiting = self._senders.popitem(last=False)
        datagram = waiting.popleft()
        self._length -= 1
        if waiting:
            self._senders[sender] = waiting
        return datagram

    def _make_room(self, own: int) -> bool:
        """The latest of the largest crowd goes, where that is larger than the newcomer's own would be."""
        if len(self._senders) == self._length:  # nobody has two
            return False
        crowd = max(self._senders.values(), key=len)
        if len(crowd) <= own + 1:
            return False
        crowd.pop()
        self._length -= 1
        return True
