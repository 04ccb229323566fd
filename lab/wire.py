"""What goes over a cable of the lab: packets from one address, counted by what matters to routers on their way."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass

from lab.node import Node

_WATCH = """
import json, signal, socket, sys
device, ipv6 = sys.argv[1], ":" in sys.argv[2]
source = socket.inet_pton(socket.AF_INET6 if ipv6 else socket.AF_INET, sys.argv[2])
cable = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
cable.bind((device, 0))
seen = {"largest": 0, "fragments": 0, "esp": 0, "udp": 0}
def end(*_):
    print(json.dumps(seen), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    packet, where = cable.recvfrom(65536)
    if ipv6 and where[1] == 0x86DD and packet[8:24] == source:
        size, protocol, cut = 40 + int.from_bytes(packet[4:6]), packet[6], packet[6] == 44
    elif not ipv6 and where[1] == 0x0800 and packet[12:16] == source:
        size, protocol, cut = int.from_bytes(packet[2:4]), packet[9], int.from_bytes(packet[6:8]) & 0x3FFF != 0
    else:
        continue
    seen["largest"] = max(seen["largest"], size)
    seen["fragments"] += cut
    seen["esp"] += protocol == 50
    seen["udp"] += protocol == 17
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """`largest` in octets with its IP header; how many were IP fragments, native ESP, UDP."""

    largest: int
    fragments: int
    esp: int
    udp: int


class Watch:
    """Of what `device` of the node takes in and sends from `source`, from now on until `stop`."""

    def __init__(self, node: Node, device: str, source: str) -> None:
        self._running = node.start("watch", sys.executable, "-c", _WATCH, device, source)
        self._running.expect("ready")

    def stop(self) -> Seen:
        self._running.stop(signal.SIGTERM)
        return Seen(**json.loads(self._running.text().splitlines()[-1]))


_HANDSHAKES = """
import json, signal, socket, sys
told = {}
def end(*_):
    print(json.dumps(told), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
cable = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
cable.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    packet = cable.recv(65536)
    tcp = packet[4 * (packet[0] & 15):]
    if packet[9] == 6 and not packet[6] & 0x1F and tcp[13] & 2:
        options = tcp[20:4 * (tcp[12] >> 4)]
        while options and options[0]:
            if options[0] == 2:
                told[socket.inet_ntoa(packet[12:16])] = int.from_bytes(options[2:4])
            options = options[1 if options[0] == 1 else max(2, options[1]):]
"""


class Handshakes:
    """The MSS that TCP offers over IPv4 where it passes `device`, by the address of who offers it, until `stop`."""

    def __init__(self, node: Node, device: str) -> None:
        self._running = node.start("handshakes", sys.executable, "-c", _HANDSHAKES, device)
        self._running.expect("ready")

    def stop(self) -> dict[str, int]:
        self._running.stop(signal.SIGTERM)
        told: dict[str, int] = json.loads(self._running.text().splitlines()[-1])
        return told
