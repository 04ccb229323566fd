"""`python -m bench.memory`: what an idle tunnel costs the gateway, and whether it grows while clients come and go."""

from __future__ import annotations

import argparse
import sys
import time

from bench.document import Section, conditions, machine, write
from bench.gateways import CHARON, LOTOR, Gateway
from bench.handshakes import WARM_UP, Clients, dialling
from bench.link import Link
from bench.measure import memory, processor
from lab.counts import none_or_some, some
from lab.node import LabError, Running, wait_until

SECTION = Section("memory", "Memory of a gateway")
GROUP = 31
IN_FLIGHT = 8
AT_ONCE, EVERY = 250, 1000
"""Clients that come before all of them go, and visits from one measurement to the next."""


def idle(gateway: Gateway, tunnels: int) -> tuple[float, float]:
    """MiB of the gateway with next to no tunnel, and with so many more."""
    with Link() as link:
        running = gateway.start(link, GROUP)
        with dialling(link, GROUP) as clients:
            clients.dial(WARM_UP, IN_FLIGHT)
            before = memory(running)
            clients.dial(tunnels, IN_FLIGHT)
            return before, memory(running)


def churn(gateway: Gateway, visits: int) -> list[float]:
    """MiB of the gateway after each EVERY visits (connect, login, disconnect), when nobody is there."""
    with Link() as link:
        running = gateway.start(link, GROUP)
        with dialling(link, GROUP) as clients:
            return [after_visits(running, clients) for _ in range(visits // EVERY)]


def after_visits(running: Running, clients: Clients) -> float:
    for _ in range(EVERY // AT_ONCE):
        clients.dial(AT_ONCE, IN_FLIGHT)
        clients.tell("hang-up")
        clients.tell("linger", 0.2)
        wait_until(lambda: at_rest(running), 20)
    return memory(running)


def at_rest(running: Running, seconds: float = 0.3) -> bool:
    """Whether the gateway has done with everybody who went: it spends no processor time."""
    before = processor([running])
    time.sleep(seconds)
    return processor([running]) == before


def curve(sizes: list[float]) -> str:
    """A table whose line is flat where nothing stays of who went."""
    numbers = [EVERY * (step + 1) for step in range(len(sizes))]
    lines = [
        "| visits | " + " | ".join(f"{number:,}" for number in numbers) + " |",
        "|---" * (len(sizes) + 1) + "|",
        "| memory of lotor, MiB | " + " | ".join(f"{size:.1f}" for size in sizes) + " |",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    options = arguments()
    lines = ["| gateway | next to no tunnel, MiB | with {0:,} more, MiB | KiB for each |", "|---|---|---|---|"]
    for gateway in (LOTOR, CHARON):
        print(f"{options.tunnels} tunnels: {gateway.name}", file=sys.stderr, flush=True)
        try:
            before, after = idle(gateway, options.tunnels)
        except LabError as error:
            print(f"  left out: {error}", file=sys.stderr)
            continue
        each = (after - before) * 1024 / options.tunnels
        lines.append(f"| {gateway.name} | {before:.1f} | {after:.1f} | {each:.1f} |")
    text = "\n".join(lines).format(options.tunnels) + "\n"
    if options.visits >= EVERY:
        print(f"{options.visits} visits", file=sys.stderr, flush=True)
        text += f"\nClients come and go, at most {AT_ONCE} at once; the gateway is measured when nobody is there.\n\n"
        text += curve(churn(LOTOR, options.visits))
    text = f"{machine()}. {conditions('one run')}\n\n{text}"
    print(text)
    if options.write:
        write(SECTION, text)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tunnels", type=some, default=1000)
    parser.add_argument("--visits", type=none_or_some, default=10000, help="rounded down to thousands; 0: leave it out")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
