"""`lotor top` and `lotor status --watch` as a person has them: on a terminal, which is as it was afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import io
import json
import os
import pwd
import signal
import struct
import subprocess
import sys
import termios
import threading

import pytest

from lotor.cli.screen import ENTER, LEAVE
from lotor.cli.terminal import Line, painted
from lotor.control.client import Connection, Unreachable
from lotor.control.listening import Address, listen
from lotor.control.messages import Failed, Measured, Metrics, Report, Status, decode_request, encode
from lotor.daemon.exits import Exit
from screens import PROGRAM, Screen, child_of
from statuses import VIEW

ME = pwd.getpwuid(os.getuid()).pw_name
MY_GROUP = grp.getgrgid(os.getgid()).gr_name
EVIL = "\x1b[31mmallory\x1b]0;owned\x07"
MANY = {**VIEW, "total": 300, "sessions": [{**VIEW["sessions"][0], "user": EVIL}] * 50}
FIGURES = {"schema": 1, "version": "0", "processes": {"daemon": os.getpid()}, "families": {}}
SHELL = """
import signal, subprocess, sys, termios
signal.signal(signal.SIGINT, signal.SIG_IGN)
code = subprocess.run(sys.argv[1:], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)).returncode
flags = termios.tcgetattr(0)[3]
print("ended with", code, "echo", bool(flags & termios.ECHO), "lines", bool(flags & termios.ICANON))
"""


class Daemon:
    """Answers everybody the same; `asked` is what came. `away`: somebody found it `gone`."""

    def __init__(self, path):
        self.path, self.asked, self.measures, self.gone = path, [], Measured(FIGURES), False
        self.away = threading.Event()
        self.listener = listen(Address(path, ME, MY_GROUP))
        self.listener.setblocking(True)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, connection.makefile("rb") as lines:
                    if self.gone:
                        self.away.set()
                    for line in () if self.gone else lines:
                        self.asked.append(decode_request(line))
                        answer = self.measures if self.asked[-1] == Metrics() else Report(MANY)
                        connection.sendall(encode(answer))


@pytest.fixture
def daemon(tmp_path):
    made = Daemon(tmp_path / "lotor.sock")
    yield made
    made.listener.close()


def started(daemon, *words):
    """Below a shell that outlives it, and tells how the terminal is then."""
    return Screen(*PROGRAM, *words, "-s", str(daemon.path), program=[sys.executable, "-c", SHELL])


@pytest.mark.parametrize(
    ("end", "code"), [("q", 0), ("\x03", 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)]
)
@pytest.mark.parametrize("words", [["top"], ["status", "--watch"]])
def test_the_terminal_is_as_it_was_whatever_ended_it(daemon, words, end, code):
    screen = started(daemon, *words)
    screen.expect(ENTER)
    screen.expect("10.99.99.1" if words != ["top"] else "q quit")
    assert not screen.echoes
    if isinstance(end, str):
        screen.type(end)
    else:
        os.kill(child_of(screen.child), end)
    screen.expect(LEAVE)
    screen.expect(f"ended with {code} echo True lines True")
    assert screen.end() == 0


def test_keys_scroll_and_sort_and_what_a_peer_chose_moves_no_cursor(daemon):
    screen = started(daemon, "top", "--sort", "out")
    screen.expect("?[31mmallory?]0")
    screen.expect("1-16 of 300")
    screen.type("\x1b[6~\x1b[B")
    screen.expect("18-33 of 300")
    screen.type("s")
    screen.expect("by loss")
    screen.type("q")
    screen.expect("ended with 0")
    screen.end()
    asked = [each for each in daemon.asked if isinstance(each, Status)]
    assert [(each.sort, each.skip) for each in (asked[0], asked[-1])] == [("out", 0), ("loss", 0)]
    assert ("out", 17) in {(each.sort, each.skip) for each in asked}


def test_a_terminal_of_another_size_gets_another_picture(daemon):
    screen = started(daemon, "top")
    screen.expect("1-16 of 300")
    fcntl.ioctl(screen._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    screen.expect("q quit  s sort")
    screen.expect("1-6 of 300")
    screen.type("q")
    screen.expect("ended with 0")
    screen.end()


def test_a_daemon_that_goes_away_leaves_its_last_picture_and_who_may_not_see_figures_sees_the_sessions(daemon):
    daemon.measures = Failed("only root may")
    screen = started(daemon, "top")
    screen.expect("logins refused: \N{EN DASH}")
    daemon.gone = True
    screen.expect("the daemon at ")
    screen.expect("mallory")
    screen.type("q")
    screen.expect("ended with 0")
    screen.end()


JOB = """
import os, signal, subprocess, sys, termios
def front():
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
job = subprocess.Popen(sys.argv[1:], process_group=0, preexec_fn=front)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
_, status = os.waitpid(job.pid, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
print("stopped", os.WIFSTOPPED(status), "echo", bool(termios.tcgetattr(0)[3] & termios.ECHO), flush=True)
os.tcsetpgrp(0, job.pid)
job.send_signal(signal.SIGCONT)
print("ended with", job.wait(), flush=True)
"""


def test_a_stop_by_the_shell_gives_it_the_terminal_and_fg_the_picture(daemon):
    screen = Screen(*PROGRAM, "top", "-s", str(daemon.path), program=[sys.executable, "-c", JOB])
    screen.expect("q quit")
    screen.type("\x1a")
    screen.expect(LEAVE)
    screen.expect("stopped True echo True")
    screen.expect(ENTER)
    screen.expect("q quit")
    screen.type("q")
    screen.expect("ended with 0")
    screen.end()


def test_a_fault_leaves_the_terminal_as_it_was():
    fault = "from lotor.cli.screen import Screen\nwith Screen():\n    raise ValueError"
    screen = Screen(sys.executable, "-c", fault, program=[sys.executable, "-c", SHELL])
    screen.expect(ENTER)
    screen.expect(LEAVE)
    screen.expect("ValueError")
    screen.expect("ended with 1 echo True lines True")
    screen.end()


def test_a_daemon_that_is_silent_is_said_to_be(daemon):
    with Connection(daemon.path) as connection:
        connection.wait_at_most(0.05)
        with pytest.raises(Unreachable, match="does not answer"):
            connection.receive()


def test_a_terminal_that_knows_few_letters_gets_letters_that_it_knows(daemon):
    words = [*PROGRAM, "status", "-s", str(daemon.path)]
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(words, capture_output=True, timeout=60, check=True, env=env)
    assert b"Apple   198.51.100.10" in done.stdout
    shown = painted(
        [Line("\N{EN DASH} \N{HORIZONTAL ELLIPSIS} \u5f90 \xe4")], io.TextIOWrapper(io.BytesIO(), "latin-1")
    )
    assert shown == ["- ~ ? \xe4"]


def test_top_without_a_terminal_names_what_needs_none(daemon):
    done = subprocess.run(
        [*PROGRAM, "top", "-s", str(daemon.path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert "lotor status --watch and lotor status --json need none" in done.stderr


HEEDING = ("env", "--default-signal")
"""A job in the background inherits that SIGINT is ignored."""


@pytest.mark.parametrize("json_", [True, False])
def test_watch_without_a_terminal_appends_blocks_without_colours(daemon, json_):
    words = [*HEEDING, *PROGRAM, "status", "--watch", *["--json"] * json_, "-s", str(daemon.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as done:
        lines = [done.stdout.readline() for _ in range(2 if json_ else 120)]
        done.send_signal(signal.SIGINT)
        assert done.wait(60) == 0
    assert "\x1b" not in "".join(lines)
    if json_:
        assert [json.loads(line)["total"] for line in lines] == [300, 300]
    else:
        assert sum(line.startswith("lotor 0.1.0, running") for line in lines) >= 2


def test_a_daemon_that_goes_away_writes_nothing_but_json_to_who_reads_json(daemon):
    words = [*HEEDING, *PROGRAM, "status", "--watch", "--json", "-s", str(daemon.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        first = done.stdout.readline()
        daemon.gone = True
        assert daemon.away.wait(60)
        daemon.gone = False
        second = done.stdout.readline()
        done.send_signal(signal.SIGINT)
        assert done.wait(60) == 0
        assert "closed the connection" in done.stderr.read()
    assert [json.loads(line)["total"] for line in (first, second)] == [300, 300]
