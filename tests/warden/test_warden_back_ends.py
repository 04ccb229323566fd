"""A warden and the process of its back ends, with a toy engine: started, asked, reloaded, killed, hung."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from lotor import config
from lotor.config.settings import AuthSource, Radius, RadiusServer
from lotor.model.back_end import BackEnd
from lotor.model.login import Accepted, LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.privsep.living import Given
from lotor.warden.back_ends import BackEndLogins
from lotor.warden.far_back_ends import FarBackEnds, Start
from lotor.warden.spawning import Program

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
from lotor.model.login import Accepted, Challenge, Refused
from lotor.model.prompt import Field
from lotor.model.reasons.logins import WrongPassword
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
        if attempt.conversation:
            note(f"{attempt.conversation.decode()} for {self.secret.decode()}")
            return Accepted(attempt.user, Grants(message=self.secret.decode()))
        if word == b"wait":
            note("waits")
            await asyncio.sleep(600)
        if word == b"code":
            self.count += 1
            return Challenge("code?", (Field.PASSCODE,), b"round %d" % self.count)
        if word == b"break":
            raise RuntimeError(self.secret)
        if word != self.secret:
            return Refused(WrongPassword(attempt.user))
        return Accepted(attempt.user, Grants(groups=frozenset({"staff"})))

    async def abandon(self, conversation):
        note(f"abandoned {conversation.decode()}")


class Books:
    async def take(self, record):
        if record == b"bad":
            raise OSError(5, "the server does not answer")
        note(f"record {record.decode()}")


class Directory:
    async def of(self, user):
        return frozenset({f"friends of {user}"})


def make(settings):
    secret = settings.radius.auth[0].secret.reveal()
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
GATEWAY = """
remote anonymous {
    exchange_mode main; certificate_type x509 "gw.crt" "gw.key";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }
"""
THERE = Peer(IPv4Address("192.0.2.9"), 500)
PATIENCE = 60
NOTHING = (False, False, False)
"""No log, no control socket, no syslog."""


def settings(secret: str | None):
    """Of a gateway whose logins go to a server with this secret; None: to the host."""
    plain = config.loads(GATEWAY).settings
    if secret is None:
        return plain
    servers = (RadiusServer("127.0.0.1", 1812, Secret(secret)),)
    return replace(
        plain, mode_cfg=replace(plain.mode_cfg, auth_source=AuthSource.RADIUS), radius=Radius(servers, (), 3, 3)
    )


def attempt(password: str = "", user: str = "alice", conversation: bytes = b"") -> LoginAttempt:
    return LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), THERE, conversation)


class House:
    """A warden's end, with what the toys noted."""

    def __init__(self, directory: Path) -> None:
        toy = directory / "toy.py"
        toy.write_text(TOY)
        self.told = directory / "told"
        self.pauses: list[float] = []
        program = Program((sys.executable, "-P", str(toy), str(self.told)))
        self.back_ends = FarBackEnds(Start(program, self._given, pause=self._pause))
        self.logins = BackEndLogins(self.back_ends, BackEnd.RADIUS)

    def _given(self, wanted):
        return Given(
            "", "0:0:toy:toys", *NOTHING, wanted.level, debug=False, form="text", json=False, capture=None, asked=True
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

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

    async def up(self) -> None:
        """Another process serves."""
        while (now := self.back_ends.serving()) is None or now.confined is None:  # noqa: ASYNC110 - nobody is told
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
        await house.back_ends.use(settings("sesame"))
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
