"""`make hostile`: what strangers and guessers cost a gateway, lotor beside strongSwan, with the goals beside."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench import dearest as costs
from bench import returning as returns
from bench.document import RELIABILITY, Section, conditions, machine, write
from bench.gateways import PEOPLE, Gateway, charon, lotor
from bench.handshakes import dialling
from bench.measure import memory, processor
from bench.siege import FIRST_NEWCOMER, NEWCOMERS, Fared, Member, Siege, told
from lab.counts import pause, seconds, several, some
from lab.node import LabError

SECTION = Section("hostile", "Measured", make="hostile")
GROUP = 2
PATIENCE = 15.0
"""Seconds until a newcomer's login counts as lost."""
NEWCOMERS_A_SECOND = 2.0
LOTOR = Gateway("lotor", lotor)
CHARON = Gateway("strongSwan", partial(charon, guarded=True))
GATEWAYS = (LOTOR, CHARON)
WHOSE = {costs.STRANGER: "of a stranger", costs.PROVED: "of a proved peer", costs.THREAD: "for another thread"}
GOALS = {50: 1.0, 200: 0.99, 800: 0.95}
"""Which part of the newcomers' logins is in within PATIENCE, by first messages of strangers a second."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A flood of `rate` first messages a second for `seconds`."""

    gateway: Gateway
    rate: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Logins of newcomers within PATIENCE, out of how many; their latencies in seconds; how the member fared; seconds
    of the gateway's processor; its memory in MiB; octets to strangers for octets from them."""

    logins: int
    tried: int
    latencies: list[float]
    member: Fared
    cpu: float
    memory: float
    amplification: float


def siege(trial: Trial) -> Outcome:
    """One start of the gateway."""
    with Siege() as scene:
        running = trial.gateway.start(scene, GROUP)
        member = Member(scene)
        before = processor([running])
        flood = scene.flood("--rate", str(trial.rate), "--seconds", str(trial.seconds))
        member.begin(trial.seconds)
        with dialling(scene, GROUP) as clients:
            words = (
                NEWCOMERS_A_SECOND,
                trial.seconds - 1,
                PATIENCE,
                PEOPLE - 1,
                f"192.0.2.{FIRST_NEWCOMER}",
                NEWCOMERS,
            )
            newcomers = clients.tell("attempts", *words)
            spent = processor([running]) - before
            report = told(flood)
            fared = member.fared()
        tried = newcomers["handshakes"] + newcomers["failed"]
        ratio = report["answered"] / report["octets"]
        return Outcome(newcomers["handshakes"], tried, newcomers["latencies"], fared, spent, memory(running), ratio)


def floods(options: argparse.Namespace) -> str:
    """A row for each flood and gateway, by turns."""
    titles = (
        *("first messages/s", "gateway", "logins in 15 s", "goal", "p50 s", "p95 s"),
        *("member's pings lost", "renewals of phase 1, of pairs", "ended", "octets out/in", "processor s", "MiB"),
    )
    rows = [_row(trial, _several(trial, options.rounds)) for trial in _trials(options)]
    return _table(titles, rows)


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    for rate in options.rates:
        for gateway in GATEWAYS:
            if options.only in gateway.name:
                yield Trial(gateway, rate, options.seconds)


def _several(trial: Trial, rounds: int) -> list[Outcome]:
    outcomes = []
    for number in range(1, rounds + 1):
        _say(f"{trial.rate}/s against {trial.gateway.name}, {trial.seconds:.0f} s, {number} of {rounds}")
        try:
            outcomes.append(siege(trial))
        except LabError as error:
            _say(f"  left out: {error}")
    return outcomes


def _row(trial: Trial, outcomes: list[Outcome]) -> list[str]:
    if not outcomes:
        return [str(trial.rate), trial.gateway.name, *["-"] * 10]
    logins, tried = sum(each.logins for each in outcomes), sum(each.tried for each in outcomes)
    latencies = sorted(latency for each in outcomes for latency in each.latencies) or [float("nan")]
    members = [each.member for each in outcomes]
    return [
        f"{trial.rate:,}",
        trial.gateway.name,
        f"{logins} of {tried} ({100 * logins / max(tried, 1):.1f} %)",
        f"{100 * GOALS[trial.rate]:.0f} %" if trial.rate in GOALS else "the tunnel stays",
        f"{median(latencies):.2f}",
        f"{latencies[int(0.95 * (len(latencies) - 1))]:.2f}",
        f"{sum(each.lost for each in members)} of {sum(each.sent for each in members)}",
        f"{sum(each.phases for each in members)}, {sum(each.pairs for each in members)}",
        str(sum(each.ended for each in members)),
        f"{median(each.amplification for each in outcomes):.2f}",
        f"{median(each.cpu for each in outcomes):.1f}",
        f"{max(each.memory for each in outcomes):.0f}",
    ]


# --- a lone first message --------------------------------------------------------------------------------------------


def answers(options: argparse.Namespace) -> str:
    """What leaves for one first message, and for many copies of one."""
    kinds = {
        "one": ("--rate", "1", "--seconds", "0.9"),
        "200 copies of one": ("--rate", "1", "--seconds", "0.9", "--copies", "200", "--pause", "0.02"),
    }
    rows = []
    for kind, words in kinds.items():
        for gateway in GATEWAYS:
            _say(f"answers to {kind}: {gateway.name}")
            with Siege() as scene:
                gateway.start(scene, GROUP)
                report = told(scene.flood(*words, "--six", "0", "--after", str(options.after)))
            ratio = report["answered"] / report["octets"]
            rows.append([kind, gateway.name, str(report["octets"]), str(report["answered"]), f"{ratio:.2f}"])
    return _table(("first message", "gateway", "octets in", "octets out", "out for one in"), rows)


# --- memory ----------------------------------------------------------------------------------------------------------


def half_open(_: argparse.Namespace) -> str:
    """Octets that the gateway grows by for each session that strangers leave half open: sources that repeat, slowly
    enough to be taken in."""
    rows = []
    for gateway in GATEWAYS:
        _say(f"memory of half-open sessions: {gateway.name}")
        with Siege() as scene:
            running = gateway.start(scene, GROUP)
            _strangers(scene, 40)
            before = memory(running)
            number = _strangers(scene, 400) // 2
            grown = (memory(running) - before) * 1024
        rows.append([gateway.name, str(number), f"{grown / number:.1f}", "8" if gateway is LOTOR else ""])
    return _table(("gateway", "half-open sessions", "KiB each", "goal"), rows)


def _strangers(scene: Siege, count: int) -> int:
    """So many strangers, each of whom comes twice; how many there were."""
    return int(
        told(scene.flood("--rate", "40", "--seconds", str(count / 40), "--copies", "2", "--after", "1.5"))["sent"]
    )


# --- one datagram ----------------------------------------------------------------------------------------------------


def dearest(_: argparse.Namespace) -> str:
    """See bench.dearest."""
    _say("the dearest datagram of each kind")
    rows = [["a first message that is not answered under load", f"{costs.at_the_door() / 1000:.3f}", "0.020"]]
    found = costs.measure()
    for who, goal in costs.GOALS.items():
        worst = max((each for each in found if each.who == who), key=lambda each: each.milliseconds)
        rows.append([f"{WHOSE[who]}: {worst.kind}", f"{worst.milliseconds:.2f}", f"{goal:.0f}"])
    return _table(("dearest datagram of lotor", "ms of processor", "goal"), rows)


# --- logins ----------------------------------------------------------------------------------------------------------


def returning(options: argparse.Namespace) -> str:
    """See bench.returning."""
    return _table(returns.TITLES, returns.rows(options.people))


# --- the whole -------------------------------------------------------------------------------------------------------


PARTS: dict[str, tuple[str, Callable[[argparse.Namespace], str]]] = {
    "floods": ("Floods of first messages, each from a source of its own", floods),
    "answers": ("What a lone first message draws", answers),
    "memory": ("Memory of a half-open session", half_open),
    "dearest": ("The dearest datagram", dearest),
    "returns": (
        "Logins whose passwords are hashed: everybody comes back, and honest people beside guessers",
        returning,
    ),
}


def main() -> int:
    options = arguments()
    text = []
    for name, (title, measure) in PARTS.items():
        if name in options.parts:
            text.append(f"### {title}\n\n{measure(options)}")
            sys.stdout.write(text[-1] + "\n")
            sys.stdout.flush()
    notes = f"floods of {options.seconds:.0f} s, {options.rounds} for each row, by turns"
    whole = f"{machine()}. {conditions(notes)}\n\n" + "\n".join(text)
    if options.write:
        write(SECTION, whole, RELIABILITY)
    return 0


def _table(titles: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--rates", type=several, default=(50, 200, 800, 2000), help="first messages a second")
    parser.add_argument("--seconds", type=seconds, default=40.0, help="of one flood")
    parser.add_argument("--after", type=pause, default=35.0, help="seconds to wait for late answers to one message")
    parser.add_argument("--rounds", type=some, default=2)
    parser.add_argument("--people", type=some, default=returns.EVERYBODY, help="who come back after a restart")
    parser.add_argument("--only", default="", help="a part of a gateway's name")
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
