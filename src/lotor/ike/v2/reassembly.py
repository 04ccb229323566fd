"""Fragments of one message that is under way, each proved by its keys, put together within a bound (RFC 7383 §2.6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from lotor.ike.errors import Misplaced
from lotor.ike.v2.seal import Content, Piece

MOST_PIECES = 128
"""Of one message. The longest that a peer has a reason to send has some 20 in the smallest packets."""

HALF_OPEN_OCTETS = 16384
"""Of a message of a peer that has proved nothing yet: its certificates, and requests for those of each authority."""
PROVED_OCTETS = 65535
"""Of any other: the length of a payload has 16 bits."""


@dataclass(slots=True)
class Reassembly:
    """The pieces by number. There is one message at a time in each direction, so there is one of these for each."""

    total: int = 0
    _pieces: dict[int, Content] = field(default_factory=dict)

    @property
    def octets(self) -> int:
        return sum(len(each.octets) for each in self._pieces.values())

    def add(self, piece: Piece, most: int) -> Content | None:
        """The whole message once all pieces are there. A larger total begins anew, for the sender cuts smaller pieces;
        a smaller one is old. `Misplaced`: the message is longer than `most` octets."""
        if piece.total > MOST_PIECES:
            raise Misplaced(f"a message of {piece.total} fragments, more than {MOST_PIECES}")
        if piece.total < self.total:
            return None
        if piece.total > self.total:
            self.total, self._pieces = piece.total, {}
        self._pieces.setdefault(piece.number, piece.content)
        if self.octets > most:
            self.clear()
            raise Misplaced(f"a message of more than {most} octets in fragments")
        return self._whole() if len(self._pieces) == self.total else None

    def clear(self) -> None:
        """The message is whole, or not waited for any more."""
        self.total, self._pieces = 0, {}

    def _whole(self) -> Content:
        pieces = [self._pieces[number] for number in range(1, self.total + 1)]
        self.clear()
        return Content(pieces[0].first, b"".join(piece.octets for piece in pieces))
