"""A real device's client of IKEv2 in the simulated world: the steps of its visit, in the manners of a `Device`."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from lotor.crypto import mschap
from lotor.ike.effects import Transmit
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from lotor.wire.eap import mschapv2
from lotor.wire.eap.packet import Code, Packet, Type
from lotor.wire.header import Header
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ConfigAttribute, ExchangeType, Flag, NotifyType, PayloadType, Protocol
from lotor.wire.v2.payloads import (
    Authentication,
    Certificate,
    Configuration,
    Delete,
    Eap,
    Identification,
    Notification,
    TrafficSelectors,
)
from lotor.wire.v2.proposals import EspChoice, chosen_esp, read_esp
from peers.devices import GATEWAY_NAME, Device
from peers.speaker_v2 import CLASSIC, Speaker
from peers.visitor import Mailbox
from peers.world import CHILD, GATEWAY, CheapRandomness, Host, World

AUTH, INFORMATIONAL = ExchangeType.IKE_AUTH, ExchangeType.INFORMATIONAL
HOME = IPv4Address("198.51.100.20")
SPI = b"\xc0\xff\xee\x01"


def errors(chain: Chain) -> list[int]:
    """The notifications of a message that say that something went wrong (RFC 7296 §3.10.1)."""
    return [note.type for note in chain.all(Notification) if note.type < 16384]


@dataclass
class Guest:
    """`refused`: the types of notifications that ended the attempt. `failures`: what a method said of the login."""

    world: World
    gateway: Host
    device: Device
    seed: int = 5
    user: str = "alice"
    password: str = "wonderland"
    inner: IPv4Address | None = None
    child: EspChoice | None = None
    msk: bytes = b""
    rounds: int = 0
    refused: tuple[int, ...] = ()
    certificates: tuple[bytes, ...] = ()
    failures: list[mschapv2.Failure] = field(default_factory=list)
    asked: list[tuple[Header, Chain]] = field(default_factory=list)
    identifiers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host = Host("guest", HOME, Policy((GATEWAY,), CHILD), CheapRandomness(self.seed))
        self.host.endpoint = Mailbox()
        self.world.add(self.host, behind=IPv4Address("203.0.113.2"))
        self.port = 500
        self.speaker = Speaker(self.device.manners, self.seed, (HOME, 500), (self.gateway.address, 500))

    # --- datagrams ---------------------------------------------------------------------------------------------------

    def send(self, datagrams: list[bytes], seconds: float = 0.5) -> list[bytes]:
        """What arrives in the next moment, each once."""
        box = self.host.endpoint
        box.arrived.clear()
        path = Path(Peer(HOME, self.port), Peer(self.gateway.address, self.port), floated=self.port == 4500)
        self.world.do(self.host, [Transmit(datagram, path) for datagram in datagrams])
        self.world.run(seconds)
        return list(dict.fromkeys(data for data in box.arrived if data != b"\xff"))

    def ask(self, exchange: int, *payloads, seconds: float = 0.5) -> Chain:
        """A request under the keys, and the answer to it, proved. Requests of the gateway are kept in `asked`."""
        heard = [self.speaker.hear(data) for data in self.send(self.speaker.request(exchange, *payloads), seconds)]
        messages = [message for message in heard if message is not None]
        self.asked += [message for message in messages if not message[0].flags & Flag.RESPONSE]
        (answer,) = [chain for header, chain in messages if header.flags & Flag.RESPONSE]
        return answer

    # --- steps -------------------------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """IKE_SA_INIT, with as many first messages as it takes; False where the gateway refused."""
        for _ in range(4):
            arrived = self.send([self.speaker.first()])
            if not arrived:
                return False
            if self.speaker.second(arrived[0]):
                self.port = 4500
                return True
        return False

    def come_up(self) -> bool:
        """All of it, up to the address and the first SA pair."""
        return self.begin() and self.log_in()

    def asked_for_name(self) -> Packet:
        """The gateway's first packet of EAP, once it has proved itself."""
        chain = self.ask(AUTH, *self.device.first_request(SPI))
        assert self._proved(chain)
        return Packet.decode(chain.only(Eap).packet)

    def log_in(self) -> bool:
        chain = self.ask(AUTH, *self.device.first_request(SPI))
        if not self._proved(chain):
            return False
        packet = Packet.decode(chain.only(Eap).packet)
        while packet.code == Code.REQUEST:
            self.rounds += 1
            self.identifiers.append(packet.identifier)
            chain = self.ask(AUTH, Eap(self._answer(packet).encode()))
            if not self._goes_on(chain):
                return False
            packet = Packet.decode(chain.only(Eap).packet)
        return packet.code == Code.SUCCESS and self._finish()

    def _goes_on(self, chain: Chain) -> bool:
        failed = errors(chain)
        self.refused += tuple(failed)
        return not failed and chain.first(Eap) is not None

    def _proved(self, chain: Chain) -> bool:
        """The gateway must prove itself before anybody logs in: certificates, and a signature that this client can
        read: the old way, for it announced no hashes."""
        if not self._goes_on(chain):
            return False
        self.certificates = tuple(each.data for each in chain.all(Certificate))
        assert self.certificates, "no certificate: the client would fall silent"
        named, proof = chain.of_type(PayloadType.IDENTIFICATION_R), chain.only(Authentication)
        assert isinstance(named, Identification)
        assert named.data == GATEWAY_NAME.encode()
        body = chain.body(PayloadType.IDENTIFICATION_R)
        assert (proof.method, proof.data) == (CLASSIC, b"signed:" + self.speaker.covered(body, initiator=False))
        self.named = named
        return True

    def _answer(self, packet: Packet) -> Packet:
        """What the client says in EAP; a method that it does not speak it refuses."""
        match packet.type:
            case Type.IDENTITY:
                return packet.response(self.device.user.format(self.user).encode())
            case Type.MSCHAPV2:
                return packet.response(mschapv2.encode(self._mschap(mschapv2.decode_request(packet.data))))
        return packet.refusal(self.device.methods)

    def _mschap(self, said: mschapv2.Request) -> mschapv2.Response | mschapv2.Acknowledged:
        if isinstance(said, mschapv2.Challenge):
            user = self.device.user.format(self.user)
            self.nt, own = mschap.nt_hash(self.password), self.speaker.randomness.nonce(16)
            self.hashed = mschap.challenge_hash(said.challenge, own, user)
            self.shown = mschap.nt_response(self.nt, self.hashed)
            return mschapv2.Response(said.identifier, own, self.shown, user.encode())
        if isinstance(said, mschapv2.Success):
            assert mschap.is_authenticator(self.nt, self.hashed, self.shown, said.authenticator)
            self.msk = mschap.msk(self.nt, self.shown).reveal()
            return mschapv2.Acknowledged(success=True)
        assert isinstance(said, mschapv2.Failure)
        self.failures.append(said)
        return mschapv2.Acknowledged(success=False)

    def _finish(self) -> bool:
        """AUTH of both ends by the key of the method, and what the client came for."""
        assert self.msk, "success before the method is done"
        proof = self.speaker.keyed(self.msk, self.device.identification)
        chain = self.ask(AUTH, Authentication(2, proof))
        failed = errors(chain)
        self.refused += tuple(failed)
        if chain.first(Authentication) is None:
            return False
        assert chain.only(Authentication).data == self.speaker.keyed(self.msk, self.named)
        self.last = chain
        return not failed and self._take(chain)

    def _take(self, chain: Chain) -> bool:
        given = chain.only(Configuration)
        self.inner = IPv4Address(given.all(ConfigAttribute.INTERNAL_IP4_ADDRESS)[0])
        (answered,) = chain.only(SecurityAssociation).proposals
        self.child = chosen_esp(answered)
        offered = [each for each in self.device.child(SPI, None).proposals if each.number == answered.number]
        assert any(read_esp(each).has_esp(self.child.suite) for each in offered)
        mine, theirs = chain.of_type(PayloadType.TRAFFIC_SELECTORS_I), chain.of_type(PayloadType.TRAFFIC_SELECTORS_R)
        assert isinstance(mine, TrafficSelectors)
        assert isinstance(theirs, TrafficSelectors)
        assert mine.selectors[0].first == mine.selectors[0].last == self.inner
        return True

    def probe(self) -> bool:
        """Whether the gateway shows a sign of life."""
        return self.ask(INFORMATIONAL).payloads == ()

    def leave(self) -> None:
        assert self.ask(INFORMATIONAL, Delete(Protocol.IKE)).payloads == ()

    def knows(self, number: int) -> bool:
        """Whether the gateway said so in its last answer."""
        return NotifyType(number) in {note.type for note in self.last.all(Notification)}
