"""A core and engines that do what a test tells them, with the faces of the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import count
from typing import Any

from lotor.crypto import hashes, prf
from lotor.ike.effects import Deadline, Effect, Tell
from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, PhaseOneUp, Started, Up
from lotor.ike.standing import Standing
from lotor.model.algorithms import AuthMethod, Cipher, Compression, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.model.child import Child, Counters, DirectionKeys, Encapsulation
from lotor.model.configuration import ModeConfiguration
from lotor.model.judgement import Failure, MixedKeys, Signature, Trusted
from lotor.model.network import Path, Peer
from lotor.model.offloads import Offloads
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.model.reasons.ends import ClosedHere
from lotor.model.reasons.local import HashUnfit, NoPool, RequestUnfit
from lotor.model.secret import Secret
from lotor.ports.bans import Outcome, Turn
from lotor.ports.esp import Capabilities
from lotor.ports.hooks import HookContext, HookEvent
from lotor.ports.host import Attachment, Leaving
from lotor.ports.leases import Lease
from lotor.ports.sessions import Presence
from lotor.ports.signer import is_initiators, unfit_hash, unfit_keyed, unfit_octets, unfit_ppk, unfit_request
from lotor.ports.tls_signatures import unfit_tls

PATH = Path(Peer(IPv4Address("198.51.100.7"), 500), Peer(IPv4Address("192.0.2.50"), 500))
FLOATED = Path(Peer(IPv4Address("198.51.100.7"), 4500), Peer(IPv4Address("192.0.2.50"), 4500), floated=True)
SUITE = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA1, Group.MODP1024, AuthMethod.HYBRID_RSA, 28800)
ESP = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256)
CONFIGURATION = ModeConfiguration(IPv4Address("10.99.99.3"), banner=b"Flying pigs LTD\r\n\x1b[2Jwelcome\n")
BYE = ClosedHere()


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


class RecordingCarrier:
    """`ports.Carrier` of floated paths."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Path]] = []
        self.receive = None

    def start(self, receive):
        self.receive = receive

    def close(self):
        self.receive = None

    def serves(self, path):
        return path.floated

    def transmit(self, data, path):
        self.sent.append((data, path))


def moved(child, path):
    """An SA pair after its move."""
    return replace(child, path=path, encapsulation=Encapsulation.along(path))


class RecordingEngine:
    """`ports.EspEngine`. What is in `slow` is waited for before anything is done; `calls` in the order in which they
    were carried out."""

    capabilities = Capabilities(frozenset(Compression))
    name, mtu, offloads = "lotor0", 1400, Offloads(uso=False)

    def __init__(self) -> None:
        self.installed: dict[int, Child] = {}
        self.prepared: list[tuple[Encapsulation, int]] = []
        self.moved: list[tuple[int, Path]] = []
        self.active: list[int] = []
        self.calls: list[tuple[str, int]] = []
        self.figures: dict[int, Counters] = {}
        self.spis = count(0x1000)
        self.slow: asyncio.Event | None = None
        self.started = False
        self.notify = None
        self.carrier = RecordingCarrier()

    @property
    def interface(self):
        return self

    def start(self, notify):
        self.started, self.notify = True, notify

    async def stop(self):
        self.started = False

    async def reserve_spi(self):
        return next(self.spis)

    async def prepare(self, encapsulation, version):
        self.prepared.append((encapsulation, version))

    async def install(self, child):
        await self._begin("install", child.id)
        if child.id in self.installed:
            raise OSError(17, "installed already")
        self.installed[child.id] = child

    async def activate(self, child):
        await self._begin("activate", child)
        self.active.append(child)

    async def remove(self, child):
        await self._begin("remove", child)
        found = self.installed.pop(child, None)
        return self.figures.pop(child, Counters() if found else None)

    async def move(self, child, path):
        await self._begin("move", child)
        self.moved.append((child, path))
        if child in self.installed:
            self.installed[child] = moved(self.installed[child], path)

    async def counters(self, children):
        known = {**dict.fromkeys(self.installed, Counters()), **self.figures}
        return {child: known[child] for child in children if child in known}

    async def _begin(self, what, child):
        if self.slow is not None:
            await self.slow.wait()
        self.calls.append((what, child))


class RecordingLeases:
    """`ports.Leases` of the answers that a test gives, or of addresses one after the other."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, int]] = []
        self.held: dict[int, Lease] = {}
        self.slow: asyncio.Event | None = None

    async def acquire(self, session, user, grants):
        if self.slow is not None:
            await self.slow.wait()
        self.calls.append(("acquire", session))
        if session in self.held:
            return self.held[session]
        answer = self.answers.pop(0) if self.answers else Failure(NoPool())
        if isinstance(answer, Lease):
            self.held[session] = answer
        return answer

    async def release(self, session):
        self.calls.append(("release", session))
        lease = self.held.pop(session, None)
        self.answers += [lease] if lease is not None else []


class RecordingAccounting:
    """`ports.Accounting`. `fault` is raised by every call; `slow` is waited for before anything is taken; `told`: what
    was taken, in order: the word, the account, and the figures and the reason where there are some."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.fault: BaseException | None = None
        self.slow: asyncio.Event | None = None
        self.waiting = 0

    async def start(self, account):
        await self._take("start", account)

    async def interim(self, account, usage):
        await self._take("interim", account, usage)

    async def stop(self, account, usage, why):
        await self._take("stop", account, usage, why)

    async def _take(self, *record):
        self.waiting += 1
        if self.slow is not None:
            await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        self.told.append(record)


class RecordingBans:
    """`ports.Bans` that lets everybody wait for `wait`, None: turns everybody away. `left` is what became of attempts,
    by ticket; `fault` is raised by what is asked, `slow` waited for before anything is noted."""

    def __init__(self, wait: float | None = 0.0) -> None:
        self.wait = wait
        self.known: set[tuple[str, Any]] = set()
        self.under_way: dict[int, tuple[str, Any]] = {}
        self.left: dict[int, Outcome] = {}
        self.fault: OSError | None = None
        self.slow: asyncio.Event | None = None
        self.step: float | None = None
        self.tickets = count(1)

    async def enter(self, user, source):
        if self.fault is not None:
            raise self.fault
        ticket, who = next(self.tickets), (user, source.address)
        if self.wait is not None:
            self.under_way[ticket] = who
        return Turn(ticket, who in self.known, self.wait)

    async def leave(self, ticket, outcome):
        if self.slow is not None:
            await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        who = self.under_way.pop(ticket, None)
        if who is None:
            return
        self.left[ticket] = outcome
        if outcome is Outcome.PROVED:
            self.known.add(who)

    def change(self, step):
        self.step = step


class RecordingSessions:
    """`ports.Sessions`. `calls` in the order in which they were carried out; `fault` is raised, `slow` waited for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.present: dict[str, Presence] = {}
        self.fault: OSError | None = None
        self.slow: asyncio.Event | None = None

    async def enter(self, presence):
        await self._begin("enter", presence.session)
        self.present[presence.session] = presence

    async def leave(self, session):
        await self._begin("leave", session)
        self.present.pop(session, None)

    async def of(self, user):
        return tuple(each for each in self.present.values() if each.user == user)

    async def all(self):
        return tuple(self.present.values())

    async def _begin(self, what, session):
        if self.slow is not None:
            await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        self.calls.append((what, session))


class RecordingHost:
    """`diary` gets what was done; `fault` is raised by attach, `unfit` by admit; `attached` is how the host stands,
    `shut` the gateways it is closed for, `leaving` how sessions were detached."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary
        self.attached: dict[int, Attachment] = {}
        self.fault: OSError | None = None
        self.unfit: OSError | None = None
        self.slow: asyncio.Event | None = None
        self.news = 0
        self.shut = set()
        self.leaving = {}
        self.told = asyncio.Event()

    def change(self):
        """The network outside of the tunnels changes."""
        self.news += 1
        self.told.set()

    async def changed(self, seen):
        while self.news == seen:
            self.told.clear()
            await self.told.wait()
        return self.news

    async def admit(self, attachment):
        if self.unfit is not None:
            raise self.unfit

    async def attach(self, attachment):
        self.diary.append(("attach begins", attachment.session))
        if self.attached.pop(attachment.session, None) is None and attachment.follows:
            self.attached.pop(attachment.follows, None)
        if self.slow is not None:
            await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        self.diary.append(("attach", attachment.session))
        self.attached[attachment.session] = attachment

    async def detach(self, session, leaving=Leaving.OPEN):
        self.diary.append(("detach", session))
        self.leaving[session] = leaving
        gone = self.attached.pop(session, None)
        if gone is not None and gone.closes and leaving is Leaving.CLOSED:
            self.shut.add(str(gone.path.remote.address))

    async def closed(self):
        return tuple(sorted(self.shut))

    async def open(self, gateways):
        meant = self.shut & set(gateways)
        self.shut -= meant
        return len(meant)

    async def portal(self, seconds):
        self.diary.append(("portal", seconds))
        return len(self.shut)

    async def release(self):
        self.shut.clear()

    async def recover(self):
        return 0


class RecordingRoutes:
    """`ports.GatewayRoutes`. `led` and `partners` are how the host stands, None before `start`; `fault` is raised."""

    def __init__(self) -> None:
        self.led: list[str] | None = None
        self.partners: list[str] = []
        self.fault: OSError | None = None
        self.addresses: set[Any] = set()
        self.attached: set[Any] = set()

    async def own(self):
        return frozenset(self.addresses)

    async def links(self):
        return frozenset(self.attached)

    async def start(self, device, mtu, networks, partners=()):
        await self._lead(networks, partners)

    async def serve(self, networks, partners=()):
        if self.led is None:
            raise OSError(19, "there is no device to lead the pool to")
        await self._lead(networks, partners)

    async def stop(self):
        self.led, self.partners = None, []

    async def _lead(self, networks, partners):
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        self.led, self.partners = [str(each) for each in networks], [str(each) for each in partners]


class RecordingHooks:
    """`ports.Hooks` of every remote, as far as an event is `wanted`. `slow` is waited for by each script."""

    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary
        self.contexts: list[HookContext] = []
        self.wanted = set(HookEvent)
        self.slow: asyncio.Event | None = None
        self.turn = asyncio.Lock()

    def wants(self, remote, event):
        return event in self.wanted

    async def run(self, remote, event, context):
        if not self.wants(remote, event):
            return
        async with self.turn:
            await asyncio.sleep(0)
            if self.slow is not None:
                await self.slow.wait()
            self.contexts.append(context)
            self.diary.append((event.value, remote))


class OpenSigner:
    """Signs for every block, as far as it is for phase 1. `saved`: passwords by the name of the block."""

    def __init__(self, saved: dict[str, str] | None = None) -> None:
        self.saved = saved or {}

    async def sign(self, remote, made_of):
        fault = unfit_hash(remote, made_of)
        return Failure(fault) if fault else Signature(b"signed " + hashes.signed(made_of))

    async def derive_skeyid(self, request):
        fault = unfit_request(request)
        return Failure(fault) if fault else Secret(hashes.hmac(request.hash, b"a key for everybody", request.nonces))

    async def sign_auth(self, remote, made_of, scheme):
        fault = unfit_octets(remote, made_of, initiator=is_initiators(made_of))
        return Failure(HashUnfit(fault)) if fault else Signature(scheme.value.encode() + prf.covered(made_of))

    async def sign_tls(self, remote, message, scheme):
        unfit = [unfit_tls(remote, message, side) for side in Side]
        return Failure(HashUnfit(unfit[0])) if all(unfit) else Signature(scheme.value.encode() + message)

    async def keyed_auth(self, request):
        fault = unfit_keyed(request)
        return Failure(RequestUnfit(fault)) if fault else Secret(prf.keyed(b"a key for everybody", request.octets))

    async def mix_ppk(self, request):
        fault = unfit_ppk(request)
        if fault:
            return Failure(RequestUnfit(fault))
        return MixedKeys(request.ppk_id or b"any", prf.mixed(request.prf, Secret(b"p" * 32), request.keys))

    async def saved_password(self, remote):
        return Secret(self.saved[remote]) if remote in self.saved else None


class OpenTrust:
    """Trusts everybody."""

    async def judge(self, proof):
        return Trusted("CN=gateway")


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
