"""What ends before an installation is removed: its own programs, all of them, and nobody else's."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lotor.daemon import leaving
from scripted import RecordingHost

WAITS = "import sys; print('on', flush=True); sys.stdin.read()"
STARTS_ANOTHER = (
    "import subprocess, sys, signal\n"
    "child = subprocess.Popen([sys.argv[1], '-c', sys.argv[2]], stdin=subprocess.PIPE)\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(child.terminate() or child.wait() and 7))\n"
    "print('on', flush=True)\n"
    "signal.pause()"
)
STAYS = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS


@pytest.fixture
def home(tmp_path):
    """Where an installation has its interpreter."""
    made = tmp_path / "bin"
    made.mkdir()
    (made / "python3").symlink_to(sys.executable)
    return made


@pytest.fixture
def start():
    started = []

    def begin(interpreter, *words):
        process = subprocess.Popen(
            [interpreter, "-c", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "on\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_programs_of_this_installation_end_and_no_others(home, start):
    ours, other = start(home / "python3", WAITS), start(sys.executable, WAITS)
    found = leaving.programs(home)
    assert [each.pid for each in found] == [ours.pid]
    leaving.end(found)
    assert ours.wait(60) == -signal.SIGTERM
    assert other.poll() is None


def test_the_one_that_started_the_others_ends_them_in_its_order(home, start):
    ours = start(home / "python3", STARTS_ANOTHER, home / "python3", WAITS)
    found = leaving.programs(home)
    assert len(found) == 2
    assert [each.pid for each in leaving.leaders(found)] == [ours.pid]
    leaving.end(found)
    assert ours.wait(60) == 7
    assert leaving.programs(home) == []


def test_one_that_does_not_end_is_killed(home, start):
    ours = start(home / "python3", STAYS)
    leaving.end(leaving.programs(home), patience=0)
    assert ours.wait(60) == -signal.SIGKILL


def test_a_program_that_nobody_reaped_is_gone(home, start):
    ours = start(home / "python3", WAITS)
    found = leaving.programs(home)
    ours.kill()
    os.waitid(os.P_PID, ours.pid, os.WEXITED | os.WNOWAIT)
    assert [each.lives() for each in found] == [False]
    leaving.end(found)
    assert leaving.programs(home) == []


@pytest.mark.parametrize("words", [[], ["--tell"]])
def test_the_interpreter_of_the_whole_host_ends_nothing(monkeypatch, words):
    """Whatever runs from the same directory would count as lotor's: all of /usr/bin."""
    looked = []
    monkeypatch.setattr(leaving, "programs", lambda home: looked.append(home) or [])
    monkeypatch.setattr(leaving, "end", looked.append)
    monkeypatch.setattr(leaving, "_recover", lambda: asyncio.sleep(0, result=0))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "argv", ["leaving", *words])
    with pytest.raises(SystemExit, match="nothing was ended"):
        leaving.main()
    assert looked == []


def test_a_name_is_what_a_person_typed(home):
    words = (str(home / "python3"), "-I", "/usr/bin/lotor", "connect", "vpn.example.net")
    assert leaving.Program(1, words, 0, -1).name == "lotor connect vpn.example.net"


def test_a_name_that_anybody_gave_a_program_of_his_says_nothing_to_a_terminal(home):
    words = (str(home / "python3"), "\x1b]0;x\a\nlotor: type this", "x" * 4000)
    name = leaving.Program(1, words, 0, -1).name
    assert name.isprintable()
    assert len(name) < 200


def test_one_that_cannot_be_killed_holds_nobody_up_for_ever(home, start, monkeypatch):
    start(home / "python3", WAITS)
    monkeypatch.setattr(leaving.Program, "lives", lambda _: True)
    waited: list[float] = []
    monkeypatch.setattr(leaving.time, "monotonic", lambda: sum(waited))
    monkeypatch.setattr(leaving.time, "sleep", waited.append)
    leaving.end(leaving.programs(home), patience=5)
    assert 5 + leaving.PATIENCE <= sum(waited) < 6 + leaving.PATIENCE


def test_a_service_is_known_by_its_unit(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda _: "0::/system.slice/lotor.service/daemon\n")
    assert leaving._served(1)
    monkeypatch.setattr(Path, "read_text", lambda _: "0::/user.slice/user-0.slice/session-3.scope\n")
    assert not leaving._served(1)


def test_a_host_that_was_left_closed_is_open_again(monkeypatch):
    host = RecordingHost([])
    host.shut = {"192.0.2.50", "2001:db8::50"}
    network = SimpleNamespace(clean=lambda: asyncio.sleep(0, result=0))
    monkeypatch.setattr("lotor.warden.warden.hold", lambda: SimpleNamespace(host=host, network=network))
    assert asyncio.run(leaving._recover()) == 2
    assert host.shut == set()


def test_a_host_that_stays_closed_keeps_no_package_installed(monkeypatch, capsys):
    async def stays(_):
        raise OSError(errno.EIO, "nftables keeps this host closed for 192.0.2.50")

    host, cleaned = RecordingHost([]), []
    host.shut = {"192.0.2.50"}
    monkeypatch.setattr(host, "open", stays)
    network = SimpleNamespace(clean=lambda: asyncio.sleep(0, result=len(cleaned.append(1) or cleaned)))
    monkeypatch.setattr("lotor.warden.warden.hold", lambda: SimpleNamespace(host=host, network=network))
    assert asyncio.run(leaving._recover()) == 1
    assert "the host was not opened: nftables keeps this host closed" in capsys.readouterr().err
