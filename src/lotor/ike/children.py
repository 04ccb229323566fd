"""The SA pairs of one session: which are up, which end began them, and what happens when their time is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from lotor.ike.context import CoreContext
from lotor.ike.events import ChildDown
from lotor.ike.questions import Activate
from lotor.model.algorithms import Group
from lotor.model.child import Child, Encapsulation
from lotor.model.frozen import frozen
from lotor.model.network import Network, Path
from lotor.model.reason import Reason
from lotor.model.reasons import ends

MOST_NETWORKS = 8
"""The networks that one peer may have SA pairs for: a client asks for each network of a split tunnel."""

MOST_PAIRS = 2 * MOST_NETWORKS
"""Each network may have a pair and the one that it replaces, which is deleted soon. The bound keeps loops over a
session short."""


@frozen
class Selectors:
    """The networks that an SA pair joins, as seen from here."""

    local: Network
    remote: Network


@dataclass(slots=True)
class Pair:
    """One SA pair. `initiated`: this end began its quick mode, and rekeys it first. `exchange`: the message id of that
    quick mode. `group`: the group of its PFS. `up`: its quick mode is finished. `rekeying`: a quick mode for its
    successor is under way. `waits`: the pair that it replaces goes on sending for a moment. `nonce`: the lower one of
    the exchange that made it, by which IKEv2 chooses between two successors. `deleted`: one end has said that it goes;
    it receives what is still under way. `theirs`: the peer began it, or the one whose successor it is. `demanded`: the
    groups with which its successor is asked for, since the peer refused the first request."""

    child: Child
    initiated: bool
    exchange: int
    group: Group | None = None
    up: bool = False
    rekeying: bool = False
    waits: bool = False
    nonce: bytes = b""
    deleted: bool = False
    theirs: bool = False
    demanded: tuple[Group, ...] = ()

    @property
    def selectors(self) -> Selectors:
        return Selectors(self.child.local_networks[0], self.child.remote_networks[0])


class Owner(Protocol):
    """The session that the SA pairs belong to."""

    @property
    def id(self) -> int: ...

    @property
    def context(self) -> CoreContext: ...


@dataclass(slots=True)
class Children:
    """The SA pairs by the number of the child, and by the outbound SPI."""

    _pairs: dict[int, Pair] = field(default_factory=dict)
    _by_outbound: dict[int, list[Pair]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(tuple(self._pairs.values()))

    def ids(self) -> tuple[int, ...]:
        return tuple(self._pairs)

    def get(self, child: int) -> Pair | None:
        return self._pairs.get(child)

    def add(self, owner: Owner, pair: Pair) -> None:
        self._pairs[pair.child.id] = pair
        owner.context.owners[pair.child.id] = pair.child.session
        self._by_outbound.setdefault(pair.child.outbound.spi, []).append(pair)

    def current(self, selectors: Selectors) -> Pair | None:
        """The newest pair of these networks."""
        return next((pair for pair in reversed(self._pairs.values()) if pair.selectors == selectors), None)

    def is_current(self, pair: Pair) -> bool:
        """Whether no other pair has replaced this one."""
        return all(other.child.replaces != pair.child.id for other in self)

    def succeeded(self, pair: Pair) -> bool:
        """Whether a newer pair of the same networks is up."""
        newer = (other for other in self if other.child.id > pair.child.id and other.up)
        return any(other.selectors == pair.selectors for other in newer)

    def outdated(self) -> Pair | None:
        """The oldest pair that a newer one has replaced."""
        return next((pair for pair in self if self.succeeded(pair)), None)

    def has_place(self, wish: Selectors) -> bool:
        """Whether the session may have one more pair of these networks."""
        networks = {pair.selectors for pair in self}
        return wish in networks or len(networks) < MOST_NETWORKS

    def rival(self, pair: Pair) -> Pair | None:
        """Another pair that replaces the same old pair: both ends began a rekey at once."""
        place = pair.child.replaces
        return next((other for other in self if other is not pair and other.child.replaces == place is not None), None)

    def by_outbound(self, spi: int) -> Pair | None:
        return next(iter(self._by_outbound.get(spi, ())), None)

    def move(self, path: Path) -> None:
        """The pairs as they are from now on; the engines are told by events."""
        encapsulation = Encapsulation.along(path)
        for pair in self:
            pair.child = replace(pair.child, path=path, encapsulation=encapsulation)

    def activate(self, owner: Owner, pair: Pair) -> None:
        """Outgoing traffic uses this pair from now on. Nothing happens when the pair is gone."""
        if self._pairs.get(pair.child.id) is pair:
            pair.waits = False
            owner.context.ask(Activate(pair.child.id), lambda *_: None)

    def outdone(self, pair: Pair) -> bool:
        """Whether the other end began a pair that replaces the same one, and that pair is up."""
        places = (pair.child.id, pair.child.replaces)
        return any(other.up and other.child.replaces in places for other in self if other is not pair)

    def remove(self, owner: Owner, child: int, reason: Reason) -> None:
        """Removes a pair. If its replacement was waiting for it to stop sending, and nothing else sends, the
        replacement is activated."""
        gone = self._pairs.get(child)
        if gone is None:
            return
        self._take_out(owner, gone, reason)
        same = [pair for pair in self if pair.up and not pair.deleted and pair.selectors == gone.selectors]
        if same and all(pair.waits for pair in same):
            self.activate(owner, same[-1])

    def drop(self, owner: Owner, reason: Reason) -> None:
        for pair in reversed(tuple(self)):
            self._take_out(owner, pair, reason)

    def _take_out(self, owner: Owner, gone: Pair, reason: Reason) -> None:
        del self._pairs[gone.child.id]
        owner.context.owners.pop(gone.child.id, None)
        same = self._by_outbound[gone.child.outbound.spi]
        same.remove(gone)
        if not same:
            del self._by_outbound[gone.child.outbound.spi]
        owner.context.tell(ChildDown(owner.id, gone.child.id, reason))


EXPIRED = ends.ChildExpired()
DELETED = ends.ChildDeleted()
REKEYED = ends.ChildReplaced()
