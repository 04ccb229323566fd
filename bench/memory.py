"""`python -m bench.memory`: what an idle tunnel costs the gateway, and whether it grows while clients come and go."""

from __future__ import annotations

import argparse
import sys

from bench.document import Section, conditions, machine, write
from bench.gateways import CHARON, LOTOR, Gateway
from bench.handshakes import WARM_UP, dialling
from bench.link import Link
from bench.measure import memory
from lab.node import LabError

SECTION = Section("memory", "Memory of a gateway")
GROUP = 31
IN_FLIGHT = 8
STEPS = 4


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
    """MiB of the gateway after each part of so many connects and disconnects, from the first part on."""
    found, at_once = [], 250
    with Link() as link:
        running = gateway.start(link, GROUP)
        with dialling(link, GROUP) as clients:
            for _ in range(STEPS):
                for _ in range(visits // STEPS // at_once):
                    clients.dial(at_once, IN_FLIGHT)
                    clients.tell("hang-up")
                    clients.tell("linger", 0.2)
                found.append(memory(running))
    return found


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
    if options.visits:
        print(f"{options.visits} visits", file=sys.stderr, flush=True)
        sizes = churn(LOTOR, options.visits)
        steps = ", ".join(f"{size:.1f}" for size in sizes)
        text += f"\n{options.visits:,} clients come and go, memory of lotor after each quarter: {steps} MiB.\n"
    text = f"{machine()}. {conditions('one run')}\n\n{text}"
    print(text)
    if options.write:
        write(SECTION, text)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tunnels", type=int, default=1000)
    parser.add_argument("--visits", type=int, default=10000, help="0: leave it out")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
