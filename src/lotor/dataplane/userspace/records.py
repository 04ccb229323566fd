"""What the packet engine tells over its socket; `rust/pump/src/record.rs` is where the layout is written down."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from lotor.model.network import Path, Peer
from lotor.ports.dataplane import Broken, Expired, Moved, Notice

LARGEST_RECORD = 65536 + 64

_IKE, _EXPIRED, _MOVED, _BROKEN = 1, 2, 3, 4
_PEER = struct.Struct("!4sH")
_CHILD = struct.Struct("!Q")


@dataclass(frozen=True, slots=True)
class Received:
    """An ISAKMP message of the NAT traversal socket, without its marker."""

    message: bytes
    path: Path


def parse(record: bytes) -> Received | Notice:
    """`ValueError` for what the engine never writes."""
    kind, body = record[0], record[1:]
    if kind == _IKE:
        path = Path(_peer(body, 0), _peer(body, _PEER.size), floated=True)
        return Received(body[2 * _PEER.size :], path)
    if kind == _BROKEN:
        return Broken(body.decode("utf-8", "replace"))
    (child,) = _CHILD.unpack_from(body)
    if kind == _EXPIRED:
        return Expired(child, hard=body[_CHILD.size] == 1)
    if kind == _MOVED:
        return Moved(child, _peer(body, _CHILD.size))
    raise ValueError(f"record of unknown kind {kind}")


def _peer(body: bytes, at: int) -> Peer:
    address, port = _PEER.unpack_from(body, at)
    return Peer(IPv4Address(address), port)
