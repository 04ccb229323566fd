"""`python -m bench.processes`: what the second process costs, two processes and one by turns in one run; with
`--before`, the one of an earlier checkout beside them."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from unittest.mock import patch

from bench.document import LABORATORY, Section, conditions, machine, write
from bench.gateways import ALONE, LOTOR, Gateway, lotor
from bench.handshakes import WARM_UP, dialling
from bench.link import Link
from bench.measure import memory, processor, proportional
from lab import lotor as lab_lotor
from lab.counts import some
from lab.node import LabError, Running

SECTION = Section("processes", "What two processes cost")
GROUP = 31
IN_FLIGHT = 8
BEFORE = "before"
"""The name of a checkout's gateway, of which no `--single-process` is asked: it had one process only."""
DIFFERENCES = {"start", "mebibytes", "own"}
"""Columns that are told by difference as well as by ratio."""


@dataclass(frozen=True, slots=True)
class Run:
    """`start`: seconds from the command to where clients may come; `processor`: milliseconds of the gateway for a
    handshake; `mebibytes` of all processes, after the handshakes, and `own`: the same where what processes share counts
    once (PSS)."""

    start: float
    rate: float
    p50: float
    processor: float
    mebibytes: float
    own: float


def run(gateway: Gateway, count: int) -> Run:
    with Link() as link:
        began = time.perf_counter()
        running = gateway.start(link, GROUP)
        start = time.perf_counter() - began
        with dialling(link, GROUP) as clients:
            clients.dial(WARM_UP, 2)
            before = processor([running])
            report = clients.dial(count, IN_FLIGHT)
            spent = 1000 * (processor([running]) - before) / report["handshakes"]
            rate = report["handshakes"] / report["seconds"]
            latency = 1000 * median(report["latencies"])
            return Run(start, rate, latency, spent, memory(running), proportional(running))


def earlier(checkout: Path) -> Gateway:
    """The gateway of another checkout, with the interpreter and the native module of its own environment."""
    python = checkout.absolute() / ".venv" / "bin" / "python"
    if not python.exists():
        raise LabError(f"there is no {python}: `make setup` in {checkout} makes it")

    def start(link: Link, group: int) -> Running:
        with patch.object(lab_lotor, "PROGRAM", (str(python), *lab_lotor.PROGRAM[1:])):
            return lotor(link, group)

    return Gateway(BEFORE, start)


def by_turns(gateways: list[Gateway], rounds: int, count: int) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {gateway.name: [] for gateway in gateways}
    for number in range(1, rounds + 1):
        for gateway in gateways:
            print(f"round {number} of {rounds}: {gateway.name}", file=sys.stderr, flush=True)
            found[gateway.name].append(run(gateway, count))
    return found


def table(found: dict[str, list[Run]]) -> str:
    titles = ("gateway", "start, s", "handshakes/s", "p50 ms", "processor ms", "RSS MiB", "PSS MiB")
    middles = {name: _medians(runs) for name, runs in found.items()}
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    lines += [f"| {name} | {' | '.join(f'{each:.3g}' for each in row)} |" for name, row in middles.items()]
    two = middles.pop(LOTOR.name)
    lines += [f"| two against {name} | {' | '.join(_against(two, row))} |" for name, row in middles.items()]
    return "\n".join(lines) + "\n"


def _against(two: list[float], other: list[float]) -> list[str]:
    told = []
    for one, mine, theirs in zip(fields(Run), two, other, strict=True):
        difference = f" ({mine - theirs:+.3g})" if one.name in DIFFERENCES else ""
        told.append(f"{mine / theirs:.2f}{difference}")
    return told


def _medians(runs: list[Run]) -> list[float]:
    return [median(getattr(each, one.name) for each in runs) for one in fields(Run)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description=__doc__)
    parser.add_argument("--rounds", type=some, default=5)
    parser.add_argument("--count", type=some, default=300)
    parser.add_argument("--before", type=Path, help="another checkout, made ready by make setup", metavar="CHECKOUT")
    parser.add_argument("--write", action="store_true", help="into docs/laboratory.md")
    parser.add_argument("--note", default="", help="what else was going on, for the document")
    options = parser.parse_args()
    try:
        gateways = [LOTOR, ALONE, *([earlier(options.before)] if options.before else [])]
        found = by_turns(gateways, options.rounds, options.count)
    except LabError as error:
        sys.exit(str(error))
    text = table(found)
    print(text)
    if options.write:
        told = conditions(f"{options.rounds} rounds by turns of {options.count} handshakes, {IN_FLIGHT} in flight")
        write(SECTION, f"{text}\nMedians. {machine()}; {told}{options.note and ' '}{options.note}", LABORATORY)


if __name__ == "__main__":
    main()
