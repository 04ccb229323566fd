"""`python -m bench.comeback`: how long people on the road wait, and what they lose, when their network changes, when
the gateway restarts, and when they open the laptop again: lotor beside other programs, by turns, in one run.

Each program has a small internet of its own. A hundred packets a second go through its tunnel to a host inside, and
back.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from bench.document import Section, conditions, machine, write
from bench.rivals import RIVALS, Rival, here, processes
from lab.counts import pause, some
from lab.internet import INSIDE_HOST, Internet
from lab.node import LabError, Running, wait_until
from lab.traffic import Stream, serve_streams

SECTION = Section("comeback", "How long a connection is away", "bench-comeback")
PROBES = 8002
EVERY = 0.01
"""Seconds between two packets."""
SETTLED = 2.0
"""Seconds that a connection has to last before it counts as back; what is lost in them counts, too."""
PATIENCE = 240.0
"""Seconds until a program counts as one that does not come back: longer than the slowest here takes by its defaults."""
ASLEEP = 240.0
"""Seconds of a suspend: longer than any of the gateways takes to count a client as dead."""
RESENT = 130.0
"""Seconds until TCP has sent again what was lost in the longest outage."""
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    s.sendto(*s.recvfrom(100))
"""
PROBE = """
import os, socket, sys, threading, time
place, every = (sys.argv[1], int(sys.argv[2])), float(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 0))
def tell(*words):
    os.write(1, " ".join(map(str, words)).encode() + b"\\n")
def listen():
    while True:
        try: tell("got", s.recv(100).decode(), time.monotonic())
        except OSError: pass
threading.Thread(target=listen, daemon=True).start()
due = time.monotonic()
while True:
    now = time.monotonic()
    try: s.sendto(str(now).encode(), place)
    except OSError: pass
    tell("sent", now)
    due = max(due + every, now)
    time.sleep(max(0.0, due - time.monotonic()))
"""


@dataclass(frozen=True, slots=True)
class Outage:
    """`seconds` from when all was there again to the first packet from inside; None: it did not come back. `lost`
    packets since the beginning; `stream`: the TCP connection inside went on, None where there was none."""

    seconds: float | None
    lost: int
    stream: bool | None = None


class Probes:
    """Packets from the client to the inside host and back, from now on."""

    def __init__(self, net: Internet) -> None:
        echo = net.inside.start("echo", sys.executable, "-c", ECHO, INSIDE_HOST, str(PROBES))
        echo.expect("ready")
        words = (sys.executable, "-c", PROBE, INSIDE_HOST, str(PROBES), str(EVERY))
        self._running = net.client.start("probes", *words)
        self._running.expect("got")

    def outage(self, client: Running, began: float, back: float) -> Outage:
        """What happened since `began`, once it is over or the client has given up; everything is there again since
        `back`."""
        patience = PATIENCE - (time.monotonic() - back)
        wait_until(lambda: self._answered(back) or not client.alive, patience, 0.2)
        time.sleep(SETTLED)
        return judge(self._running.text(), began, back)

    def _answered(self, back: float) -> bool:
        return first_answer(self._running.text(), back) is not None


def judge(log: str, began: float, back: float) -> Outage:
    """Of what `PROBE` printed. A packet that was sent a moment ago is not lost yet."""
    sent, got = _read(log)
    last = max(sent, default=0.0) - SETTLED / 2
    lost = [each for each in sent if began <= each <= last and each not in got]
    answer = first_answer(log, back)
    return Outage(None if answer is None else max(0.0, answer - back), len(lost))


def first_answer(log: str, back: float) -> float | None:
    """When the first of the packets since `back` came home."""
    _, got = _read(log)
    return min((came for sent, came in got.items() if sent >= back), default=None)


def _read(log: str) -> tuple[list[float], dict[float, float]]:
    """When packets were sent, and when each of those that came home did. The last line may be half there."""
    lines = [line.split() for line in log[: log.rfind("\n") + 1].splitlines()]
    sent = [float(words[1]) for words in lines if words[0] == "sent"]
    return sent, {float(words[1]): float(words[2]) for words in lines if words[0] == "got"}


MOVED = """
ip address flush dev eth0; ip link set eth0 down; sleep {away}
ip link set eth0 up; ip address add {address}/24 dev eth0; ip route add default via 198.51.100.1 dev eth0
"""


@dataclass(slots=True)
class World:
    """A program in its lab, connected."""

    rival: Rival
    probes: Probes
    places: Iterator[int]

    def moves(self) -> Outage:
        """To another address of another cable; half a second without any."""

        def event() -> tuple[float, float]:
            times = self._move("0.5")
            self.rival.moved()
            return times

        return self._under_a_stream(event)

    def restarts(self, down: float) -> Outage:
        def event() -> tuple[float, float]:
            began = time.monotonic()
            self.rival.kill()
            time.sleep(down)
            self.rival.serve()
            return began, time.monotonic()

        return self._under_a_stream(event)

    def sleeps(self) -> None:
        """The programs of the client stand still, and its cable is out."""
        for pid in reversed(processes(self.rival.client)):
            os.kill(pid, signal.SIGSTOP)
        self.rival.net.client.ip("link", "set", "eth0", "down")

    def wakes(self) -> Outage:
        """In another network. What was sent while it slept does not count."""
        began, back = self._move("0")
        client = self.rival.dialled
        for pid in (*processes(client), client.process.pid):  # the wrapper stands still, too
            os.kill(pid, signal.SIGCONT)
        self.rival.moved()
        return self.probes.outage(client, began, back)

    def whole(self) -> None:
        """After an outage that did not end, a person starts the client again."""
        if self.rival.connected():
            return
        self.rival.leave()
        self.rival.dial()

    def _move(self, away: str) -> tuple[float, float]:
        began = time.monotonic()
        address = f"198.51.100.{next(self.places)}"
        self.rival.net.client.run("sh", "-c", MOVED.format(away=away, address=address))
        return began, time.monotonic()

    def _under_a_stream(self, event: Callable[[], tuple[float, float]]) -> Outage:
        stream = Stream(self.rival.net.client)
        if not stream.goes_on():
            raise LabError("no TCP connection through the tunnel")
        found = self.probes.outage(self.rival.dialled, *event())
        went_on = found.seconds is not None and stream.goes_on(RESENT)
        stream.stop()
        return Outage(found.seconds, found.lost, went_on)


@contextlib.contextmanager
def world(kind: type[Rival]) -> Iterator[World]:
    with Internet() as net:
        rival = kind(net)
        serve_streams(net.inside)
        rival.serve()
        rival.dial()
        if not wait_until(rival.connected, 30):
            raise LabError(f"{kind.name}: connected, and nothing gets through")
        yield World(rival, Probes(net), iter(range(70, 250)))


EVENTS = ("change of network", "restart of the gateway", "resume after suspend")
Found = dict[str, dict[str, list[Outage]]]


def by_turns(kinds: list[type[Rival]], rounds: int, down: float, asleep: float) -> Found:
    """All of them sleep at the same time; whatever is measured is measured one after the other."""
    found: Found = {kind.name: {event: [] for event in EVENTS} for kind in kinds}
    for number in range(1, rounds + 1):
        with contextlib.ExitStack() as stack:
            worlds = [stack.enter_context(world(kind)) for kind in kinds]
            for each in worlds:
                note(found, number, each, EVENTS[0], each.moves())
                each.whole()
            for each in worlds:
                note(found, number, each, EVENTS[1], each.restarts(down))
                each.whole()
            for each in worlds:
                each.sleeps()
            time.sleep(asleep)
            for each in worlds:
                note(found, number, each, EVENTS[2], each.wakes())
    return found


def note(found: Found, number: int, each: World, event: str, outage: Outage) -> None:
    found[each.rival.name][event].append(outage)
    print(f"round {number}: {each.rival.name}, {event}: {outage}", file=sys.stderr, flush=True)


def table(found: Found) -> str:
    """Medians; what did not come back each time says how often it did."""
    lines = [f"| | {' | '.join(f'{event}, s | lost' for event in EVENTS)} |", "|---" * 7 + "|"]
    for name, events in found.items():
        cells = [cell for event in EVENTS for cell in _cells(events[event])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(outages: list[Outage]) -> tuple[str, str]:
    back = [each.seconds for each in outages if each.seconds is not None]
    if len(back) * 2 <= len(outages):
        return "does not come back" if not back else f"back {len(back)} of {len(outages)} times", "all"
    broken = sum(each.stream is False for each in outages)
    stream = f"; TCP broke {broken} of {len(outages)} times" if broken else ""
    return f"{median(back):.2f}", f"{median(each.lost for each in outages):.0f}{stream}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.comeback", description=__doc__)
    parser.add_argument("--rounds", type=some, default=3)
    parser.add_argument("--down", type=pause, default=10, help="seconds between the death of the gateway and its start")
    parser.add_argument("--asleep", type=pause, default=ASLEEP, help="seconds of a suspend")
    parser.add_argument("--only", default="", help="programs whose names begin so, with commas")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    parser.add_argument("--note", default="", help="what else was going on, for the document")
    options = parser.parse_args()
    names = tuple(options.only.split(","))
    kinds = [kind for kind in RIVALS if here(kind) and kind.name.lower().startswith(names)]
    try:
        found = by_turns(kinds, options.rounds, options.down, options.asleep)
    except LabError as error:
        sys.exit(str(error))
    text = table(found)
    print(text)
    if options.write:
        told = conditions(f"{options.rounds} rounds by turns")
        how = how_it_was(kinds, options.down, options.asleep)
        write(SECTION, f"{text}\n{how}\nMedians. {machine()}; {told}{options.note and ' '}{options.note}")


def how_it_was(kinds: list[type[Rival]], down: float, asleep: float) -> str:
    """What each event was, and how each program was set."""
    settings = "".join(f"- {kind.name}: {kind.settings}.\n" for kind in kinds)
    return f"{HOW.format(down=down, asleep=asleep)}\n{settings}"


HOW = """A hundred packets a second go to a host inside and back. Seconds count from the moment when everything is there
again (the new address, the gateway that serves) to the first packet that comes home; *lost* are all packets since the
event began.
- Change of network: the cable goes, and half a second later the client has another address.
- Restart of the gateway: it is killed (SIGKILL) and started {down:.0f} s later. A TCP connection through the tunnel
  goes on at both events, or it is told.
- Suspend: the client's programs stand still (SIGSTOP) for {asleep:.0f} s without a cable, and wake in another network.
  All clocks go on, which they do not in a real suspend.
"""

if __name__ == "__main__":
    main()
