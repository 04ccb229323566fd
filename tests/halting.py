"""A program whose processes stand still at a named moment, so that a test can kill one of them right there.

The interpreter of each process loads `sitecustomize` from a directory of the test. It waits for one function of the
program, and stops its process where that is called first (SIGSTOP): nothing depends on how fast a machine is.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from lab.node import LabError, Running, wait_until
from processes import alive

DAY = "LOTOR_DEATHS_DAY"
"""The day of the whole run, which `tests/conftest.py` writes down: midnight may come between two processes."""

SITE = '''
import functools, importlib.util, pathlib, signal, sys

class Halting:
    """Stops this process at the first call of one function."""

    def __init__(self, place):
        self.module, _, self.name = place.partition(":")
        self.armed = True

    def find_spec(self, name, path=None, target=None):
        if name != self.module or not self.armed:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def then_patch(module):
            execute(module)
            *owners, last = self.name.split(".")
            owner = functools.reduce(getattr, owners, module)
            setattr(owner, last, self.halting(getattr(owner, last)))

        spec.loader.exec_module = then_patch
        return spec

    def halting(self, function):
        @functools.wraps(function)
        def halt(*arguments, **named):
            if self.armed:
                self.armed = False
                signal.raise_signal(signal.SIGSTOP)
            return function(*arguments, **named)

        return halt

place = pathlib.Path(__file__).with_name("place").read_text()
if place:
    sys.meta_path.insert(0, Halting(place))
'''


class Halts:
    """`place` is `module:function` or `module:Class.method`. Processes that start after `disarm` run through."""

    def __init__(self, directory: Path, place: str) -> None:
        self._place = directory / "place"
        self._place.write_text(place)
        (directory / "sitecustomize.py").write_text(SITE)
        places = [str(directory), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment = {"PYTHONPATH": os.pathsep.join(places)}

    def disarm(self) -> None:
        self._place.write_text("")

    def wait(self, running: Running) -> int:
        """The process of the program that stands still, as this host numbers it."""
        if not wait_until(lambda: halted(running) or not running.alive) or not halted(running):
            raise LabError(f"{self._place.read_text()} was never called:\n{running.text()[-3000:]}")
        stands = halted(running)[0]
        if stands in family(running.process.pid)[:2]:  # nsenter stands still with its own child
            wait_until(lambda: state(running.process.pid) == "T")
            os.kill(running.process.pid, signal.SIGCONT)
        return stands


def family(pid: int) -> list[int]:
    """A process and all that it started, directly or not, the oldest first."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in family(int(child)))]


def pythons(running: Running) -> list[int]:
    """The processes of the program: the warden, then its daemon. The wrapper that put it into a namespace is none, nor
    are scripts."""
    return [pid for pid in family(running.process.pid)[1:] if "python" in command(pid)]


def command(pid: int) -> str:
    """The name of the program that it runs."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0].rpartition("/")[2]
    except OSError:
        return ""


def halted(running: Running) -> list[int]:
    return [pid for pid in family(running.process.pid)[1:] if state(pid) == "T"]


def state(pid: int) -> str:
    """As /proc has it; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def gone(pids: list[int]) -> bool:
    return not any(alive(pid) for pid in pids)


def victims_of(moments: Sequence[str], victims: Sequence[str]) -> list[tuple[str, str]]:
    """Who dies at which moment: one victim each, so that in as many days as there are victims each has died at each
    moment; with LOTOR_DEATHS=all everybody at each."""
    today = date.fromisoformat(os.environ[DAY]).toordinal()
    everybody = os.environ.get("LOTOR_DEATHS") == "all"
    return [
        (moment, victim)
        for turn, moment in enumerate(moments, today)
        for number, victim in enumerate(victims)
        if everybody or turn % len(victims) == number
    ]
