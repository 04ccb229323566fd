"""An echo request from an address of the pool to a host of the inside: whether its answer comes back here.

The address is nobody's on this host, so the answer is seen as it comes in by a device, and goes no further.
"""

from __future__ import annotations

import secrets
import select
import socket
import struct
import time
from ipaddress import IPv4Address

from lotor.names.aside import aside

PATIENCE = 1.5
"""Seconds for an answer."""
ETHERTYPE_IPV4 = 0x0800
_IP = struct.Struct("!BBHHHBBH4s4s")
_ECHO = struct.Struct("!BBHHH")
_REQUEST, _REPLY, _ICMP, _TTL = 8, 0, 1, 64


async def echo(source: IPv4Address, host: IPv4Address) -> bool:
    """Whether an answer came. Raises `OSError` without the right to try."""
    return await aside(lambda: _echo(source, host))


def _echo(source: IPv4Address, host: IPv4Address) -> bool:
    ticket = secrets.randbits(16)
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETHERTYPE_IPV4)) as listening,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sending,
    ):
        sending.sendto(request(source, host, ticket), (str(host), 0))
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0 and select.select([listening], [], [], left)[0]:
            octets, (_, _, kind, _, _) = listening.recvfrom(2048)
            if kind != socket.PACKET_OUTGOING and is_reply(octets, (host, source), ticket):
                return True
    return False


def request(source: IPv4Address, host: IPv4Address, ticket: int) -> bytes:
    """An IPv4 packet; the kernel fills in length, identification and checksum of the header."""
    body = _ECHO.pack(_REQUEST, 0, 0, ticket, 1)
    body = _ECHO.pack(_REQUEST, 0, _checksum(body), ticket, 1)
    return _IP.pack(0x45, 0, _IP.size + len(body), 0, 0, _TTL, _ICMP, 0, source.packed, host.packed) + body


def is_reply(packet: bytes, ends: tuple[IPv4Address, IPv4Address], ticket: int) -> bool:
    """`ends`: who answers, and to whom."""
    if len(packet) < _IP.size or packet[0] >> 4 != 4:
        return False
    body = packet[(packet[0] & 15) * 4 :]
    if packet[9] != _ICMP or packet[12:20] != ends[0].packed + ends[1].packed or len(body) < _ECHO.size:
        return False
    kind, _, _, named, _ = _ECHO.unpack_from(body)
    return bool(kind == _REPLY and named == ticket)


def _checksum(octets: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f"!{len(octets) // 2}H", octets)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
