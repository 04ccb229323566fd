"""Pings each of which has to be answered, however late."""

from __future__ import annotations

import math
import re

from lab.node import LabError, Node, wait_until

_SLOWER = 3
"""A busy machine sends them so much more slowly, at most."""
_PATIENCE = 20
"""Seconds for the last answers."""
_COUNTS = re.compile(r"packets transmitted, \d+ received")
_ANSWER = re.compile(r"icmp_seq=(\d+) .*time=")


class Pings:
    """`count` of them, one each `interval` seconds, begin at once. `ping` waits for the last answer only twice as long
    as for the others before, which on a busy machine calls an answer lost that is late: here it sends more of them
    until `count` came back, and what counts are the first `count`."""

    def __init__(self, node: Node, address: str, count: int, interval: float = 0.05, *options: str) -> None:
        self.name = f"pings from {node.name} to {address}"
        self._count = count
        self._until = math.ceil(count * interval * _SLOWER) + _PATIENCE
        words = ("-i", str(interval), "-c", str(count), "-w", str(self._until), *options, address)
        self._running = node.start("pings", "ping", *words)

    def lost(self) -> list[int]:
        """The numbers of those that were not answered, from 1 on, once the last one is due."""
        wait_until(lambda: not self._running.alive, self._until + _PATIENCE)
        told = self._running.text()
        if not _COUNTS.search(told):
            raise LabError(f"the {self.name} do not end: {told[-300:]!r}")
        return sorted({*range(1, self._count + 1)} - {int(number) for number in _ANSWER.findall(told)})

    @property
    def repeated(self) -> bool:
        """Whether an answer came twice."""
        return "DUP!" in self._running.text()
