"""A first process in a PID namespace of its own: what it passes on, what it reaps, and which exit code it has."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.root

NEW = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
STORY = """
import os, signal, subprocess, sys, time
from lotor.daemon.first import beside_a_reaper

def orphans(count):
    for _ in range(count):
        subprocess.run(["sh", "-c", "sleep 0.05 & exit 0"], check=True)

def zombies():
    found = []
    for each in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append(open(f"/proc/{each}/stat").read().rpartition(")")[2].split()[0] == "Z")
        except FileNotFoundError:
            pass
    return sum(found)

def others(*known):
    return {int(each) for each in os.listdir("/proc") if each.isdigit()} - {1, os.getpid(), *known}

def program():
    assert os.getpid() != 1
    names = dict(globals())
    exec(sys.argv[1], names)
    return names.get("code", 0)

sys.exit(beside_a_reaper(program))
"""


def run(words: str) -> subprocess.CompletedProcess[str]:
    argv = [*NEW, sys.executable, "-c", STORY, words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("words", "code"),
    [("code = 0", 0), ("code = 4", 4), ("sys.exit(7)", 7), ("os.kill(os.getpid(), signal.SIGKILL)", 137)],
)
def test_it_ends_as_the_program_does(words: str, code: int) -> None:
    assert run(words).returncode == code


def test_what_others_leave_behind_is_reaped_and_nothing_else() -> None:
    """Orphans by the dozen, and beside them a program whose exit code somebody waits for."""
    done = run(
        "waited = subprocess.Popen(['sh', '-c', 'exit 3']); orphans(24)\n"
        "os.waitid(os.P_PID, waited.pid, os.WEXITED | os.WNOWAIT)\n"
        "while others(waited.pid): time.sleep(0.05)\n"
        "print(zombies(), waited.wait(), zombies())"
    )
    assert (done.stdout, done.stderr) == ("1 3 0\n", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_program(number: signal.Signals) -> None:
    done = run(
        f"signal.signal({number}, lambda *_: (print('heard'), sys.exit(9)))\n"
        f"os.kill(1, {number})\n"
        "while True: time.sleep(0.05)"
    )
    assert (done.stdout, done.returncode) == ("heard\n", 9)
