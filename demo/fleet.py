"""`python -m demo.fleet`: two gateways that share a PostgreSQL, and many people who move between them while gateways
are killed and return; a table at the end. It ends with 1 if a promise of the fleet is broken."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from demo.fleet_table import Outcome, accounts
from demo.telling import Teller
from lab import lotor as lab_lotor
from lab.counts import some
from lab.fleet import FIRST_PERSON, GATEWAYS, KEY_FILE, NAMES, FleetLab
from lab.lotor import PROGRAM, PROJECT
from lab.node import LabError, wait_until

PASSWORD = "correct horse of the fleet"
USERS = "/etc/lotor/users"
RATE = 20.0
"""Logins that begin in a second."""
LOOK = 0.3
"""Seconds between two looks of the observer."""
_DOUBLE = """
SELECT host(inside::inet), string_agg(DISTINCT s.username, ' and ')
FROM lotor.sessions s JOIN lotor.gateways g ON g.name = s.gateway AND g.run = s.run
WHERE s.ended IS NULL AND NOT g.gone GROUP BY 1 HAVING count(DISTINCT s.username) > 1
"""
_PRESENT = """
SELECT count(*) FROM lotor.sessions s JOIN lotor.gateways g ON g.name = s.gateway AND g.run = s.run
WHERE s.ended IS NULL AND NOT g.gone
"""
_TAKEN = "SELECT count(*) FROM lotor.leases WHERE held"


class Players:
    """The process in which the people live, on their host."""

    def __init__(self, fleet: FleetLab, count: int) -> None:
        words = ("--gateways", ",".join(GATEWAYS), "--first", FIRST_PERSON, "--people", str(count))
        program = (PROGRAM[0], "-m", "demo.people", *words, "--password", PASSWORD)
        self.log = fleet.directory / "people.log"
        self._process = subprocess.Popen(
            fleet.people.inside(("env", f"--chdir={PROJECT}", f"PYTHONPATH={PROJECT / 'src'}:{PROJECT}", *program)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("wb"),
            text=True,
        )

    def tell(self, *words: object) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise LabError("the people have no pipes")
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
        if not (answer := self._process.stdout.readline()):
            raise LabError(f"the people gave up:\n{self.log.read_text()[-3000:]}")
        return json.loads(answer)

    def all_up(self) -> bool:
        state = self.tell("state")
        return bool(state["up"] == state["of"] and not state["lost"])

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)


class Observer:
    """Looks at the database again and again, by a connection of its own: `double` is what it should never see; `most`
    sessions were there at a time."""

    def __init__(self, fleet: FleetLab) -> None:
        self._fleet = fleet
        self._ends = threading.Event()
        self.double: list[str] = []
        self.looks, self.most = 0, 0
        self.fault = ""
        self._thread = threading.Thread(target=self._look, daemon=True)

    def begin(self) -> None:
        """Once there are tables."""
        self._thread.start()

    def end(self) -> None:
        self._ends.set()
        if self._thread.ident is not None:
            self._thread.join(10)

    def _look(self) -> None:
        while not self._ends.wait(LOOK):
            try:
                rows = self._fleet.postgresql.ask(_DOUBLE)
                self.most = max(self.most, int(self._fleet.postgresql.ask(_PRESENT)[0][0]))
            except (LabError, subprocess.TimeoutExpired) as error:
                self.fault = f"{error}"
                continue
            self.looks += 1
            self.double += [told for row in rows if (told := ": ".join(row)) not in self.double]


class FleetStory:
    """One telling. Steps stand in order; each raises `LabError` when it fails."""

    def __init__(self, fleet: FleetLab, teller: Teller, people: int) -> None:
        self.fleet, self.teller, self.count = fleet, teller, people
        self.deaths = 0
        self.outcome: Outcome | None = None
        self._players: Players | None = None
        self._past: list[dict[str, Any]] = []
        self.observer = Observer(fleet)

    def tell(self) -> None:
        few = max(1, self.count // 5)
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            (f"{self.count} users at {NAMES[0]} (lotor user), none at {NAMES[1]}; a fleet key", self.users),
            ("Both gateways start, and share the users by the database", self.gateways_up),
            ("Everybody logs in, at either gateway", self.come),
            (f"{few} move to the other gateway with a goodbye", lambda: self.move(few, "openly")),
            (f"{NAMES[0]} is killed (-9) and returns at once", lambda: self.kill(0, 1.0)),
            (f"{few} move without a word", lambda: self.move(few, "silently")),
            (f"{NAMES[1]} is killed while {few} are moving", lambda: self.kill(1, 1.0, few)),
            (f"{NAMES[0]} is killed and stays away until all are at {NAMES[1]}", lambda: self.kill(0, None)),
            (f"{few} move back with a goodbye", lambda: self.move(few, "openly")),
            ("Everybody logs out, and the gateways stop", self.leave),
            ("Every session has one start and one stop at the RADIUS server", self.count_up),
        )
        try:
            self.teller.tell(steps)
        finally:
            self.observer.end()
            if self._players is not None:
                self._players.close()

    @property
    def players(self) -> Players:
        if self._players is None:
            self._players = Players(self.fleet, self.count)
        return self._players

    def users(self) -> None:
        first = self.fleet.gateways[0]
        lab_lotor.add_user(first, "user0", PASSWORD)
        line = next(each for each in first.node.path(USERS).read_text().splitlines() if each.startswith("user0:"))
        lines = [line.replace("user0:", f"user{number}:", 1) for number in range(self.count)]
        first.node.write(USERS, "".join(f"{each}\n" for each in lines), 0o600)
        for each in self.fleet.gateways:
            each.node.write(KEY_FILE, "5a" * 32 + "\n", 0o600)

    def gateways_up(self) -> None:
        starting = [each.launch() for each in self.fleet.gateways]
        for each, running in zip(self.fleet.gateways, starting, strict=True):
            running.expect("lotor serves with")
            each.running = running
        other = self.fleet.gateways[1].node.path(USERS)
        self._wait(
            lambda: other.exists() and len(other.read_text().splitlines()) >= self.count, "the users are not shared"
        )

    def come(self) -> None:
        self.observer.begin()
        self.players.tell("come", RATE)
        self._all_up()

    def move(self, count: int, how: str) -> None:
        self.players.tell("move", count, how)
        self._all_up()

    def kill(self, which: int, pause: float | None, moving: int = 0) -> None:
        """`pause` seconds later it is back; None: when everybody has gone to the other one."""
        gateway = self.fleet.gateways[which]
        if moving:
            self.players.tell("move", moving, "openly")
        gateway.stop(signal.SIGKILL)
        hit = self.players.tell("killed", which)
        self.deaths += 1
        if pause is None:
            self._all_up()
        else:
            time.sleep(pause)
        gateway.start()
        self._all_up()
        self.teller.quote(f"{hit} people were there")

    def leave(self) -> None:
        self._past = self.players.tell("past")
        self.players.tell("leave")
        self._wait(lambda: not any(each.sessions() for each in self.fleet.gateways), "sessions do not end")
        for name, gateway in zip(NAMES, self.fleet.gateways, strict=True):
            if code := gateway.stop():
                raise LabError(f"{name} ended with {code}")

    def count_up(self) -> None:
        found = accounts(self.fleet.radius.records(), self._past)
        stray = int(self.fleet.postgresql.ask(_TAKEN)[0][0])
        report, watcher = self.players.tell("report"), self.observer
        self.outcome = Outcome(report, self.deaths, found, watcher.double, watcher.looks, stray)
        if watcher.most < self.count // 2:
            told = f"{watcher.looks} looks at the database, and no more than {watcher.most} sessions: {watcher.fault}"
            raise LabError(told)
        if broken := self.outcome.broken():
            self.teller.quote("\n".join(broken[:20]))
            raise LabError(f"{len(broken)} promises are broken")

    def _all_up(self) -> None:
        self._wait(self.players.all_up, "not everybody comes back")

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        if not wait_until(condition, 90, 0.2):
            state = self._players.tell("report") if self._players is not None else {}
            raise LabError(f"{otherwise}: {json.dumps(state)[:2000]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=some, default=200, help="who use the two gateways")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    teller, began = Teller(), time.monotonic()
    try:
        with teller.step("A lab: two gateways, PostgreSQL, FreeRADIUS, the outer network"):
            fleet = FleetLab(options.people)
    except LabError as error:
        print(f"fleet-demo: {error}", file=sys.stderr)
        return 1
    with fleet:
        story = FleetStory(fleet, teller, options.people)
        told = _tell(story)
        if story.outcome is not None:
            print(f"\n{story.outcome.table()}\n")
    if told:
        print(f"fleet-demo: the fleet keeps its promises ({options.people} people, {time.monotonic() - began:.0f} s)")
    return 0 if told else 1


def _tell(story: FleetStory) -> bool:
    try:
        story.tell()
    except (LabError, OSError, KeyboardInterrupt) as error:
        print(f"\nfleet-demo: {str(error) or 'interrupted'}", file=sys.stderr)
        for program, log in _logs(story.fleet):
            print(f"\n--- the end of the log of {program}\n{_tail(log)}", file=sys.stderr)
        return False
    return True


def _logs(fleet: FleetLab) -> Iterator[tuple[str, Path]]:
    return ((program.name, program.log) for node in fleet.nodes for program in node.programs)


def _tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _leave(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(f"ended by signal {number}")


if __name__ == "__main__":
    sys.exit(main())
