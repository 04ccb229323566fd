"""A person at a terminal: nothing that is typed is shown, a wrong password can be typed again, and Ctrl-C is Ctrl-C."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import signal
import subprocess
import sys

import pytest

from lotor.control.listening import Address, listen
from lotor.control.messages import Answer, Connect, Connected, Failed, Progress, Prompt, decode_request, encode
from lotor.daemon.exits import Exit
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from screens import PROGRAM, Screen, child_of

ME = pwd.getpwuid(os.getuid()).pw_name
MY_GROUP = grp.getgrgid(os.getgid()).gr_name
PATIENCE = 60.0
REFUSED = Failed("gateway 192.0.2.50 refused the login of alice", "LOGIN_REFUSED")
ASK = Prompt(("password",))


class Dialogue:
    """A control socket on which the test itself answers."""

    def __init__(self, path):
        self.path = path
        self._listener = listen(Address(path, ME, MY_GROUP))
        self._listener.setblocking(True)
        self._listener.settimeout(PATIENCE)

    def accept(self):
        self._connection, _ = self._listener.accept()
        self._lines = self._connection.makefile("rb")

    def hear(self):
        return decode_request(self._lines.readline())

    def say(self, *responses):
        for each in responses:
            self._connection.sendall(encode(each))

    def close(self):
        self._listener.close()
        with contextlib.suppress(AttributeError):
            self._lines.close()
            self._connection.close()


@pytest.fixture
def dialogue(tmp_path):
    made = Dialogue(tmp_path / "lotor.sock")
    yield made
    made.close()


def vc(dialogue, *more):
    return Screen("vc", "-s", str(dialogue.path), *more, "192.0.2.50")


def secret(text):
    return Answer({Field.PASSWORD: Secret(text.encode())})


def test_newcomer_18_what_is_typed_early_is_not_shown_and_counts(dialogue):
    screen = vc(dialogue, "-u", "alice")
    screen.expect("connecting to 192.0.2.50")
    assert not screen.echoes
    screen.type("sesame\n")
    dialogue.accept()
    assert dialogue.hear() == Connect("192.0.2.50", "alice")
    dialogue.say(ASK)
    assert dialogue.hear() == secret("sesame")
    dialogue.say(Connected("10.99.99.1"))
    assert screen.end() == 0
    assert "sesame" not in screen.shown


def test_newcomer_18_a_login_is_shown_and_its_password_is_not(dialogue):
    screen = vc(dialogue)
    dialogue.accept()
    dialogue.hear()
    dialogue.say(Prompt(("user name", "password")))
    screen.expect("Login: ")
    screen.type("alice\n")
    screen.expect("alice")
    screen.expect("Password: ")
    assert not screen.echoes
    screen.type("sesame\n")
    assert dialogue.hear() == Answer({Field.USER_NAME: Secret(b"alice"), Field.PASSWORD: Secret(b"sesame")})
    dialogue.say(REFUSED)
    dialogue_second(dialogue, Connect("192.0.2.50", "alice"))
    screen.expect("try again")
    screen.expect("Password: ")
    screen.type("open sesame\n")
    assert dialogue.hear() == secret("open sesame")
    dialogue.say(Connected("10.99.99.1"))
    assert screen.end() == 0
    assert "sesame" not in screen.shown


def dialogue_second(dialogue, expected):
    """Who was asked for a name is not asked for it again."""
    assert dialogue.hear() == expected
    dialogue.say(ASK)


def test_newcomer_18_a_wrong_password_can_be_typed_three_times(dialogue):
    screen = vc(dialogue, "-u", "alice")
    dialogue.accept()
    for word in ("one", "two", "three"):
        assert dialogue.hear() == Connect("192.0.2.50", "alice")
        dialogue.say(ASK)
        screen.expect("Password: ")
        screen.type(f"{word}\n")
        assert dialogue.hear() == secret(word)
        dialogue.say(REFUSED)
        if word != "three":
            screen.expect("refused the login of alice: try again")
    assert screen.end() == Exit.LOGIN_REFUSED
    assert screen.shown.endswith("lotor: gateway 192.0.2.50 refused the login of alice\n")


def test_newcomer_18_a_password_that_nobody_typed_is_tried_once(dialogue):
    """A saved one stays wrong."""
    screen = vc(dialogue, "-u", "alice")
    dialogue.accept()
    dialogue.hear()
    dialogue.say(REFUSED)
    assert screen.end() == Exit.LOGIN_REFUSED


def test_newcomer_18_another_failure_is_not_tried_again(dialogue):
    screen = vc(dialogue, "-u", "alice")
    dialogue.accept()
    dialogue.hear()
    dialogue.say(ASK)
    screen.expect("Password: ")
    screen.type("sesame\n")
    dialogue.hear()
    dialogue.say(Failed("no answer from 192.0.2.50", "NO_ANSWER"))
    assert screen.end() == Exit.NO_ANSWER


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_newcomer_18_the_terminal_is_as_it_was_whatever_ended_the_command(dialogue, number):
    program = [sys.executable, "-c", SHELL]
    screen = Screen(*PROGRAM, "vc", "-s", str(dialogue.path), "-u", "alice", "gw", program=program)
    dialogue.accept()
    dialogue.hear()
    dialogue.say(ASK)
    screen.expect("Password: ")
    assert not screen.echoes
    os.kill(child_of(screen.child), number)
    screen.expect("ended, echo True")
    assert screen.end() == 0


SHELL = """
import signal, subprocess, sys, termios
signal.signal(signal.SIGINT, signal.SIG_IGN)
subprocess.run(sys.argv[1:], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
print("ended, echo", bool(termios.tcgetattr(0)[3] & termios.ECHO))
"""


JOB = """
import os, subprocess, sys
job = subprocess.Popen(sys.argv[1:], process_group=0)
_, status = os.waitpid(job.pid, os.WUNTRACED)
print("stopped" if os.WIFSTOPPED(status) else f"ended with {os.waitstatus_to_exitcode(status)}")
os.WIFSTOPPED(status) and job.kill()
"""


def test_newcomer_18_a_job_in_the_background_is_not_stopped(dialogue):
    """`lotor vc` with a saved password asks nothing, and may run behind the shell's prompt."""
    screen = Screen(*PROGRAM, "vc", "-s", str(dialogue.path), "gw", program=[sys.executable, "-c", JOB])
    dialogue.accept()
    dialogue.hear()
    dialogue.say(Connected("10.99.99.1"))
    screen.expect("ended with 0")
    assert screen.end() == 0


def test_newcomer_17_ctrl_c_at_the_password_is_130(dialogue):
    screen = vc(dialogue, "-u", "alice")
    dialogue.accept()
    dialogue.hear()
    dialogue.say(Progress("no answer yet"), ASK)
    screen.expect("Password: ")
    screen.type("\x03")
    assert screen.end() == Exit.INTERRUPTED
    assert "interrupted" in screen.shown


def test_newcomer_15_without_a_daemon_the_way_without_one_is_named(tmp_path):
    screen = Screen("vc", "-s", str(tmp_path / "none"), "192.0.2.50")
    assert screen.end() == Exit.NO_DAEMON
    assert "or connect without one: --ca ca.crt" in screen.shown


RED = "\x1b[31m"


@pytest.fixture
def broken(tmp_path):
    file = tmp_path / "racoon.conf"
    file.write_text("remote anonymous { exchange_mode sideways; }\n")
    return file


def test_errors_are_red_on_a_terminal_that_has_colours(broken, tmp_path):
    screen = Screen("status", "-s", str(tmp_path / "none"), colours=True)
    screen.expect(f"{RED}lotor: cannot reach the daemon")
    screen.expect("\x1b[0m")
    assert screen.end() == Exit.NO_DAEMON
    screen = Screen("check", str(broken), colours=True)
    screen.expect(f"{RED}{broken}:1:34")
    screen.expect("\x1b[0m\n    remote anonymous")
    assert screen.end() == Exit.CONFIGURATION


@pytest.mark.parametrize("without", ["NO_COLOR", "TERM", "a pipe"])
def test_colours_that_nobody_wants_or_sees_are_left_out(broken, without):
    words = [*PROGRAM, "check", str(broken)]
    if without == "a pipe":
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert "\x1b" not in done.stdout + done.stderr
        return
    env = "NO_COLOR=1" if without == "NO_COLOR" else "TERM=dumb"
    screen = Screen(env, *words, program=["/usr/bin/env"], colours=True)
    screen.expect("sideways")
    assert screen.end() == Exit.CONFIGURATION
    assert "\x1b" not in screen.shown
