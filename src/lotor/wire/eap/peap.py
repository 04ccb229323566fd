"""What stands inside the TLS of PEAP, version 0: packets of EAP without their header, and the result at the end
(draft-kamath-pppext-peapv0-00, MS-PEAP §2.2)."""

from __future__ import annotations

import struct

from lotor.wire.eap.packet import Code, Packet
from lotor.wire.errors import Malformed

EXTENSIONS = 33
"""The type of EAP that carries results; its packets keep their header."""
_RESULT, _MANDATORY, _SUCCESS, _FAILURE = 3, 0x8000, 1, 2
_HEAD, _TLV = struct.Struct("!BBH"), struct.Struct("!HH")


def bare(request: bytes) -> bytes:
    """A request as it travels inside; `ValueError` for what is none. Type and data of it stay."""
    asked = Packet.decode(request)
    if asked.code != Code.REQUEST:
        raise ValueError(f"a packet of code {asked.code} does not travel inside of PEAP")
    return request if asked.type == EXTENSIONS else request[_HEAD.size :]


def whole(heard: bytes, identifier: int) -> bytes:
    """A response that came inside to the request of that number, with its header again. `Malformed` for nothing."""
    if not heard:
        raise Malformed("nothing inside of PEAP")
    if len(heard) > _HEAD.size and heard[0] == Code.RESPONSE and heard[_HEAD.size] == EXTENSIONS:
        return heard
    return _HEAD.pack(Code.RESPONSE, identifier, _HEAD.size + len(heard)) + heard


def encode_result(*, success: bool) -> bytes:
    """The data of a request or response of `EXTENSIONS` that says how the login ended."""
    return _TLV.pack(_MANDATORY | _RESULT, 2) + (_SUCCESS if success else _FAILURE).to_bytes(2, "big")


def is_success(data: bytes) -> bool:
    """Whether it agrees to a success. `Malformed`: a TLV that is longer than what is there, or no result."""
    found, at = list[bytes](), 0
    while at < len(data):
        if len(data) - at < _TLV.size:
            raise Malformed("a TLV of PEAP that is cut off")
        kind, length = _TLV.unpack_from(data, at)
        at += _TLV.size + length
        if at > len(data):
            raise Malformed(f"a TLV of PEAP says {length} octets, which are not there")
        if kind & 0x3FFF == _RESULT:
            found.append(data[at - length : at])
    if len(found) != 1:
        raise Malformed(f"{len(found)} results inside of PEAP")
    return found[0] == _SUCCESS.to_bytes(2, "big")
