"""A warden's care for a daemon: a toy program that starts, fails, hangs, dies and lies in every way."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lotor.privsep.living import ABOUT, About, StartFailure
from lotor.privsep.serving import answering
from lotor.warden import child as children
from lotor.warden import pulse, supervise
from lotor.warden.child import Child
from lotor.warden.spawning import Program, environment, interpreter
from lotor.warden.supervise import PAUSES, Care, StartFailed, Supervisor
from processes import alive

TOY = '''
import os, signal, socket, sys, time
from lotor.privsep.codec import encode
from lotor.privsep.frames import Frame, Kind, receive, send
from lotor.privsep.living import ABOUT, FAILED, LIVES, READY, StartFailure

*words, number = sys.argv[1:]
line = socket.socket(fileno=int(number))
line.setblocking(True)

def ask(verb, value=None, ticket=1):
    send(line, Frame(Kind.REQUEST, verb.number, ticket, encode(verb.request, value)))
    return receive(line)

def note(text):
    with open(words[1], "a") as file:
        file.write(text + "\\n")

def ready():
    assert ask(READY).kind is Kind.ANSWER
    note(f"ready {os.getpid()}")

def wait():
    line.recv(1)  # until the warden is gone
    note("alone")

def reads():
    """Hears that it is to read its configuration again."""
    signal.signal(signal.SIGHUP, lambda *_: note("hung up"))
    serve()

def serve():
    signal.signal(signal.SIGTERM, lambda *_: (note("asked to end"), os._exit(0)))
    ready()
    wait()

def beats():
    ready()
    while True:
        ask(LIVES)
        note("beat")
        time.sleep(0.01)

def fail():
    ask(FAILED, StartFailure("port 500 is \\x1b[2J taken", "stop it", 7))
    os._exit(7)

def silent():
    os._exit(3)

def hang():
    time.sleep(600)

def stubborn():
    signal.signal(signal.SIGTERM, lambda *_: note("asked to end"))
    ready()
    while True:
        time.sleep(600)

def once():
    """Serves at the first start, and dies at each further one before it is ready."""
    if os.path.exists(words[1]):
        os._exit(4)
    ready()
    os._exit(5)

def lie():
    ready()
    line.send(b"nonsense")
    time.sleep(600)

def turned():
    """Ends its line and lives on."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    line.shutdown(socket.SHUT_RDWR)
    time.sleep(600)

def twice():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ready()
    assert ask(READY, ticket=2).kind is Kind.ANSWER
    assert ask(FAILED, StartFailure("changed my mind", "", 9), ticket=3).kind is Kind.ANSWER
    note(f"about {ask(ABOUT, ticket=4).kind.name}")
    wait()

def looks():
    for each in sorted(os.listdir("/proc/self/fd"), key=int):
        with __import__("contextlib").suppress(OSError):
            note(f"{each} {os.readlink('/proc/self/fd/' + each)}")
    note(" ".join(sorted(os.environ)))
    note(f"session {os.getsid(0) == os.getpid()} safe {sys.flags.safe_path}")
    serve()

globals()[words[0]]()
'''
ABOUT_ME = About(1, "root", ("net_admin",), gains=False)


@dataclass
class Told:
    """What the toy and its warden wrote down, in one order."""

    file: Path
    gone: list[int] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []

    async def until(self, word: str, times: int = 1) -> None:
        async with asyncio.timeout(60):
            while sum(word in line for line in self.lines()) < times:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.01)


@pytest.fixture
def told(tmp_path) -> Told:
    return Told(tmp_path / "told")


@pytest.fixture
def toy(tmp_path, told):
    file = tmp_path / "toy.py"
    file.write_text(TOY)

    def program(word: str) -> Program:
        return Program((sys.executable, "-P", str(file), word, str(told.file)), quiet=False)

    return program


def supervisor(told: Told, program: Program, pause=None) -> Supervisor:
    async def about(_: None) -> About:
        return ABOUT_ME

    async def let_go() -> None:
        told.gone.append(len(told.lines()))

    async def at_once(seconds: float) -> None:
        told.pauses.append(seconds)

    return Supervisor(program, Care(lambda: dict([answering(about, ABOUT)]), let_go), pause or at_once)


def descriptors() -> list[str]:
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


def pids(told: Told) -> list[int]:
    return [int(line.split()[1]) for line in told.lines() if line.startswith("ready")]


def test_a_daemon_serves_and_is_asked_to_end(told, toy):
    async def story():
        keeper = supervisor(told, toy("serve"))
        await keeper.start()
        running = keeper.pid
        await told.until("ready")
        await keeper.stop()
        return running, keeper.pid

    running, after = asyncio.run(story())
    assert told.lines() == [f"ready {running}", "asked to end"]
    assert after is None
    assert not Path(f"/proc/{running}").exists()  # reaped too
    assert told.gone == [2]
    assert told.pauses == []


def test_a_daemon_that_cannot_start_says_why(told, toy):
    async def story():
        with pytest.raises(StartFailed) as refused:
            await supervisor(told, toy("fail")).start()
        return refused.value

    why = asyncio.run(story())
    assert (why.text, why.fix, why.code) == ("port 500 is ?[2J taken", "stop it", 7)
    assert told.gone == [0]


def test_a_daemon_that_dies_before_it_is_ready_is_a_start_that_failed(told, toy):
    async def story():
        with pytest.raises(StartFailed, match=r"before it was ready \(.*exit code 3\)") as refused:
            await supervisor(told, toy("silent")).start()
        return refused.value.code

    assert asyncio.run(story()) == 1
    assert told.gone == [0]


def test_a_daemon_that_hangs_before_it_is_ready_is_ended(told, toy, monkeypatch):
    monkeypatch.setattr(supervise, "LONGEST_START", 0.2)

    async def story():
        with pytest.raises(StartFailed, match="killed by SIGTERM"):
            await supervisor(told, toy("hang")).start()

    asyncio.run(story())
    assert told.gone == [0]


def test_a_start_that_is_no_longer_wanted_leaves_no_process(told, toy):
    async def story():
        keeper = supervisor(told, toy("hang"))
        starting = asyncio.ensure_future(keeper.start())
        await asyncio.sleep(0)
        running = keeper.pid
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        return running

    assert not Path(f"/proc/{asyncio.run(story())}").exists()
    assert told.gone == [0]


def test_a_program_that_is_not_there_is_a_start_that_failed(told):
    async def story():
        before = descriptors()
        with pytest.raises(StartFailed, match="no process starts: No such file"):
            await supervisor(told, Program(("/nonexistent/python",))).start()
        return before == descriptors()

    assert asyncio.run(story())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSYS, signal.SIGTERM])
def test_a_daemon_that_is_killed_is_started_again_after_all_is_given_back(told, toy, number):
    async def story():
        keeper = supervisor(told, toy("serve"))
        await keeper.start()
        await told.until("ready")
        os.kill(keeper.pid, number)
        await told.until("ready", 2)
        given_back = list(told.gone)
        await keeper.stop()
        return given_back

    given_back = asyncio.run(story())
    first, second = pids(told)
    assert first != second
    assert given_back == [2 if number == signal.SIGTERM else 1]  # before the second was ready
    assert len(told.gone) == 2
    assert told.pauses == [0.0]


def test_one_that_dies_again_and_again_is_started_ever_more_slowly(told, toy, caplog):
    async def story():
        enough = asyncio.Event()

        async def pause(seconds: float) -> None:
            told.pauses.append(seconds)
            if len(told.pauses) == len(PAUSES) + 2:
                enough.set()
                await asyncio.sleep(600)

        keeper = supervisor(told, toy("once"), pause)
        await keeper.start()
        await enough.wait()
        await keeper.stop()

    asyncio.run(story())
    assert told.pauses == [*PAUSES, PAUSES[-1], PAUSES[-1]]
    assert len(told.gone) == len(told.pauses)
    assert "ended unexpectedly (the daemon is gone; exit code 5): it is started again at once" in caplog.text
    assert "exit code 4); its log says more): it is tried again in 10 s" in caplog.text


def test_one_that_stands_still_is_ended_and_started_again(told, toy, monkeypatch, caplog):
    """It lives, and its line is open: nothing but its silence tells."""
    monkeypatch.setattr(pulse, "EVERY", 0.01)

    async def story():
        keeper = supervisor(told, toy("beats"))
        await keeper.start()
        await told.until("beat", 20)
        still, answered = keeper.pid, keeper.answers
        os.kill(still, signal.SIGSTOP)
        monkeypatch.setattr(pulse, "LONGEST_SILENCE", 0.1)
        while keeper.pid == still:  # noqa: ASYNC110 - the supervisor has nobody to tell
            await asyncio.sleep(0.01)
        monkeypatch.setattr(pulse, "LONGEST_SILENCE", 3600.0)
        await told.until("ready", 2)
        await keeper.stop()
        return answered, alive(still)

    assert asyncio.run(story()) == (True, False)
    assert told.pauses == [0.0]
    assert len(told.gone) == 2
    assert "daemon-silent: the daemon showed no sign of life for 0 s" in caplog.text
    assert "(the daemon showed no sign of life for 0 s; killed by SIGKILL): it is started again" in caplog.text


def test_one_that_nobody_wants_again_stays_ended(told, toy):
    ends = []

    async def story():
        async def let_go() -> None:
            told.gone.append(len(ends))

        over = asyncio.Event()

        def again(end) -> bool:
            ends.append(end.text)
            over.set()
            return False

        keeper = Supervisor(toy("serve"), Care(dict, let_go, again))
        await keeper.start()
        await told.until("ready")
        os.kill(keeper.pid, signal.SIGKILL)
        await over.wait()
        await keeper.stop()
        return keeper.pid

    assert asyncio.run(story()) is None
    assert ends == ["the daemon is gone; killed by SIGKILL"]
    assert told.gone == [0]  # before anybody was asked
    assert len(pids(told)) == 1


def test_one_that_served_for_a_while_is_started_at_once(told, toy, monkeypatch):
    monkeypatch.setattr(supervise, "STEADY", 0.0)

    async def story():
        keeper = supervisor(told, toy("serve"))
        await keeper.start()
        for count in range(1, 4):
            await told.until("ready", count)
            os.kill(keeper.pid, signal.SIGKILL)
        await told.until("ready", 4)
        await keeper.stop()

    asyncio.run(story())
    assert told.pauses == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("word", ["lie", "turned"])
def test_one_that_breaks_a_rule_or_ends_its_line_is_ended_and_started_again(told, toy, word, caplog):
    """Whether or not it listens to a request to end."""

    async def story():
        keeper = supervisor(told, toy(word))
        await keeper.start()
        first = keeper.pid
        await told.until("ready", 2)
        gone = not alive(first)
        await keeper.stop()
        return gone

    assert asyncio.run(story())
    assert ("breaks the rules" if word == "lie" else "killed by SIGKILL") in caplog.text


def test_one_that_does_not_end_when_it_is_asked_is_killed(told, toy, monkeypatch):
    monkeypatch.setattr(supervise, "PATIENCE", 1.0)

    async def story():
        keeper = supervisor(told, toy("stubborn"))
        await keeper.start()
        await told.until("ready")
        running = keeper.pid
        await keeper.stop()
        return running

    running = asyncio.run(story())
    assert told.lines() == [f"ready {running}", "asked to end"]
    assert not Path(f"/proc/{running}").exists()


def test_what_is_said_again_or_too_late_counts_for_nothing(told, toy):
    async def story():
        keeper = supervisor(told, toy("twice"))
        await keeper.start()
        await told.until("about")
        await keeper.stop()

    asyncio.run(story())
    assert "about ANSWER" in told.lines()
    assert told.gone == [2]


def test_what_cannot_be_given_back_is_told_and_the_daemon_starts_again(told, toy, caplog):
    async def story():
        async def let_go() -> None:
            raise RuntimeError("secret detail")

        async def at_once(_: float) -> None:
            pass

        keeper = Supervisor(toy("serve"), Care(dict, let_go), at_once)
        await keeper.start()
        await told.until("ready")
        os.kill(keeper.pid, signal.SIGKILL)
        await told.until("ready", 2)
        await keeper.stop()

    asyncio.run(story())
    assert "what the daemon held was not given back: RuntimeError" in caplog.text
    assert "secret detail" not in caplog.text


FAULTS = [
    (
        OSError(13, "cannot make the control socket /run/c: Permission denied"),
        "the warden is not ready for a daemon: cannot make the control socket /run/c: Permission denied",
    ),
    (RuntimeError("secret detail"), "the warden is not ready for a daemon: internal error: RuntimeError"),
]


@pytest.mark.parametrize(("fault", "text"), FAULTS)
def test_a_warden_that_is_not_ready_for_the_next_daemon_says_so_and_tries_again(told, toy, caplog, fault, text):
    faults = [None, fault, fault, None]

    def begin():
        if (now := faults.pop(0)) is not None:
            raise now
        return {}

    async def story():
        async def let_go() -> None:
            told.gone.append(len(told.lines()))

        async def pause(seconds: float) -> None:
            told.pauses.append(seconds)

        keeper = Supervisor(toy("serve"), Care(begin, let_go), pause)
        await keeper.start()
        await told.until("ready")
        os.kill(keeper.pid, signal.SIGKILL)
        await told.until("ready", 2)
        await keeper.stop()

    asyncio.run(story())
    assert told.pauses == list(PAUSES[:3])
    assert caplog.text.count(f"the daemon did not start ({text})") == 2
    assert "secret detail" not in caplog.text


def test_a_first_start_that_the_warden_is_not_ready_for_is_refused_with_its_reason(told, toy):
    def begin():
        raise FAULTS[0][0]

    async def let_go() -> None:
        told.gone.append(0)

    async def story():
        with pytest.raises(StartFailed) as failed:
            await Supervisor(toy("serve"), Care(begin, let_go)).start()
        return failed.value.text

    assert asyncio.run(story()) == FAULTS[0][1]


def test_a_reload_that_is_asked_for_between_two_daemons_is_not_lost(told, toy):
    async def story():
        keeper = None

        async def pause(_: float) -> None:
            keeper.hang_up()

        keeper = supervisor(told, toy("reads"), pause)
        starts = asyncio.ensure_future(keeper.start())
        await asyncio.sleep(0)
        keeper.hang_up()  # the signal itself would end a process that does not serve yet
        await starts
        await told.until("hung up")
        os.kill(keeper.pid, signal.SIGKILL)
        await told.until("hung up", 2)
        await told.until("ready", 2)  # which it writes after the warden knows, and perhaps after the signal
        await keeper.stop()

    asyncio.run(story())
    assert len(pids(told)) == 2


def test_stopping_while_the_next_start_waits_starts_none(told, toy):
    async def story():
        waits = asyncio.Event()

        async def pause(_: float) -> None:
            waits.set()
            await asyncio.sleep(600)

        keeper = supervisor(told, toy("serve"), pause)
        await keeper.start()
        await told.until("ready")
        os.kill(keeper.pid, signal.SIGKILL)
        await waits.wait()
        await keeper.stop()

    asyncio.run(story())
    assert len(pids(told)) == 1
    assert told.gone == [1]


def test_a_daemon_inherits_its_end_of_the_line_and_nothing_else(told, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    kept = os.open(tmp_path / "kept", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)

    async def story():
        keeper = supervisor(told, toy("looks"))
        await keeper.start()
        await told.until("ready")
        await keeper.stop()

    asyncio.run(story())
    os.close(kept)
    found = "\n".join(told.lines())
    assert f"{tmp_path}/kept" not in found
    assert found.count("socket:") == 1  # its end of the line
    assert "0 /dev/null" in found
    assert "CREDENTIALS_DIRECTORY" not in found
    assert "session True safe True" in found


def test_a_daemon_dies_with_its_line_when_the_warden_is_killed(told, toy, tmp_path):
    """By the end of the line alone: the toy asks the kernel for nothing."""
    warden = tmp_path / "warden.py"
    warden.write_text(
        "import asyncio, os, signal, sys\n"
        "from lotor.warden.spawning import Program\n"
        "from lotor.warden.supervise import Care, Supervisor\n"
        "async def let_go(): pass\n"
        "async def main():\n"
        "    await Supervisor(Program(tuple(sys.argv[1:])), Care(dict, let_go)).start()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )

    async def story():
        running = await asyncio.create_subprocess_exec(sys.executable, "-P", str(warden), *toy("serve").words)
        code = await running.wait()
        await told.until("alone")
        return code

    assert asyncio.run(story()) == -signal.SIGKILL


def test_the_interpreter_is_started_as_this_one_was():
    words = interpreter("lotor.daemon.second", "one")
    assert (words[0], words[-3:]) == (sys.executable, ("-m", "lotor.daemon.second", "one"))
    assert "-P" in words
    assert ("-B" in words) == bool(sys.flags.dont_write_bytecode)
    assert words.count("-O") == sys.flags.optimize


def test_of_the_environment_goes_on_what_an_interpreter_needs():
    needed = {"PYTHONPATH": "a", "LC_ALL": "C", "LANG": "C", "TZ": "UTC"}
    whole = {**needed, "NOTIFY_SOCKET": "x", "SECRET": "y", "HOME": "z"}
    assert environment(whole) == needed


def test_no_failure_has_the_exit_code_of_success():
    for code in (0, -1, 256):
        with pytest.raises(ValueError, match="no exit code"):
            StartFailure("text", "", code)


def test_a_process_that_cannot_be_watched_is_not_left(told, toy, monkeypatch):
    seen = []

    def refused(pid: int) -> int:
        seen.append(pid)
        raise OSError(38, "not implemented")

    monkeypatch.setattr(children.os, "pidfd_open", refused)

    async def story():
        with pytest.raises(OSError, match="not implemented"):
            Child(toy("hang"), {})

    asyncio.run(story())
    (pid,) = seen
    assert not Path(f"/proc/{pid}").exists()


def test_a_process_that_was_started_ahead_is_the_first_daemon(told, toy):
    program = toy("serve")
    program.begin()

    async def story():
        keeper = supervisor(told, program)
        await keeper.start()
        first = keeper.pid
        await told.until("ready")
        os.kill(first, signal.SIGKILL)
        await told.until("ready", times=2)
        await keeper.stop()
        return first

    first = asyncio.run(story())
    assert pids(told)[0] == first
    assert len(set(pids(told))) == 2


def test_a_process_that_was_started_ahead_for_nothing_is_gone(told, toy):
    before = descriptors()
    program = toy("hang")
    program.begin()
    (pid,) = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[-1:]
    program.close()
    assert not Path(f"/proc/{pid}").exists()
    assert descriptors() == before


def test_a_process_that_cannot_be_started_ahead_is_a_start_that_fails_in_its_time(told):
    program = Program(("/nonexistent/python",))
    program.begin()
    with pytest.raises(FileNotFoundError):
        program.take()
