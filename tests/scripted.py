"""A core and engines that do what a test tells them, with the faces of the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

from lotor.ike.effects import Deadline, Effect, Tell
from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, PhaseOneUp, Started, Up
from lotor.ike.standing import Standing
from lotor.model.algorithms import AuthMethod, Cipher, Compression, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.model.child import Child, Counters, DirectionKeys, Encapsulation
from lotor.model.configuration import ModeConfiguration
from lotor.model.judgement import Signature, Trusted
from lotor.model.network import Path, Peer
from lotor.model.offloads import Offloads
from lotor.model.policy import Side
from lotor.model.reason import Cause, Reason
from lotor.model.secret import Secret
from lotor.ports.hooks import HookEvent

PATH = Path(Peer(IPv4Address("198.51.100.7"), 500), Peer(IPv4Address("192.0.2.50"), 500))
FLOATED = Path(Peer(IPv4Address("198.51.100.7"), 4500), Peer(IPv4Address("192.0.2.50"), 4500), floated=True)
SUITE = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA1, Group.MODP1024, AuthMethod.HYBRID_RSA, 28800)
ESP = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256)
CONFIGURATION = ModeConfiguration(IPv4Address("10.99.99.3"), banner=b"Flying pigs LTD\r\n\x1b[2Jwelcome\n")
BYE = Reason(Cause.ADMINISTRATOR, "closed by the administrator")


class ScriptedCore:
    """`script` maps the name of a call (receive, answer, command, tick) to what it does: arguments to effects."""

    def __init__(self, **script: Callable[..., list[Effect]]) -> None:
        self.script = script
        self.calls: list[tuple[Any, ...]] = []
        self.at: float | None = None
        self.standings: dict[bytes, Standing] = {}

    def receive(self, data, path, now):
        return self._do("receive", data, path)

    def answer(self, ticket, answer, now):
        return self._do("answer", ticket, answer)

    def command(self, intent, now):
        return self._do("command", intent)

    def tick(self, now):
        self.at = None
        return self._do("tick")

    def standing(self, data, path):
        return self.standings.get(data, Standing.PROVED)

    def deadline(self):
        return None if self.at is None else Deadline(self.at, "as scripted")

    def _do(self, name: str, *arguments: Any) -> list[Effect]:
        self.calls.append((name, *arguments))
        step = self.script.get(name)
        return step(*arguments) if step is not None else []


class RecordingDataPlane:
    def __init__(self) -> None:
        self.installed: dict[int, Child] = {}
        self.sent: list[tuple[bytes, Path]] = []
        self.moved: list[tuple[int, Path]] = []
        self.active: list[int] = []
        self.figures: dict[int, Counters] = {}
        self.started = False
        self.receive = self.notify = None

    def start(self, receive, notify):
        self.started, self.receive, self.notify = True, receive, notify

    def stop(self):
        self.started = False

    compressions = frozenset(Compression)

    def device(self):
        return "lotor0"

    def mtu(self):
        return 1400

    def offloads(self):
        return Offloads(uso=False)

    def transmit(self, message, path):
        self.sent.append((message, path))

    def reserve_spi(self):
        return 0x1000

    def install(self, child):
        self.installed[child.id] = child

    def activate(self, child):
        self.active.append(child)

    def remove(self, child):
        self.installed.pop(child, None)
        return self.figures.pop(child, None)

    def move(self, child, path):
        self.moved.append((child, path))

    def counters(self, child):
        return self.figures.get(child)


class RecordingHost:
    """`diary` gets what was done; `fault` is raised by attach, `unfit` by admit."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary
        self.fault: OSError | None = None
        self.unfit: OSError | None = None
        self.slow: asyncio.Event | None = None

    async def admit(self, attachment):
        if self.unfit is not None:
            raise self.unfit

    async def attach(self, attachment):
        self.diary.append(("attach begins", attachment.session))
        if self.slow is not None:
            await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        self.diary.append(("attach", attachment.session))

    async def detach(self, session):
        self.diary.append(("detach", session))

    async def recover(self):
        return 0


class RecordingHooks:
    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary
        self.environments: list[dict[str, str]] = []
        self.wanted = set(HookEvent)

    def wants(self, remote, event):
        return event in self.wanted

    async def run(self, remote, event, environment):
        await asyncio.sleep(0)
        self.environments.append(dict(environment))
        self.diary.append((event.value, remote))


class OpenKeys:
    """Signs and trusts everything."""

    def __init__(self, saved: dict[str, str] | None = None) -> None:
        self.saved = saved or {}

    def sign(self, remote, octets):
        return Signature(b"signed " + octets)

    def judge(self, proof):
        return Trusted("CN=gateway")

    def derive_skeyid(self, request):
        return Secret(b"skeyid")

    def saved_password(self, login):
        return Secret(self.saved[login]) if login in self.saved else None


def child(number: int = 1, session: int = 1) -> Child:
    keys = DirectionKeys(0x1000 + number, Secret(b"e" * 16), Secret(b"i" * 20))
    return Child(number, session, FLOATED, Encapsulation.UDP, ESP, keys, keys, (), ())


def started(session: int = 1, side: Side = Side.CLIENT, request: int | None = None, remote: str = "192.0.2.50") -> Tell:
    return Tell(Started(session, PATH, remote, side, request))


def established(session: int = 1, user: str = "alice") -> list[Effect]:
    """Everything between a phase 1 that began and a tunnel that is up."""
    pair = child(session, session)
    return [
        Tell(PhaseOneUp(session, FLOATED, SUITE, "vpn.example.net", "we are behind NAT", "01:02", "lotor")),
        Tell(LoggedIn(session, user)),
        Tell(Configured(session, user, "10.99.99.3", CONFIGURATION)),
        Tell(ChildUp(session, pair, ESP, True, None)),
        Tell(Up(session, FLOATED, user)),
    ]


def ended(session: int = 1, reason: Reason = BYE) -> Tell:
    return Tell(Ended(session, reason, True))
