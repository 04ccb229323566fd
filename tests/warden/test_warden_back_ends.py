"""A warden and the process of its back ends, with a toy engine: started, asked, reloaded, killed, hung."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lotor.config.back_ends import back_ends_of
from lotor.config.settings import Accounting, GroupSource
from lotor.model.back_end import BackEnd
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, EapPacket, LoginAttempt, Proved
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.ports.accounting import Record, Status
from lotor.privsep.backing import LONGEST_RECORD
from lotor.privsep.living import Given
from lotor.warden import far_back_ends, pulse
from lotor.warden.back_ends import BackEndLogins, BackEndsAtNeed
from lotor.warden.far_back_ends import FarBackEnds, Start
from lotor.warden.spawning import Program
from paired import asking, gateway, settings
from ports.test_ports_accounting import ALICE
from processes import alive

TOY = '''
"""The real process with toy engines, and without the steps that need root. The password of everybody is the secret of
the first server."""
import asyncio, os, socket, sys

from lotor.backends.engines import Engines
from lotor.confinement.unprivileged import GivenUp
from lotor.daemon.back_end_process import answer
from lotor.daemon.first_steps import Told
from lotor.model.back_end import BackEnd
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, Proved, Refused
from lotor.model.prompt import Field
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret
from lotor.privsep.living import StartFailure, ask_given, tell_failure

told, number = sys.argv[1:]


def note(text):
    with open(told, "a") as file:
        file.write(text + "\\n")


class Toy:
    def __init__(self, secret):
        self.secret, self.count = secret, 0

    async def judge(self, attempt):
        word = attempt.answer(Field.PASSWORD).reveal()
        if attempt.shown is not None:
            number = attempt.shown.octets[1]
            if not attempt.conversation:
                return Challenge("", (), b"packet %d" % number, bytes((1, number + 1, 0, 5, 21)))
            keys = Proved(Secret(bytes(range(64))), packet=bytes((3, number, 0, 4)))
            return Accepted(attempt.user, Grants(message=attempt.conversation.decode()), keys)
        if attempt.conversation:
            note(f"{attempt.conversation.decode()} for {self.secret.decode()}")
            return Accepted(attempt.user, Grants(message=self.secret.decode()))
        if word == b"wait":
            note("holds it")
            try:
                await asyncio.sleep(600)
            finally:
                note("gives up")
        if word == b"code":
            self.count += 1
            return Challenge("code?", (Field.PASSCODE,), b"round %d" % self.count)
        if word == b"break":
            raise RuntimeError(self.secret)
        if word == b"whole":
            return Accepted(attempt.user, Grants(message=f"{attempt.source} {attempt.gateway} {attempt.known}"))
        if word != self.secret:
            return Refused(WrongPassword(attempt.user))
        return Accepted(attempt.user, Grants(groups=frozenset({"staff"})))

    async def abandon(self, conversation):
        note(f"abandoned {conversation.decode()}")


class Books:
    async def take(self, record):
        if record.account is None:
            raise OSError(5, "the server does not answer")
        note(f"record {record.account.user}")


class Directory:
    async def of(self, user):
        return frozenset({f"friends of {user}"})


def make(settings):
    secret = settings.radius.auth[0].secret.reveal()
    if secret == b"broken":
        raise ModuleNotFoundError("No module named 'sesame'")
    if secret == b"impossible":
        raise OSError(2, "the toy takes no such secret")
    note(f"made {secret.decode()}")
    return Engines({BackEnd.RADIUS: Toy(secret)}, Books(), Directory())


line = socket.socket(fileno=int(number))
given, lent = ask_given(line)
note(f"began {os.getpid()} {given.level} {' '.join(sys.argv[1:])}")
try:
    asyncio.run(answer(Told(line, os.getppid(), given, lent), GivenUp("toy", "toys", 0, "", ()), make))
except Exception as error:
    tell_failure(line, StartFailure(str(error), "", 1))
    sys.exit(1)
'''
THERE = Peer(IPv4Address("192.0.2.9"), 500)
PATIENCE = 60
NOTHING = (False, False, False)
"""No log, no control socket, no syslog."""


def plain():
    """Settings of a gateway that asks nobody."""
    return settings(gateway() + "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }")


def attempt(password: str = "", user: str = "alice", conversation: bytes = b"") -> LoginAttempt:
    return LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), THERE, conversation)


class House:
    """A warden's end, with what the toys noted."""

    def __init__(self, directory: Path) -> None:
        toy = directory / "toy.py"
        toy.write_text(TOY)
        self.told = directory / "told"
        self.pauses: list[float] = []
        self.may_start = asyncio.Event()
        self.may_start.set()
        program = Program((sys.executable, "-P", str(toy), str(self.told)))
        self.back_ends = FarBackEnds(Start(program, self._given, pause=self._pause))
        self.logins = BackEndLogins(self.back_ends, BackEnd.RADIUS)

    def _given(self, wanted):
        return Given(
            "", "0:0:toy:toys", *NOTHING, wanted.level, debug=False, form="text", json=False, capture=None, asked=True
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.may_start.wait()

    async def login(self, *words, **more):
        return await self.logins.judge(attempt(*words, **more))

    def lines(self) -> list[str]:
        return self.told.read_text().splitlines() if self.told.exists() else []

    @property
    def pid(self) -> int:
        return self.back_ends.serving().confined.pid

    def visible(self) -> list[bytes]:
        return [Path(f"/proc/{self.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]

    async def until(self, word: str, times: int = 1) -> None:
        while sum(word in line for line in self.lines()) < times:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)

    async def up(self, former: int) -> None:
        """Another process serves than `former`, which is there for a moment after its end."""
        while (now := self.back_ends.serving()) is None or now.confined is None or now.confined.pid == former:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)


@pytest.fixture
def play(tmp_path):
    def run(story):
        async def whole():
            house = House(tmp_path)
            try:
                async with asyncio.timeout(PATIENCE):
                    return await story(house)
            finally:
                await house.back_ends.stop()

        return asyncio.run(whole())

    return run


def test_a_process_gets_its_settings_over_the_line_and_judges(play):
    async def story(house):
        await house.back_ends.use(asking("sesame"))
        serving = house.back_ends.serving()
        right, wrong, broken = await asyncio.gather(*map(house.login, ("sesame", "guess", "break")))
        visible = house.visible()
        return serving, right, wrong, broken, visible, house.lines()

    serving, right, wrong, broken, visible, lines = play(story)
    assert (serving.serves, serving.restarts, serving.confined.user) == (("logins by RADIUS",), 0, "toy")
    assert right == Accepted("alice", right.grants)
    assert right.grants.groups == {"staff"}
    assert (wrong.judged, broken.judged) == (True, False)
    assert "refused to judge a login" in broken.reason.text
    assert not any(b"sesame" in each for each in visible)
    assert lines[1:] == ["made sesame"]


def test_all_of_an_attempt_comes_to_the_engine(play):
    """Called-Station-Id is the gateway's address, for one."""
    asked = replace(attempt("whole"), known=True, gateway=IPv4Address("198.51.100.1"))

    async def story(house):
        await house.back_ends.use(asking("sesame"))
        return await house.logins.judge(asked)

    assert play(story).grants.message == f"{THERE} 198.51.100.1 True"


def test_a_conversation_goes_on_and_its_name_is_the_wardens_own(play):
    async def story(house):
        await house.back_ends.use(asking("sesame"))
        first, second = [await house.login("code") for _ in range(2)]
        done = await house.login("", conversation=second.conversation)
        again = await house.login("", conversation=second.conversation)
        await house.logins.abandon(first.conversation)
        await house.logins.abandon(b"round 2")  # nobody's
        await house.until("abandoned")
        return first, second, done, again, house.lines()

    first, second, done, again, lines = play(story)
    assert isinstance(first, Challenge)
    assert first.conversation != second.conversation
    assert b"round" not in first.conversation
    assert isinstance(done, Accepted)
    assert not again.judged
    assert "has ended" in again.reason.text
    assert lines[2:] == ["round 2 for sesame", "abandoned round 1"]


def test_packets_of_eap_cross_with_the_keys_that_come_of_them(play):
    def shown(packet: bytes, conversation: bytes = b"") -> LoginAttempt:
        return LoginAttempt("alice", (), THERE, conversation, shown=EapPacket(packet))

    async def story(house):
        await house.back_ends.use(asking("sesame"))
        first = await house.logins.judge(shown(b"\x02\x07\x00\x0a\x01alice"))
        done = await house.logins.judge(shown(b"\x02\x08\x00\x06\x15\x00", first.conversation))
        return first, done, await house.logins.judge(shown(b"\x02\x08\x00\x06\x15\x00", first.conversation))

    first, done, again = play(story)
    assert first == Challenge("", (), first.conversation, b"\x01\x08\x00\x05\x15")
    assert b"packet" not in first.conversation
    proved = Proved(Secret(bytes(range(64))), packet=b"\x03\x08\x00\x04")
    assert done == Accepted("alice", Grants(message="packet 7"), proved)
    assert not again.judged


def test_a_process_that_is_killed_refuses_at_once_and_the_next_one_judges(play, caplog):
    """Nothing was said against the password: it counts as no guess."""

    async def story(house):
        await house.back_ends.use(asking("sesame"))
        opened = await house.login("code")
        waits = asyncio.create_task(house.login("wait"))
        await house.until("holds it")
        killed = house.pid
        house.may_start.clear()
        os.kill(killed, signal.SIGKILL)
        lost, between = await waits, await house.login("sesame")
        house.may_start.set()
        await house.up(killed)
        after = await house.login("sesame")
        gone = await house.login("", conversation=opened.conversation)
        return lost, between, after, gone, killed != house.pid, house.pauses, house.back_ends.serving().restarts

    lost, between, after, gone, another, pauses, restarts = play(story)
    assert [each.judged for each in (lost, between, gone)] == [False] * 3
    assert "is not up now: it is started again" in lost.reason.text
    assert "is not up now: it is started again" in between.reason.text
    assert isinstance(after, Accepted)
    assert another
    assert (pauses, restarts) == ([0.0], 1)
    assert "the process of back ends ended unexpectedly (" in caplog.text


def test_a_process_that_hangs_is_ended_and_its_logins_are_refused(play, monkeypatch, caplog):
    monkeypatch.setattr(pulse, "EVERY", 0.01)
    monkeypatch.setattr(far_back_ends, "ROLE", replace(far_back_ends.ROLE, silence=0.3))

    async def story(house):
        await house.back_ends.use(asking("sesame"))
        waits = asyncio.create_task(house.login("wait"))
        await house.until("holds it")
        os.kill(house.pid, signal.SIGSTOP)
        return await waits

    assert not play(story).judged
    assert "back-ends-silent: the process of back ends showed no sign of life for" in caplog.text


def test_a_reload_gives_new_settings_and_conversations_go_on_with_the_old_ones(play):
    async def story(house):
        await house.back_ends.use(asking("sesame"))
        before = house.pid
        opened = await house.login("code")
        await house.back_ends.use(asking("open"))
        old, new = await house.login("sesame"), await house.login("open")
        done = await house.login("", conversation=opened.conversation)
        return before == house.pid, old, new, done, house.lines()

    same, old, new, done, lines = play(story)
    assert same
    assert (old.judged, type(new)) == (True, Accepted)
    assert done.grants.message == "sesame"
    assert lines[1:] == ["made sesame", "made open", "round 1 for sesame"]


def test_a_reload_while_a_process_starts_is_in_force_when_it_is_up(play):
    async def story(house):
        await house.back_ends.use(asking("sesame"))
        killed = house.pid
        os.kill(killed, signal.SIGKILL)
        while not house.back_ends.serving().restarts:  # noqa: ASYNC110 - nobody is told that the next one begins
            await asyncio.sleep(0)
        assert house.back_ends.serving().confined is None
        await house.back_ends.use(asking("open"))
        await house.up(killed)
        return await house.login("open")

    assert isinstance(play(story), Accepted)


def test_settings_that_no_engine_takes_change_nothing(play):
    async def story(house):
        with pytest.raises(OSError, match="the toy takes no such secret"):
            await house.back_ends.use(asking("impossible"))
        with pytest.raises(OSError, match="internal error: ModuleNotFoundError"):
            await house.back_ends.use(asking("broken"))
        never = house.back_ends.serving()
        await house.back_ends.use(asking("sesame"))
        with pytest.raises(OSError, match="the toy takes no such secret"):
            await house.back_ends.use(asking("impossible"))
        still = await house.login("sesame")
        os.kill(house.pid, signal.SIGKILL)
        await house.until("made sesame", 2)
        return never, still

    never, still = play(story)
    assert never is None
    assert isinstance(still, Accepted)


def test_a_reload_that_needs_no_back_end_ends_the_process_and_one_that_does_starts_it(play):
    async def story(house):
        await house.back_ends.use(plain())
        none = (house.back_ends.serving(), await house.login("sesame"), house.lines())
        await house.back_ends.use(asking("sesame"))
        first = house.pid
        await house.back_ends.use(plain())
        ended = (house.back_ends.serving(), await house.login("sesame"), alive(first))
        await house.back_ends.use(asking("sesame"))
        return none, ended, await house.login("sesame")

    none, ended, after = play(story)
    assert (none[0], none[1].judged, none[2]) == (None, False, [])
    assert (ended[0], ended[1].judged, ended[2]) == (None, False, False)
    assert isinstance(after, Accepted)


GOOD = Record(Status.START, 1764415800.0, ALICE)


def test_records_and_groups_cross_and_faults_do(play):
    async def story(house):
        ports = house.back_ends
        with pytest.raises(OSError, match="is not up now"):
            await ports.account(GOOD)
        await ports.use(asking("sesame"))
        await ports.account(GOOD)
        with pytest.raises(OSError, match="the server does not answer"):
            await ports.account(Record(Status.ON, 1.0))
        with pytest.raises(ValueError, match="keep account takes"):
            await ports.account(replace(GOOD, account=replace(ALICE, user="x" * LONGEST_RECORD)))
        return await ports.groups("alice"), house.lines()

    groups, lines = play(story)
    assert groups == {"friends of alice"}
    assert lines[-1] == "record alice"


def test_one_that_dies_again_and_again_is_started_ever_more_slowly(play):
    async def story(house):
        await house.back_ends.use(asking("sesame"))
        for count in range(2):
            killed = house.pid
            os.kill(killed, signal.SIGKILL)
            await house.until("made", count + 2)
            await house.up(killed)
        return house.pauses

    assert play(story) == [0.0, 1.0]


def test_a_login_that_nobody_waits_for_is_withdrawn(play):
    async def story(house):
        await house.back_ends.use(asking("sesame"))
        waits = asyncio.create_task(house.login("wait"))
        await house.until("holds it")
        waits.cancel()
        await asyncio.wait({waits})
        await house.until("gives up")
        return await house.login("sesame")

    assert isinstance(play(story), Accepted)


def test_what_a_configuration_wants_of_back_ends():
    """A client asks nobody, whatever stands in its file."""
    asked = asking("sesame")
    assert back_ends_of(plain()) is None
    wanted = back_ends_of(asked)
    assert wanted.serves == ("logins by RADIUS",)
    assert wanted.ldap is None
    kept = replace(plain().mode_cfg, accounting=Accounting.RADIUS, group_source=GroupSource.LDAP)
    both = back_ends_of(replace(asked, mode_cfg=kept))
    assert both.serves == ("groups by LDAP", "accounts by RADIUS")
    assert back_ends_of(replace(asked, remotes=())) is None


def test_a_configuration_that_asks_nobody_loads_and_starts_nothing(tmp_path):
    made = []

    def make():
        made.append(House(tmp_path))
        return made[0].back_ends

    async def story():
        at_need = BackEndsAtNeed(make)
        await at_need.use(plain())
        before = (len(made), at_need.serving(), await at_need.judge(BackEnd.RADIUS, attempt("sesame")))
        await at_need.use(asking("sesame"))
        after = await at_need.judge(BackEnd.RADIUS, attempt("sesame"))
        await at_need.stop()
        return before, after, at_need.serving()

    (count, serving, refused), accepted, stopped = asyncio.run(story())
    assert (count, serving, refused.judged) == (0, None, False)
    assert isinstance(accepted, Accepted)
    assert stopped is None
