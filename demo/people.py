"""Many people in one process: `python -m demo.people` logs them in at two gateways, moves them, sees who comes back.

Each is a client of lotor's own core, with an address of the outer network, a UDP socket and dead peer detection. What
the machine need not compute twice they spare themselves (`bench.dialler`). A command a line comes by standard input, an
answer in JSON goes out.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any

from bench.dialler import Clients, policy
from lab.counts import some
from lotor.ike.events import Configured, Ended, Event, Started, Up
from lotor.ike.intents import Disconnect
from lotor.model.algorithms import Group
from lotor.model.policy import Dpd, Policy
from lotor.model.reasons.ends import ClosedHere
from lotor.model.secret import Secret

LARGEST = 65535
DONE = ClosedHere()
AGAIN = 1.0
"""Seconds before somebody who was refused, or heard nothing, tries again, at the other gateway."""
DEAD = Dpd(delay=3, retry=1, maxfail=3)
IN_FLIGHT = 32
"""Who dial at a time; the others wait for their turn, as at a gateway that counts them."""


@dataclass
class Session:
    """One that somebody has, or had. `there`: the number of the gateway. `up` and `ended` in seconds; `over`: its
    gateway is dead, or the person has left it without a word, so that its address counts no more."""

    person: int
    there: int
    udp: socket.socket
    began: float
    address: str = ""
    up: float = 0.0
    ended: float = 0.0
    over: bool = False


@dataclass
class Person:
    """`wants`: the number of the gateway to be at, None: nowhere. `lost` since when, 0: not. `last` address."""

    number: int
    wants: int | None = None
    session: int = 0
    due: float = 0.0
    lost: float = 0.0
    last: str = ""
    moving: bool = False


@dataclass
class Report:
    """`back`: seconds from the death of a gateway to the next tunnel of each who was there. `kept`: of `moves`, those
    with the address of before. `doubles`: who had an address that somebody else had."""

    logins: int = 0
    failed: int = 0
    moves: int = 0
    kept: int = 0
    returned: int = 0
    back: list[float] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    why: dict[str, int] = field(default_factory=dict)


class People(Clients):
    def __init__(self, gateways: tuple[IPv4Address, ...], count: int, first: IPv4Address, password: Secret) -> None:
        super().__init__(_policies(gateways))
        self._gateways, self._first, self._password = gateways, first, password
        self.people = [Person(number) for number in range(count)]
        self.sessions: dict[int, Session] = {}
        self._lines: dict[bytes, int] = {}
        """Which session an initiator's cookie is of."""
        self._opening: Session | None = None
        self._begun = 0
        self._waiting: deque[int] = deque()
        self.report = Report()

    # --- what the director says --------------------------------------------------------------------------------------

    def come(self, rate: float) -> None:
        """Everybody, so many a second, at the gateways in turn."""
        for person in self.people:
            self._want(person, person.number % len(self._gateways), time.monotonic() + person.number / rate)

    def move(self, count: int, *, silent: bool) -> int:
        """So many of those who are up go to the next gateway, with a word to the former one or without. How many."""
        up = [each for each in self.people if self._is_up(each)]
        chosen = up[:: max(1, len(up) // count)][:count]
        for person in chosen:
            session = self.sessions[person.session]
            person.last, person.moving, person.lost = session.address, True, 0.0
            self._leave(person, silent=silent)
            self._want(person, (session.there + 1) % len(self._gateways), time.monotonic())
        return len(chosen)

    def killed(self, there: int) -> int:
        """That gateway is dead. Nobody's client hears so: it has to find out. How many were there."""
        now, hit = time.monotonic(), 0
        for person in self.people:
            session = self.sessions.get(person.session)
            if session is None or session.there != there or session.over:
                continue
            session.over = bool(session.address)
            if session.up:
                person.lost, hit = now, hit + 1
        return hit

    def leave(self) -> None:
        for person in self.people:
            person.wants, person.due = None, 0.0
            self._leave(person, silent=False)

    def state(self) -> dict[str, int]:
        up = sum(self._is_up(each) for each in self.people)
        return {"up": up, "of": len(self.people), "lost": sum(each.lost > 0 for each in self.people)}

    def past(self) -> list[dict[str, Any]]:
        """Every session that was up: user, gateway, address, and for how long it was."""
        now = time.monotonic()
        return [
            {
                "user": f"user{each.person}",
                "at": each.there,
                "address": each.address,
                "seconds": (each.ended or now) - each.up,
            }
            for each in self.sessions.values()
            if each.up
        ]

    # --- turns -------------------------------------------------------------------------------------------------------

    def turn(self) -> bool:
        """What came, and what is due. Whether the director says something, or has gone."""
        told = self._turn(at_most=0.05)
        self._dial_due()
        return bool(told)

    def listen(self, descriptor: int) -> None:
        self._poll.register(descriptor, select.EPOLLIN)

    def _dial_due(self) -> None:
        now, dialling = time.monotonic(), sum(self._is_dialling(each) for each in self.people)
        for person in self.people:
            if dialling >= IN_FLIGHT:
                return
            if person.wants is not None and not person.session and 0 < person.due <= now:
                self._dial(person, person.wants)
                dialling += 1

    def _is_up(self, person: Person) -> bool:
        session = self.sessions.get(person.session)
        return session is not None and session.up > 0 and not session.over

    def _is_dialling(self, person: Person) -> bool:
        session = self.sessions.get(person.session)
        return session is not None and not session.up

    def _want(self, person: Person, there: int, due: float) -> None:
        person.wants, person.due = there, due

    def _dial(self, person: Person, there: int) -> None:
        udp = self._open(str(self._first + person.number))
        self._opening = Session(person.number, there, udp, time.monotonic())
        self._connect(f"gateway{there}", self._gateways[there])

    def _leave(self, person: Person, *, silent: bool) -> None:
        number, person.session = person.session, 0
        session = self.sessions.get(number)
        if session is None:
            return
        session.ended, session.over = session.ended or time.monotonic(), True
        if silent:
            self._close(session.udp)
        else:
            self._perform(self._core.command(Disconnect(number, DONE), time.monotonic()))

    # --- what the core wants -----------------------------------------------------------------------------------------

    def _socket_of(self, cookie: bytes) -> socket.socket | None:
        if cookie not in self._lines and self._opening is not None and self._begun:
            self._lines[cookie], self._opening = self._begun, None
        session = self.sessions.get(self._lines.get(cookie, 0))
        return session.udp if session is not None and session.udp.fileno() in self._sockets else None

    def _credentials(self, session: int) -> tuple[str, Secret]:
        return f"user{self.sessions[session].person}", self._password

    def _follow(self, event: Event) -> None:
        match event:
            case Started(session=number) if self._opening is not None:
                self._begun = number
                self.sessions[number] = self._opening
                self.people[self._opening.person].session = number
            case Configured(session=number, configuration=configuration):
                self._configured(number, str(configuration.address))
            case Up(session=number):
                self._up(number)
            case Ended(session=number, reason=reason):
                self._ended(number, reason.text)

    def _configured(self, number: int, address: str) -> None:
        """Nobody else has this address, in a tunnel that is up."""
        session = self.sessions[number]
        session.address = address
        for other in self.sessions.values():
            if other.address == address and other.person != session.person and not (other.over or other.ended):
                self.report.doubles.append(f"{address}: user{session.person} and user{other.person}")

    def _up(self, number: int) -> None:
        session = self.sessions[number]
        person, now = self.people[session.person], time.monotonic()
        session.up = now
        self.report.logins += 1
        if person.moving:
            self.report.moves += 1
            self.report.kept += session.address == person.last
            person.moving = False
        if person.lost:
            self.report.back.append(now - person.lost)
            self.report.returned += session.address == person.last
            person.lost = 0.0
        person.last = session.address

    def _ended(self, number: int, why: str) -> None:
        session = self.sessions.get(number)
        if session is None:
            return
        session.ended, session.over = session.ended or time.monotonic(), True
        self._close(session.udp)
        person = self.people[session.person]
        if person.session != number:
            return
        person.session = 0
        if not session.up:
            self.report.failed += 1
            self.report.why[why] = self.report.why.get(why, 0) + 1
        if person.wants is not None:
            pause = AGAIN if not session.up else 0.0
            self._want(person, (session.there + 1) % len(self._gateways), time.monotonic() + pause)


def _policies(gateways: tuple[IPv4Address, ...]) -> Policy:
    """The HOW-TO's client, with a `remote` for each gateway."""
    made = [policy(each, Group.MODP1024) for each in gateways]
    remotes = tuple(replace(each.remotes[0], name=f"gateway{number}", dpd=DEAD) for number, each in enumerate(made))
    return replace(made[0], remotes=remotes)


def main(options: argparse.Namespace) -> int:
    gateways = tuple(IPv4Address(each) for each in options.gateways.split(","))
    people = People(gateways, options.people, IPv4Address(options.first), Secret(options.password))
    steps: dict[str, Callable[[list[str]], object]] = {
        "come": lambda words: people.come(float(words[0])),
        "move": lambda words: people.move(int(words[0]), silent=words[1] == "silently"),
        "killed": lambda words: people.killed(int(words[0])),
        "leave": lambda _: people.leave(),
        "state": lambda _: people.state(),
        "past": lambda _: people.past(),
        "report": lambda _: asdict(people.report),
    }
    descriptor, rest = sys.stdin.fileno(), b""
    people.listen(descriptor)
    while True:
        if not people.turn():
            continue
        if not (read := os.read(descriptor, 4096)):
            return 0
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            word, *words = line.decode().split()
            print(json.dumps(steps[word](words)), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", required=True, help="addresses, with a comma between them")
    parser.add_argument("--first", required=True, help="the outer address of the first person")
    parser.add_argument("--people", type=some, required=True)
    parser.add_argument("--password", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(arguments()))
