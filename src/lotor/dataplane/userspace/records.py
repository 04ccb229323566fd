"""What the packet engine reports over its socket. `rust/pump/src/record.rs` describes the layout."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from lotor.model.network import Path, Peer
from lotor.ports.esp import Broken, Expired, Moved, Notice, Strange

LARGEST_RECORD = 65536 + 64

_IKE, _EXPIRED, _MOVED, _BROKEN, _STRANGE = 1, 2, 3, 4, 5
_CHILD = struct.Struct("!Q")
_PORT = struct.Struct("!H")
_PACKET = struct.Struct("!II")
_ADDRESSES: dict[int, tuple[int, type[IPv4Address | IPv6Address]]] = {4: (4, IPv4Address), 6: (16, IPv6Address)}
"""By IP version: octets of an address, and what is made of them."""


@dataclass(frozen=True, slots=True)
class Received:
    """An ISAKMP message of the NAT traversal socket, without its marker."""

    message: bytes
    path: Path


def parse(record: bytes) -> Received | Notice:
    """A record of the engine. `ValueError` for octets that the engine never writes."""
    kind, body = record[0], record[1:]
    if kind == _IKE:
        end = _behind(body, _behind(body, 0))
        return Received(body[end:], _path(body[:end]))
    if kind == _STRANGE:
        end = _behind(body, _behind(body, 0))
        spi, octets = _PACKET.unpack_from(body, end)
        return Strange(spi, _path(body[:end]), octets)
    if kind == _BROKEN:
        return Broken(body.decode("utf-8", "replace"))
    (child,) = _CHILD.unpack_from(body)
    if kind == _EXPIRED:
        return Expired(child, hard=body[_CHILD.size] == 1)
    if kind == _MOVED:
        return Moved(child, _peer(body[_CHILD.size :]))
    raise ValueError(f"record of unknown kind {kind}")


def _behind(body: bytes, start: int) -> int:
    """The offset behind the peer that begins at `start`."""
    return start + 1 + _ADDRESSES[body[start]][0] + _PORT.size


@lru_cache(maxsize=1024)
def _path(ends: bytes) -> Path:
    """One path object for all datagrams of the same way: most of them are compared with the path of their session."""
    middle = _behind(ends, 0)
    return Path(_peer(ends[:middle]), _peer(ends[middle:]), floated=True)


def _peer(octets: bytes) -> Peer:
    size, address = _ADDRESSES[octets[0]]
    (port,) = _PORT.unpack_from(octets, 1 + size)
    return Peer(address(octets[1 : 1 + size]), port)
