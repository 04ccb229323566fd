"""Endpoints in virtual time, with a network that loses, doubles, reorders and rebinds, all from one seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import count
from typing import ClassVar

from lotor.crypto import groups, hashes, mschap, prf
from lotor.ike.effects import Ask, Effect, Tell, Ticket, Transmit, Withdraw
from lotor.ike.endpoint import Endpoint
from lotor.ike.events import ChildUp, Ended, Event, Up
from lotor.ike.intents import Connect
from lotor.ike.questions import (
    AcquireConfiguration,
    Activate,
    AdmitConfiguration,
    Agree,
    AskPerson,
    CheckLogin,
    CheckMschap,
    DeriveSkeyid,
    Install,
    JudgePeer,
    KeyedAuth,
    LastInbound,
    Question,
    ReserveSpi,
    Sign,
    SignAuth,
)
from lotor.model.algorithms import (
    KEMS,
    AuthMethod,
    Cipher,
    Curve,
    EspSuite,
    Group,
    Hash,
    IkeSuite,
    Integrity,
)
from lotor.model.configuration import ModeConfiguration
from lotor.model.eap import MschapAccepted, MschapAttempt
from lotor.model.judgement import Failure, Signature, Trusted, Untrusted
from lotor.model.login import Accepted, Credentials, Refused
from lotor.model.network import Path, Peer
from lotor.model.policy import (
    AdmissionLimits,
    ChildPolicy,
    Dpd,
    ExchangeMode,
    Newcomers,
    Policy,
    ProposalCheck,
    Rate,
    RemotePolicy,
    Side,
    Switch,
)
from lotor.model.prompt import Field
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.local import EngineFault, PoolExhausted
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret

SUITE = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA1, Group.MODP1024, AuthMethod.HYBRID_RSA, 28800)
CHILD = ChildPolicy((EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1),), lifetime=3600)

GATEWAY = RemotePolicy(
    name="anonymous",
    side=Side.GATEWAY,
    address=None,
    port=500,
    exchange_modes=(ExchangeMode.AGGRESSIVE,),
    proposals=(SUITE,),
    proposal_check=ProposalCheck.CLAIM,
    certificates=(b"\x30\x03the-leaf" + bytes(900),),
    nat_traversal=Switch.FORCE,
    ike_frag=Switch.ON,
    esp_frag=552,
    dpd=Dpd(delay=20),
)
CLIENT = replace(
    GATEWAY,
    name="192.0.2.50",
    side=Side.CLIENT,
    address=IPv4Address("192.0.2.50"),
    proposal_check=ProposalCheck.OBEY,
    certificates=(),
    mode_cfg=True,
)
ALICE = (("alice", "wonderland"),)
CONFIGURATION = ModeConfiguration(
    address=IPv4Address("10.99.99.1"),
    netmask=IPv4Address("255.255.255.0"),
    dns=(IPv4Address("10.0.12.1"),),
    banner=b"Flying pigs LTD",
)

ANY = Rate(1e9, 1e9)
OPEN_DOOR = AdmissionLimits(strangers=Newcomers(*[ANY] * 6), calm=1000000)
"""For tests of what comes behind the carrier: every first message is answered at once."""


def suite_with(method: AuthMethod, curve: Curve = Curve.P256) -> IkeSuite:
    """SUITE with another method; the curve is for that of ECDSA."""
    return replace(SUITE, method=method, curve=curve if method is AuthMethod.ECDSA else None)


NEVER = object()
"""The answer of a person who does not answer."""


class SeededRandomness:
    """Everything random from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def cookie(self) -> bytes:
        return self._random.randbytes(8)

    def nonce(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def message_id(self) -> int:
        return self._random.randrange(1, 2**32)

    def cpi(self) -> int:
        return self._random.randrange(256, 61440)

    def sequence(self) -> int:
        return self._random.randrange(2**31)

    def key_pair(self, group: Group):
        return groups.key_pair(group, self._random.getrandbits(160) | 1)

    def answering_pair(self, group: Group, peer_public: bytes):
        return groups.answering_pair(group, peer_public) if group in KEMS else self.key_pair(group)


class CheapRandomness(SeededRandomness):
    """Diffie-Hellman of a handful of key pairs, agreed once: a thousand handshakes in seconds."""

    _pairs: ClassVar[dict[tuple[Group, int], object]] = {}
    _agreed: ClassVar[dict[tuple[bytes, bytes], bytes]] = {}

    def key_pair(self, group: Group):
        which = (group, self._random.randrange(4))
        if which not in self._pairs:
            self._pairs[which] = groups.key_pair(group, 12345678901234567890 + which[1])
        return _Remembering(self._pairs[which], self._agreed)


@dataclass
class _Remembering:
    pair: object
    agreed: dict

    @property
    def public(self) -> bytes:
        return self.pair.public

    def agree(self, other: bytes) -> bytes:
        key = (self.pair.public, other)
        if key not in self.agreed:
            self.agreed[key] = self.pair.agree(other)
        return self.agreed[key]


@dataclass
class Network:
    """Faults in parts of one; delays in seconds; UDP ports to which nothing passes."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    delay: float = 0.02
    blocked: frozenset[int] = frozenset()


@dataclass
class Host:
    """An endpoint with its answers. `answers` may override any question type; `slow` delays logins, `delays` any
    type of question, in seconds."""

    name: str
    address: IPv4Address
    policy: Policy
    randomness: object
    users: tuple[tuple[str, str], ...] = ALICE
    login: tuple[str, str] = ALICE[0]
    slow: float = 0.0
    delays: dict[type, float] = field(default_factory=dict)
    psk: bytes = b"a group key that everybody knows"
    pool: list[IPv4Address] = field(default_factory=lambda: [IPv4Address("10.99.99.1") + n for n in range(253)])
    answers: dict[type, Callable] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    withdrawn: list[Question] = field(default_factory=list)
    tickets: dict[Ticket, Question] = field(default_factory=dict)
    installed: dict[int, object] = field(default_factory=dict)
    leases: dict[int, IPv4Address] = field(default_factory=dict)
    accepted: set[int] = field(default_factory=set)
    last_inbound: float | None = None
    template: ModeConfiguration = CONFIGURATION
    sent: int = 0
    spis: count = field(default_factory=lambda: count(0x1000))

    def __post_init__(self) -> None:
        self.endpoint = Endpoint(self.policy, self.randomness)

    def answer(self, question: Question):
        self.questions.append(question)
        override = self.answers.get(type(question))
        if override is not None:
            return override(question)
        match question:
            case Sign():
                return Signature(b"signed:" + hashes.signed(question.made_of))
            case SignAuth():
                return Signature(b"signed:" + prf.covered(question.made_of))
            case KeyedAuth():
                return Secret(prf.keyed(self.psk, question.request.octets))
            case CheckMschap():
                verdict = judged_mschap(question.attempt, dict(self.users))
                if isinstance(verdict, MschapAccepted):
                    self.accepted.add(question.session)
                return verdict
            case JudgePeer():
                good = question.proof.signature == b"signed:" + question.proof.signed
                return Trusted("CN=vpn.example.net") if good else Untrusted(WrongSignature("CN=vpn.example.net"))
            case DeriveSkeyid():
                return Secret(hashes.hmac(question.request.hash, self.psk, question.request.nonces))
            case Agree():
                return _agreed(question)
            case CheckLogin():
                return self._check(question)
            case AskPerson():
                user, password = self.login
                return Credentials(((Field.USER_NAME, Secret(user)), (Field.PASSWORD, Secret(password))))
            case AcquireConfiguration():
                if not self.pool:
                    return Failure(PoolExhausted(IPv4Address("10.99.99.1"), IPv4Address("10.99.99.1"), 1))
                self.leases[question.session] = self.pool.pop(0)
                return replace(self.template, address=self.leases[question.session])
            case AdmitConfiguration():
                return None
            case ReserveSpi():
                return next(self.spis)
            case Install():
                self.installed[question.child.id] = question.child
                return None
            case Activate():
                self.installed[question.child] = replace(self.installed.pop(question.child), sending=True)
                return None
            case LastInbound():
                return self.last_inbound
        raise TypeError(question)

    def _check(self, question: CheckLogin):
        given = (question.attempt.user, question.attempt.answer(Field.PASSWORD).reveal().decode())
        if given in self.users:
            self.accepted.add(question.session)
            return Accepted(given[0])
        return Refused(WrongPassword(given[0]))

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


def judged_mschap(attempt: MschapAttempt, passwords: dict[str, str]) -> MschapAccepted | Refused:
    """What a back end that knows these passwords says of a response."""
    user = mschap.without_domain(attempt.user)
    known = mschap.nt_hash(passwords.get(user, "nobody has this"))
    hashed = mschap.challenge_hash(attempt.challenge, attempt.peer_challenge, attempt.user)
    if user not in passwords or not mschap.is_response(known, hashed, attempt.response):
        return Refused(WrongPassword(user))
    shown = mschap.authenticator(known, hashed, attempt.response)
    return MschapAccepted(user, shown, mschap.msk(known, attempt.response))


def _agreed(question: Agree):
    try:
        return Secret(question.dh.agree(question.public))
    except ValueError as fault:
        return Failure(EngineFault(str(fault)))


@dataclass
class World:
    """Runs until nothing is due or a condition holds. NAT: `rebind` gives a client a new outer port."""

    seed: int = 0
    network: Network = field(default_factory=Network)
    now: float = 1000.0
    hosts: dict[IPv4Address, Host] = field(default_factory=dict)
    nat: dict[IPv4Address, IPv4Address] = field(default_factory=dict)
    ports: dict[tuple[IPv4Address, int], int] = field(default_factory=dict)
    wire: list[tuple[float, Peer, Peer, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._queue: list = []
        self._order = count()
        self._outer = count(20000)

    def add(self, host: Host, behind: IPv4Address | None = None) -> Host:
        self.hosts[host.address] = host
        if behind is not None:
            self.nat[host.address] = behind
        return host

    def rebind(self, host: Host) -> None:
        """The NAT forgets: the next datagrams leave from other ports."""
        for inner in [key for key in self.ports if key[0] == host.address]:
            self.ports[inner] = next(self._outer)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), call))

    def do(self, host: Host, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Transmit():
                    host.sent += 1
                    self._send(host, effect)
                case Ask():
                    host.tickets[effect.ticket] = effect.question
                    self._ask(host, effect)
                case Withdraw():
                    host.withdrawn.append(host.tickets[effect.ticket])
                case Tell():
                    host.events.append(effect.event)
                    self._follow(host, effect.event)

    def _follow(self, host: Host, event: Event) -> None:
        if isinstance(event, ChildUp):
            assert event.child.id in host.installed
        elif isinstance(event, Ended):
            lease = host.leases.pop(event.session, None)
            if lease is not None:
                host.pool.insert(0, lease)
        elif type(event).__name__ == "ChildDown":
            host.installed.pop(event.child, None)

    def _ask(self, host: Host, effect: Ask) -> None:
        answer = host.answer(effect.question)
        if answer is NEVER:
            return
        wait = host.delays.get(
            type(effect.question), host.slow if isinstance(effect.question, CheckLogin | CheckMschap) else 0.0
        )
        self.later(wait, lambda: self.do(host, host.endpoint.answer(effect.ticket, answer, self.now)))

    def _send(self, host: Host, transmit: Transmit) -> None:
        source, target = transmit.path.local, transmit.path.remote
        floated = transmit.path.floated
        self.wire.append((self.now, source, target, transmit.data))
        copies = 1 + (self.random.random() < self.network.duplication)
        for _ in range(copies):
            if self.random.random() < self.network.loss or target.port in self.network.blocked:
                continue
            delay = self.network.delay * (1 + self.random.random())
            if self.random.random() < self.network.reordering:
                delay += self.random.random()
            shown = self._translate(source)
            self.later(delay, lambda shown=shown: self._arrive(shown, target, transmit.data, floated))

    def _translate(self, source: Peer) -> Peer:
        outer = self.nat.get(source.address)
        if outer is None:
            return source
        key = (source.address, source.port)
        return Peer(outer, self.ports.setdefault(key, next(self._outer)))

    def _arrive(self, source: Peer, target: Peer, data: bytes, floated: bool) -> None:
        inner = next(
            (key for key, port in self.ports.items() if self.nat[key[0]] == target.address and port == target.port),
            None,
        )
        local = Peer(*inner) if inner is not None else target
        host = self.hosts.get(local.address)
        if host is None:
            return
        path = Path(local, source, floated=floated)
        self.do(host, host.endpoint.receive(data, path, self.now))

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        end = self.now + seconds
        while not until():
            due = [(deadline.at, host) for host in self.hosts.values() if (deadline := host.endpoint.deadline())]
            timer = min((at for at, _ in due), default=float("inf"))
            arrival = self._queue[0][0] if self._queue else float("inf")
            self.now = max(self.now, min(timer, arrival))
            if min(timer, arrival) > end:
                self.now = end
                return until()
            if arrival <= timer:
                heapq.heappop(self._queue)[2]()
            else:
                for at, host in due:
                    if at <= self.now:
                        self.do(host, host.endpoint.tick(self.now))
        return True


def pair(
    seed: int = 0, randomness=CheapRandomness, gateway: RemotePolicy = GATEWAY, client: RemotePolicy = CLIENT, **network
):
    """A client behind a NAT and a gateway, nothing said yet."""
    world = World(seed, Network(**network))
    server = world.add(Host("gateway", IPv4Address("192.0.2.50"), Policy((gateway,), CHILD), randomness(seed * 2 + 1)))
    person = Host("client", IPv4Address("198.51.100.10"), Policy((client,), CHILD), randomness(seed * 2))
    world.add(person, behind=IPv4Address("203.0.113.1"))
    return world, server, person


def connect(world: World, client: Host, gateway: Host, host: str | None = "192.0.2.50") -> None:
    path = Path(Peer(client.address, 500), Peer(gateway.address, 500))
    remote = client.policy.remotes[0].name
    world.do(client, client.endpoint.command(Connect(remote, path, 7, host), world.now))


def is_up(host: Host) -> bool:
    return bool(host.of(Up))
