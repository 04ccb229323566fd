"""Packets that follow each other: made by scapy, put together as the kernel does, cut as the kernel does, and judged by
Wireshark. Nothing here is lotor's."""

from __future__ import annotations

import socket
import struct
import subprocess
from pathlib import Path

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw
from scapy.utils import PcapWriter

LEASE, INSIDE = "10.99.99.1", "10.99.99.200"
LEASE6, INSIDE6 = "fd00:99::1", "fd00:99::c8"
VNET = struct.Struct("=BBHHHH")
"""Flags, kind, octets of all headers, octets of each payload, start and place of the checksum."""
NEEDS_CHECKSUM, TCP_IPV4, TCP_IPV6, UDP_L4 = 1, 1, 4, 5
UDP_SEGMENT = 103
LINKTYPE_RAW = 101
KINDS = [(4, "tcp"), (4, "udp"), (6, "tcp"), (6, "udp")]


def ip(octets: bytes) -> Packet:
    return IPv6(octets) if octets[0] >> 4 == 6 else IP(octets)


def stream(
    version: int, protocol: str, *, back: bool, size: int = 1000, count: int = 20, port: int = 1025
) -> list[bytes]:
    """Packets with `size` octets of payload, the last with an odd number of fewer; sequence numbers and ids wrap."""
    ends = (INSIDE, LEASE) if version == 4 else (INSIDE6, LEASE6)
    source, destination = ends if back else ends[::-1]
    packets = []
    for number in range(count):
        payload = bytes((port + number * 7 + at) % 251 for at in range(size - 123 * (number == count - 1)))
        options = [("NOP", None), ("NOP", None), ("Timestamp", (7, 8))]
        sequence = (0xFFFFF000 + number * size) % 2**32
        segment = TCP(sport=port, dport=80, seq=sequence, ack=9, flags="A", options=options)
        front = (
            IP(src=source, dst=destination, id=(0xFFF8 + number) % 65536)
            if version == 4
            else IPv6(src=source, dst=destination, fl=77)
        )
        packets.append(bytes(front / (segment if protocol == "tcp" else UDP(sport=port, dport=53)) / Raw(payload)))
    return packets


def _headers(packet: Packet) -> tuple[int, int]:
    """Octets before the transport header, and of all headers."""
    start = 20 if packet.version == 4 else 40
    return start, start + (packet[TCP].dataofs * 4 if TCP in packet else 8)


def as_one(parts: list[bytes]) -> bytes:
    """What the kernel gives for these: a virtio-net header, and one packet with half of its checksum."""
    first = ip(parts[0])
    start, headers = _headers(first)
    whole = bytearray(parts[0] + b"".join(part[headers:] for part in parts[1:]))
    at, length = (2, len(whole)) if first.version == 4 else (4, len(whole) - 40)
    whole[at : at + 2] = length.to_bytes(2, "big")
    kind = UDP_L4 if UDP in first else TCP_IPV4 if first.version == 4 else TCP_IPV6
    size = len(parts[0]) - headers
    return VNET.pack(NEEDS_CHECKSUM, kind, headers, size, start, 6 if UDP in first else 16) + bytes(whole)


def cut(told: bytes, whole: bytes) -> list[bytes]:
    """The packets that a delivered one stands for; scapy computes lengths and sums anew."""
    flags, kind, headers, size, *_ = VNET.unpack(told)
    if kind == 0:
        return [whole]
    assert flags == NEEDS_CHECKSUM
    places = range(headers, len(whole), size)
    return [_segment(whole[:headers], whole[at : at + size], at - headers, number) for number, at in enumerate(places)]


def _segment(front: bytes, piece: bytes, before: int, number: int) -> bytes:
    packet = ip(front + piece)
    if packet.version == 4:
        packet.id = (packet.id + number) % 65536
        del packet.len, packet.chksum
    else:
        del packet.plen
    if UDP in packet:
        del packet[UDP].len, packet[UDP].chksum
    else:
        packet[TCP].seq = (packet[TCP].seq + before) % 2**32
        del packet[TCP].chksum
    return bytes(packet)


def carry(sender: socket.socket, to: tuple[str, int], packets: list[bytes]) -> None:
    """Sends packets of one length, the last maybe shorter, by one call."""
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(packets[0]) if len(packets) > 1 else 0)
    sender.sendto(b"".join(packets), to)
    sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)


def together(packets: list[bytes], most: int = 40) -> list[list[bytes]]:
    """Runs that one call may carry."""
    runs: list[list[bytes]] = []
    for packet in packets:
        fits = runs and len(runs[-1]) < most and runs[-1][0][:4] == packet[:4]
        if fits and len(packet) <= len(runs[-1][0]) == len(runs[-1][-1]):
            runs[-1].append(packet)
        else:
            runs.append([packet])
    return runs


def judged(packets: list[bytes], folder: Path) -> list[dict[str, str]]:
    """What Wireshark says of the checksums of each packet: 1 good, 0 bad; a key for each header that has one."""
    file = folder / "inner.pcap"
    with PcapWriter(str(file), linktype=LINKTYPE_RAW) as writer:
        for packet in packets:
            writer.write(packet)
    fields = [f"{each}.checksum.status" for each in ("ip", "tcp", "udp")]
    checks = [word for each in ("ip", "tcp", "udp") for word in ("-o", f"{each}.check_checksum:TRUE")]
    wanted = [word for each in fields for word in ("-e", each)]
    command = ["tshark", "-n", "-r", str(file), *checks, "-T", "fields", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    rows = [dict(zip(fields, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]
    return [{name.split(".")[0]: status for name, status in row.items() if status} for row in rows]
