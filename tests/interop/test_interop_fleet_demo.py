"""`make fleet-demo` with fewer people: its promises are kept, and nothing of it stays on this host."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from halting import command, family, gone
from lab.node import wait_until

PROJECT = Path(__file__).parents[2]


def demo(directory):
    return subprocess.Popen(
        [sys.executable, "-m", "demo.fleet", "--people", "20"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(directory), "PYTHONUNBUFFERED": "1"},
    )


def test_twenty_people_move_between_gateways_that_die_and_return(tmp_path):
    running = demo(tmp_path)
    told, _ = running.communicate(timeout=290)
    assert running.returncode == 0, told
    assert "the fleet keeps its promises (20 people" in told
    assert re.search(r"^ *double leases +0 seen by clients, 0 in \d+ looks$", told, re.MULTILINE), told
    assert re.search(r"^ *records lost, doubled +0, 0$", told, re.MULTILINE), told
    assert list(tmp_path.iterdir()) == []


def test_a_fleet_demo_that_is_ended_leaves_nothing(tmp_path):
    """While the database, FreeRADIUS, both gateways and the people run."""
    running = demo(tmp_path)
    told = ""
    for line in running.stdout:
        told += line
        if "Everybody logs in" in line:
            break
    servers = family(running.pid)
    assert {"postgres", "freeradius"} <= {command(each) for each in servers}, told
    running.send_signal(signal.SIGTERM)
    rest, _ = running.communicate(timeout=120)
    assert running.returncode == 1, told + rest
    assert "ended by signal 15" in rest
    assert wait_until(lambda: gone(servers))
    assert list(tmp_path.iterdir()) == []
