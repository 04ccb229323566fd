"""A capture of IKE datagrams as pcapng, and beside it the keys that Wireshark needs.

Wireshark knows no type of Decryption Secrets Block for ISAKMP, so that the keys stand in a file of its own format.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from lotor import __version__
from lotor.files.captures import Made, keys_of, make
from lotor.ike.effects import Disclose, DiscloseSk
from lotor.model.network import KEEPALIVE, NON_ESP_MARKER, Peer
from lotor.model.network import Path as NetworkPath
from lotor.runtime import decryption_tables

log = logging.getLogger(__name__)

MOST_OCTETS = 256 * 1024 * 1024
"""A forgotten capture does not fill the disk."""
UDP = 17
LINKTYPE_RAW = 101
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
COMMENT, PROGRAM, FLAGS = 1, 4, 2
INBOUND, OUTBOUND = 1, 2


class Capture:
    """`made`: descriptors that `make` gave somebody with the right to make files. Without them it makes its own. What
    they have already counts: a process that is started again adds a section of its own."""

    def __init__(self, path: Path, wall: Callable[[], float] = time.time, made: Made | None = None) -> None:
        self.path, self.keys, self.keys2 = path, keys_of(path), keys_of(path, 2)
        self._wall = wall
        self._packets, *self._tables = made or make(path)
        self._left = max(0, MOST_OCTETS - os.fstat(self._packets).st_size)
        self._open = [self._packets, *self._tables]
        self._write(self._packets, _section(self.keys.name, self.keys2.name) + _interface())

    @property
    def remark(self) -> str:
        return (
            f"a capture runs: whoever reads {self.path} with {self.keys.name} and {self.keys2.name} beside it reads "
            "every login, passwords included; delete all three when they have served"
        )

    def received(self, data: bytes, path: NetworkPath) -> None:
        self._datagram(data, path, INBOUND)

    def sent(self, data: bytes, path: NetworkPath) -> None:
        self._datagram(data, path, OUTBOUND)

    def disclose(self, secret: Disclose | DiscloseSk) -> None:
        """The keys of one phase 1, or of one IKE SA."""
        if isinstance(secret, Disclose):
            self._write(self._tables[0], decryption_tables.of_phase_1(secret).encode())
        else:
            self._write(self._tables[1], decryption_tables.of_ike_sa(secret).encode())

    def close(self) -> None:
        self._left = 0
        while self._open:
            with contextlib.suppress(OSError):
                os.close(self._open.pop())

    def _datagram(self, data: bytes, path: NetworkPath, direction: int) -> None:
        source, target = (path.remote, path.local) if direction == INBOUND else (path.local, path.remote)
        octets = _in_ip(_on_the_wire(data, path), source, target)
        self._write(self._packets, _packet(octets, self._wall(), direction))

    def _write(self, descriptor: int, octets: bytes) -> None:
        """A disk that is full ends the capture, not the daemon."""
        if not self._left:
            return
        try:
            os.write(descriptor, octets)
        except OSError as error:
            log.warning("the capture ends: %s: %s", self.path, error.strerror)
            self.close()
            return
        self._left = max(0, self._left - len(octets))
        if not self._left:
            log.warning("the capture ends: %s has %d octets", self.path, MOST_OCTETS)


def _on_the_wire(data: bytes, path: NetworkPath) -> bytes:
    """With the non-ESP marker, which messages on the NAT traversal ports have (RFC 3948 §2.2)."""
    return NON_ESP_MARKER + data if path.floated and data != KEEPALIVE else data


def _in_ip(data: bytes, source: Peer, target: Peer) -> bytes:
    """As one datagram, however long; a UDP checksum of 0 means none, but in IPv6, where it must be there."""
    size = 8 + len(data)
    udp = struct.pack("!HHHH", source.port, target.port, size & 0xFFFF, 0) + data
    ends = source.address.packed + target.address.packed
    if source.address.version == 6:
        total = _checksum(ends + struct.pack("!II", size, UDP) + udp + bytes(size % 2)) or 0xFFFF
        udp = udp[:6] + struct.pack("!H", total) + data
        return struct.pack("!IHBB", 6 << 28, size & 0xFFFF, UDP, 64) + ends + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, (20 + size) & 0xFFFF, 0, 0, 64, UDP, 0) + ends
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + udp


def _checksum(octets: bytes) -> int:
    """Of an even number of octets."""
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _section(keys: str, keys2: str) -> bytes:
    comment = (
        f"IKE messages; the keys are in {keys} and {keys2}, a line each: give every line to tshark as "
        "-o 'uat:ikev1_decryption_table:LINE' or -o 'uat:ikev2_decryption_table:LINE', or add them in Wireshark's "
        "preferences of ISAKMP"
    )
    options = _option(COMMENT, comment.encode()) + _option(PROGRAM, f"lotor {__version__}".encode()) + bytes(4)
    return _block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def _interface() -> bytes:
    return _block(INTERFACE, struct.pack("<HHI", LINKTYPE_RAW, 0, 0))


def _packet(octets: bytes, at: float, direction: int) -> bytes:
    moment = int(at * 1_000_000)
    head = struct.pack("<IIIII", 0, moment >> 32, moment & 0xFFFFFFFF, len(octets), len(octets))
    options = _option(FLAGS, struct.pack("<I", direction)) + bytes(4)
    return _block(PACKET, head + _padded(octets) + options)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)
