"""`python -m bench.kernel`: lotor with the kernel's ESP beside strongSwan with kernel-netlink, by turns, in User Mode
Linux: TCP through a gateway, and SA pairs a second."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from statistics import median

from bench import kernel_installs, kernel_tunnels
from bench.document import Section, conditions, machine, write
from bench.kernel_installs import Rates
from bench.kernel_tunnels import GATEWAYS, SUITES, WAYS, Case, Figures
from lab.counts import some
from lab.internet import Internet
from lab.kernels import gateway_kernel
from lab.node import LabError

SECTION = Section("kernel", "ESP of the kernel, beside strongSwan", "bench-kernel")
NEAR, FAR, OTHER = "lotor, one process", "lotor, two processes", "strongSwan"
TOGETHER = 16
MANY = f"{FAR}, {TOGETHER} at a time"
ROWS: dict[str, Callable[[Figures], float]] = {
    "up, Mbit/s": lambda figures: figures.up,
    "down, Mbit/s": lambda figures: figures.down,
    "processor seconds per gigabyte": lambda figures: figures.processor,
}
Tunnels = dict[Case, dict[str, list[Figures]]]
Installs = dict[str, list[Rates]]
_COMPARED = """Each tunnel's gateway is a kernel of its own (User Mode Linux, Linux 6.1, one processor, no AES-NI) in
which lotor runs with `engine kernel`, or strongSwan with kernel-netlink; the client is lotor in user space on the host,
by IKEv2, and iperf3 runs on hosts behind both. Processor seconds are those of that kernel with all that runs in it."""
_INSTALLS = """SA pairs a second in that kernel, AES-128-GCM in UDP, each two SAs and three policies. lotor's come
without a handshake, one after the other: in one process at its port of the kernel's ESP, and in two by the line to the
warden, which judges each; there also as many at a time as when people come together. strongSwan's are CHILD_SAs of one
IKE_SA. Of each counts the time from its first SA to the line that says that it is established, as its journal has it
(level 2 of knl, written by blocks; no routes), and of its end the time from the first policy to the last SA. Neither
the exchange nor the search for an SPI counts."""


def tunnels(rounds: int, seconds: int, cases: list[Case]) -> Tunnels:
    found: Tunnels = {case: {name: [] for name in GATEWAYS} for case in cases}
    for number in range(1, rounds + 1):
        for case in cases:
            for name, serve in GATEWAYS.items():
                print(f"round {number} of {rounds}: {name}, {case}", file=sys.stderr, flush=True)
                try:
                    found[case][name].append(kernel_tunnels.measure(serve, case, seconds))
                except LabError as error:
                    print(f"  left out: {error}", file=sys.stderr)
    return {case: each for case, each in found.items() if all(each.values())}


def installs(rounds: int, count: int) -> Installs:
    """All in one kernel."""
    found: Installs = {NEAR: [], FAR: [], MANY: [], OTHER: []}
    with Internet(nat=False) as net:
        kernel = gateway_kernel(net, nat=False)
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}: {count} SA pairs", file=sys.stderr, flush=True)
            found[NEAR].append(kernel_installs.lotor(kernel, "near", count))
            found[OTHER].append(kernel_installs.strongswan(net, kernel, count))
            found[FAR].append(kernel_installs.lotor(kernel, "far", count))
            found[MANY].append(kernel_installs.lotor(kernel, "far", count, TOGETHER))
    return found


def table_of_tunnels(found: Tunnels) -> str:
    lines = ["| ESP | median of | lotor | strongSwan | ratio | ratios of the rounds |", "|---|---|---|---|---|---|"]
    lines += [line for case, each in found.items() for line in _lines(case, each)]
    return "\n".join(lines)


def _lines(case: Case, found: dict[str, list[Figures]]) -> Iterator[str]:
    for name, pick in ROWS.items():
        ours, theirs = ([pick(figures) for figures in each] for each in found.values())
        ratios = ", ".join(f"{one / other:.2f}" for one, other in zip(ours, theirs, strict=False))
        yield f"| {case} | {name} | {_against(ours, theirs)} | {ratios} |"


def _against(ours: list[float], theirs: list[float]) -> str:
    one, other = median(ours), median(theirs)
    return f"{one:.3g} | {other:.3g} | {one / other:.2f}"


def table_of_installs(found: Installs) -> str:
    lines = [
        "| median, pairs a second | installed | fastest round | removed | fastest round |",
        "|---|---|---|---|---|",
    ]
    for name, rates in found.items():
        columns = [each.installs for each in rates], [each.removals for each in rates]
        cells = " | ".join(f"{median(each):.0f} | {max(each):.0f}" for each in columns)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.kernel", description=__doc__)
    parser.add_argument("--rounds", type=some, default=5)
    parser.add_argument("--seconds", type=some, default=5, help="of each direction of TCP")
    parser.add_argument("--count", type=some, default=1000, help="of SA pairs")
    parser.add_argument("--only", choices=("tunnels", "installs"), help="one of both parts")
    parser.add_argument("--suite", choices=SUITES, action="append", help="of the tunnels; all without it")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    parser.add_argument("--note", default="", help="what else was going on, for the document")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    parts = []
    if options.only != "installs":
        cases = [Case(suite, way) for suite in options.suite or SUITES for way in WAYS]
        found = tunnels(options.rounds, options.seconds, cases)
        if not found:
            return 1
        parts += [_COMPARED, table_of_tunnels(found)]
    if options.only != "tunnels":
        parts += [_INSTALLS, table_of_installs(installs(options.rounds, options.count))]
    runs = f"{options.rounds} rounds by turns, {options.seconds} s of TCP each way, {options.count} SA pairs"
    text = "\n\n".join([f"{machine()}. {conditions(runs)} {options.note}".strip(), *parts])
    print(text)
    if options.write:
        write(SECTION, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
