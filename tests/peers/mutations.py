"""Datagrams as an enemy would change them: flipped, cut, spliced, with lengths that lie; all from one seed."""

from __future__ import annotations

import random
import struct

from lotor.wire.header import Header

LIES = (0, 1, 3, 4, 5, 7, 8, 11, 12, 0x7F, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF)
TYPES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 33, 46, 53, 130, 131, 132, 255)


class Mutator:
    def __init__(self, seed: int) -> None:
        self.lots = random.Random(seed)

    def datagram(self, data: bytes) -> bytes:
        """A changed datagram; mostly with a header length that is true, so that it gets past the first check."""
        changed = data
        for _ in range(self.lots.choice((1, 1, 1, 2, 3, 8))):
            changed = self.lots.choice((self._flip, self._lie, self._cut, self._grow, self._splice, self._retype))(
                changed
            )
        if len(changed) >= Header.SIZE and self.lots.random() < 0.9:
            changed = changed[:24] + struct.pack("!I", len(changed)) + changed[28:]
        if len(changed) >= Header.SIZE and self.lots.random() < 0.7:
            changed = data[:16] + changed[16:17] + data[17:18] + changed[18:]
        return changed

    def octets(self, data: bytes) -> bytes:
        """A changed chain of payloads, without a header."""
        changed = data
        for _ in range(self.lots.choice((1, 1, 2, 4))):
            changed = self.lots.choice((self._flip, self._lie, self._cut, self._grow, self._splice, self._retype))(
                changed
            )
        return changed

    def _place(self, data: bytes) -> int:
        return self.lots.randrange(len(data)) if data else 0

    def _flip(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + bytes([self.lots.randrange(256)]) + data[at + 1 :]

    def _lie(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + struct.pack("!H", self.lots.choice(LIES)) + data[at + 2 :]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _grow(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self.lots.randbytes(self.lots.choice((1, 4, 16, 300))) + data[at:]

    def _splice(self, data: bytes) -> bytes:
        start, end, at = self._place(data), self._place(data), self._place(data)
        return data[:at] + data[min(start, end) : max(start, end)] + data[at:]

    def _retype(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + bytes([self.lots.choice(TYPES)]) + data[at + 1 :]
