"""What `setkey -c` does with the lines that racoon's scripts give it: policies by PF_KEY (RFC 2367), of IPv4 alone.

Layouts and numbers: linux/pfkeyv2.h and linux/ipsec.h.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
from ipaddress import ip_address, ip_interface

PF_KEY, VERSION = 15, 2
SPDADD, SPDDELETE = 14, 15
SOURCE, DESTINATION, POLICY = 5, 6, 18
IPSEC, ESP, TUNNEL, REQUIRE, ANY = 2, 50, 2, 2, 255
DIRECTIONS = {"in": 1, "out": 2}
END = r"([^[-]+)\[(\d+)]"
LINE = re.compile(rf"(spdadd|spddelete) (\S+)\[any] (\S+)\[any] any -P (in|out) ipsec esp/tunnel/{END}-{END}/require;")


def end(address: str, port: str = "0") -> bytes:
    """`struct sockaddr_in`."""
    return struct.pack("=H2s4s8x", socket.AF_INET, int(port).to_bytes(2), ip_address(address).packed)


def network(kind: int, text: str) -> bytes:
    found = ip_interface(text)
    return struct.pack("=HHBBH", 3, kind, ANY, found.network.prefixlen, 0) + end(str(found.ip))


def message(line: str) -> bytes:
    words = LINE.fullmatch(line.strip())
    assert words is not None, line
    what, source, destination, direction, *outer = words.groups()
    ends = end(*outer[:2]) + end(*outer[2:])
    request = struct.pack("=HHBBHII", 16 + len(ends), ESP, TUNNEL, REQUIRE, 0, 0, 0) + ends
    policy = struct.pack("=HHHBBII", 2 + len(request) // 8, POLICY, IPSEC, DIRECTIONS[direction], 0, 0, 0) + request
    body = network(SOURCE, source) + network(DESTINATION, destination) + policy
    kind = SPDADD if what == "spdadd" else SPDDELETE
    return struct.pack("=BBBBHHII", VERSION, kind, 0, 0, 2 + len(body) // 8, 0, 1, 0) + body


def main() -> None:
    with socket.socket(PF_KEY, socket.SOCK_RAW, VERSION) as asked:
        for line in sys.stdin:
            asked.send(message(line))
            fault = asked.recv(4096)[2]
            if fault:
                sys.exit(f"{line.strip()}: error {fault}")


if __name__ == "__main__":
    main()
