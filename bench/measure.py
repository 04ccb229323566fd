"""What is measured through a tunnel: TCP, small UDP packets, the round trip, processor time and memory."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.link import GATEWAY_INSIDE, Link
from bench.peers import Peer
from lab.node import LabError, Running, only_child, wait_until

TICKS = os.sysconf("SC_CLK_TCK")
TCP = {"1 up": (), "1 down": ("-R",), "4 up": ("-P", "4"), "4 down": ("-P", "4", "-R")}
RATES = (25, 50, 75, 100, 125, 150, 175, 200)
"""Thousands of UDP packets a second that are tried."""
MOST_LOST = 1.0
"""Percent."""


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
        runs = {name: iperf(link, "-t", str(seconds), *words)["sum_received"] for name, words in TCP.items()}
        spent = processor(running) - before
        octets = sum(run["bytes"] for run in runs.values())
        tcp = {name: run["bits_per_second"] / 1e6 for name, run in runs.items()}
        loaded = loaded_round_trip(link, seconds)
        small = best_rate(link, seconds)
        return Figures(tcp, spent / octets * 1e9, small, idle, loaded, memory(running[0]))


def iperf(link: Link, *words: str) -> dict[str, Any]:
    """The part `end` of iperf3's report."""
    for _ in range(3):
        done = link.client.run("iperf3", "-c", GATEWAY_INSIDE, "-J", *words, check=False)
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
    best = 0.0
    for rate in RATES:
        bits = rate * 1000 * 64 * 8
        end = iperf(link, "-u", "-l", "64", "-t", str(seconds), "-b", str(bits), "-w", "2M")["sum"]
        if end["lost_percent"] > MOST_LOST:
            break
        best = max(best, (end["packets"] - end["lost_packets"]) / end["seconds"] / 1000)
    return best


def processor(running: list[Running]) -> float:
    """Seconds that the programs spent so far."""
    fields = [_status(each, "stat").rsplit(")", 1)[1].split() for each in running]
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS


def memory(running: Running) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", _status(running, "status"))
    return int(found.group(1)) / 1024 if found else float("nan")


def _status(running: Running, file: str) -> str:
    return Path(f"/proc/{only_child(running.process.pid)}/{file}").read_text()
