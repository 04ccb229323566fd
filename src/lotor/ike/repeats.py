"""Which first messages came before: a few bits of a keyed hash each, in tables that no flood makes larger or forgetful.

There are two tables. The younger one takes what comes now; every `REMEMBERED_S` seconds it becomes the older one, and a
new one takes its place. Nothing is ever pushed out before its time. What a flood can do is to fill the tables, until a
message that never came looks as if it had: at 10,000 a second that happens to one of a thousand.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct

from lotor.model.network import Instant, Peer

REMEMBERED_S = 16.0
"""A message is remembered for once to twice as many seconds. Of all clients racoon waits longest before it repeats its
first message: 10 s."""

TABLE_BITS = 1 << 22
"""Bits of each table: half a MiB."""

_LAST = TABLE_BITS - 1
_MARKS = Struct("!4I")
"""Reads a hash as the positions of the four bits of one message."""


class Repeats:
    """`key` is secret: an attacker who knew it could send messages that look like those of others."""

    def __init__(self, key: bytes, now: Instant) -> None:
        self._key = key
        self._young, self._old = bytearray(TABLE_BITS // 8), bytearray(TABLE_BITS // 8)
        self._turn = now + REMEMBERED_S

    def again(self, digest: bytes, peer: Peer, now: Instant) -> bool:
        """Whether octets of this digest came from this address and port before. They are remembered from now on."""
        self._grow_old(now)
        young, old, known, remembered = self._young, self._old, True, True
        for place in self._places(digest, peer):
            octet, bit = (place & _LAST) >> 3, 1 << (place & 7)
            known = known and bool(young[octet] & bit)
            remembered = remembered and bool(old[octet] & bit)
            young[octet] |= bit
        return known or remembered

    def _places(self, digest: bytes, peer: Peer) -> tuple[int, ...]:
        where = peer.address.packed + peer.port.to_bytes(2, "big")
        return _MARKS.unpack(blake2b(digest + where, key=self._key, digest_size=_MARKS.size).digest())

    def _grow_old(self, now: Instant) -> None:
        if now < self._turn:
            return
        late = now >= self._turn + REMEMBERED_S
        self._old = bytearray(TABLE_BITS // 8) if late else self._young
        self._young = bytearray(TABLE_BITS // 8)
        self._turn = now + REMEMBERED_S
