"""A third-party client in the simulated world: the steps of its visit, in the manners that `Habits` describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from lotor.ike.effects import Transmit
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from lotor.wire.header import Header
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.configuration import decode_configuration
from lotor.wire.v1.numbers import ConfigType, ExchangeType, NotifyType, PayloadType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import Attributes, Delete, Identification, Nonce, Notification, encode_payload
from lotor.wire.v1.proposals import read_esp
from peers.speaker import I, Manners, Q, Speaker, T
from peers.world import CHILD, GATEWAY, CheapRandomness, Host, World

HOME = IPv4Address("198.51.100.20")


class Mailbox:
    """Stands where an endpoint would: it keeps what arrives, and has no clock."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []

    def receive(self, data: bytes, path: Path, now: float) -> list:
        del path, now
        self.arrived.append(data)
        return []

    def deadline(self) -> None:
        return None


@dataclass(frozen=True)
class Habits:
    """What a client is like: phase 1 in `manners`, then its login, its request, its quick mode and its send_deletes."""

    manners: Manners
    child: Callable[[bytes], SecurityAssociation]
    request: tuple[Attribute, ...]
    identifier: int = 0
    xauth_type: bool = False
    end_of_password: bytes = b""
    quick_nonce: int = 16
    doi: int = 1
    deletes_both_spis: bool = False
    short_message_ids: bool = False


@dataclass
class Visitor:
    world: World
    gateway: Host
    habits: Habits
    seed: int = 5
    user: bytes = b"alice"
    password: bytes = b"wonderland"
    address: IPv4Address = HOME
    inner: IPv4Address | None = None
    message_id: int = 100
    reused: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.host = Host("visitor", self.address, Policy((GATEWAY,), CHILD), CheapRandomness(self.seed))
        self.host.endpoint = Mailbox()
        self.world.add(self.host, behind=IPv4Address("203.0.113.2"))
        self.port = 500
        self.meet()

    def meet(self, manners: Manners | None = None) -> None:
        """Begin anew: other cookies, nonce and keys."""
        self.seed += 1
        local, remote = (self.address, self.port), (self.gateway.address, self.port)
        self.speaker = Speaker(self.seed, manners or self.habits.manners, local, remote)

    # --- datagrams ---------------------------------------------------------------------------------------------------

    def send(self, datagram: bytes, seconds: float = 0.5) -> list[bytes]:
        """The whole messages that arrive in the next moment."""
        box = self.host.endpoint
        box.arrived.clear()
        path = Path(Peer(self.address, self.port), Peer(self.gateway.address, self.port), floated=self.port == 4500)
        self.world.do(self.host, [Transmit(datagram, path)])
        self.world.run(seconds)
        whole = [self.speaker.whole(data) for data in box.arrived if data != b"\xff"]
        return [message for message in whole if message is not None]

    def say(self, kind: int, message_id: int, *payloads, seconds: float = 0.5) -> list[tuple[Header, Chain]]:
        """One message under the keys, and what is heard of it, proved; duplicates count once."""
        arrived = self.send(self.speaker.say(kind, message_id, *payloads), seconds)
        ours = [data for data in dict.fromkeys(arrived) if data[:8] == self.speaker.cky_i]
        return [(Header.decode(data), self.speaker.hear(data)) for data in ours]

    def next_id(self) -> int:
        self.message_id += 1
        return self.message_id % 256 if self.habits.short_message_ids else 0x5A000000 + self.message_id

    # --- steps -------------------------------------------------------------------------------------------------------

    def phase_one(self) -> list[tuple[Header, Chain]]:
        """Up to the gateway's first request; empty when it refused in clear."""
        arrived = self.send(self.speaker.first())
        if arrived and arrived[0][16] == PayloadType.NOTIFICATION:
            return []
        if self.habits.manners.main or self.speaker.manners.main:
            arrived = self.send(self.speaker.main_third(arrived[0]))
            self.port = 4500
            arrived = self.send(self.speaker.main_fifth(arrived[0]))
            sixth = next(data for data in arrived if data[18] == ExchangeType.MAIN)
            self.speaker.main_sixth(sixth)
            arrived = [data for data in arrived if data[18] != ExchangeType.MAIN]
        else:
            self.speaker.second(arrived[0])
            self.port = 4500
            arrived = self.send(self.speaker.third())
        return [(Header.decode(data), self.speaker.hear(data)) for data in dict.fromkeys(arrived)]

    def answers(self, asked: Chain) -> tuple[Attribute, ...]:
        given = {
            XauthAttribute.USER_NAME: self.user,
            XauthAttribute.USER_PASSWORD: self.password + self.habits.end_of_password,
        }
        wanted = [attribute.type for attribute in asked.only(Attributes).attributes]
        kind = (Attribute.tv(XauthAttribute.TYPE, 0),) if self.habits.xauth_type else ()
        return (*kind, *(Attribute.tlv(number, given[number]) for number in wanted if number in given))

    def login(self) -> bool:
        """Phase 1 and XAUTH; whether the gateway said yes."""
        heard = self.phase_one()
        if not heard:
            return False
        header, asked = heard[0]
        identifier = asked.only(Attributes).identifier
        reply = Attributes(ConfigType.REPLY, identifier, self.answers(asked))
        header, verdict = self.say(T, header.message_id, reply)[0]
        told = verdict.only(Attributes)
        assert told.type == ConfigType.SET
        status = told.first(XauthAttribute.STATUS).number
        self.say(T, header.message_id, Attributes(ConfigType.ACK, told.identifier, self._status(status)))
        return status == 1

    def _status(self, status: int) -> tuple[Attribute, ...]:
        return (Attribute.tv(XauthAttribute.STATUS, status),)

    def configure(self) -> Attributes:
        """Mode config; the reply, octet for octet without padding."""
        request = Attributes(ConfigType.REQUEST, self.habits.identifier, self.habits.request)
        ((_, reply),) = self.say(T, self.next_id(), request)
        told = reply.only(Attributes)
        assert told.type == ConfigType.REPLY
        assert told.identifier == self.habits.identifier
        assert reply.body(Attributes) == encode_payload(told), "padding that Apple refuses"
        self.inner = decode_configuration(told.attributes).address
        return told

    def quick(self, spi: bytes = b"\xc0\xff\xee\x01") -> bytes:
        """Quick mode; the gateway's SPI. Both ends have the same keys when it returns."""
        message_id = self.next_id()
        mine = Identification(1, 0, 0, self.inner.packed)
        everywhere = Identification(4, 0, 0, bytes(8))
        nonce = Nonce(self.speaker.randomness.nonce(self.habits.quick_nonce))
        ((header, answer),) = self.say(Q, message_id, self.habits.child(spi), nonce, mine, everywhere)
        assert header.message_id == message_id
        assert answer.all(Identification) == (mine, everywhere), "vpnc wants its identities back as they were"
        (proposal,) = answer.only(SecurityAssociation).proposals
        suite = read_esp(proposal.transforms[0]).suite()
        self.send(self.speaker.say(Q, message_id))
        child = next(one for one in self.gateway.installed.values() if one.inbound.spi == _number(proposal.spi))
        size = suite.key_bits // 8 or 24
        assert child.inbound.encryption.reveal() == self.speaker.keymat(message_id, proposal.spi, size)
        assert child.outbound.encryption.reveal() == self.speaker.keymat(message_id, spi, size)
        assert child.sending
        self.spis = (spi, proposal.spi)
        return proposal.spi

    def probe(self, number: int) -> bool:
        note = Notification(NotifyType.R_U_THERE, number.to_bytes(4, "big"), spi=self._cookies())
        heard = self.say(I, self.next_id(), note)
        return any(
            told.type == NotifyType.R_U_THERE_ACK and _number(told.data) == number
            for _, chain in heard
            for told in chain.all(Notification)
        )

    def leave(self) -> None:
        spis = self.spis if self.habits.deletes_both_spis else self.spis[:1]
        message_id = self.next_id()
        self.send(self.speaker.say(I, message_id, Delete(Protocol.ESP, spis, self.habits.doi)))
        again = message_id if self.habits.short_message_ids else self.next_id()
        self.send(self.speaker.say(I, again, Delete(Protocol.ISAKMP, (self._cookies(),), self.habits.doi)))

    def _cookies(self) -> bytes:
        return self.speaker.cky_i + self.speaker.cky_r

    def come_up(self) -> None:
        assert self.login()
        self.configure()
        self.quick()


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def with_manners(habits: Habits, **changes) -> Habits:
    return replace(habits, manners=replace(habits.manners, **changes))
