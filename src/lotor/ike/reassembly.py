"""Putting Cisco IKE fragments together: pieces in any order, repeated or from several trains, within strict bounds."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from lotor.model.network import Instant, Path, Peer
from lotor.wire.header import Header
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import Fragment

MOST_PIECES = 32
MOST_OCTETS = 65535
MOST_TRAINS = 256
MOST_KEPT = 2 << 20
"""Octets of all incomplete messages together."""

PATIENCE = 10.0
"""Seconds after its last new piece that an incomplete message is kept."""

Key = tuple[Peer, bytes, bytes, int, int]


@dataclass(slots=True)
class Train:
    """The pieces of one message by number, and the number of the last one once it came."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    last: int | None = None
    fresh: Instant = 0.0

    @property
    def octets(self) -> int:
        return sum(map(len, self.pieces.values()))

    def take(self, piece: Fragment) -> bool:
        """False when the piece contradicts those that are here."""
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


@dataclass(slots=True)
class Reassembly:
    """Trains by who sent them and for which session; the oldest go first when there are too many. `octets` are those of
    all trains."""

    _trains: OrderedDict[Key, Train] = field(default_factory=OrderedDict)
    octets: int = 0

    def add(self, header: Header, body: bytes, path: Path, now: Instant) -> bytes | None:
        """The whole message when this piece completes it. `Malformed` when the datagram is no piece."""
        piece = parse_chain(header.next_payload, body).only(Fragment)
        if not 1 <= piece.number <= MOST_PIECES:
            return None
        self._forget(now)
        key = (path.remote, header.initiator, header.responder, header.exchange, piece.id)
        train = self._pop(key)
        if train is None or not train.take(piece):
            train = Train()
            train.take(piece)
        train.fresh = now
        message = train.message()
        if message is None and train.octets <= MOST_OCTETS:
            self._trains[key] = train
            self.octets += train.octets
        return message

    def _pop(self, key: Key) -> Train | None:
        train = self._trains.pop(key, None)
        self.octets -= train.octets if train is not None else 0
        return train

    def _forget(self, now: Instant) -> None:
        while self._trains:
            key, train = next(iter(self._trains.items()))
            crowded = len(self._trains) >= MOST_TRAINS or self.octets > MOST_KEPT
            if train.fresh + PATIENCE > now and not crowded:
                return
            self._pop(key)
