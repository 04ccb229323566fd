"""What the packet engine tells over its socket; `rust/pump/src/record.rs` is where the layout is written down."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from lotor.model.network import Path, Peer
from lotor.ports.dataplane import Broken, Expired, Moved, Notice

LARGEST_RECORD = 65536 + 64

_IKE, _EXPIRED, _MOVED, _BROKEN = 1, 2, 3, 4
_CHILD = struct.Struct("!Q")
_PORT = struct.Struct("!H")
_ADDRESSES: dict[int, tuple[int, type[IPv4Address | IPv6Address]]] = {4: (4, IPv4Address), 6: (16, IPv6Address)}
"""By IP version: octets of an address, and what is made of them."""


@dataclass(frozen=True, slots=True)
class Received:
    """An ISAKMP message of the NAT traversal socket, without its marker."""

    message: bytes
    path: Path


def parse(record: bytes) -> Received | Notice:
    """`ValueError` for what the engine never writes."""
    kind, body = record[0], record[1:]
    if kind == _IKE:
        local, body = _peer(body)
        remote, message = _peer(body)
        return Received(message, Path(local, remote, floated=True))
    if kind == _BROKEN:
        return Broken(body.decode("utf-8", "replace"))
    (child,) = _CHILD.unpack_from(body)
    if kind == _EXPIRED:
        return Expired(child, hard=body[_CHILD.size] == 1)
    if kind == _MOVED:
        return Moved(child, _peer(body[_CHILD.size :])[0])
    raise ValueError(f"record of unknown kind {kind}")


def _peer(body: bytes) -> tuple[Peer, bytes]:
    """The end that stands first, and what stands behind it."""
    size, address = _ADDRESSES[body[0]]
    end = 1 + size
    (port,) = _PORT.unpack_from(body, end)
    return Peer(address(body[1:end]), port), body[end + _PORT.size :]
