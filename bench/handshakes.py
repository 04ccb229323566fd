"""`python -m bench.handshakes`: handshakes a second and their latency, lotor beside strongSwan, by turns.

Each handshake of IKEv1 is aggressive mode with hybrid authentication (RSA of 2048 bits), XAUTH, mode config and quick
mode; one of IKEv2 is IKE_SA_INIT and IKE_AUTH with EAP-MSCHAPv2 and a certificate of ECDSA, five round trips. The same
load generator of many lotor clients dials both gateways, each end on this machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from statistics import median, quantiles
from typing import Any

from bench.document import Section, conditions, machine, write
from bench.gateways import CHARON, GROUPS, LOTOR, LOTOR_ARGON, PASSWORD, Gateway
from bench.gateways_v2 import CHARON_V2, LOTOR_KEM, LOTOR_V2
from bench.link import GATEWAY, Link
from bench.measure import processor
from bench.peers import ENVIRONMENT, PROJECT
from bench.plots import Plot, draw
from lab.counts import several, some
from lab.node import LabError

SECTION = Section("handshakes", "Handshakes")
WARM_UP = 16
GATEWAYS = (LOTOR, CHARON, LOTOR_ARGON, LOTOR_V2, CHARON_V2, LOTOR_KEM)
RIVALS = {CHARON.version: CHARON, CHARON_V2.version: CHARON_V2}
"""With whom a rate is compared."""
WEAK = 2
"""The group that is dialled by IKEv1 alone."""


@dataclass(frozen=True, slots=True)
class Case:
    gateway: Gateway
    group: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Handshakes a second; latencies in milliseconds; processor milliseconds of the gateway, and of all clients
    together, for each handshake."""

    rate: float
    p50: float
    p95: float
    p99: float
    cpu: float
    clients: float


Results = dict[Case, list[Figures]]


class Clients:
    """The load generator at the client's end of a link."""

    def __init__(self, link: Link, group: int, password: str = PASSWORD, more: tuple[str, ...] = ()) -> None:
        program = [sys.executable, str(PROJECT / "bench" / "dialler.py"), "--gateway", GATEWAY, "--group", str(group)]
        self._process = subprocess.Popen(
            link.client.inside(
                ("env", f"PYTHONPATH={ENVIRONMENT['PYTHONPATH']}", *program, "--password", password, *more)
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, *words: object) -> Any:
        """What a step came to; `LabError` when the clients gave up."""
        self.begin(*words)
        return self.hear()

    def begin(self, *words: object) -> None:
        """A step is under way; `hear` says what it came to."""
        if self._process.stdin is None:
            raise LabError("the clients have no pipes")
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        answer = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not answer:
            raise LabError("the clients gave up")
        return json.loads(answer)

    def dial(self, count: int, in_flight: int) -> dict[str, Any]:
        report: dict[str, Any] = self.tell("run", count, in_flight)
        if report["failed"]:
            raise LabError(f"{report['failed']} of {count} handshakes failed: {report['why']}")
        return report

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(60)


@contextmanager
def dialling(link: Link, group: int, password: str = PASSWORD, more: tuple[str, ...] = ()) -> Iterator[Clients]:
    """`more`: options of `bench/dialler.py`."""
    clients = Clients(link, group, password, more)
    try:
        yield clients
    finally:
        clients.close()


def measure(gateway: Gateway, group: int, in_flight: tuple[int, ...], count: int) -> Iterator[tuple[Case, Figures]]:
    """One start of the gateway; sessions end between two cases."""
    more = ("--version", str(gateway.version), *(word for each in gateway.more for word in ("--more", str(each))))
    with Link() as link:
        running = gateway.start(link, group)
        with dialling(link, group, more=more) as clients:
            clients.dial(WARM_UP, 2)
            for number in in_flight:
                before = processor([running])
                report = clients.dial(count, number)
                spent = processor([running]) - before
                clients.tell("hang-up")
                clients.tell("linger", 0.5)
                yield Case(gateway, group, number), _figures(report, spent)


def _figures(report: dict[str, Any], spent: float) -> Figures:
    done, latencies = report["handshakes"], [1000 * each for each in report["latencies"]]
    cuts = quantiles(latencies, n=100, method="inclusive")
    costs = 1000 * spent / done, 1000 * report["processor"] / done
    return Figures(done / report["seconds"], cuts[49], cuts[94], cuts[98], *costs)


def run(options: argparse.Namespace, gateways: tuple[Gateway, ...]) -> Results:
    results: Results = {}
    for number in range(1, options.rounds + 1):
        for group in options.groups:
            for gateway in (each for each in gateways if group != WEAK or each.version == 1):
                print(
                    f"round {number} of {options.rounds}: {gateway.name}, {GROUPS[group]}", file=sys.stderr, flush=True
                )
                try:
                    count = max(options.count // gateway.effort, 10)
                    for case, figures in measure(gateway, group, options.in_flight, count):
                        results.setdefault(case, []).append(figures)
                except LabError as error:
                    print(f"  left out: {error}", file=sys.stderr)
    return results


def table(results: Results) -> str:
    titles = (
        *("group, in flight", "gateway", "handshakes/s", "p50 ms", "p95 ms", "p99 ms"),
        *("processor ms", "of the clients", "rate to strongSwan"),
    )
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for group, in_flight in dict.fromkeys((case.group, case.in_flight) for case in results):
        rows = {
            case.gateway: each for case, each in results.items() if (case.group, case.in_flight) == (group, in_flight)
        }
        for gateway, each in rows.items():
            figures = " | ".join(f"{_median(each, part.name):.4g}" for part in fields(Figures))
            rival = rows.get(RIVALS[gateway.version])
            ratio = f"{_median(each, 'rate') / _median(rival, 'rate'):.2f}" if rival else "-"
            lines.append(f"| {GROUPS[group]}, {in_flight} | {gateway.name} | {figures} | {ratio} |")
    return "\n".join(lines) + "\n"


def drawings(results: Results) -> Iterator[str]:
    """Plots of what the table says, as lines of Markdown."""
    title = "{} with {} in flight: from the first message to the first SA pair"
    for in_flight in dict.fromkeys(case.in_flight for case in results):
        groups = tuple(dict.fromkeys(case.group for case in results if case.in_flight == in_flight))
        names = [GROUPS[group] for group in groups]
        for file, head, field in (("rate", "Handshakes a second", "rate"), ("latency", "Median latency, ms", "p50")):
            bars = {
                gateway.name: [_of(results, Case(gateway, group, in_flight), field) for group in groups]
                for gateway in dict.fromkeys(case.gateway for case in results)
            }
            yield draw(Plot(f"handshakes-{file}-{in_flight}", title.format(head, in_flight), head, names, bars))


def _of(results: Results, case: Case, name: str) -> float:
    return _median(results[case], name) if case in results else 0.0


def _median(each: list[Figures], name: str) -> float:
    values: list[float] = [getattr(figures, name) for figures in each]
    return median(values)


def main() -> int:
    options = arguments()
    gateways = tuple(
        each
        for each in GATEWAYS
        if options.only in each.name and not any(name in each.name for name in options.without)
    )
    results = run(options, gateways)
    rounds = "1 round" if options.rounds == 1 else f"{options.rounds} rounds"
    notes = f"{rounds} of {options.count} handshakes for each case"
    text = f"{machine()}. {conditions(notes)}\n\n{table(results)}"
    print(text)
    if options.write:
        write(SECTION, text + "\n" + "\n".join(drawings(results)))
    return 0 if results else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=some, default=5)
    parser.add_argument("--count", type=some, default=400, help="handshakes of one measurement")
    parser.add_argument("--groups", type=_groups, default=tuple(GROUPS), help="numbers of IKE, as 2,14,19,31")
    parser.add_argument("--in-flight", type=several, default=(1, 8), help="handshakes under way at once, as 1,8")
    parser.add_argument("--only", default="", help="a part of a gateway's name")
    parser.add_argument("--without", action="append", default=[], help="a part of a gateway's name to leave out")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


def _groups(text: str) -> tuple[int, ...]:
    found = several(text)
    if not GROUPS.keys() >= set(found):
        raise argparse.ArgumentTypeError(f"{text} is not of {', '.join(map(str, GROUPS))}")
    return found


if __name__ == "__main__":
    sys.exit(main())
