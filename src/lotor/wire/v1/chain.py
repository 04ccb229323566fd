"""Messages as chains of payloads, each naming the type of the next (RFC 2408 §3.2); bodies are kept as received.

As with version 2, the native codec reads and writes what its table says, and Python's the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, fields
from typing import TypeVar

from lotor import _native
from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.table import Table
from lotor.wire.v1.association import GENERIC, GENERIC_SIZE, generic_header
from lotor.wire.v1.numbers import PayloadType, name_of
from lotor.wire.v1.payloads import KINDS, UNKNOWN, Payload, decode_payload, encode_payload

MOST_PAYLOADS = 64
NONE = int(PayloadType.NONE)
LONG = frozenset({PayloadType.SA, PayloadType.ATTRIBUTES})
"""Payloads that hold lists of lists. No exchange has two of one kind in one message."""
FOREIGN = frozenset(range(22, 128)) | {17, 18, 19}
"""Payload types that version 1 does not use: 33 to 53 are those of version 2. Drafts of NAT traversal used 15 and 16.
Types from 128 on are private, and ignored."""

P = TypeVar("P", bound=Payload)


@frozen
class Received:
    """A payload as it was received: `body` without generic header, `end` the offset just behind it in the chain."""

    type: int
    body: bytes = field(repr=False)
    value: Payload
    end: int


@frozen
class Chain:
    """The payloads of one message. `octets` ends with the last payload: padding behind it is not here."""

    octets: bytes = field(repr=False)
    payloads: tuple[Received, ...]

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

    def body(self, kind: type[Payload]) -> bytes | None:
        """The body of the first payload of that kind, octet for octet as received."""
        found = self._first(kind)
        return found.body if found is not None else None

    def bodies(self, kind: type[Payload]) -> tuple[bytes, ...]:
        return tuple([received.body for received in self.payloads if isinstance(received.value, kind)])

    def after(self, kind: type[Payload]) -> bytes:
        """The octets behind the first payload of that kind, generic headers included: what the hashes of phase 2
        cover. Empty when there is none."""
        found = self._first(kind)
        return self.octets[found.end :] if found is not None else b""

    def types(self) -> tuple[int, ...]:
        return tuple([received.type for received in self.payloads])

    def _first(self, kind: type[Payload]) -> Received | None:
        for received in self.payloads:
            if isinstance(received.value, kind):
                return received
        return None


CODEC = _native.Codec(
    Table(
        kinds=KINDS,
        unknown=UNKNOWN,
        received=Received,
        parts=[each.name for each in fields(Received)],
        most=MOST_PAYLOADS,
        single=sorted(LONG),
        last=[],
        foreign=sorted(FOREIGN),
        decode=decode_payload,
        encode=encode_payload,
    )
)


def parse_chain(first: int, octets: bytes, *, exact: bool = False) -> Chain:
    """The payloads of a message body whose first one has the type `first`.

    `Malformed`: more than 64 payloads, two of a kind that takes long to read, a type of another version, a length below
    4 or beyond the end, a body that breaks its layout; with `exact` also octets behind the last payload (otherwise they
    are padding).
    """
    payloads = CODEC.parse(first, octets, exact)
    if payloads is None:
        return plainly_parsed(first, octets, exact=exact)
    return Chain(octets[: payloads[-1].end] if payloads else b"", payloads)


def plainly_parsed(first: int, octets: bytes, *, exact: bool = False) -> Chain:
    """The same without the native codec."""
    end, following, payloads, single = 0, first, list[Received](), set[int]()
    while following != NONE:
        if len(payloads) == MOST_PAYLOADS:
            raise Malformed(f"more than {MOST_PAYLOADS} payloads")
        if following in single:
            raise Malformed(f"a second {_place(following, end)}")
        if following in LONG:
            single.add(following)
        following, received = _parse_payload(octets, end, following)
        end = received.end
        payloads.append(received)
    if exact and end < len(octets):
        raise Malformed(f"{len(octets) - end} octets too many behind the last payload")
    return Chain(octets[:end], tuple(payloads))


def build_chain(payloads: Sequence[Payload | Received]) -> tuple[int, bytes]:
    """The type of the first payload and the octets of all. A `Received` keeps its body as it came.

    `ValueError` when a payload is too long.
    """
    return CODEC.build(payloads) or plainly_built(payloads)


def plainly_built(payloads: Sequence[Payload | Received]) -> tuple[int, bytes]:
    """The same without the native codec."""
    following, pieces = NONE, list[bytes]()
    for payload in reversed(payloads):
        number, body = _encoded(payload)
        pieces += (body, generic_header(following, body, number))
        following = number
    return following, b"".join(reversed(pieces))


def _encoded(payload: Payload | Received) -> tuple[int, bytes]:
    """Type and body."""
    if isinstance(payload, Received):
        return payload.type, payload.body
    return payload.payload_type, encode_payload(payload)


def build_message(header: Header, first: int, octets: bytes) -> bytes:
    """A whole message; next payload and length of the header are set from the body."""
    return header.before(first, header.flags).encode(len(octets)) + octets


def _parse_payload(octets: bytes, start: int, number: int) -> tuple[int, Received]:
    """The type of the payload behind the one at `start`, and that one, of type `number`."""
    if number in FOREIGN:
        raise Malformed(f"payload type {number} at offset {start} is none of version 1")
    left = len(octets) - start
    if left < GENERIC_SIZE:
        raise Malformed(f"{_place(number, start)} needs {GENERIC_SIZE} octets, {left} are left")
    following, length = GENERIC.unpack_from(octets, start)
    if length < GENERIC_SIZE:
        raise Malformed(f"{_place(number, start)} says length {length}, below its own header")
    if length > left:
        wanted, found = length - GENERIC_SIZE, left - GENERIC_SIZE
        raise Malformed(f"body of {_place(number, start)} needs {wanted} octets, {found} are left")
    body = octets[start + GENERIC_SIZE : start + length]
    try:
        value = decode_payload(number, body)
    except Malformed as fault:
        raise fault.within(_place(number, start)) from None
    return following, Received(number, body, value, start + length)


def _place(number: int, offset: int) -> str:
    return f"{name_of(PayloadType, number)} payload at offset {offset}"
