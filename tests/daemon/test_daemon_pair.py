"""The warden as a process: what becomes of a start that is stopped, that fails oddly, and of what daemons share."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from types import SimpleNamespace

import pytest

from far import until
from lotor.config.settings import LogForm, LogLevel
from lotor.control.listening import Address, Listener
from lotor.daemon import attended, first_steps, logs, serving
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.options import Said
from lotor.daemon.pair import giving, started
from lotor.privsep.codec import decode
from lotor.privsep.frames import Ended, Frame, Kind, pair, receive, send
from lotor.privsep.living import FAILED, GIVEN, Given, Lent, StartFailure, ask_given
from lotor.privsep.serving import Server
from lotor.runtime.present import Present
from lotor.warden import attendance as attendance_of_daemons
from lotor.warden.attendance import Attendance
from lotor.warden.orders import Orders
from lotor.warden.supervise import StartFailed


class Starts:
    """A supervisor whose daemon comes up when it is told to, or fails."""

    def __init__(self, failure=None):
        self.failure, self.ended, self.up = failure, False, asyncio.Event()

    async def start(self):
        if self.failure is not None:
            raise StartFailed(self.failure)
        try:
            await self.up.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # it waits for the process
            self.ended = True
            raise


def test_a_start_that_is_stopped_leaves_no_daemon():
    async def story():
        supervisor, stopped = Starts(), asyncio.Event()
        asyncio.get_running_loop().call_soon(stopped.set)
        return await started(supervisor, stopped), supervisor.ended

    assert asyncio.run(story()) == (False, True)


def test_a_start_that_is_not_stopped_serves():
    async def story():
        supervisor = Starts()
        asyncio.get_running_loop().call_soon(supervisor.up.set)
        return await started(supervisor, asyncio.Event())

    assert asyncio.run(story())


def test_a_daemon_hears_once_what_it_is_to_do_and_gets_copies(tmp_path):
    given = Given(
        "racoon.conf",
        "1:1:a:b",
        log=True,
        control=False,
        syslog=False,
        level="info",
        debug=False,
        form="text",
        json=False,
        capture="x",
    )
    opened = [os.open(tmp_path / str(each), os.O_CREAT | os.O_RDWR) for each in range(4)]
    lent = Lent(opened[0], None, (opened[1], opened[2], opened[3]))

    async def story():
        warden, daemon = pair()
        server = Server(warden, giving(given, lent), lambda _: None)
        told, came = await asyncio.to_thread(ask_given, daemon)
        with pytest.raises(Ended):
            await asyncio.to_thread(ask_given, daemon)
        server.close()
        warden.close()
        daemon.close()
        return told, came

    told, came = asyncio.run(story())
    assert told == given
    assert not {*came.all} & {*opened}
    assert [os.fstat(each).st_ino for each in came.all] == [os.fstat(each).st_ino for each in opened]
    assert not any(map(os.get_inheritable, came.all))
    for each in (*opened, *came.all):
        os.close(each)


@pytest.mark.parametrize("answers", [True, False])
def test_a_daemon_whose_warden_does_not_serve_ends_and_says_nothing(monkeypatch, caplog, answers):
    monkeypatch.setattr(first_steps, "tie", lambda _: 1)
    warden, theirs = pair()
    if answers:
        send(warden, Frame(Kind.REFUSED, GIVEN.number, 0))
    else:
        warden.shutdown(socket.SHUT_RDWR)
    with warden:
        assert attended.main(theirs.detach()) is Exit.FAILED
    assert not caplog.text


@pytest.mark.parametrize(("code", "expected"), [(7, Exit.BUSY), (200, Exit.FAILED), (255, Exit.FAILED)])
def test_an_exit_code_that_is_none_is_that_of_a_failure(code, expected):
    async def story():
        with pytest.raises(StartError, match="no way") as caught:
            await started(Starts(StartFailure("no way", "", code)), asyncio.Event())
        return caught.value.code

    assert asyncio.run(story()) is expected


@pytest.fixture
def address(tmp_path):
    return Address(tmp_path / "control", *map(str, (tmp_path.stat().st_uid, tmp_path.stat().st_gid)))


def reached(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(str(address.path))


def test_a_control_socket_that_a_daemon_shut_down_is_made_anew(address):
    """An owned daemon has the same socket: shut down once, nobody could listen at it again."""
    listener = Listener(address)
    with socket.socket(fileno=os.dup(listener.socket.fileno())) as theirs:
        assert not listener.mend()
        number = listener.socket.fileno()
        theirs.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ConnectionRefusedError):
            reached(address)
    assert listener.mend()
    assert listener.socket.fileno() == number
    reached(address)
    assert listener.socket.accept()
    assert not listener.mend()
    listener.close()
    assert not address.path.exists()


def test_a_caller_who_waits_at_the_control_socket_goes_on_waiting(address):
    listener = Listener(address)
    reached(address)
    assert not listener.mend()
    assert listener.socket.accept()
    listener.close()


def test_a_daemon_that_fails_oddly_says_what_and_no_text_of_it(monkeypatch, caplog):
    """Standard error leads nowhere in the background: its log says more."""

    def tie(line):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(first_steps, "tie", tie)
    warden, theirs = pair()
    with warden:
        send(warden, Frame(Kind.ANSWER, FAILED.number, 0))
        assert attended.main(theirs.detach()) is Exit.FAILED
        failure = decode(StartFailure, receive(warden).body)
    assert failure == StartFailure("internal error in the daemon: RuntimeError", "", Exit.FAILED)
    assert "internal error: RuntimeError at first_steps.py:" in caplog.text
    assert "secret" not in caplog.text


def test_the_log_follows_what_is_in_force_from_the_start_on():
    log = logging.getLogger("lotor")
    configurations = [
        SimpleNamespace(settings=SimpleNamespace(log=LogLevel(each), log_format=LogForm.TEXT))
        for each in ("error", "info")
    ]
    before, present = log.level, Present(configurations[0])
    try:
        logs.set_level("debug", debug=False)
        serving.log_as(present, Said())
        first = log.level
        present.replace(configurations[1])
        assert (first, log.level) == (logging.ERROR, logging.INFO)
    finally:
        log.setLevel(before)


def test_what_one_thing_cannot_give_back_keeps_no_other():
    """A device that is never given back is the end of all daemons to come."""
    gone = []

    class Thing:
        def __init__(self, name, fault=None):
            self.name, self.fault, self.orders = name, fault, Orders()

        async def let_go(self):
            gone.append(self.name)
            if self.fault is not None:
                raise self.fault

    attendance = Attendance.__new__(Attendance)
    attendance._opening = SimpleNamespace(let_go=lambda: gone.append("device"))
    attendance._accounts = None
    attendance._carrying = Thing("pairs", OSError(5, "secret detail"))
    attendance._hosting = Thing("host", OSError(5, "secret detail"))
    attendance._logins, attendance._leases = Thing("logins", RuntimeError("secret detail")), Thing("leases")
    attendance._warden, attendance._giving_back = Thing("routes"), set()
    asyncio.run(attendance.let_go())
    assert gone == ["device", "pairs", "host", "logins", "leases", "routes"]


@pytest.mark.parametrize("slow", ["logins", "leases"])
def test_logins_and_leases_that_take_too_long_hold_nobody_up(monkeypatch, caplog, slow):
    """Each of them alone: a back end that hangs keeps no address, and no next daemon."""
    monkeypatch.setattr(attendance_of_daemons, "PATIENCE", 0.01)

    async def story():
        gone, go = [], asyncio.Event()

        class Thing:
            def __init__(self, name):
                self.name, self.orders = name, Orders()

            async def let_go(self):
                if self.name == slow:
                    await go.wait()
                gone.append(self.name)

        attendance = Attendance.__new__(Attendance)
        attendance._opening = SimpleNamespace(let_go=lambda: gone.append("device"))
        attendance._accounts = None
        attendance._carrying, attendance._hosting, attendance._warden = map(Thing, ("pairs", "host", "routes"))
        attendance._logins, attendance._leases = Thing("logins"), Thing("leases")
        attendance._giving_back = set()
        await attendance.let_go()
        before = tuple(gone)
        go.set()
        await until(lambda: slow in gone)
        return before, gone[-1]

    other = "leases" if slow == "logins" else "logins"
    assert asyncio.run(story()) == (("device", "pairs", "host", other, "routes"), slow)
    assert "was not given back within 0.01 s: that goes on" in caplog.text
