"""Traffic that never pauses, and the count of what was lost: a flood of pings and a TCP stream."""

from __future__ import annotations

import re
import signal
import sys
import threading

from lab.internet import INSIDE_HOST
from lab.node import PATIENCE, Node, Running, wait_until
from lab.pings import Pings

PORT = 8001
BATCH = (2000, 0.01)
"""Twenty seconds of a hundred packets each."""
_STREAM = """
import itertools, signal, socket, struct, sys, threading, time
role, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
block = lambda number: struct.pack("!Q", number) * 512
def give(connection):
    for number in itertools.count():
        connection.sendall(block(number))
        time.sleep(0.05)
def serve():
    with socket.create_server((address, port)) as server:
        print("ready", flush=True)
        while True:
            threading.Thread(target=give, args=(server.accept()[0],), daemon=True).start()
def take():
    with socket.create_connection((address, port), timeout=120) as connection, connection.makefile("rb") as stream:
        for number in itertools.count():
            if stream.read(4096) != block(number):
                sys.exit(f"the stream broke in block {number}")
            print(number + 1, flush=True)
serve() if role == "serve" else take()
"""
"""4 kB twenty times a second, each block different; the taker says how many came whole and in order."""


def serve_streams(node: Node) -> Running:
    """The inside host's end; see `Stream`."""
    server = node.start("streams", sys.executable, "-c", _STREAM, "serve", INSIDE_HOST, str(PORT))
    server.expect("ready")
    return server


class Stream:
    """A TCP connection from a client to the inside host, from now on until `stop`."""

    def __init__(self, node: Node) -> None:
        self._running = node.start("stream", sys.executable, "-c", _STREAM, "take", INSIDE_HOST, str(PORT))

    @property
    def blocks(self) -> int:
        """That came whole and in order, so far."""
        lines = [line for line in self.text().splitlines() if line.isdigit()]
        return int(lines[-1]) if lines else 0

    def goes_on(self, patience: float = PATIENCE) -> bool:
        """Whether more blocks come within `patience` seconds."""
        before = self.blocks
        wait_until(lambda: not self._running.alive or self.blocks > before + 2, patience)
        return self._running.alive and self.blocks > before + 2

    def text(self) -> str:
        return self._running.text()

    def stop(self) -> None:
        self._running.stop(signal.SIGKILL)


class Traffic:
    """From one client to the inside host, from now on until `stop`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.sent = 0
        self.received = 0
        self.faults: list[str] = []
        self._over = threading.Event()
        self._stream = Stream(node)
        self._flood = threading.Thread(target=self._ping, daemon=True)
        self._flood.start()

    @property
    def lost(self) -> int:
        return self.sent - self.received

    @property
    def blocks(self) -> int:
        """Of the stream, so far."""
        return self._stream.blocks

    def slow_down(self) -> None:
        """No new batch of pings; `stop` waits for the end of the one under way."""
        self._over.set()

    def stop(self) -> None:
        """Lets the pings under way come home, so that none counts as lost that is not."""
        self.slow_down()
        self._flood.join(PATIENCE)
        if not self._stream.goes_on():
            self.faults.append(f"the TCP stream stands still: {self._stream.text()[-200:].strip()}")
        self._stream.stop()

    def _ping(self) -> None:
        while not self._over.is_set():
            count, interval = BATCH
            batch = Pings(self._node, INSIDE_HOST, count, interval)
            lost = batch.lost()
            self.sent += count
            self.received += count - len(lost)
            if lost or batch.repeated:
                self.faults.append(f"{batch.name}: {len(lost)} of {count} lost{', and answers twice' * batch.repeated}")


def resent(node: Node) -> tuple[int, int]:
    """TCP segments that the host sent again, and how many of them had arrived the first time, as the receivers told."""
    told = node.run("nstat", "-asz", "TcpRetransSegs", "TcpExtTCPDSACKRecvSegs").stdout
    counts = dict(re.findall(r"(\w+) +(\d+) +[\d.]+$", told, re.MULTILINE))
    return int(counts["TcpRetransSegs"]), int(counts["TcpExtTCPDSACKRecvSegs"])
