"""Messages that come before this end has finished phase 1: kept unread for a moment, since not every peer sends twice.

Their IVs begin where phase 1 ends, so that they cannot be proved yet. Few messages and few octets are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lotor.ike.dialect import Incoming
from lotor.model.network import Instant

MOST_MESSAGES = 4
"""INITIAL-CONTACT, a request, the first message of quick mode, and one to spare."""

MOST_OCTETS = 3072
"""Octets of all of them together. A first message of quick mode with a dozen proposals and a group has some 1,300."""

Receive = Callable[[Instant], None]


@dataclass(slots=True)
class Early:
    """Messages in the order of arrival. A duplicate is kept once. When it is full, new messages are refused."""

    _kept: dict[Incoming, Receive] = field(default_factory=dict)

    def keep(self, incoming: Incoming, receive: Receive) -> bool:
        """Keeps a message. Returns whether `receive` will be called when phase 1 is done, unless the session ends
        before."""
        if incoming in self._kept:
            return True
        octets = sum(len(each.body) for each in self._kept)
        if len(self._kept) >= MOST_MESSAGES or octets + len(incoming.body) > MOST_OCTETS:
            return False
        self._kept[incoming] = receive
        return True

    def take(self) -> tuple[Receive, ...]:
        kept = tuple(self._kept.values())
        self._kept.clear()
        return kept

    def drop(self) -> None:
        self._kept.clear()
