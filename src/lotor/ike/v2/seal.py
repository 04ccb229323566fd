"""Messages as datagrams: in clear, inside SK, or in fragments inside SKF (RFC 7296 §3.14, RFC 7383 §2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from lotor.crypto.ike2 import BadPadding, Forged, Protection
from lotor.ike.dialect import Incoming
from lotor.ike.errors import Misplaced, Unproved
from lotor.ike.v2 import keys
from lotor.ike.v2.sa import IkeSa
from lotor.ike.v2.story import Payloads
from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v2.chain import CODEC, GENERIC, Chain, build_chain, build_message, parse_chain
from lotor.wire.v2.numbers import PayloadType
from lotor.wire.v2.payloads import EncryptedFragment

USUAL_PACKET = 1280
"""Octets of an IP packet that every path of IPv6 carries, and nearly every one of IPv4 (RFC 8200 §5)."""
SMALL_PACKET = 576
"""What every host of IPv4 must take (RFC 791 §3.1): for a path on which larger ones are lost."""
_BEFORE = {4: 20 + 8 + 4, 6: 40 + 8 + 4}
"""Headers of IP and UDP, and the non-ESP marker, by the version of IP."""
_SEALING = (int(PayloadType.ENCRYPTED), int(PayloadType.ENCRYPTED_FRAGMENT))
_NUMBERS = 4
"""Octets of the number of a fragment and of their total."""


class BrokenInside(Malformed):
    """Keys prove who sent it, and its content is malformed: the peer's own fault (RFC 7296 §2.21.3)."""


@frozen
class Protections:
    """What seals this end's messages, and opens the peer's."""

    own: Protection = field(repr=False)
    peers: Protection = field(repr=False)

    @classmethod
    def of(cls, sa: IkeSa, *, initiator: bool) -> Protections:
        """`initiator`: this end began the SA."""
        return cls(keys.sealing(sa, initiator=initiator), keys.sealing(sa, initiator=not initiator))


@frozen
class Content:
    """What was inside SK, or one SKF: the type of its first payload, and its octets."""

    first: int
    octets: bytes = field(repr=False)

    def chain(self) -> Chain:
        """`BrokenInside` where it is no chain of payloads, or one with another SK."""
        try:
            chain = parse_chain(self.first, self.octets)
        except Malformed as fault:
            raise BrokenInside(str(fault)) from None
        if chain.sealed is not None:
            raise BrokenInside("an encrypted payload inside another one")
        return chain


@frozen
class Piece:
    """A fragment that its keys proved."""

    number: int
    total: int
    content: Content


def room(address: Address, *, small: bool) -> int:
    """Octets of IKE in one datagram to that address."""
    return (SMALL_PACKET if small else USUAL_PACKET) - _BEFORE[address.version]


def clear(header: Header, payloads: Payloads) -> bytes:
    """A message that nothing protects. `ValueError` when a value does not fit its field."""
    return build_message(header, *build_chain(payloads))


def sealed(own: Protection, header: Header, payloads: Payloads, most: int | None) -> tuple[bytes, ...]:
    """The datagrams of a message: fragments of at most `most` octets where it is longer than that; None: never any.
    `ValueError` for what cannot be written."""
    written = own.seal_message(CODEC, header.encode(0), payloads, _SEALING, most)
    return plainly_sealed(own, header, payloads, most) if written is None else written


def plainly_sealed(own: Protection, header: Header, payloads: Payloads, most: int | None) -> tuple[bytes, ...]:
    """The same without the native codec, which says what is wrong."""
    content = Content(*build_chain(payloads))
    if most is None or Header.SIZE + GENERIC.size + own.size(len(content.octets)) <= most:
        return (_sk(own, header, content),)
    pieces = _cut(content.octets, own.room(most - Header.SIZE - GENERIC.size - _NUMBERS))
    return tuple(
        _skf(own, header, Piece(number, len(pieces), Content(0 if number > 1 else content.first, octets)))
        for number, octets in enumerate(pieces, 1)
    )


def _cut(octets: bytes, size: int) -> Sequence[bytes]:
    if size < 1:
        raise ValueError("no fragment is so short")
    return [octets[start : start + size] for start in range(0, len(octets), size)]


def _sk(own: Protection, header: Header, content: Content) -> bytes:
    return _put(own, header.before(PayloadType.ENCRYPTED, header.flags), content, b"")


def _skf(own: Protection, header: Header, piece: Piece) -> bytes:
    numbers = piece.number.to_bytes(2, "big") + piece.total.to_bytes(2, "big")
    return _put(own, header.before(PayloadType.ENCRYPTED_FRAGMENT, header.flags), piece.content, numbers)


def _put(own: Protection, header: Header, content: Content, numbers: bytes) -> bytes:
    """Header, generic header and `numbers` are authenticated with the content."""
    length = GENERIC.size + len(numbers) + own.size(len(content.octets))
    head = header.encode(length) + GENERIC.pack(content.first, 0, length) + numbers
    return head + own.seal(head, content.octets)


def open_clear(incoming: Incoming) -> Chain:
    """The payloads of a message that nothing protects. `Misplaced` where one is encrypted."""
    chain = parse_chain(incoming.header.next_payload, incoming.body)
    if chain.sealed is not None:
        raise Misplaced("encrypted before there are keys")
    return chain


def protected(incoming: Incoming) -> bool:
    """Whether it says that it is under keys."""
    return incoming.header.next_payload in {PayloadType.ENCRYPTED, PayloadType.ENCRYPTED_FRAGMENT}


def fragment(incoming: Incoming) -> bool:
    """Whether it says that it is one of several fragments."""
    return incoming.header.next_payload == PayloadType.ENCRYPTED_FRAGMENT and len(incoming.body) > 2 * _NUMBERS


def open_sealed(peers: Protection, incoming: Incoming) -> Content | Piece:
    """What is inside the SK or SKF that a message consists of. `Malformed` or `Unproved` while nothing proves it, then
    `BrokenInside`."""
    opened = peers.open_message(CODEC, incoming.header.encode(len(incoming.body)), incoming.body)
    if opened is None:
        return plainly_opened(peers, incoming)
    first, numbers, octets = opened
    if not numbers:
        return Content(first, octets)
    number, total = numbers
    return _piece(number, total, Content(first, octets))


def _piece(number: int, total: int, content: Content) -> Piece:
    if not 1 <= number <= total:
        raise Malformed(f"fragment {number} of {total}")
    return Piece(number, total, content)


def plainly_opened(peers: Protection, incoming: Incoming) -> Content | Piece:
    """The same without the native codec, which says what is wrong."""
    chain = parse_chain(incoming.header.next_payload, incoming.body)
    last = chain.sealed
    if last is None or len(chain.payloads) > 1:
        raise Misplaced("payloads in clear under keys")
    fragment = last.value if isinstance(last.value, EncryptedFragment) else None
    start = GENERIC.size + (_NUMBERS if fragment is not None else 0)
    if fragment is not None and not 1 <= fragment.number <= fragment.total:
        raise Malformed(f"fragment {fragment.number} of {fragment.total}")
    content = Content(last.first, _opened(peers, incoming, start))
    return content if fragment is None else Piece(fragment.number, fragment.total, content)


def _opened(peers: Protection, incoming: Incoming, start: int) -> bytes:
    head = incoming.header.encode(len(incoming.body)) + incoming.body[:start]
    try:
        return peers.open(head, incoming.body[start:])
    except Forged as fault:
        raise Unproved(str(fault)) from None
    except BadPadding as fault:
        raise BrokenInside(str(fault)) from None
