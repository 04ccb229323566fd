"""Hints of IKEv2: INVALID_IKE_SPI for requests, and INVALID_SPI for ESP, of sessions that this end does not have (RFC
7296 §1.5, §2.21.4). Both are in clear and prove nothing."""

from __future__ import annotations

from lotor.ike.dialect import Incoming
from lotor.ike.randomness import Randomness
from lotor.ike.session import NO_SPI
from lotor.ike.v2 import seal
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v2.chain import parse_chain
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag, NotifyType, PayloadType, Protocol
from lotor.wire.v2.payloads import Notification

SPI_SIZE = 4


def unknown_session(header: Header) -> bytes | None:
    """What is said to the sender of a request under keys that nobody has here; a response is never answered."""
    under_keys = header.next_payload in {PayloadType.ENCRYPTED, PayloadType.ENCRYPTED_FRAGMENT}
    if header.flags & Flag.RESPONSE or not under_keys:
        return None
    flags = (header.flags & Flag.INITIATOR ^ Flag.INITIATOR) | Flag.RESPONSE
    spis = (header.initiator, header.responder)
    answer = Header(*spis, 0, header.exchange, flags, header.message_id, version=VERSION)
    return seal.clear(answer, (Notification(NotifyType.INVALID_IKE_SPI),))


def other_version(header: Header) -> bytes:
    """That nobody here speaks IKEv2 (RFC 7296 §2.5): a client that knows IKEv1 need not wait for silence."""
    answer = Header(header.initiator, NO_SPI, 0, header.exchange, Flag.RESPONSE, header.message_id, version=VERSION)
    return seal.clear(answer, (Notification(NotifyType.INVALID_MAJOR_VERSION),))


def of_session(initiator: bytes, responder: bytes) -> bytes:
    """That nobody here knows a session with these SPIs, unasked."""
    header = Header(initiator, responder, 0, ExchangeType.INFORMATIONAL, Flag.RESPONSE, 0, version=VERSION)
    return seal.clear(header, (Notification(NotifyType.INVALID_IKE_SPI),))


def unknown_spi(spi: int, randomness: Randomness) -> bytes:
    """The same for an ESP packet. It tells no SPI of an IKE SA: those of its session are as unknown."""
    answer = Header(randomness.cookie(), NO_SPI, 0, ExchangeType.INFORMATIONAL, Flag.INITIATOR, 0, version=VERSION)
    note = Notification(NotifyType.INVALID_SPI, spi.to_bytes(SPI_SIZE, "big"))
    return seal.clear(answer, (note,))


def told_spi(incoming: Incoming) -> int | None:
    """The SPI of ESP that a message in clear, of no session, says to be unknown; None where it says something else."""
    header = incoming.header
    if header.exchange != ExchangeType.INFORMATIONAL or header.flags & Flag.RESPONSE or header.responder != NO_SPI:
        return None
    first = _note(incoming)
    if first is None or first.type != NotifyType.INVALID_SPI:
        return None
    told = first.data or (first.spi if first.protocol == Protocol.ESP else b"")
    return int.from_bytes(told, "big") if len(told) == SPI_SIZE else None


def unknown_there(incoming: Incoming) -> bool:
    """Whether a message in clear says that its sender does not know the session."""
    first = _note(incoming)
    return first is not None and first.type == NotifyType.INVALID_IKE_SPI


def _note(incoming: Incoming) -> Notification | None:
    if incoming.header.next_payload != PayloadType.NOTIFICATION:
        return None
    try:
        return parse_chain(incoming.header.next_payload, incoming.body).first(Notification)
    except Malformed:
        return None
