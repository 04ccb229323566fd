"""What goes over a cable of the lab: IPv4 packets from one address, counted by what matters to routers on their way."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass

from lab.node import Node

_WATCH = """
import json, signal, socket, sys
device, source = sys.argv[1], socket.inet_aton(sys.argv[2])
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
    if where[1] == 0x0800 and packet[12:16] == source:
        seen["largest"] = max(seen["largest"], int.from_bytes(packet[2:4]))
        seen["fragments"] += int.from_bytes(packet[6:8]) & 0x3FFF != 0
        seen["esp"] += packet[9] == 50
        seen["udp"] += packet[9] == 17
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
