"""The SA pairs of one session: which are up, who asked for them, and what happens when their time is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lotor.ike.events import ChildDown
from lotor.model.child import Child
from lotor.model.network import Path
from lotor.model.reason import Cause, Reason

if TYPE_CHECKING:
    from lotor.ike.session import Session


@dataclass(slots=True)
class Pair:
    """One SA pair. `successor` is the one that replaced it; `initiated`: we asked for it and we rekey it; `exchange` is
    the message id of its quick mode, where the peer asked."""

    child: Child
    initiated: bool
    exchange: int = 0
    successor: int | None = None


@dataclass(slots=True)
class Children:
    _pairs: dict[int, Pair] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(tuple(self._pairs.values()))

    def ids(self) -> tuple[int, ...]:
        return tuple(self._pairs)

    def get(self, child: int) -> Pair | None:
        return self._pairs.get(child)

    def add(self, pair: Pair) -> None:
        self._pairs[pair.child.id] = pair
        if pair.child.replaces in self._pairs:
            self._pairs[pair.child.replaces].successor = pair.child.id

    def current(self) -> Pair | None:
        """The newest pair that nothing has replaced."""
        return next((pair for pair in reversed(self._pairs.values()) if pair.successor is None), None)

    def by_outbound(self, spi: int) -> Pair | None:
        return next((pair for pair in self if pair.child.outbound.spi == spi), None)

    def move(self, path: Path) -> None:
        for pair in self:
            pair.child = replace(pair.child, path=path)

    def remove(self, session: Session, child: int, reason: Reason) -> None:
        if self._pairs.pop(child, None) is not None:
            for pair in self:
                if pair.successor == child:
                    pair.successor = None
            session.desk.tell(ChildDown(session.id, child, reason))

    def drop(self, session: Session, reason: Reason) -> None:
        for child in self.ids():
            self.remove(session, child, reason)


EXPIRED = Reason(Cause.EXPIRED, "the lifetime of the SA pair is over")
DELETED = Reason(Cause.PEER_CLOSED, "the peer deleted the SA pair")
REKEYED = Reason(Cause.REPLACED, "replaced by a newer SA pair")
