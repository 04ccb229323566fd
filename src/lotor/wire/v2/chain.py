"""Messages as chains of payloads, each naming the type of the next (RFC 7296 §3.2); bodies are kept as received.

The native codec reads and writes what its table says. What it refuses is read or written here once more: for what no
table says, and to say what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import field, fields
from typing import TypeVar

from lotor import _native
from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.table import Table
from lotor.wire.v2.numbers import FIRST_STATUS, PayloadType
from lotor.wire.v2.payloads import (
    KINDS,
    UNKNOWN,
    Encrypted,
    EncryptedFragment,
    Notification,
    Payload,
    Unknown,
    decode_payload,
    encode_payload,
)

MOST_PAYLOADS = 128
"""Apple and Windows send some 20, and a certificate request for each trusted root is one payload."""
GENERIC = struct.Struct("!BBH")
CRITICAL = 0x80
LAST_KINDS = frozenset({PayloadType.ENCRYPTED, PayloadType.ENCRYPTED_FRAGMENT})
"""Their generic header names the first payload inside, and they end the message."""
SINGLE = frozenset(PayloadType) - {
    PayloadType.CERTIFICATE,
    PayloadType.CERTIFICATE_REQUEST,
    PayloadType.NOTIFICATION,
    PayloadType.DELETE,
    PayloadType.VENDOR_ID,
}
"""Payloads of which no exchange has two in one message."""

P = TypeVar("P", bound=Payload)


@frozen
class Received:
    """A payload as it was received: `body` without generic header; `start` is where its generic header stands in the
    octets. `first`: of SK and SKF, the type of the first payload inside."""

    type: int
    body: bytes = field(repr=False)
    value: Payload
    start: int
    critical: bool = False
    first: int = 0


@frozen
class Chain:
    """The payloads of one message, or those inside its SK."""

    payloads: tuple[Received, ...] = ()

    def first(self, kind: type[P]) -> P | None:
        for received in self.payloads:
            if isinstance(received.value, kind):
                return received.value
        return None

    def only(self, kind: type[P]) -> P:
        """The first payload of a kind that must be there; `Malformed` when it is not."""
        found = self.first(kind)
        if found is None:
            raise Malformed(f"no {kind.__name__} payload")
        return found

    def all(self, kind: type[P]) -> tuple[P, ...]:
        return tuple([received.value for received in self.payloads if isinstance(received.value, kind)])

    @property
    def errors(self) -> tuple[Notification, ...]:
        """Notifications that refuse something (RFC 7296 §3.10.1)."""
        return tuple([note for note in self.all(Notification) if note.type < FIRST_STATUS])

    def of_type(self, number: int) -> Payload | None:
        """The first payload of that type number: IDi and IDr, or TSi and TSr, are of one class."""
        return next((received.value for received in self.payloads if received.type == number), None)

    def body(self, number: int) -> bytes | None:
        """The body of the first payload of that type number, octet for octet as received."""
        return next((received.body for received in self.payloads if received.type == number), None)

    def types(self) -> tuple[int, ...]:
        return tuple([received.type for received in self.payloads])

    @property
    def sealed(self) -> Received | None:
        """SK or SKF, which a message ends with where it has one."""
        last = self.payloads[-1] if self.payloads else None
        return last if last is not None and last.type in LAST_KINDS else None

    def unknown_critical(self) -> int | None:
        """The type of a payload that is not known here and must not be skipped (RFC 7296 §2.5)."""
        found = (each.type for each in self.payloads if each.critical and isinstance(each.value, Unknown))
        return next(found, None)


CODEC = _native.Codec(
    Table(
        kinds=KINDS,
        unknown=UNKNOWN,
        received=Received,
        parts=[each.name for each in fields(Received)],
        most=MOST_PAYLOADS,
        single=sorted(SINGLE),
        last=sorted(LAST_KINDS),
        foreign=[],
        decode=decode_payload,
        encode=encode_payload,
    )
)


def parse_chain(first: int, octets: bytes) -> Chain:
    """The payloads of a body whose first one has the type `first`.

    `Malformed`: too many payloads, a second one of a kind of which there is one, a length below 4 or beyond the end,
    a body that breaks its layout, and octets behind the last payload.
    """
    payloads = CODEC.parse(first, octets, True)
    return plainly_parsed(first, octets) if payloads is None else Chain(payloads)


def plainly_parsed(first: int, octets: bytes) -> Chain:
    """The same without the native codec."""
    offset, following, payloads, seen = 0, first, list[Received](), set[int]()
    while following != PayloadType.NONE:
        if len(payloads) == MOST_PAYLOADS:
            raise Malformed(f"more than {MOST_PAYLOADS} payloads")
        if following in seen and following in SINGLE:
            raise Malformed(f"a second payload of type {following} at offset {offset}")
        seen.add(following)
        received, following, offset = _parse_payload(octets, offset, following)
        payloads.append(received)
    if offset != len(octets):
        raise Malformed(f"{len(octets) - offset} octets too many behind the last payload")
    return Chain(tuple(payloads))


def _parse_payload(octets: bytes, start: int, number: int) -> tuple[Received, int, int]:
    """The payload of type `number` at `start`, the type of the one behind it, and where that begins."""
    left = len(octets) - start
    if left < GENERIC.size:
        raise Malformed(f"{_place(number, start)} needs {GENERIC.size} octets, {left} are left")
    following, flags, length = GENERIC.unpack_from(octets, start)
    if not GENERIC.size <= length <= left:
        raise Malformed(f"{_place(number, start)} says length {length}, {left} octets are left")
    body = octets[start + GENERIC.size : start + length]
    try:
        value = decode_payload(number, body)
    except Malformed as fault:
        raise fault.within(_place(number, start)) from None
    critical = bool(flags & CRITICAL)
    if number in LAST_KINDS:
        return Received(number, body, value, start, critical, following), PayloadType.NONE, start + length
    return Received(number, body, value, start, critical), following, start + length


def _place(number: int, offset: int) -> str:
    return f"payload of type {number} at offset {offset}"


def build_chain(payloads: Sequence[Payload | Received]) -> tuple[int, bytes]:
    """The type of the first payload and the octets of all. A `Received` keeps its body as it came. SK and SKF are built
    by `build_sealed`. `ValueError` when a payload is too long."""
    return CODEC.build(payloads) or plainly_built(payloads)


def plainly_built(payloads: Sequence[Payload | Received]) -> tuple[int, bytes]:
    """The same without the native codec."""
    following, pieces = int(PayloadType.NONE), list[bytes]()
    for payload in reversed(payloads):
        number, body, flags = _encoded(payload)
        pieces += (body, _generic(following, body, flags))
        following = number
    return following, b"".join(reversed(pieces))


def _encoded(payload: Payload | Received) -> tuple[int, bytes, int]:
    """Type, body, and the octet with the critical bit."""
    if isinstance(payload, Received):
        return payload.type, payload.body, CRITICAL if payload.critical else 0
    if isinstance(payload, Encrypted | EncryptedFragment):
        raise TypeError("SK and SKF name the first payload inside them: build_sealed makes them")
    return payload.payload_type, encode_payload(payload), 0


def _generic(following: int, body: bytes, flags: int = 0) -> bytes:
    length = GENERIC.size + len(body)
    if length > 0xFFFF:
        raise ValueError(f"a payload of {length} octets is longer than {0xFFFF}")
    return GENERIC.pack(following, flags, length)


def build_sealed(first: int, payload: Encrypted | EncryptedFragment) -> bytes:
    """SK or SKF with its generic header, around payloads that begin with one of type `first`."""
    body = encode_payload(payload)
    return _generic(first, body) + body


def build_message(header: Header, first: int, octets: bytes) -> bytes:
    """A whole message; next payload and length of the header are set from the body."""
    return header.before(first, header.flags).encode(len(octets)) + octets
