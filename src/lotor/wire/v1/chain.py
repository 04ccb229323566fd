"""Messages as chains of payloads, each naming the type of the next (RFC 2408 §3.2); bodies are kept as received."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor
from lotor.wire.header import Header
from lotor.wire.v1.association import GENERIC_SIZE, generic_header
from lotor.wire.v1.numbers import PayloadType, name_of
from lotor.wire.v1.payloads import Payload, decode_payload, encode_payload

MOST_PAYLOADS = 64
NONE = int(PayloadType.NONE)

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Received:
    """A payload as it came: `body` without generic header, `end` the offset just behind it in the chain."""

    type: int
    body: bytes = field(repr=False)
    value: Payload
    end: int


@dataclass(frozen=True, slots=True)
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
        return next(iter(self.bodies(kind)), None)

    def bodies(self, kind: type[Payload]) -> tuple[bytes, ...]:
        return tuple(received.body for received in self._of(kind))

    def after(self, kind: type[Payload]) -> bytes:
        """The octets behind the first payload of that kind, generic headers included: what the hashes of phase 2
        cover. Empty when there is none."""
        found = next(self._of(kind), None)
        return self.octets[found.end :] if found else b""

    def types(self) -> tuple[int, ...]:
        return tuple(received.type for received in self.payloads)

    def _of(self, kind: type[Payload]) -> Iterator[Received]:
        return (received for received in self.payloads if isinstance(received.value, kind))


def parse_chain(first: int, octets: bytes, *, exact: bool = False) -> Chain:
    """The payloads of a message body whose first one has the type `first`.

    `Malformed`: more than 64 payloads, a length below 4 or beyond the end, a body that breaks its layout; with `exact`
    also octets behind the last payload (otherwise they are padding).
    """
    cursor, following, payloads = Cursor(octets), first, list[Received]()
    while following != NONE:
        if len(payloads) == MOST_PAYLOADS:
            raise Malformed(f"more than {MOST_PAYLOADS} payloads")
        following, received = _parse_payload(cursor, following)
        payloads.append(received)
    if exact and cursor.left:
        raise Malformed(f"{cursor.left} octets too many behind the last payload")
    return Chain(octets[: cursor.offset], tuple(payloads))


def build_chain(payloads: Sequence[Payload | Received]) -> tuple[int, bytes]:
    """The type of the first payload and the octets of all. A `Received` keeps its body as it came.

    `ValueError` when a payload is too long.
    """
    types = [payload.type if isinstance(payload, Received) else int(payload.payload_type) for payload in payloads]
    followers = [*types[1:], NONE]
    bodies = [payload.body if isinstance(payload, Received) else encode_payload(payload) for payload in payloads]
    octets = b"".join(
        [
            generic_header(following, body, _name(number)) + body
            for number, following, body in zip(types, followers, bodies, strict=False)
        ]
    )
    return (types[0] if types else NONE), octets


def parse_message(datagram: bytes) -> tuple[Header, bytes]:
    """Header and body, which is a chain of payloads or the ciphertext of one."""
    return Header.decode(datagram), datagram[Header.SIZE :]


def build_message(header: Header, first: int, octets: bytes) -> bytes:
    """A whole message; next payload and length of the header are set from the body."""
    return replace(header, next_payload=first).encode(len(octets)) + octets


def _parse_payload(cursor: Cursor, number: int) -> tuple[int, Received]:
    start, left = cursor.offset, cursor.left
    if left < GENERIC_SIZE:
        raise Malformed(f"{_place(number, start)} needs {GENERIC_SIZE} octets, {left} are left")
    following, _, high, low = cursor.take(GENERIC_SIZE, "generic header")
    length = high << 8 | low
    if length < GENERIC_SIZE:
        raise Malformed(f"{_place(number, start)} says length {length}, below its own header")
    if length > left:
        wanted, found = length - GENERIC_SIZE, left - GENERIC_SIZE
        raise Malformed(f"body of {_place(number, start)} needs {wanted} octets, {found} are left")
    body = cursor.take(length - GENERIC_SIZE, "body")
    try:
        value = decode_payload(number, body)
    except Malformed as fault:
        raise fault.within(_place(number, start)) from None
    return following, Received(number, body, value, cursor.offset)


def _place(number: int, offset: int) -> str:
    return f"{_name(number)} payload at offset {offset}"


def _name(number: int) -> str:
    return name_of(PayloadType, number)
