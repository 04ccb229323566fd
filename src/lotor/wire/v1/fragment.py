"""Cutting a message into Cisco IKE fragments. Reassembly needs state, and is elsewhere."""

from __future__ import annotations

from dataclasses import replace

from lotor.wire.header import Header
from lotor.wire.v1.association import GENERIC_SIZE
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.payloads import Fragment

MOST_FRAGMENTS = 255
OVERHEAD = Header.SIZE + GENERIC_SIZE + 4
"""Octets of each fragment that are not data of the message."""


def split(message: bytes, id: int, limit: int) -> list[bytes]:  # noqa: A002 - the field's own name
    """The fragments of a whole message, each a datagram of at most `limit` octets (without non-ESP marker).

    Each carries the cookies and the exchange of the message, message id 0 and no flags, even when the message is
    encrypted. `ValueError` when 255 fragments do not hold it or `limit` leaves no room for data.
    """
    room = limit - OVERHEAD
    if room < 1:
        raise ValueError(f"a fragment of {limit} octets has no room for data, {OVERHEAD + 1} is the least")
    pieces = [message[start : start + room] for start in range(0, len(message), room)]
    if len(pieces) > MOST_FRAGMENTS:
        raise ValueError(f"{len(message)} octets need {len(pieces)} fragments, {MOST_FRAGMENTS} is the most")
    header = replace(Header.decode(message), flags=0, message_id=0)
    return [
        build_message(header, *build_chain([Fragment(id, number, number == len(pieces), piece)]))
        for number, piece in enumerate(pieces, 1)
    ]
