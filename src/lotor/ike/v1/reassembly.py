"""Reassembly of Cisco IKE fragments: in any order, repeated or sent again, within strict bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from lotor.model.frozen import frozen
from lotor.model.network import Instant, Path, Peer
from lotor.wire.header import Header
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import Fragment

MOST_PIECES = 32
MOST_OCTETS = 65535
PIECE_PATIENCE_S = 10.0
"""An incomplete message is dropped so many seconds after its last new fragment."""

Key = tuple[Peer, bytes, bytes, int, int]


@dataclass(slots=True)
class PartialMessage:
    """The fragments of one message by number, and the number of the last one once it came."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    last: int | None = None
    fresh: Instant = 0.0

    @property
    def octets(self) -> int:
        return sum(map(len, self.pieces.values()))

    def take(self, piece: Fragment) -> bool:
        """Adds a fragment. False when it contradicts those that came before."""
        if self.pieces.get(piece.number, piece.data) != piece.data:
            return False
        if self.last is not None and (piece.number > self.last or (piece.last and piece.number != self.last)):
            return False
        if piece.last and any(number > piece.number for number in self.pieces):
            return False
        self.pieces[piece.number] = piece.data
        if piece.last:
            self.last = piece.number
        return True

    def message(self) -> bytes | None:
        if self.last is None or len(self.pieces) < self.last:
            return None
        return b"".join(self.pieces[number] for number in range(1, self.last + 1))


@frozen
class Room:
    """How many incomplete messages a place keeps, and how many octets of them together."""

    messages: int
    octets: int


STRANGERS_ROOM = Room(1024, 2 << 20)
"""For all strangers together. A flood pushes out messages that are not complete within a moment."""

HALF_OPEN_ROOM = Room(2, 16384)
"""For one half-open session: its third or fifth message with a certificate chain, and the message before."""

PROVED_ROOM = Room(8, 2 * MOST_OCTETS)
"""For one proved session."""


@dataclass(slots=True)
class Reassembly:
    """The incomplete messages of one place, by sender and session. The oldest are dropped when there are too many.
    `octets` are those of all of them; `fresh` is when the last fragment came."""

    room: Room
    octets: int = 0
    fresh: Instant = 0.0
    _partial: OrderedDict[Key, PartialMessage] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._partial)

    def add(self, header: Header, piece: Fragment, sender: Peer, now: Instant) -> bytes | None:
        """Adds a fragment. Returns the whole message when it is complete."""
        self.fresh = now
        self._forget(now)
        key = (sender, header.initiator, header.responder, header.exchange, piece.id)
        partial = self._pop(key)
        if partial is None or not partial.take(piece):
            partial = PartialMessage()
            partial.take(piece)
        partial.fresh = now
        message = partial.message()
        if message is None and partial.octets <= min(MOST_OCTETS, self.room.octets):
            self._partial[key] = partial
            self.octets += partial.octets
        return message

    def _pop(self, key: Key) -> PartialMessage | None:
        partial = self._partial.pop(key, None)
        self.octets -= partial.octets if partial is not None else 0
        return partial

    def _forget(self, now: Instant) -> None:
        while self._partial:
            key, partial = next(iter(self._partial.items()))
            crowded = len(self._partial) >= self.room.messages or self.octets > self.room.octets
            if partial.fresh + PIECE_PATIENCE_S > now and not crowded:
                return
            self._pop(key)


class Pieces:
    """One place for the fragments of strangers, and one for each session, so that none pushes out what belongs to
    another."""

    def __init__(self) -> None:
        self._strangers = Reassembly(STRANGERS_ROOM)
        self._owners: OrderedDict[Hashable, Reassembly] = OrderedDict()

    @property
    def octets(self) -> int:
        return self._strangers.octets + sum(each.octets for each in self._owners.values())

    def add(self, header: Header, body: bytes, path: Path, now: Instant) -> bytes | None:
        """Adds a stranger's fragment. Returns the whole message when it is complete. `Malformed` for a datagram that is
        no fragment."""
        piece = _piece(header, body)
        self._forget(now)
        return self._strangers.add(header, piece, path.remote, now) if piece is not None else None

    def add_to(self, owner: Hashable, room: Room, datagram: tuple[Header, bytes, Path], now: Instant) -> bytes | None:
        """Adds a fragment for a session, whose place has this size."""
        header, body, path = datagram
        piece = _piece(header, body)
        if piece is None:
            return None
        self._forget(now)
        place = self._owners.pop(owner, None) or Reassembly(room)
        place.room = room
        message = place.add(header, piece, path.remote, now)
        if len(place):
            self._owners[owner] = place
        return message

    def _forget(self, now: Instant) -> None:
        while self._owners:
            owner, place = next(iter(self._owners.items()))
            if place.fresh + PIECE_PATIENCE_S > now:
                return
            del self._owners[owner]


def _piece(header: Header, body: bytes) -> Fragment | None:
    piece = parse_chain(header.next_payload, body).only(Fragment)
    return piece if 1 <= piece.number <= MOST_PIECES else None
