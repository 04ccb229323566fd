"""`make demo` tells its story to the end, and nothing of it stays on this host."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from halting import command, family, gone
from lab.node import wait_until

PROJECT = Path(__file__).parents[2]
STEPS = 33


@pytest.fixture
def short_path():
    """The socket of charon stands below it, and the path of a socket has 107 octets at most."""
    with tempfile.TemporaryDirectory(prefix="demo", dir="/tmp") as directory:
        yield Path(directory)


def demo(directory, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(directory), "PYTHONUNBUFFERED": "1"},
        **more,
    )


def test_all_acts_are_told_to_the_end(short_path):
    running = demo(short_path)
    told, _ = running.communicate(timeout=300)
    assert running.returncode == 0, told
    assert f"the HOW-TO works ({STEPS} steps" in told
    assert len(re.findall(r"^ *\d+\. .* ok +\d+\.\d s$", told, re.MULTILINE)) == STEPS
    assert list(short_path.iterdir()) == []


def test_one_that_is_ended_leaves_nothing(short_path):
    """While FreeRADIUS, the gateway and vpnc run."""
    running = demo(short_path)
    told = ""
    for line in running.stdout:
        told += line
        if "has the start" in line:
            break
    servers = family(running.pid)
    assert any("freeradius" in command(each) for each in servers), told
    running.send_signal(signal.SIGTERM)
    rest, _ = running.communicate(timeout=120)
    assert running.returncode == 1, told + rest
    assert "ended by signal 15" in rest
    assert wait_until(lambda: gone(servers))
    assert list(short_path.iterdir()) == []
