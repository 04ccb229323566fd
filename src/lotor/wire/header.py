"""The header before every message of IKE: that of ISAKMP (RFC 2408 §3.1), which IKEv2 kept (RFC 7296 §3.1)."""

from __future__ import annotations

import struct
from typing import ClassVar

from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed

COOKIE_SIZE = 8
VERSION = 0x10
_LAYOUT = struct.Struct("!8s8sBBBBII")


def major_of(datagram: bytes) -> int:
    """The major version that a datagram claims, 0 where it is shorter than that."""
    return datagram[2 * COOKIE_SIZE + 1] >> 4 if len(datagram) > 2 * COOKIE_SIZE + 1 else 0


def cookies_of(datagram: bytes) -> tuple[bytes, bytes]:
    """The cookies of initiator and responder, without reading the rest; shorter where the datagram is."""
    return datagram[:COOKIE_SIZE], datagram[COOKIE_SIZE : 2 * COOKIE_SIZE]


@frozen
class Header:
    """`initiator` and `responder` are cookies of 8 octets. `length` is what a decoded message claimed (header
    included); `encode` computes it anew. `version` is major and minor in one octet."""

    SIZE: ClassVar[int] = _LAYOUT.size

    initiator: bytes
    responder: bytes
    next_payload: int
    exchange: int
    flags: int
    message_id: int
    length: int = 0
    version: int = VERSION

    @classmethod
    def decode(cls, datagram: bytes) -> Header:
        """The header of a whole datagram without non-ESP marker.

        `Malformed`: shorter than a header, or a length that is not the datagram's. Versions and flags are judged by the
        dialects.
        """
        if len(datagram) < cls.SIZE:
            raise Malformed(f"ISAKMP header needs {cls.SIZE} octets, the datagram has {len(datagram)}")
        initiator, responder, following, version, exchange, flags, message_id, length = _LAYOUT.unpack_from(datagram)
        if length != len(datagram):
            raise Malformed(f"ISAKMP header says {length} octets, the datagram has {len(datagram)}")
        return cls(initiator, responder, following, exchange, flags, message_id, length, version)

    @property
    def major(self) -> int:
        """The major version."""
        return self.version >> 4

    @property
    def spoken(self) -> str:
        """The version as people write it."""
        return f"{self.version >> 4}.{self.version & 15}"

    def before(self, next_payload: int, flags: int) -> Header:
        """The same header for a message that begins with another payload, or is under other flags."""
        cookies = (self.initiator, self.responder)
        return Header(*cookies, next_payload, self.exchange, flags, self.message_id, self.length, self.version)

    def encode(self, body_length: int) -> bytes:
        """The header before a body of `body_length` octets. `ValueError` when a cookie is not 8 octets long."""
        if len(self.initiator) != COOKIE_SIZE or len(self.responder) != COOKIE_SIZE:
            raise ValueError("a cookie has 8 octets")
        return _LAYOUT.pack(
            self.initiator,
            self.responder,
            self.next_payload,
            self.version,
            self.exchange,
            self.flags,
            self.message_id,
            self.SIZE + body_length,
        )
