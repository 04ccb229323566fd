"""A name server of the lab: every name has the one address that it was started with.

usage: python -m lab.nameserver LISTEN ANSWER
"""

from __future__ import annotations

import socket
import struct
import sys

HEADER = 12
"""Octets before the question (RFC 1035 §4.1.1)."""
ADDRESS, INTERNET = 1, 1
AUTHORITATIVE = 0x8580
"""A response, with recursion."""
SECONDS = 1


def answered(query: bytes, address: str) -> bytes:
    """The address for a question about one, no record for any other."""
    end = HEADER
    while query[end]:
        end += 1 + query[end]
    end += 5
    (kind,) = struct.unpack_from("!H", query, end - 4)
    records = int(kind == ADDRESS)
    record = struct.pack("!HHHIH", 0xC000 | HEADER, ADDRESS, INTERNET, SECONDS, 4) + socket.inet_aton(address)
    header = query[:2] + struct.pack("!HHHHH", AUTHORITATIVE, 1, records, 0, 0)
    return header + query[HEADER:end] + record * records


def main(listen: str, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((listen, 53))
        while True:
            query, peer = server.recvfrom(4096)
            server.sendto(answered(query, address), peer)


if __name__ == "__main__":
    main(*sys.argv[1:])
