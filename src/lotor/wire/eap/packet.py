"""Packets of EAP, and the types that every method needs: identity, and the refusal of a method (RFC 3748 §4-5)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import field
from enum import IntEnum

from lotor.model.eap import LONGEST_EAP
from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed

_HEAD = struct.Struct("!BBH")
LONGEST_IDENTITY = 253
"""Octets: what RADIUS carries of a name (RFC 2865 §5)."""
MOST_WISHES = 32
"""Methods that a refusal names; more than anybody has."""


class Code(IntEnum):
    REQUEST = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


class Type(IntEnum):
    """Types of requests and responses; those from 4 on are methods. Values read from the wire stay plain integers."""

    NONE = 0
    IDENTITY = 1
    NOTIFICATION = 2
    NAK = 3
    MD5 = 4
    OTP = 5
    GTC = 6
    TLS = 13
    TTLS = 21
    PEAP = 25
    MSCHAPV2 = 26
    EXPANDED = 254


FIRST_METHOD = Type.MD5


def method_name(number: int) -> str:
    """For people: `mschapv2`, or `method 99`."""
    return Type(number).name.lower() if number in set(Type) else f"method {number}"


_TYPED = frozenset({Code.REQUEST, Code.RESPONSE})


@frozen
class Packet:
    """`type` is 0 and `data` empty exactly in Success and Failure."""

    code: int
    identifier: int
    type: int = Type.NONE
    data: bytes = field(default=b"", repr=False)

    @classmethod
    def decode(cls, octets: bytes) -> Packet:
        """`Malformed`: another length than the packet says, or than its code allows, and a code that is not known."""
        if len(octets) > LONGEST_EAP:
            raise Malformed(f"a packet of EAP of {len(octets)} octets; {LONGEST_EAP} are the most")
        if len(octets) < _HEAD.size:
            raise Malformed(f"a packet of EAP needs {_HEAD.size} octets, {len(octets)} are there")
        code, identifier, length = _HEAD.unpack_from(octets)
        if length != len(octets):
            raise Malformed(f"a packet of EAP says {length} octets and has {len(octets)}")
        if code not in set(Code):
            raise Malformed(f"a packet of EAP of code {code}")
        if (length > _HEAD.size) != (code in _TYPED):
            raise Malformed(f"a packet of EAP of code {code} has {length} octets")
        return cls(code, identifier, octets[4], octets[5:]) if code in _TYPED else cls(code, identifier)

    def encode(self) -> bytes:
        """`ValueError` when it is too long."""
        body = bytes([self.type]) + self.data if self.code in _TYPED else b""
        length = _HEAD.size + len(body)
        if length > LONGEST_EAP:
            raise ValueError(f"a packet of EAP of {length} octets is longer than {LONGEST_EAP}")
        return _HEAD.pack(self.code, self.identifier, length) + body

    def answers(self, request: Packet) -> bool:
        """Whether it is a response to that request, by method, identity, notification, or refusal (RFC 3748 §4.1)."""
        if self.code != Code.RESPONSE or self.identifier != request.identifier:
            return False
        return self.type == request.type or (self.type == Type.NAK and request.type >= FIRST_METHOD)

    def response(self, data: bytes) -> Packet:
        """The answer of the same type."""
        return Packet(Code.RESPONSE, self.identifier, self.type, data)

    def refusal(self, wishes: Iterable[int]) -> Packet:
        """The answer that the method is not wanted, but those are, best first; none of them: no method at all."""
        return Packet(Code.RESPONSE, self.identifier, Type.NAK, bytes(wishes) or bytes([Type.NONE]))


def request(identifier: int, type: int, data: bytes = b"") -> Packet:  # noqa: A002 - the field's own name
    return Packet(Code.REQUEST, identifier, type, data)


def success(identifier: int) -> Packet:
    return Packet(Code.SUCCESS, identifier)


def failure(identifier: int) -> Packet:
    return Packet(Code.FAILURE, identifier)


def identity_of(response: Packet) -> str:
    """Who the client says it is. `Malformed` unless it is a name of 1 to 253 octets of UTF-8 without control characters
    (RFC 3748 §5.1, RFC 7542 §2)."""
    if (response.code, response.type) != (Code.RESPONSE, Type.IDENTITY):
        raise Malformed(f"a packet of EAP of code {response.code} and type {response.type} in the place of an identity")
    return name_of(response.data, "identity")


def name_of(octets: bytes, what: str) -> str:
    """A name that came in a packet of EAP; `Malformed` as for an identity."""
    if not 1 <= len(octets) <= LONGEST_IDENTITY:
        raise Malformed(f"{what} of {len(octets)} octets; 1 to {LONGEST_IDENTITY} are allowed")
    try:
        name = octets.decode()
    except UnicodeDecodeError:
        raise Malformed(f"{what} is not UTF-8") from None
    if not name.isprintable():
        raise Malformed(f"{what} with control characters")
    return name


def wishes_of(refusal: Packet) -> tuple[int, ...]:
    """The methods that a refusal names, best first and each once; empty: none at all. `Malformed` when it names
    nothing, or too many (RFC 3748 §5.3.1)."""
    if (refusal.code, refusal.type) != (Code.RESPONSE, Type.NAK):
        raise Malformed(f"a packet of EAP of code {refusal.code} and type {refusal.type} in the place of a refusal")
    if not 1 <= len(refusal.data) <= MOST_WISHES:
        raise Malformed(f"a refusal names {len(refusal.data)} methods; 1 to {MOST_WISHES} are allowed")
    return tuple(dict.fromkeys(each for each in refusal.data if each >= FIRST_METHOD))
