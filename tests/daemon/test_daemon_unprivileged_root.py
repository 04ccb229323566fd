"""What a daemon that a warden started gives up before anything else, as the kernel and its own trials tell it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from lotor.confinement import reach, sandbox, trials
from lotor.confinement.identity import Identity, unprivileged
from lotor.confinement.sandbox import Unconfined
from lotor.confinement.trials import Trial, refused
from lotor.warden.child import Child, End
from lotor.warden.spawning import Program

pytestmark = pytest.mark.root

PROGRAM = """
import contextlib, ctypes, json, os, resource, socket, sys, threading
from pathlib import Path
from lotor.confinement import sandbox, unprivileged
from lotor.privsep.frames import Frame, Kind, receive, send
from lotor.privsep.living import FAILED, READY, StartFailure, tell_failure
from lotor.confinement import hardening
from lotor.confinement.identity import Identity

told, identity, before, after, number = sys.argv[1:]
line = socket.socket(fileno=int(number))
found = {}
out = open(told, "w")  # a log file is opened before
try:
    status = open("/proc/self/status")
    exec(before)
    warden = unprivileged.tie(line)
    given_up = unprivileged.give_up(Identity.of(identity), warden, sandbox.Files())
    found.update(user=given_up.user, landlock=given_up.landlock, calls=given_up.calls, refused=given_up.refused)
except sandbox.Unconfined as why:
    tell_failure(line, StartFailure(str(why), "", 1))
    sys.exit(1)
with status:
    found["status"] = dict(each.split(":", 1) for each in status.read().splitlines())
found["dumpable"] = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
found["core"] = resource.getrlimit(resource.RLIMIT_CORE)
found["loaded"] = "wave" in sys.modules
exec(after)
json.dump(found, out)
out.close()
line.setblocking(True)
send(line, Frame(Kind.REQUEST, READY.number, 1))
receive(line)
line.recv(1)
"""
ME = unprivileged(None)


async def begun(words: tuple[str, ...]) -> Child:
    """Where it is ready, or has ended."""
    child = Child(Program(words), {})
    await asyncio.wait([child.ready, child.ended], return_when=asyncio.FIRST_COMPLETED)
    return child


class Ran:
    """A warden's child that ran the program to where it is ready, or to its end."""

    def __init__(self, directory: Path, identity: Identity = ME, before: str = "pass", after: str = "pass") -> None:
        self.told = directory / "told"
        file = directory / "daemon.py"
        file.write_text(PROGRAM)
        self.words = (sys.executable, "-P", str(file), str(self.told), identity.word, before, after)
        self.end: End | None = None
        asyncio.run(self._run())

    async def _run(self) -> None:
        child = await begun(self.words)
        if child.ready.done():
            child.end(0.0)
        self.end = await child.ended

    @property
    def found(self) -> dict:
        return json.loads(self.told.read_text())

    @property
    def failure(self) -> str:
        assert self.end is not None
        assert self.end.failure is not None
        return self.end.failure.text


def test_every_privilege_is_given_up_and_tried(tmp_path):
    found = Ran(tmp_path).found
    status = {name: value.split() for name, value in found["status"].items()}
    assert status["Uid"] == [str(ME.uid)] * 4
    assert status["Gid"] == [str(ME.gid)] * 4
    assert status["Groups"] == []
    assert {int(*status[each], base=16) for each in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    assert (found["dumpable"], found["core"]) == (0, [0, 0])
    assert (found["user"], found["calls"]) == (ME.user, "daemon")
    assert found["landlock"] >= 1
    assert set(found["refused"]) >= {
        "to become root",
        "to join the group of root",
        "to trace the warden",
        "to read the warden's memory",
        "to signal the warden",
        "to read /etc/shadow",
        "to open a raw socket",
        "to look into /",
        "to open a packet socket",
        "to make a file of code in memory",
    }
    assert len(found["refused"]) == len(set(found["refused"]))


def test_modules_are_loaded_later_wherever_the_program_lies(tmp_path):
    """In the home of root, too."""
    names = "import wave, xml.dom.minidom, lotor.cli.status, cryptography.hazmat.primitives.kdf.hkdf, _lsprof"
    found = Ran(tmp_path, after=names + "; found['later'] = wave.__file__").found
    assert not found["loaded"]
    assert found["later"].endswith("/wave.py")


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("os.setresuid = lambda *_: None", "keeps a user or a group"),
        ("os.setresgid = lambda *_: None", "keeps a user or a group"),
        (
            "os.setresuid = lambda *_: None; os.getresuid = lambda: [Identity.of(identity).uid]",
            "yet it was able to become root",
        ),
        ("sandbox.confine_files = lambda _: 6", "yet it was able to look into /"),
        ("sandbox._native.restrict_calls = lambda _: None", "yet it was able to make a file of code in memory"),
        ("os.getppid = lambda: 1", "the warden that started this process is gone"),
        ("hardening.capabilities.libc.prctl = lambda *_: -1", "would outlive its warden"),
        ("threading.Thread(target=threading.Event().wait, daemon=True).start()", "2 threads run already"),
    ],
)
def test_it_does_not_start_with_a_privilege_that_is_left(tmp_path, before, told):
    """Each step left out in its turn."""
    ran = Ran(tmp_path, before=before)
    assert told in ran.failure
    assert ran.end.code == 1


def test_a_warden_without_the_rights_to_start_it_is_told_what_it_needs(tmp_path):
    file = tmp_path / "warden.py"
    file.write_text(
        "import asyncio, sys\n"
        "from lotor.warden.child import Child\n"
        "from lotor.warden.spawning import Program\n"
        "async def main():\n"
        "    child = Child(Program(tuple(sys.argv[1:])), {})\n"
        "    print((await child.ended).failure.text)\n"
        "asyncio.run(main())\n"
    )
    words = Ran(tmp_path).words
    few = ["setpriv", "--bounding-set", "-all,+net_admin,+chown", sys.executable, "-P", str(file), *words]
    text = asyncio.run(printed(few))
    assert f"cannot become the user {ME.user}" in text
    assert "SETUID and SETGID, or start lotor with --single-process" in text


async def printed(words: list[str]) -> str:
    running = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    octets, _ = await running.communicate()
    return octets.decode()


@pytest.mark.parametrize("moment", ["before privileges fall", "after privileges fell", "when it serves"])
def test_it_dies_when_its_warden_is_killed(tmp_path, moment):
    """By the kernel's hand: this program never looks at the line again."""
    waits = "import time; Path('/proc/self/comm'); out.write(str(os.getpid())); out.flush(); time.sleep(600)"
    before, after = ("unprivileged.tie(line); " + waits, "") if moment == "before privileges fall" else ("", waits)
    program = (
        PROGRAM
        if moment != "when it serves"
        else PROGRAM.replace("exec(after)\n", "")
        .replace("receive(line)\n", "receive(line); exec(after)\n")
        .replace("out.close()\n", "")
    )
    (tmp_path / "daemon.py").write_text(program)
    told = tmp_path / "told"
    words = (sys.executable, "-P", str(tmp_path / "daemon.py"), str(told), ME.word, before, after)
    warden = tmp_path / "warden.py"
    warden.write_text(
        "import asyncio, sys\n"
        "from lotor.warden.child import Child\n"
        "from lotor.warden.spawning import Program\n"
        "async def main():\n"
        "    await Child(Program(tuple(sys.argv[1:])), {}).ended\n"
        "asyncio.run(main())\n"
    )

    async def story() -> int:
        running = await asyncio.create_subprocess_exec(sys.executable, "-P", str(warden), *words)
        async with asyncio.timeout(60):
            while not (text := told.read_text() if told.exists() else "").rpartition("}")[2]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        daemon = int(text.rpartition("}")[2])
        watched = os.pidfd_open(daemon)
        os.kill(running.pid, signal.SIGKILL)
        await running.wait()
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(watched, gone.set)
        async with asyncio.timeout(60):
            await gone.wait()
        asyncio.get_running_loop().remove_reader(watched)
        os.close(watched)
        return daemon

    assert asyncio.run(story()) > 1


def test_a_trial_that_fails_for_another_reason_counts_as_success():
    def busy():
        raise OSError(98, "address in use")

    with pytest.raises(Unconfined, match="able to listen"):
        refused([Trial("to listen", busy)])
    with pytest.raises(Unconfined, match="able to do nothing"):
        refused([Trial("to do nothing", lambda: None)])


def test_what_is_not_there_is_not_told():
    def missing():
        raise FileNotFoundError(2, "no such file")

    def denied():
        raise PermissionError(13, "no")

    assert refused([Trial("to read", missing), Trial("to write", denied)]) == ("to write",)


def test_a_low_port_is_tried_where_it_is_kept(monkeypatch, tmp_path):
    given = tmp_path / "start"
    monkeypatch.setattr(trials, "UNPRIVILEGED", given)
    assert any("port 1" in each.what for each in trials.of_rights(1))
    given.write_text("1024\n")
    assert any("port 1" in each.what for each in trials.of_rights(1))
    given.write_text("0\n")
    assert not any("port 1" in each.what for each in trials.of_rights(1))


def test_what_can_be_walked_to_keeps_its_name(tmp_path):
    before = list(sys.path)
    reached = reach.Reach([tmp_path, *sandbox.program_files()])
    reached.settle()  # root walks everywhere
    assert sys.path == before
    assert reached.to(tmp_path / "x") == tmp_path / "x"


REACHES = """
import resource, signal

def number(attempt):
    try:
        attempt()
    except OSError as error:
        return error.errno
    return 0

victim = {victim}
found["tried"] = dict(
    signal=number(lambda: os.kill(victim, 0)),
    kill=number(lambda: os.kill(victim, signal.SIGKILL)),
    handle=number(lambda: os.pidfd_open(victim)),
    memory=number(lambda: open(f"/proc/{{victim}}/mem", "rb")),
    environment=number(lambda: open(f"/proc/{{victim}}/environ", "rb")),
    descriptors=number(lambda: os.listdir(f"/proc/{{victim}}/fd")),
    limits=number(lambda: resource.prlimit(victim, resource.RLIMIT_NOFILE, (0, 0))),
    priority=number(lambda: os.setpriority(os.PRIO_PROCESS, victim, 19)),
    affinity=number(lambda: os.sched_setaffinity(victim, {{0}})),
)
{more}
"""


def test_two_processes_of_one_user_do_not_reach_each_other(tmp_path):
    """The daemon and the process of back ends have one user: neither looks into the other, or ends it."""

    async def story():
        places = [tmp_path / name for name in ("victim", "intruder", "tracer")]
        for each in places:
            each.mkdir()
        victim = await begun(words(places[0]))
        try:
            intruder = await begun(words(places[1], REACHES.format(victim=victim.pid, more="")))
            intruder.end(0.0)
            await intruder.ended
            trace = f"ctypes.CDLL(None).ptrace(0x4206, {victim.pid}, None, None)"
            tracer = await begun(words(places[2], REACHES.format(victim=victim.pid, more=trace)))
            traced = await tracer.ended
            return json.loads((places[1] / "told").read_text())["tried"], traced.code, victim.ended.done()
        finally:
            victim.end(0.0)
            await victim.ended

    tried, traced, over = asyncio.run(story())
    assert set(tried.values()) <= {errno.EPERM, errno.EACCES}, tried
    assert traced == -signal.SIGSYS
    assert not over


def words(directory: Path, after: str = "pass") -> tuple[str, ...]:
    file = directory / "daemon.py"
    file.write_text(PROGRAM)
    return (sys.executable, "-P", str(file), str(directory / "told"), ME.word, "pass", after)
