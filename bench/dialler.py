"""Many lotor clients in one process: `python bench/dialler.py` dials a gateway again and again, and prints JSON.

The core is lotor's own, without an event loop and without a TUN device. The clients spare themselves what the machine
need not compute twice, so that the gateway is what is measured: their half of Diffie-Hellman has a tiny exponent, and
the gateway's certificate is believed.
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import socket
import sys
import time
from abc import ABC, abstractmethod
from base64 import b32decode
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from ipaddress import IPv4Address
from itertools import cycle

from lotor.crypto import modp
from lotor.crypto.curves import Curve25519KeyPair, EcpKeyPair
from lotor.crypto.kem import KemKeyPair
from lotor.crypto.totp import STEP, code_of
from lotor.ike import questions
from lotor.ike.effects import Ask, Effect, Tell, Transmit
from lotor.ike.endpoint import Endpoint
from lotor.ike.events import Ended, Event, Started, Up
from lotor.ike.intents import Connect, Shutdown
from lotor.ike.questions import Answer, Question
from lotor.ike.randomness import KeyPair
from lotor.model.algorithms import (
    KEMS,
    AuthMethod,
    Cipher,
    EapMethod,
    EspSuite,
    Group,
    Hash,
    Ike2Suite,
    IkeSuite,
    Integrity,
    Proving,
)
from lotor.model.judgement import Trusted
from lotor.model.login import Credentials
from lotor.model.network import ISAKMP_PORT, NAT_T_PORT, NON_ESP_MARKER, Path, Peer
from lotor.model.policy import (
    ChildPolicy,
    Dpd,
    ExchangeMode,
    Policy,
    ProposalCheck,
    RemotePolicy,
    Side,
    Switch,
    Transfer,
    V2Policy,
)
from lotor.model.prompt import Field
from lotor.model.reasons.ends import ClosedHere
from lotor.model.secret import Secret
from lotor.runtime.randomness import SystemRandomness

LARGEST = 65535
PATIENCE = 60.0
"""Seconds without any progress after which the gateway is given up."""
DONE = ClosedHere()


class Square:
    """A key pair of a MODP group whose private exponent is 2."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self._prime, self._octets = modp.prime(group), modp.octets(group)
        self.public = (4).to_bytes(self._octets, "big")

    def agree(self, peer_public: bytes) -> bytes:
        return pow(int.from_bytes(peer_public, "big"), 2, self._prime).to_bytes(self._octets, "big")


class Generator:
    """A key pair of an elliptic curve whose private scalar is 1: what is agreed is the peer's own point."""

    def __init__(self, group: Group) -> None:
        self.group, self.public = group, EcpKeyPair(group, 1).public

    def agree(self, peer_public: bytes) -> bytes:
        return peer_public[: len(peer_public) // 2]


@cache
def cheap_pair(group: Group) -> KeyPair:
    """One for all handshakes."""
    if group in modp.GROUPS:
        return Square(group)
    if group in KEMS:
        return KemKeyPair(group, None)
    return Curve25519KeyPair(None) if group is Group.CURVE25519 else Generator(group)


class CheapRandomness(SystemRandomness):
    """Random but for the key pairs."""

    def key_pair(self, group: Group) -> KeyPair:
        return cheap_pair(group)


def policy(gateway: IPv4Address, group: Group) -> Policy:
    """The HOW-TO's client with another group, and a phase 2 without PFS. It asks for its configuration at once: the
    moment in which a client waits for a gateway that pushes is not what is measured."""
    suite = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA1, group, AuthMethod.HYBRID_RSA, 28800)
    remote = RemotePolicy(
        name="gateway",
        side=Side.CLIENT,
        address=gateway,
        port=ISAKMP_PORT,
        exchange_modes=(ExchangeMode.AGGRESSIVE,),
        proposals=(suite,),
        proposal_check=ProposalCheck.OBEY,
        send_cr=False,
        nat_traversal=Switch.FORCE,
        ike_frag=Switch.ON,
        dpd=Dpd(delay=0),
        initial_contact=False,
        mode_cfg=True,
        mode_config=Transfer.PULL,
    )
    return Policy((remote,), ChildPolicy((EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1),), lifetime=3600))


def policy_v2(gateway: IPv4Address, group: Group, more: tuple[Group, ...] = ()) -> Policy:
    """A client of IKEv2 with EAP-MSCHAPv2, and a first pair without PFS."""
    suite = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, group, more)
    remote = RemotePolicy(
        name="gateway",
        side=Side.CLIENT,
        address=gateway,
        port=ISAKMP_PORT,
        exchange_modes=(),
        proposals=(),
        nat_traversal=Switch.FORCE,
        ike_frag=Switch.ON,
        dpd=Dpd(delay=0),
        initial_contact=False,
        mode_cfg=True,
        mode_cfg6=False,
        versions=(2,),
        v2=V2Policy((suite,), Proving.EAP, (Proving.CERTIFICATE,), (EapMethod.MSCHAPV2,), mobike=False),
    )
    return Policy((remote,), ChildPolicy((EspSuite(Cipher.AES_GCM_16, 256, None),), lifetime=3600))


class Clients(ABC):
    """Clients of lotor's own core in one process, each with a UDP socket of its own. Whoever is built on it says who
    they are, and follows what becomes of them."""

    def __init__(self, policy: Policy) -> None:
        self._core = Endpoint(policy, CheapRandomness())
        self._sockets: dict[int, socket.socket] = {}
        self._poll = select.epoll()
        self._spi = 0x1000

    @abstractmethod
    def _socket_of(self, cookie: bytes) -> socket.socket | None:
        """By the initiator's cookie; None: what would be sent is lost."""

    @abstractmethod
    def _credentials(self, session: int) -> tuple[str, Secret]: ...

    @abstractmethod
    def _follow(self, event: Event) -> None: ...

    def _open(self, home: str) -> socket.socket:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        udp.bind((home, 0))
        self._sockets[udp.fileno()] = udp
        self._poll.register(udp, select.EPOLLIN)
        return udp

    def _close(self, udp: socket.socket) -> None:
        """What still comes for it is lost."""
        if self._sockets.pop(udp.fileno(), None) is not None:
            self._poll.unregister(udp)
            udp.close()

    def _connect(self, name: str, gateway: IPv4Address) -> None:
        path = Path(Peer(IPv4Address(0), ISAKMP_PORT), Peer(gateway, ISAKMP_PORT))
        self._perform(self._core.command(Connect(name, path, 1), time.monotonic()))

    def _turn(self, at_most: float = 1.0) -> set[int]:
        """What came, and what is due. Returns descriptors that can be read, and are none of these sockets."""
        deadline = self._core.deadline()
        now = time.monotonic()
        wait = min(at_most, max(0.0, deadline.at - now)) if deadline is not None else at_most
        others = set()
        for descriptor, _ in self._poll.poll(wait):
            if descriptor in self._sockets:
                self._read(self._sockets[descriptor])
            else:
                others.add(descriptor)
        if deadline is not None and deadline.at <= time.monotonic():
            self._perform(self._core.tick(time.monotonic()))
        return others

    def _read(self, udp: socket.socket) -> None:
        while udp.fileno() in self._sockets:
            try:
                data, (address, port) = udp.recvfrom(LARGEST)
            except OSError:
                return
            floated = port == NAT_T_PORT
            if floated and not data.startswith(NON_ESP_MARKER):
                continue
            path = Path(Peer(IPv4Address(0), port), Peer(IPv4Address(address), port), floated)
            self._perform(self._core.receive(data[4:] if floated else data, path, time.monotonic()))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Transmit():
                    self._send(effect)
                case Ask(ticket, question):
                    self._perform(self._core.answer(ticket, self._answer(question), time.monotonic()))
                case Tell(event):
                    self._follow(event)

    def _send(self, effect: Transmit) -> None:
        udp = self._socket_of(effect.data[:8])
        if udp is not None:
            marked = NON_ESP_MARKER + effect.data if effect.path.floated else effect.data
            udp.sendto(marked, (str(effect.path.remote.address), effect.path.remote.port))

    def _answer(self, question: Question[object]) -> Answer:
        match question:
            case questions.Agree(dh=pair, public=public):
                return Secret(pair.agree(public))
            case questions.JudgePeer():
                return Trusted("the gateway")
            case questions.AskPerson(session=session):
                user, password = self._credentials(session)
                return Credentials(((Field.USER_NAME, Secret(user)), (Field.PASSWORD, password)))
            case questions.ReserveSpi():
                self._spi += 1
                return self._spi
        return None


@dataclass
class Report:
    """Seconds: of the whole run, of each handshake, and of this process's own processor time."""

    handshakes: int = 0
    failed: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    processor: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """`rate` logins a second for `seconds`, from the addresses and by so many people in turn."""

    rate: float
    seconds: float
    patience: float
    people: int
    addresses: tuple[str, ...]


def visit(words: list[str]) -> Visit:
    """RATE SECONDS PATIENCE PEOPLE, the first address, how many."""
    rate, seconds, patience = (float(each) for each in words[:3])
    first, count = IPv4Address(words[4]), int(words[5])
    return Visit(rate, seconds, patience, int(words[3]), tuple(str(first + number) for number in range(count)))


class Crowd:
    """So many people, each of whom comes in turn; with one key of a second factor (Base32) for all, or with none."""

    def __init__(self, people: int, key: str) -> None:
        self.numbers = cycle(range(people))
        self._key = Secret(b32decode(key)) if key else None

    def code(self) -> str:
        """Of now; nothing where there is no key."""
        return code_of(self._key, int(time.time() // STEP)) if self._key else ""


@dataclass
class Line:
    """One client's way to the gateway: a UDP socket of its own, as behind a NAT, which stays as long as the session."""

    udp: socket.socket
    user: str
    began: float


class Dialler(Clients):
    """Clients of one gateway, of which `in_flight` dial at once; each in flight is a person of its own."""

    def __init__(self, gateway: IPv4Address, policy: Policy, password: str, crowd: Crowd | None = None) -> None:
        super().__init__(policy)
        self._gateway, self._password, self._person = gateway, password, "user"
        self._crowd = crowd
        self._homes = cycle(("0.0.0.0",))
        self._lines: dict[bytes, Line] = {}
        self._sessions: dict[int, bytes] = {}
        self._free: deque[str] = deque()
        self._opening: Line | None = None
        self.up = 0
        self.report = Report()

    def run(self, count: int, in_flight: int) -> Report:
        """`count` handshakes; the sessions stay up."""
        self.report = Report()
        self._free = deque(self._after(f"{self._person}{number}") for number in range(in_flight))
        started, own = time.perf_counter(), time.process_time()
        begun, seen, moved = 0, -1, started
        while (done := self.report.handshakes + self.report.failed) < count:
            while begun < count and self._free:
                self._dial(self._free.popleft())
                begun += 1
            if done != seen:
                seen, moved = done, time.perf_counter()
            elif time.perf_counter() - moved > PATIENCE:
                raise TimeoutError(f"the gateway is silent: {self.report.handshakes} of {count} handshakes are done")
            self._turn()
        self.report.seconds, self.report.processor = time.perf_counter() - started, time.process_time() - own
        return self.report

    def attempts(self, visit: Visit) -> Report:
        """Logins of people who come one after the other, each from an address of its own. One that is not up after
        `patience` seconds has failed; sessions stay up."""
        self.report = Report()
        self._homes = cycle(visit.addresses)
        people = cycle(range(visit.people))
        started, begun = time.perf_counter(), 0
        while (passed := time.perf_counter() - started) < visit.seconds + visit.patience:
            while begun < int(min(passed, visit.seconds) * visit.rate):
                self._dial(f"{self._person}{next(people)}")
                begun += 1
            self._turn(at_most=0.5 / visit.rate)
            if passed > visit.seconds and len(self.report.latencies) + self.report.failed >= begun:
                break
        late = [each for each in self.report.latencies if each > visit.patience]
        self.report.handshakes = len(self.report.latencies) - len(late)
        self.report.failed = begun - self.report.handshakes
        self.report.seconds = time.perf_counter() - started
        return self.report

    def _after(self, user: str) -> str:
        """Who dials when that one is through: the same, or of a crowd the next."""
        return f"{self._person}{next(self._crowd.numbers)}" if self._crowd else user

    def linger(self, seconds: float) -> None:
        """Answer what the gateway asks, for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._turn(at_most=end - time.monotonic())

    def hang_up(self) -> None:
        """Every session ends, with deletes; the sockets close."""
        self._perform(self._core.command(Shutdown(DONE), time.monotonic()))
        for udp in tuple(self._sockets.values()):
            self._close(udp)
        self._lines.clear()
        self.up = 0

    def _dial(self, user: str) -> None:
        self._opening = Line(self._open(next(self._homes)), user, time.perf_counter())
        self._connect("gateway", self._gateway)

    def _socket_of(self, cookie: bytes) -> socket.socket | None:
        if cookie not in self._lines:
            if self._opening is None:
                return None
            self._lines[cookie], self._opening = self._opening, None
            self._sessions[self._begun] = cookie
        return self._lines[cookie].udp

    def _credentials(self, session: int) -> tuple[str, Secret]:
        code = self._crowd.code() if self._crowd else ""
        return self._lines[self._sessions[session]].user, Secret(self._password + code)

    def _follow(self, event: Event) -> None:
        match event:
            case Started(session=session):
                self._begun = session
            case Up(session=session):
                line = self._lines[self._sessions[session]]
                self.report.latencies.append(time.perf_counter() - line.began)
                self.report.handshakes += 1
                self.up += 1
                self._free.append(self._after(line.user))
            case Ended(session=session, reason=reason) if reason is not DONE:
                line = self._lines[self._sessions[session]]
                self.report.failed += 1
                self.report.why = reason.text
                self._free.append(self._after(line.user))


def main(options: argparse.Namespace) -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(options.people, options.totp) if options.people else None
    gateway = IPv4Address(options.gateway)
    group, more = Group(options.group), tuple(map(Group, options.more))
    spoken = policy_v2(gateway, group, more) if options.version == 2 else policy(gateway, group)
    dialler = Dialler(gateway, spoken, options.password, crowd)
    steps: dict[str, Callable[[list[str]], object]] = {
        "run": lambda words: asdict(dialler.run(int(words[0]), int(words[1]))),
        "attempts": lambda words: asdict(dialler.attempts(visit(words))),
        "hang-up": lambda _: dialler.hang_up(),
        "linger": lambda words: dialler.linger(float(words[0])),
    }
    for line in sys.stdin:
        word, *rest = line.split()
        print(json.dumps(steps[word](rest)), flush=True)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--group", type=int, required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--version", type=int, choices=(1, 2), default=1, help="of IKE")
    parser.add_argument("--more", type=int, action="append", default=[], help="key exchanges of IKEv2 behind the first")
    parser.add_argument("--people", type=int, default=0, help="of a crowd in which each dials in turn")
    parser.add_argument("--totp", default="", help="the key of their second factor, in Base32")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(arguments()))
