"""Hints of IKEv1: INVALID-COOKIE for messages, and INVALID-SPI for ESP, of sessions that this end does not have (RFC
2408 §3.14.1). Both are in clear and prove nothing."""

from __future__ import annotations

from lotor.ike.dialect import Incoming
from lotor.ike.randomness import Randomness
from lotor.ike.session import NO_SPI
from lotor.ike.v1.seal import encrypted
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v1.chain import build_chain, build_message, parse_chain
from lotor.wire.v1.numbers import ExchangeType, NotifyType, PayloadType, Protocol
from lotor.wire.v1.payloads import Notification

FOLLOWING = frozenset({ExchangeType.TRANSACTION, ExchangeType.QUICK, ExchangeType.INFORMATIONAL})
"""The exchanges that a peer may begin when phase 1 is done."""

UNKNOWN_THERE = frozenset({NotifyType.INVALID_COOKIE, NotifyType.INVALID_SPI})
"""What a gateway says of a session that it does not have."""

SPI_SIZE = 4


def unknown_session(header: Header, randomness: Randomness) -> bytes | None:
    """What is said to the sender of a message that is under keys which nobody has here. None for any other message:
    nothing in clear is answered, so that two ends never go on and on about it."""
    if header.exchange not in FOLLOWING or not header.message_id or not encrypted(header):
        return None
    return of_session(header.initiator, header.responder, randomness)


def of_session(initiator: bytes, responder: bytes, randomness: Randomness) -> bytes:
    """That nobody here knows a session with these cookies."""
    answer = Header(initiator, responder, 0, ExchangeType.INFORMATIONAL, 0, randomness.message_id())
    return build_message(answer, *build_chain([Notification(NotifyType.INVALID_COOKIE)]))


def unknown_spi(spi: int, randomness: Randomness) -> bytes:
    """The same for an ESP packet. It tells no cookies: those of its session are as unknown."""
    answer = Header(randomness.cookie(), NO_SPI, 0, ExchangeType.INFORMATIONAL, 0, randomness.message_id())
    note = Notification(NotifyType.INVALID_SPI, spi=spi.to_bytes(SPI_SIZE, "big"), protocol=Protocol.ESP)
    return build_message(answer, *build_chain([note]))


def told_spi(incoming: Incoming) -> int | None:
    """The SPI of ESP that a message in clear, of no session, says to be unknown; None where it says something else."""
    header = incoming.header
    if header.exchange != ExchangeType.INFORMATIONAL or header.flags or header.responder != NO_SPI:
        return None
    if header.next_payload != PayloadType.NOTIFICATION:
        return None
    try:
        notes = parse_chain(header.next_payload, incoming.body, exact=True).all(Notification)
    except Malformed:
        return None
    first = notes[0] if notes else None
    if first is None or first.type != NotifyType.INVALID_SPI or first.protocol != Protocol.ESP:
        return None
    return int.from_bytes(first.spi, "big") if len(first.spi) == SPI_SIZE else None
