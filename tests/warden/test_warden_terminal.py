"""A daemon and the terminal of its warden: it has none, and its lines come there all the same."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import tty

import pytest

from lotor.warden.terminal import CHUNK, LONGEST_LINE, Relay

DAEMON = """
import os, sys
print("terminals", [each for each in range(64) if os.isatty(each)], file=sys.stderr)
os.write(2, b"\\x1b[5n\\x1b]0;mine\\x07 seen\\nlast words")
"""
WARDEN = """
import sys
from lotor.warden.spawning import Program
program = Program((sys.executable, "-c", sys.argv[1]), quiet=sys.argv[2] == "quiet")
if sys.argv[2] == "ahead":
    program.begin()
program.take().process.wait()
program.close()
"""


def seen(how: str) -> str:
    """What comes to the terminal of a warden whose daemon is `DAEMON`."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, ours)
        with os.fdopen(theirs, "wb"):
            words = [sys.executable, "-c", WARDEN, DAEMON, how]
            subprocess.run(words, stdin=theirs, stdout=theirs, stderr=theirs, check=True, timeout=60)
            os.set_blocking(ours, False)
            with contextlib.suppress(BlockingIOError):
                return os.read(ours, 65_536).decode()
    return ""


@pytest.mark.parametrize("how", ["ahead", "now"])
def test_a_daemon_has_no_terminal_and_its_lines_come_there_without_commands(how):
    assert seen(how).splitlines() == ["terminals []", "?[5n?]0;mine? seen", "last words"]


def test_a_quiet_daemon_writes_nothing():
    assert seen("quiet") == ""


def test_a_pipe_stays_as_it_is():
    """The journal, too, knows a service's own stream: what is written there is no terminal's."""
    done = subprocess.run([sys.executable, "-c", WARDEN, DAEMON, "now"], capture_output=True, check=True, timeout=60)
    assert b"\x1b[5n\x1b]0;mine\x07 seen\nlast words" in done.stderr


def relayed(octets: bytes) -> bytes:
    """What comes to a terminal, which is a pipe here, of what a daemon writes."""
    source, theirs = os.pipe()
    terminal, end = os.pipe()
    with os.fdopen(terminal, "rb") as reader:
        relay = Relay(source, end)
        with os.fdopen(theirs, "wb") as daemon:
            daemon.write(octets)
        relay.finish()
        os.close(end)
        return reader.read()


def test_a_line_without_an_end_is_written_in_parts():
    told = relayed(b"x" * (2 * LONGEST_LINE + CHUNK))
    assert told.count(b"x") == 2 * LONGEST_LINE + CHUNK
    assert max(map(len, told.split(b"\n"))) <= LONGEST_LINE + CHUNK
    assert b"\xe2\x80\xa6" not in told


def test_a_terminal_that_is_gone_holds_no_daemon_up():
    """It would stand still at a pipe that nobody reads, and be ended for it."""
    source, theirs = os.pipe()
    terminal, end = os.pipe()
    os.close(terminal)
    relay = Relay(source, end)
    with os.fdopen(theirs, "wb") as daemon:
        daemon.write(b"a line\n" * 100_000)
    relay.finish()
    os.close(end)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(source)
