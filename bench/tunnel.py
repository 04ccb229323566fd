"""`python -m bench.tunnel`: lotor beside strongSwan and OpenVPN, by turns; medians and ratios."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator

from bench.document import Section, conditions, machine, write
from bench.measure import Figures, measure
from bench.peers import PEERS, Peer
from bench.plots import Plot, draw
from lab.counts import some
from lab.node import LabError

SECTION = Section("tunnel", "Tunnels beside others")
ROWS: dict[str, Callable[[Figures], float]] = {
    "TCP, 1 stream up, Mbit/s": lambda figures: figures.tcp["1 up"],
    "TCP, 1 stream down, Mbit/s": lambda figures: figures.tcp["1 down"],
    "TCP, 4 streams up, Mbit/s": lambda figures: figures.tcp["4 up"],
    "TCP, 4 streams down, Mbit/s": lambda figures: figures.tcp["4 down"],
    "processor seconds per gigabyte, both ends": lambda figures: figures.cpu,
    "UDP of 64 octets, thousand packets/s, at most 1 % lost": lambda figures: figures.small,
    "round trip, idle, µs": lambda figures: figures.idle,
    "round trip beside one TCP stream, µs": lambda figures: figures.loaded,
    "memory of the gateway, MiB": lambda figures: figures.memory,
}
Results = dict[Peer, list[Figures]]


def run(rounds: int, seconds: int, peers: tuple[Peer, ...]) -> Results:
    results: Results = {peer: [] for peer in peers}
    for number in range(1, rounds + 1):
        for peer in peers:
            print(f"round {number} of {rounds}: {peer.name}, {peer.suite}", file=sys.stderr, flush=True)
            try:
                results[peer].append(measure(peer, seconds))
            except LabError as error:
                print(f"  left out: {error}", file=sys.stderr)
    return {peer: figures for peer, figures in results.items() if figures}


def tables(results: Results) -> str:
    suites = dict.fromkeys(peer.suite for peer in results)
    return "\n".join(
        table(suite, {peer: each for peer, each in results.items() if peer.suite == suite}) for suite in suites
    )


def table(suite: str, results: Results) -> str:
    head = " | ".join(peer.name for peer in results)
    lines = [f"### {suite}\n", f"| median | {head} | lotor to the others |", "|---|" + "---|" * (len(results) + 1)]
    for name, pick in ROWS.items():
        medians = [statistics.median(pick(figures) for figures in each) for each in results.values()]
        ratios = ", ".join(f"{medians[0] / other:.2f}" if other else "-" for other in medians[1:])
        lines.append(f"| {name} | {' | '.join(f'{median:.4g}' for median in medians)} | {ratios} |")
    spread = "; ".join(
        f"{peer.name} {min(low := [figures.tcp['1 up'] for figures in each]):.0f} to {max(low):.0f}"
        for peer, each in results.items()
    )
    return "\n".join([*lines, "", f"TCP, 1 stream up, from the slowest to the fastest round: {spread}.", ""])


def drawings(results: Results) -> Iterator[str]:
    """Plots of TCP by suite, as lines of Markdown."""
    rows = [name for name in ROWS if name.startswith("TCP")]
    words = [name.removeprefix("TCP, ").removesuffix(", Mbit/s") for name in rows]
    for suite in dict.fromkeys(peer.suite for peer in results):
        bars = {
            peer.name: [statistics.median(ROWS[row](figures) for figures in each) for row in rows]
            for peer, each in results.items()
            if peer.suite == suite
        }
        yield draw(Plot(f"tcp-{suite}", f"TCP through the tunnel, {suite}, Mbit/s", "Mbit/s", words, bars))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=some, default=5)
    parser.add_argument("--seconds", type=some, default=5, help="of each measurement")
    parser.add_argument("--only", default="", help="a part of the name or suite")
    parser.add_argument("--without", action="append", default=[], help="a part of the name or suite to leave out")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    options = parser.parse_args()
    peers = tuple(
        peer
        for peer in PEERS
        if options.only in (words := f"{peer.name} {peer.suite}") and not any(each in words for each in options.without)
    )
    results = run(options.rounds, options.seconds, peers)
    rounds = "1 round" if options.rounds == 1 else f"{options.rounds} rounds"
    runs = f"{rounds} of {options.seconds} s for each measurement"
    text = f"{machine()}. {conditions(runs)}\n\n{tables(results)}"
    print(text)
    if options.write:
        write(SECTION, text + "\n" + "\n".join(drawings(results)))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
