"""Cookies: what a stranger is answered under load, and what shows that it received that (RFC 7296 §2.6).

Nothing is kept for one who is answered so. The answer is shorter than the message that it answers, and made of a keyed
hash; of the message no more is read than the headers of its payloads.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest

from lotor.ike.dialect import Incoming
from lotor.ike.randomness import Randomness
from lotor.ike.session import NO_SPI
from lotor.ike.v2 import seal
from lotor.model.network import Instant, Path
from lotor.wire.header import Header
from lotor.wire.v2.chain import GENERIC, MOST_PAYLOADS
from lotor.wire.v2.numbers import VERSION, Flag, NotifyType, PayloadType
from lotor.wire.v2.payloads import Notification

SECRET_S = 60.0
"""A secret makes cookies for so many seconds, and takes them back for as many again."""
DIGEST = 16
_HEAD = b"\0\0" + NotifyType.COOKIE.to_bytes(2, "big")
"""A notification without an SPI and of no protocol, and its type."""


@dataclass(slots=True)
class Cookies:
    """`number` is that of the young secret, and the first octet of its cookies."""

    number: int = 0
    _young: bytes = b""
    _old: bytes = b""
    _turn: Instant = 0.0

    def challenge(self, incoming: Incoming, path: Path, randomness: Randomness, now: Instant) -> bytes | None:
        """The answer that asks a stranger for its first message once more, with a cookie; None where it has no
        nonce."""
        nonce = _nonce(incoming)
        if nonce is None:
            return None
        self._grow_old(randomness, now)
        spi = incoming.header.initiator
        cookie = bytes([self.number]) + _made(self._young, nonce, spi, path)
        answer = Header(spi, NO_SPI, 0, incoming.header.exchange, Flag.RESPONSE, 0, version=VERSION)
        return seal.clear(answer, (Notification(NotifyType.COOKIE, cookie),))

    def shown(self, incoming: Incoming, path: Path, now: Instant) -> bool:
        """Whether a first message begins with a cookie of this end for its sender."""
        cookie, nonce = _cookie(incoming), _nonce(incoming)
        if cookie is None or nonce is None or not self._young or now >= self._turn + SECRET_S:
            return False
        secret = self._young if cookie[0] == self.number else self._old
        spi = incoming.header.initiator
        return bool(secret) and compare_digest(cookie[1:], _made(secret, nonce, spi, path))

    def _grow_old(self, randomness: Randomness, now: Instant) -> None:
        if self._young and now < self._turn:
            return
        late = now >= self._turn + SECRET_S
        self._old, self._young = b"" if late else self._young, randomness.nonce(2 * DIGEST)
        self.number, self._turn = (self.number + 1) % 256, now + SECRET_S


def _made(secret: bytes, nonce: bytes, spi: bytes, path: Path) -> bytes:
    """Not of the port: a NAT may give another one to the second message."""
    return blake2b(spi + path.remote.address.packed + nonce, key=secret, digest_size=DIGEST).digest()


def _cookie(incoming: Incoming) -> bytes | None:
    """The cookie that a message begins with, as long as those of this end are."""
    if incoming.header.next_payload != PayloadType.NOTIFICATION:
        return None
    start, end = GENERIC.size + len(_HEAD), GENERIC.size + len(_HEAD) + 1 + DIGEST
    _, _, length = GENERIC.unpack_from(incoming.body.ljust(GENERIC.size, b"\0"))
    if length != end or incoming.body[GENERIC.size : start] != _HEAD or len(incoming.body) < end:
        return None
    return incoming.body[start:end]


def _nonce(incoming: Incoming) -> bytes | None:
    """By the headers of the payloads alone."""
    following, offset, body = incoming.header.next_payload, 0, incoming.body
    for _ in range(MOST_PAYLOADS):
        if following == PayloadType.NONE or len(body) - offset < GENERIC.size:
            return None
        kind, (following, _, length) = following, GENERIC.unpack_from(body, offset)
        if not GENERIC.size <= length <= len(body) - offset:
            return None
        if kind == PayloadType.NONCE:
            return body[offset + GENERIC.size : offset + length]
        offset += length
    return None
