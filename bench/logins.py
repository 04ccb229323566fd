"""`python -m bench.logins`: logins a second with each back end, lotor beside strongSwan, by turns.

Each login is a whole handshake: aggressive mode with hybrid authentication (RSA of 2048 bits) and Curve25519, XAUTH,
mode config and quick mode. strongSwan asks the same FreeRADIUS by `xauth-radius` of its plugin eap-radius, which sends
the password as lotor does (PAP), and the same PAM service by `xauth-pam`; it has no LDAP.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from statistics import median, quantiles
from typing import Any

from bench.back_ends import BACK_ENDS, GROUP, TOTP_KEY, BackEnd
from bench.document import Section, conditions, machine, write
from bench.handshakes import WARM_UP, dialling
from bench.link import Link
from lab.counts import some
from lab.node import LabError

SECTION = Section("logins", "Logins by back end", "bench-logins")
IN_FLIGHT = (1, 8)
FEWEST = 10
CALM = 4.0
"""A load average over 15 minutes above it comes from other work."""
WHAT = (
    "Each login is a whole handshake in aggressive mode: hybrid with RSA of 2048 bits, Curve25519, XAUTH, mode config, "
    "quick mode. Clients, gateway and the servers of logins share one machine. Both gateways ask the same FreeRADIUS "
    "with the password as it is (PAP): strongSwan by `xauth-radius` of its plugin eap-radius, with 8 sockets in place "
    "of the one that it has by default. Both ask the same PAM service with pam_unix: lotor in a process for each "
    "login, strongSwan in a thread of charon. lotor's `system` compares a quick DES hash, `local` an Argon2id hash, "
    "`local with TOTP` that and a code behind the password; strongSwan's own secrets are plain passwords in its file. "
    "strongSwan has no logins by LDAP. slapd compares plain passwords here.\n\n"
)
BUSY = (
    "**The machine was busy with other work meanwhile.** A login at lotor passes several processes, each of which "
    "waits for its turn, and its hashes let other work go first (threads of lower priority); one at strongSwan passes "
    "a single process: rates and ratios are not those of a calm machine. "
    "Handshakes, above, has `system` as `lotor`, and strongSwan's own secrets.\n\n"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Logins a second; latencies in milliseconds."""

    rate: float
    p50: float
    p95: float


Case = tuple[BackEnd, int]
Results = dict[Case, list[Figures]]


def measure(back_end: BackEnd, count: int) -> Iterator[tuple[Case, Figures]]:
    """One start of the gateway; sessions end between two cases."""
    more = ("--people", str(back_end.crowd), "--totp", TOTP_KEY) if back_end.crowd else ()
    with Link() as link:
        back_end.start(link)
        with dialling(link, GROUP, more=more) as clients:
            clients.dial(WARM_UP, 2)
            for number in IN_FLIGHT:
                report = clients.dial(count, number)
                clients.tell("hang-up")
                clients.tell("linger", 0.5)
                yield (back_end, number), _figures(report)


def _figures(report: dict[str, Any]) -> Figures:
    cuts = quantiles([1000 * each for each in report["latencies"]], n=100, method="inclusive")
    return Figures(report["handshakes"] / report["seconds"], cuts[49], cuts[94])


def run(options: argparse.Namespace) -> Results:
    results: Results = {}
    for number in range(1, options.rounds + 1):
        for back_end in (each for each in BACK_ENDS if options.only in each.name):
            print(f"round {number} of {options.rounds}: {back_end.name}", file=sys.stderr, flush=True)
            try:
                for case, figures in measure(back_end, max(options.count // back_end.effort, FEWEST)):
                    results.setdefault(case, []).append(figures)
            except (LabError, TimeoutError) as error:
                print(f"  left out: {error}", file=sys.stderr)
    return results


def table(results: Results) -> str:
    titles = ("back end", "in flight", "logins/s", "p50 ms", "p95 ms", "rate to strongSwan", "which")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    names = {(back_end.name, number): each for (back_end, number), each in results.items()}
    for (back_end, number), each in sorted(results.items(), key=lambda case: (case[0][1], BACK_ENDS.index(case[0][0]))):
        other = names.get((back_end.beside, number))
        ratio = f"{middle(each, 'rate') / middle(other, 'rate'):.2f}" if other else "-"
        figures = " | ".join(f"{middle(each, part.name):.3g}" for part in fields(Figures))
        lines.append(f"| {back_end.name} | {number} | {figures} | {ratio} | {back_end.beside or '-'} |")
    return "\n".join(lines) + "\n"


def middle(each: list[Figures], name: str) -> float:
    values: list[float] = [getattr(figures, name) for figures in each]
    return median(values)


def main() -> int:
    options = arguments()
    results = run(options)
    rounds = "1 round" if options.rounds == 1 else f"the medians of {options.rounds} rounds by turns"
    notes = f"{rounds}, {options.count} logins for each case (fewer where a login costs much)"
    busy = BUSY if os.getloadavg()[2] > CALM else ""
    text = f"{WHAT}{busy}{machine()}. {conditions(notes)}\n\n{table(results)}"
    print(text)
    if options.write:
        write(SECTION, text)
    return 0 if results else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=some, default=3)
    parser.add_argument("--count", type=some, default=200, help="logins of one measurement")
    parser.add_argument("--only", default="", help="a part of a back end's name")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
