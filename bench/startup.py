"""`python -m bench.startup`: how long a short command takes from its start, lotor's beside strongSwan's.

`lotor status` and `swanctl --list-sas` ask a gateway with one session and end; `lotor vc` is measured until its request
is on the daemon's socket, which a stand-in of the daemon reads. Both of lotor's commands find their socket by a whole
racoon.conf, as they do when a person types them.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from statistics import median

from bench.document import Section, conditions, machine, write
from bench.gateways import CHARON, LOTOR, Gateway
from bench.handshakes import dialling
from bench.link import GATEWAY, Link
from lab import lotor as lab_lotor
from lab.counts import some
from lab.node import LabError
from lotor.control.messages import Connected, encode

SECTION = Section("startup", "Start of a command")
GROUP = 31
SOCKET = "/run/gateway.sock"
PROGRAM = str(Path(sys.executable).with_name("lotor"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""An installation has its modules compiled; the first run, which is not counted, sees to that here."""


@dataclass(frozen=True, slots=True)
class Run:
    """Milliseconds: of wall time, and of the processor in all."""

    wall: float
    processor: float


Runs = dict[str, list[Run]]


def timed(
    argv: list[str], until: Callable[[], float] = time.perf_counter, environment: dict[str, str] = ENVIRONMENT
) -> Run:
    """`until` waits, if it must, and tells when it came (seconds of the performance counter). `LabError` for a command
    that fails."""
    began = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LabError(f"{' '.join(argv)} ended with {process.returncode}")
    return Run(1000 * (until() - began), 1000 * (usage.ru_utime + usage.ru_stime))


def repeated(count: int, run: Callable[[], Run]) -> list[Run]:
    run()
    return [run() for _ in range(count)]


@contextmanager
def serving(gateway: Gateway) -> Iterator[Link]:
    """A gateway with one session."""
    with Link() as link:
        gateway.start(link, GROUP)
        with dialling(link, GROUP) as clients:
            clients.dial(1, 1)
            yield link


def status(count: int) -> list[Run]:
    with serving(LOTOR) as link:
        text = link.gateway.path(lab_lotor.CONFIGURATION).read_text()
        file = link.directory / "racoon.conf"
        file.write_text(text.replace(SOCKET, str(link.gateway.path(SOCKET))))
        return repeated(count, lambda: timed([PROGRAM, "status", "-f", str(file)]))


def list_sas(count: int) -> list[Run]:
    with serving(CHARON) as link:
        home = link.directory / "charon"
        argv = ["swanctl", "--list-sas", "--uri", f"unix://{home}/vici"]
        own = {**ENVIRONMENT, "STRONGSWAN_CONF": str(home / "strongswan.conf"), "SWANCTL_DIR": str(home)}
        return repeated(count, lambda: timed(argv, environment=own))


def connect(count: int) -> list[Run]:
    with Link() as link, standing_in(link.directory / "lotor.sock") as asked:
        file = link.directory / "racoon.conf"
        file.write_text(lab_lotor.howto("client", adminsock=f'"{link.directory / "lotor.sock"}"'))
        argv = [PROGRAM, "vc", "-u", "alice", "-f", str(file), GATEWAY]
        return repeated(count, lambda: timed(argv, asked.get))


@contextmanager
def standing_in(path: Path) -> Iterator[Queue[float]]:
    """A daemon that is asked to connect, notes when, and says that it did."""
    asked: Queue[float] = Queue()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_answer, args=(listener, asked), daemon=True).start()
        yield asked
        listener.shutdown(socket.SHUT_RDWR)


def _answer(listener: socket.socket, asked: Queue[float]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            asked.put(time.perf_counter())
            connection.sendall(encode(Connected("10.99.99.3")))


def measure(count: int) -> Runs:
    cases: dict[str, Callable[[int], list[Run]]] = {
        "`lotor status`, one session": status,
        "`lotor vc`, to its request": connect,
        "`swanctl --list-sas`, one session": list_sas,
        "`python -c pass`": lambda count: repeated(count, lambda: timed([sys.executable, "-c", "pass"])),
    }
    runs: Runs = {}
    for name, case in cases.items():
        print(name, file=sys.stderr, flush=True)
        try:
            runs[name] = case(count)
        except LabError as error:
            print(f"  left out: {error}", file=sys.stderr)
    return runs


def table(runs: Runs) -> str:
    lines = [
        "| command | wall time, median ms | least ms | processor time, median ms | least ms |",
        "|---|---|---|---|---|",
    ]
    for name, each in runs.items():
        wall, spent = [run.wall for run in each], [run.processor for run in each]
        figures = (median(wall), min(wall), median(spent), min(spent))
        lines.append(f"| {name} | {' | '.join(f'{figure:.0f}' for figure in figures)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    options = arguments()
    runs = measure(options.count)
    text = f"{machine()}. {conditions(f'{options.count} runs of each command')}\n\n{table(runs)}"
    print(text)
    if options.write:
        write(SECTION, text)
    return 0 if runs else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=some, default=20, help="runs of each command")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
