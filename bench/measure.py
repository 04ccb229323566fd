"""What is measured through a tunnel: TCP, small UDP packets, the round trip, processor time and memory."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.link import GATEWAY_INSIDE, Link
from bench.peers import PROJECT, Peer
from lab.node import LabError, Node, Running, descendants, only_child, wait_until

DATAGRAMS = str(PROJECT / "bench" / "datagrams.py")
TICKS = os.sysconf("SC_CLK_TCK")
TCP = {"1 up": (), "1 down": ("-R",), "4 up": ("-P", "4"), "4 down": ("-P", "4", "-R")}
FIRST_RATE = 20_000
"""UDP packets a second that everybody carries; it is doubled until too many are lost."""
HALVINGS = 4
"""Of the room between the highest rate that was carried and the lowest that was not: what is told is true to 5 %."""
MOST_LOST = 0.01
"""Of one."""


@dataclass(frozen=True, slots=True)
class Figures:
    """TCP in Mbit/s by streams and direction; seconds of processor time of both ends for each gigabyte; thousands of
    UDP packets of 64 octets a second with at most MOST_LOST percent lost; round trips in microseconds, idle and beside
    a TCP stream; resident memory of one end in MiB, at the end."""

    tcp: dict[str, float]
    cpu: float
    small: float
    idle: float
    loaded: float
    memory: float


def measure(peer: Peer, seconds: int) -> Figures:
    with Link() as link:
        running = peer.start(link, peer.suite)
        link.gateway.start("iperf3", "iperf3", "-s")
        if not wait_until(lambda: link.client.run("ping", "-c1", "-W1", GATEWAY_INSIDE, check=False).code == 0, 10):
            raise LabError(f"{peer.name}: no packet comes through the tunnel:\n{running[1].text()[-1000:]}")
        idle = round_trip(link)
        before = processor(running)
        runs = {
            name: iperf(link.client, GATEWAY_INSIDE, "-t", str(seconds), *words)["sum_received"]
            for name, words in TCP.items()
        }
        spent = processor(running) - before
        octets = sum(run["bytes"] for run in runs.values())
        tcp = {name: run["bits_per_second"] / 1e6 for name, run in runs.items()}
        loaded = loaded_round_trip(link, seconds)
        small = best_rate(link, seconds)
        return Figures(tcp, spent / octets * 1e9, small, idle, loaded, memory(running[0]))


def iperf(client: Node, server: str, *words: str) -> dict[str, Any]:
    """The part `end` of iperf3's report."""
    for _ in range(3):
        done = client.run("iperf3", "-c", server, "-J", *words, check=False)
        report: dict[str, Any] = json.loads(done.stdout or "{}")
        if "error" not in report and report.get("end"):
            end: dict[str, Any] = report["end"]
            return end
        wait_until(lambda: False, 1.0)
    raise LabError(f"iperf3 {' '.join(words)}: {report.get('error') or done.stderr}")


def round_trip(link: Link) -> float:
    told = link.client.run("ping", "-q", "-c", "200", "-i", "0.005", GATEWAY_INSIDE, check=False).stdout
    found = re.search(r"= [\d.]+/([\d.]+)/", told)
    return float(found.group(1)) * 1000 if found else float("nan")


def loaded_round_trip(link: Link, seconds: int) -> float:
    load = link.client.start("iperf3", "iperf3", "-c", GATEWAY_INSIDE, "-t", str(seconds + 1))
    wait_until(lambda: False, 0.5)
    trip = round_trip(link)
    load.process.wait(seconds + 20)
    return trip


def best_rate(link: Link, seconds: int) -> float:
    """Thousands of packets a second that arrived at the highest rate that loses little enough."""
    flood = Flood(link, seconds)
    good, low, high = 0.0, FIRST_RATE, 2 * FIRST_RATE
    while (carried := flood.carried(high)) is not None:
        good, low, high = carried, high, 2 * high
    for _ in range(HALVINGS):
        rate = int((low * high) ** 0.5)
        carried = flood.carried(rate)
        if carried is None:
            high = rate
        else:
            good, low = carried, rate
    return good / 1000


class Flood:
    """Datagrams of 64 octets from the client to the gateway; see `bench.datagrams`."""

    def __init__(self, link: Link, seconds: int) -> None:
        self._link, self._seconds = link, seconds
        self._receiver = link.gateway.start("datagrams", sys.executable, DATAGRAMS, "receive")
        self._receiver.expect("ready")
        self._told = 1

    def carried(self, rate: int) -> float | None:
        """Packets a second that arrived; None where more were lost than may be, twice, or the sender cannot keep up."""
        return self._carried(rate) or self._carried(rate)

    def _carried(self, rate: int) -> float | None:
        words = ("send", GATEWAY_INSIDE, str(rate), str(self._seconds))
        flood = json.loads(self._link.client.run(sys.executable, DATAGRAMS, *words).stdout)
        if not wait_until(lambda: len(self._receiver.text().splitlines()) > self._told, 5):
            return None
        received = json.loads(self._receiver.text().splitlines()[self._told])["received"]
        self._told += 1
        enough = received >= (1 - MOST_LOST) * flood["sent"] and flood["sent"] >= 0.95 * rate * self._seconds
        return received / flood["seconds"] if enough else None


def processor(running: list[Running]) -> float:
    """Seconds that the programs spent so far, with the processes that they started and that still run."""
    fields = [status.rsplit(")", 1)[1].split() for each in running for status in _statuses(each, "stat")]
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS


def memory(running: Running) -> float:
    """Resident MiB of a program and the processes that it started: what they share counts for each."""
    found = [re.search(r"VmRSS:\s+(\d+)", each) for each in _statuses(running, "status")]
    return sum(int(each.group(1)) for each in found if each) / 1024 if found else float("nan")


def proportional(running: Running) -> float:
    """MiB of a program and the processes that it started, where a page that several share counts in parts (PSS)."""
    found = [re.search(r"Pss:\s+(\d+)", each) for each in _statuses(running, "smaps_rollup")]
    return sum(int(each.group(1)) for each in found if each) / 1024 if found else float("nan")


def _statuses(running: Running, file: str) -> Iterator[str]:
    program = only_child(running.process.pid)
    for process in (program, *descendants(program)):
        with suppress(OSError):  # it ended meanwhile
            yield Path(f"/proc/{process}/{file}").read_text()
