"""A flood of small UDP datagrams, counted: `python bench/datagrams.py send ADDRESS RATE SECONDS` and `... receive`.

One system call carries many datagrams at both ends, so that what is measured between them is the tunnel: iperf3 needs a
call for each, and at 64 octets half of two cores.
"""

from __future__ import annotations

import ctypes
import json
import socket
import sys
import time

PORT = 5202
OCTETS = 64
BATCH = 32
"""Datagrams in one call. Both ends of a tunnel queue hundreds."""
BUFFER = 8 << 20
SILENCE = 0.5
"""Seconds without a datagram after which the receiver tells its count."""
SO_RCVBUFFORCE = 33
WAIT_FOR_ONE = 0x10000

_libc = ctypes.CDLL(None, use_errno=True)


class Piece(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("octets", ctypes.c_size_t))


class Header(ctypes.Structure):
    """`struct msghdr`."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_octets", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_octets", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Message(ctypes.Structure):
    """`struct mmsghdr`."""

    _fields_ = (("header", Header), ("carried", ctypes.c_uint32))


class Batch:
    """BATCH datagrams, all in one buffer: what they carry does not count."""

    def __init__(self) -> None:
        self._room = ctypes.create_string_buffer(OCTETS)
        self._piece = Piece(ctypes.addressof(self._room), OCTETS)
        header = Header(pieces=ctypes.pointer(self._piece), piece_count=1)
        self._messages = (Message * BATCH)(*[Message(header)] * BATCH)

    def send(self, udp: socket.socket, count: int) -> int:
        """How many left; whoever calls tries the others again."""
        return max(0, int(_libc.sendmmsg(udp.fileno(), self._messages, count, 0)))

    def receive(self, udp: socket.socket) -> int:
        """Waits for one, and takes those that are there."""
        return max(0, int(_libc.recvmmsg(udp.fileno(), self._messages, BATCH, WAIT_FOR_ONE, None)))


def send(address: str, rate: int, seconds: float) -> dict[str, float]:
    """`rate` datagrams a second, evenly but for batches; who is late catches up."""
    batch, sent = Batch(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((address, PORT))
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate) - sent
            if due >= BATCH:
                sent += batch.send(udp, BATCH)
            else:
                time.sleep((BATCH - due) / rate)
    return {"sent": sent, "seconds": time.monotonic() - began}


def receive() -> None:
    """A count for each flood, when it is over."""
    batch = Batch()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _seconds(SILENCE))
        udp.bind(("0.0.0.0", PORT))
        print("ready", flush=True)
        received = 0
        while True:
            came = batch.receive(udp)
            received += came
            if not came and received:
                print(json.dumps({"received": received}), flush=True)
                received = 0


def _seconds(seconds: float) -> bytes:
    """`struct timeval`."""
    return int(seconds).to_bytes(8, sys.byteorder) + int(seconds % 1 * 1e6).to_bytes(8, sys.byteorder)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive()
    else:
        print(json.dumps(send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
