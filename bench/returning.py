"""What logins cost where passwords are hashed: everybody comes back after a restart; honest logins beside guesses.

`returns` and `guesses` measure one case each, for `make hostile`; `python -m bench.returning` prints both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.document import machine
from bench.gateways import PASSWORD, PEOPLE, charon, lotor_local
from bench.handshakes import Clients, dialling
from bench.link import Link
from bench.measure import processor
from bench.siege import FIRST_NEWCOMER, NEWCOMERS, Siege
from lab.counts import some
from lab.node import Running

GROUP = 2
EVERYBODY = 1000
ARRIVALS = 100.0
"""People who begin to dial in a second, after the restart."""
PATIENCE = 60.0
GUESSES = 40
GUESSERS = f"192.0.2.{FIRST_NEWCOMER}", GUESSES
HONEST = f"192.0.2.{FIRST_NEWCOMER + GUESSES}", NEWCOMERS - GUESSES


def _lotor(link: Link) -> Running:
    return lotor_local(link, GROUP, EVERYBODY).start()


def _forgetful(link: Link) -> Running:
    """Each honest login costs its hash."""
    return lotor_local(link, GROUP, EVERYBODY, remember="0 sec").start()


def _charon(link: Link) -> Running:
    return charon(link, GROUP)


Start = Callable[[Link], Running]
GATEWAYS: dict[str, tuple[Start, Start, int]] = {
    "lotor": (_lotor, _forgetful, EVERYBODY),
    "strongSwan": (_charon, _charon, PEOPLE),
}
"""How a gateway is started for each case, and how many people it knows: strongSwan compares plain passwords."""


@dataclass(frozen=True, slots=True)
class Logins:
    """So many were in within PATIENCE, out of how many; `seconds` from the first dial to the last login; latencies in
    seconds; milliseconds of the gateway's processor for each."""

    within: int
    tried: int
    seconds: float
    latencies: list[float]
    processor: float

    @property
    def rate(self) -> float:
        return self.within / self.seconds

    @property
    def slowest(self) -> float:
        return max(self.latencies, default=float("nan"))


def returns(start: Start, people: int, count: int = EVERYBODY) -> tuple[Logins, Logins]:
    """Everybody, from NEWCOMERS addresses, right after the start of the gateway; and everybody once more, a while
    later."""
    with Siege() as scene:
        running = start(scene)
        with dialling(scene, GROUP) as clients:
            first = _come(running, clients, people, count)
            clients.tell("hang-up")
            clients.tell("linger", 1)
            return first, _come(running, clients, people, count)


def _come(running: Running, clients: Clients, people: int, count: int) -> Logins:
    before = processor([running])
    addresses = f"192.0.2.{FIRST_NEWCOMER}", NEWCOMERS
    report = clients.tell("attempts", ARRIVALS, count / ARRIVALS, PATIENCE, people, *addresses)
    return _logins(report, 1000 * (processor([running]) - before))


def guesses(start: Start) -> tuple[Logins, Logins]:
    """Honest logins, two a second from addresses of their own: beside nobody, and beside GUESSES wrong passwords that
    come within a second, each from an address of its own."""
    with Siege() as scene:
        running = start(scene)
        with dialling(scene, GROUP) as honest, dialling(scene, GROUP, f"not {PASSWORD}") as guessers:
            alone = _visit(running, honest)
            guessers.begin("attempts", GUESSES, 1, 30, GUESSES, *GUESSERS)
            beside = _visit(running, honest)
            guessers.hear()
            return alone, beside


def _visit(running: Running, honest: Clients) -> Logins:
    before = processor([running])
    report = honest.tell("attempts", 2, 5, PATIENCE, PEOPLE, *HONEST)
    return _logins(report, 1000 * (processor([running]) - before))


def _logins(report: dict[str, Any], spent: float) -> Logins:
    within, tried = report["handshakes"], report["handshakes"] + report["failed"]
    return Logins(within, tried, report["seconds"], report["latencies"], spent / max(1, within))


def rows(people: int = EVERYBODY) -> list[list[str]]:
    """Lines of a table: who comes, the gateway, and how they fared."""
    lines = []
    for name, (start, forgetful, known) in GATEWAYS.items():
        print(f"{people} people come back, and {GUESSES} guess: {name}", file=sys.stderr, flush=True)
        goal = "all within 60 s"
        fresh, again = returns(start, known, people)
        lines += [_row(f"{people} after a restart", name, fresh, goal), _row(f"{people} later", name, again, goal)]
        alone, beside = guesses(forgetful)
        lines += [_row("10 honest", name, alone, ""), _row(f"10 honest beside {GUESSES} guesses", name, beside, "all")]
    return lines


TITLES = ("who", "gateway", "logins in 60 s", "goal", "logins/s", "p50 s", "slowest s", "processor ms each")


def _row(who: str, gateway: str, logins: Logins, goal: str) -> list[str]:
    p50 = median(logins.latencies) if logins.latencies else float("nan")
    figures = f"{logins.rate:.1f}", f"{p50:.2f}", f"{logins.slowest:.2f}", f"{logins.processor:.1f}"
    return [who, gateway, f"{logins.within} of {logins.tried}", goal, *figures]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=some, default=EVERYBODY, help="who come back after the restart")
    options = parser.parse_args()
    lines = [f"| {' | '.join(TITLES)} |", "|---" * len(TITLES) + "|"]
    lines += [f"| {' | '.join(row)} |" for row in rows(options.people)]
    print(f"{machine()}.\n\n" + "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
