"""EAP inside of RADIUS (RFC 3579): packets cut into attributes and put together again, and what a server may send."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.model.eap import END_OCTETS, FAILURE, REQUEST, SUCCESS, is_packet
from lotor.radius.numbers import Attribute
from lotor.radius.packets import Reply, number
from lotor.radius.structure import LONGEST_VALUE

MTU = 1100
"""Octets that a server makes its packets of EAP at most (RFC 3579 §2.4): so each goes into a message of IKEv2 that is
sent in one piece."""


class UnfitError(ValueError):
    """The text is a clause that says what is wrong with what a server sent."""


def attributes(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """A response of a client, for an Access-Request."""
    yield number(Attribute.FRAMED_MTU, MTU)
    for start in range(0, len(packet), LONGEST_VALUE):
        yield Attribute.EAP_MESSAGE, packet[start : start + LONGEST_VALUE]


def request(reply: Reply, response: bytes) -> bytes:
    """The next packet for the client, who gave that `response`. Raises `UnfitError`."""
    packet = _message(reply)
    if not is_packet(REQUEST, packet):
        raise UnfitError("a challenge without a request of EAP")
    if packet[1] == response[1]:
        raise UnfitError("a request under the number of the last one, which the client takes for that")
    return packet


def success(reply: Reply, response: bytes) -> bytes:
    """EAP-Success. Raises `UnfitError` where the server means something else (RFC 3579 §2.6.3)."""
    packet = _message(reply)
    if packet and packet[0] != SUCCESS:
        raise UnfitError("a yes whose packet of EAP is no success")
    return _end(SUCCESS, response)


def failure(response: bytes) -> bytes:
    """EAP-Failure, whatever the server sent: its no is one."""
    return _end(FAILURE, response)


def _end(code: int, response: bytes) -> bytes:
    """With the number of the response, as it must be (RFC 3748 §4.2), also where a server gives another one or none."""
    return bytes((code, response[1])) + END_OCTETS.to_bytes(2)


def _message(reply: Reply) -> bytes:
    """Pieces stand in their order (RFC 3579 §3.1)."""
    return b"".join(reply.all(Attribute.EAP_MESSAGE))
