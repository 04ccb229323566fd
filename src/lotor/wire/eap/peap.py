"""What stands inside the TLS of PEAP, version 0: packets of EAP without their header, and the result at the end
(draft-kamath-pppext-peapv0-00, MS-PEAP §2.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lotor.wire.eap.packet import Code, Packet, Type
from lotor.wire.errors import Malformed

EXTENSIONS = 33
"""The type of EAP that carries results; its packets keep their header."""
_RESULT, _MANDATORY, _SUCCESS, _FAILURE = 3, 0x8000, 1, 2
_KIND = 0x3FFF
MOST_TLVS = 16
_HEAD, _TLV = struct.Struct("!BBH"), struct.Struct("!HH")


def bare(packet: bytes) -> bytes:
    """A request or response as it travels inside; `ValueError` for what is none. Type and data of it stay."""
    said = Packet.decode(packet)
    if said.code not in {Code.REQUEST, Code.RESPONSE}:
        raise ValueError(f"a packet of code {said.code} does not travel inside of PEAP")
    return packet if said.type == EXTENSIONS else packet[_HEAD.size :]


def asked(heard: bytes, identifier: int) -> Packet:
    """A request that came inside. The question for the name may have its header, as FreeRADIUS sends it, and
    `EXTENSIONS` must; others get one with that number. `Malformed` for nothing, or another header than a request's."""
    if not heard:
        raise Malformed("nothing inside of PEAP")
    if len(heard) > _HEAD.size and heard[_HEAD.size] == EXTENSIONS and heard[0] in set(Code):
        found = Packet.decode(heard)
        if found.code != Code.REQUEST:
            raise Malformed(f"a packet of code {found.code} in the place of a request inside of PEAP")
        return found
    if heard[:1] == bytes([Code.REQUEST]) and heard[2:] == _NAME_ASKED:
        return Packet.decode(heard)
    return Packet(Code.REQUEST, identifier, heard[0], heard[1:])


_NAME_ASKED = bytes([0, 5, Type.IDENTITY])


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
    """Whether it is success, or agrees to it. `Malformed`: a TLV that is longer than what is there, too many, one that
    is mandatory and not known, or not exactly one result. Others, as that which binds what is inside to its tunnel
    (MS-PEAP §2.2.8.1.2), are optional, and left out."""
    found = list[bytes]()
    for kind, value in _tlvs(data):
        if kind & _KIND == _RESULT:
            found.append(value)
        elif kind & _MANDATORY:
            raise Malformed(f"TLV {kind & _KIND} of PEAP is mandatory and not known")
    if len(found) != 1:
        raise Malformed(f"{len(found)} results inside of PEAP")
    return found[0] == _SUCCESS.to_bytes(2, "big")


def _tlvs(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kinds, with their flags, and values."""
    at = 0
    for _ in range(MOST_TLVS):
        if at == len(data):
            return
        if len(data) - at < _TLV.size:
            raise Malformed("a TLV of PEAP that is cut off")
        kind, length = _TLV.unpack_from(data, at)
        at += _TLV.size + length
        if at > len(data):
            raise Malformed(f"a TLV of PEAP says {length} octets, which are not there")
        yield kind, data[at - length : at]
    if at != len(data):
        raise Malformed(f"more than {MOST_TLVS} TLVs of PEAP")
