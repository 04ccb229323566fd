"""How EAP-TLS, TTLS and PEAP cut TLS into packets, and put it together again (RFC 5216 §2.1.5, §3, RFC 5281 §9)."""

from __future__ import annotations

from dataclasses import field

from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed

LENGTH, MORE, START = 0x80, 0x40, 0x20
"""Flags: the length of all of it follows; there is more of it; the server begins."""
_VERSION = 0x07
LONGEST_MESSAGE = 1 << 15
"""Octets of one flight of TLS: a chain of certificates has some thousand, and no judge reads more than 16 KiB."""
MOST_PIECES = 128
"""Of one flight. Each costs both ends a round."""
USUAL_PIECE = 1024
"""Octets of TLS in a packet: with the headers of EAP and IKE it fits a datagram of 1,280 octets."""


@frozen
class Piece:
    """The data of one packet. `total`: octets of the whole flight, None where it is not said. An empty one without
    flags acknowledges. `version`: of TTLS and PEAP, 0 in EAP-TLS."""

    data: bytes = field(default=b"", repr=False)
    total: int | None = None
    more: bool = False
    start: bool = False
    version: int = 0

    @classmethod
    def decode(cls, octets: bytes) -> Piece:
        """`Malformed`: cut off, a piece that promises more and has nothing, a total below what is there, or above what
        is taken."""
        if not octets:
            raise Malformed("a packet of a method with TLS without flags")
        flags, total, rest = octets[0], None, octets[1:]
        if flags & LENGTH:
            if len(rest) < 4:
                raise Malformed(f"the length of a flight of TLS needs 4 octets, {len(rest)} are left")
            total, rest = int.from_bytes(rest[:4], "big"), rest[4:]
        piece = cls(rest, total, bool(flags & MORE), bool(flags & START), flags & _VERSION)
        _examine(piece)
        return piece

    def encode(self) -> bytes:
        """`ValueError` when the version or the total do not fit."""
        if not 0 <= self.version <= _VERSION:
            raise ValueError(f"version {self.version} does not fit in 3 bits")
        flags = self.version | MORE * self.more | START * self.start
        if self.total is None:
            return bytes([flags]) + self.data
        return bytes([flags | LENGTH]) + self.total.to_bytes(4, "big") + self.data

    @property
    def acknowledges(self) -> bool:
        return not (self.data or self.more or self.start)


def _examine(piece: Piece) -> None:
    if piece.more and not piece.data:
        raise Malformed("a piece of TLS that is empty and not the last")
    if piece.start and piece.more:
        raise Malformed("a start of TLS that is not the last piece")
    if piece.total is None:
        return
    if piece.total > LONGEST_MESSAGE:
        raise Malformed(f"a flight of TLS of {piece.total} octets; {LONGEST_MESSAGE} are the most")
    if len(piece.data) > piece.total or (len(piece.data) == piece.total and piece.more):
        raise Malformed(f"a piece of TLS of {len(piece.data)} octets in a flight of {piece.total}")


def cut(message: bytes, size: int = USUAL_PIECE, version: int = 0) -> tuple[Piece, ...]:
    """A flight in pieces of at most `size` octets, the first of which says the total; one piece needs no total.
    `ValueError`: longer than a peer takes, or `size` too small."""
    pieces = [message[start : start + size] for start in range(0, len(message), size)] or [b""]
    if len(message) > LONGEST_MESSAGE or len(pieces) > MOST_PIECES:
        raise ValueError(f"a flight of TLS of {len(message)} octets in {len(pieces)} pieces is too long")
    last = len(pieces) - 1
    return tuple(
        Piece(data, len(message) if last and not index else None, more=index < last, version=version)
        for index, data in enumerate(pieces)
    )


class Assembly:
    """Pieces of one flight after the other, as they come in. It holds at most `LONGEST_MESSAGE` octets."""

    __slots__ = ("_parts", "_total")

    def __init__(self) -> None:
        self._parts = list[bytes]()
        self._total: int | None = None

    def add(self, piece: Piece) -> bytes | None:
        """The whole flight; None: the next piece is to be asked for by an empty one. `Malformed`: a first piece of
        several without total, totals that differ, another length than said, or too many pieces."""
        if self._parts and (piece.start or piece.acknowledges):
            raise Malformed("a flight of TLS that begins anew before it has ended")
        self._total = self._agreed(piece)
        self._parts.append(piece.data)
        size = sum(map(len, self._parts))
        if self._total is not None and (size > self._total or (size == self._total) == piece.more):
            raise Malformed(f"{size} octets of a flight of TLS that has {self._total}")
        if len(self._parts) > MOST_PIECES:
            raise Malformed(f"more than {MOST_PIECES} pieces of one flight of TLS")
        return None if piece.more else self._whole()

    def _agreed(self, piece: Piece) -> int | None:
        if not self._parts:
            if piece.more and piece.total is None:
                raise Malformed("the first piece of a flight of TLS does not say how long the flight is")
            return piece.total
        if piece.total not in {None, self._total}:
            raise Malformed(f"a flight of TLS of {self._total} octets, then of {piece.total}")
        return self._total

    def _whole(self) -> bytes:
        whole = b"".join(self._parts)
        self._parts, self._total = [], None
        return whole
