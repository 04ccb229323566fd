"""`python -m bench.processes`: what the second process costs, two processes and one by turns in one run."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, fields
from statistics import median

from bench.document import Section, conditions, machine, write
from bench.gateways import ALONE, LOTOR, Gateway
from bench.handshakes import WARM_UP, dialling
from bench.link import Link
from bench.measure import memory, processor
from lab.node import LabError

SECTION = Section("processes", "Two processes and one")
GROUP = 31
IN_FLIGHT = 8


@dataclass(frozen=True, slots=True)
class Run:
    """`start`: seconds from the command to where clients may come; `mebibytes` of all processes, after the handshakes;
    `processor`: milliseconds of the gateway for a handshake."""

    start: float
    rate: float
    p50: float
    processor: float
    mebibytes: float


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
            return Run(start, rate, 1000 * median(report["latencies"]), spent, memory(running))


def by_turns(rounds: int, count: int) -> dict[Gateway, list[Run]]:
    found: dict[Gateway, list[Run]] = {LOTOR: [], ALONE: []}
    for number in range(1, rounds + 1):
        for gateway, runs in found.items():
            print(f"round {number} of {rounds}: {gateway.name}", file=sys.stderr, flush=True)
            runs.append(run(gateway, count))
    return found


def table(found: dict[Gateway, list[Run]]) -> str:
    titles = ("gateway", "start, s", "handshakes/s", "p50 ms", "processor ms", "MiB")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    middles = {
        gateway: [median(getattr(each, one.name) for each in runs) for one in fields(Run)]
        for gateway, runs in found.items()
    }
    lines += [f"| {gateway.name} | {' | '.join(f'{each:.3g}' for each in row)} |" for gateway, row in middles.items()]
    two, one = middles[LOTOR], middles[ALONE]
    ratios = [f"{mine / other:.2f}" for mine, other in zip(two, one, strict=True)]
    return "\n".join([*lines, f"| two against one | {' | '.join(ratios)} |"]) + "\n"


def _medians(runs: list[Run]) -> list[float]:
    return [median(getattr(each, one.name) for each in runs) for one in fields(Run)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="into the document")
    options = parser.parse_args()
    try:
        found = by_turns(options.rounds, options.count)
    except LabError as error:
        sys.exit(str(error))
    text = table(found)
    print(text)
    if options.write:
        told = conditions(f"{options.rounds} rounds by turns of {options.count} handshakes, {IN_FLIGHT} in flight")
        write(SECTION, f"{text}\nMedians. {machine()}; {told}")


if __name__ == "__main__":
    main()
