"""First messages of strangers who are not there: `python bench/flood.py` sends them and prints JSON.

It runs inside a namespace of a benchmark. Every frame names a source of its own: an address and a port of
198.51.100.0/24, or an address in a /64 of its own below 2001:db8::/32. The frames go out as they are made, past the
routing of the host. Nobody is there for the answers, which are counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import socket
import struct
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address

from lotor.model.algorithms import AuthMethod, Cipher, Group, Hash, IkeSuite
from lotor.model.identity import Identity, IdKind
from lotor.model.network import ISAKMP_PORT
from lotor.runtime.randomness import SystemRandomness
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ExchangeType, Protocol
from lotor.wire.v1.payloads import Identification, KeyExchange, Nonce, Payload, VendorId
from lotor.wire.v1.proposals import ike_transform
from lotor.wire.v1.vendors import Vendor

EVERYTHING, IPV4, IPV6 = 0x0003, 0x0800, 0x86DD
UDP = 17
LONGEST_FLOOD = 120.0
"""Seconds, and 5,000 datagrams a second: no mistake of a caller makes more of it."""
MOST = 5000
NONCE = 16


@dataclass
class Report:
    """Datagrams and octets of UDP payload, sent and answered."""

    sent: int = 0
    octets: int = 0
    answers: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    address: IPv4Address | IPv6Address
    port: int


class FirstMessages:
    """Well-formed first messages that the benchmark's gateways take, each with a cookie and a nonce of its own."""

    def __init__(self, group: Group, *, main: bool = False) -> None:
        suite = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA1, group, AuthMethod.HYBRID_RSA, 28800)
        sa = SecurityAssociation((Proposal(1, Protocol.ISAKMP, b"", (ike_transform(1, suite),)),))
        vendors = tuple(VendorId(each.value) for each in (Vendor.XAUTH, Vendor.RFC3947, Vendor.DPD))
        self._mark = os.urandom(NONCE)
        rest: tuple[Payload, ...] = ()
        if not main:
            identity = Identification.of(Identity(IdKind.KEY_ID, b"group", UDP, ISAKMP_PORT))
            rest = (KeyExchange(_public(group)), Nonce(self._mark), identity)
        kind = ExchangeType.MAIN if main else ExchangeType.AGGRESSIVE
        self._message = build_message(Header(b"\1" * 8, bytes(8), 0, kind, 0, 0), *build_chain([sa, *rest, *vendors]))

    def one(self) -> bytes:
        message = os.urandom(8) + self._message[8:]
        return message.replace(self._mark, os.urandom(NONCE), 1)


def _public(group: Group) -> bytes:
    """A valid value; one for all, since nobody will ever compute with it."""
    return SystemRandomness().key_pair(group).public


@dataclass(frozen=True)
class Target:
    """The gateway, as frames reach it: its addresses and its hardware address, and our own."""

    address: IPv4Address
    address6: IPv6Address
    mac: bytes
    own: bytes

    def frame(self, source: Source, data: bytes) -> bytes:
        return self._frame6(source, data) if source.address.version == 6 else self._frame4(source, data)

    @cached_property
    def _ethernet(self) -> bytes:
        return self.mac + self.own

    def _frame4(self, source: Source, data: bytes) -> bytes:
        size = 8 + len(data)
        ends = source.address.packed + self.address.packed
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, random.getrandbits(16), 0, 64, UDP, 0) + ends
        head = head[:10] + _checksum(head) + head[12:]
        return self._ethernet + struct.pack("!H", IPV4) + head + _udp(source.port, data, ends)

    def _frame6(self, source: Source, data: bytes) -> bytes:
        ends = source.address.packed + self.address6.packed
        head = struct.pack("!IHBB", 6 << 28, 8 + len(data), UDP, 64) + ends
        return self._ethernet + struct.pack("!H", IPV6) + head + _udp(source.port, data, ends)


def _udp(port: int, data: bytes, ends: bytes) -> bytes:
    """A datagram to port 500 with its checksum (RFC 768; the pseudo header is that of both versions here)."""
    size = 8 + len(data)
    head = struct.pack("!HHH", port, ISAKMP_PORT, size)
    return head + _checksum(ends + struct.pack("!HH", UDP, size) + head + data) + data


def _checksum(data: bytes) -> bytes:
    """The Internet checksum: sums of 16 bits modulo 65535 are what a whole number leaves."""
    rest = int.from_bytes(data + b"\0" * (len(data) % 2), "big") % 0xFFFF
    return struct.pack("!H", (0xFFFF - rest) or 0xFFFF)


def strangers(only6: float) -> Source:
    """A source nobody used yet, or hardly anybody: `only6` of them by IPv6, each in a /64 of its own."""
    port = random.randrange(1024, 65536)
    if random.random() < only6:
        return Source(IPv6Address(0x2001_0DB8 << 96 | random.getrandbits(32) << 64 | 1), port)
    return Source(IPv4Address(0xC633_6400 | random.randrange(1, 255)), port)


class Flood:
    """Frames at a rate, for a time."""

    def __init__(
        self, wire: socket.socket, target: Target, messages: FirstMessages, options: argparse.Namespace
    ) -> None:
        self._wire = wire
        self._target, self._messages, self._options = target, messages, options
        self._again: deque[tuple[float, bytes, int]] = deque()
        self.report = Report()

    def run(self) -> Report:
        rate, seconds = min(self._options.rate, MOST), min(self._options.seconds, LONGEST_FLOOD)
        began = time.monotonic()
        made = 0
        while (passed := time.monotonic() - began) < seconds:
            while made < passed * rate:
                self._one(began + passed)
                made += 1
            self._repeat()
            self._listen(min(1 / rate, 0.01))
        self._settle(self._options.after)
        return self.report

    def _one(self, now: float) -> None:
        data = self._messages.one()
        frame = self._target.frame(strangers(self._options.six), data)
        self._send(frame, len(data))
        for number in range(1, self._options.copies):
            self._again.append((now + number * self._options.pause, frame, len(data)))

    def _repeat(self) -> None:
        while self._again and self._again[0][0] <= time.monotonic():
            _, frame, size = self._again.popleft()
            self._send(frame, size)

    def _send(self, frame: bytes, octets: int) -> None:
        select.select([], [self._wire], [], 1)
        self._wire.send(frame)
        self.report.sent += 1
        self.report.octets += octets

    def _settle(self, seconds: float) -> None:
        """Answers that come late count, and who repeats does so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._repeat()
            self._listen(0.05)

    def _listen(self, seconds: float) -> None:
        if not select.select([self._wire], [], [], seconds)[0]:
            return
        while True:
            try:
                frame, address = self._wire.recvfrom(65535)
            except BlockingIOError:
                return
            if address[2] != socket.PACKET_OUTGOING:
                self._count(frame)

    def _count(self, frame: bytes) -> None:
        """Datagrams from port 500 to whom the flood named; fragments of IP count by their octets."""
        kind = struct.unpack_from("!H", frame, 12)[0]
        head = 20 if kind == IPV4 else 40
        if kind not in (IPV4, IPV6) or len(frame) < 14 + head + 8 or not self._ours(frame, kind):
            return
        self.report.answers += 1
        self.report.answered += len(frame) - 14 - head - 8

    def _ours(self, frame: bytes, kind: int) -> bool:
        if kind == IPV4:
            return frame[23] == UDP and frame[30:33] == b"\xc6\x33\x64"
        return frame[20] == UDP and frame[38:42] == b"\x20\x01\x0d\xb8"


def main(options: argparse.Namespace) -> int:
    wire = _wire(options.device)
    ends = _octets(options.mac), wire.getsockname()[4]
    target = Target(IPv4Address(options.gateway), IPv6Address(options.gateway6), *ends)
    flood = Flood(wire, target, FirstMessages(Group(options.group), main=options.main), options)
    print("ready", flush=True)
    print(json.dumps(asdict(flood.run())), flush=True)
    return 0


def _wire(device: str) -> socket.socket:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
    wire.bind((device, EVERYTHING))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    wire.setblocking(False)
    return wire


def _octets(mac: str) -> bytes:
    return bytes.fromhex(mac.strip().replace(":", ""))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="eth0")
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--gateway6", required=True)
    parser.add_argument("--mac", required=True, help="of the gateway's end of the cable")
    parser.add_argument("--rate", type=float, required=True, help=f"datagrams a second, at most {MOST}")
    parser.add_argument("--seconds", type=float, required=True, help=f"at most {LONGEST_FLOOD:.0f}")
    parser.add_argument("--after", type=float, default=2.0, help="seconds to wait for late answers")
    parser.add_argument("--group", type=int, default=2)
    parser.add_argument("--six", type=float, default=0.5, help="which part comes by IPv6")
    parser.add_argument("--main", action="store_true", help="main mode instead of aggressive mode")
    parser.add_argument("--copies", type=int, default=1, help="how often each source sends its message")
    parser.add_argument("--pause", type=float, default=1.2, help="seconds between copies; real clients wait 1 to 10")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(arguments()))
