"""NAT moves: a fresh and proved message moves a session to where it came from; nothing that was heard before, nothing
late and nothing changed does, in any order and from anywhere."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.events import ChildUp, Ended, PathChanged
from lotor.ike.intents import PeerMoved
from lotor.ike.questions import Install
from lotor.ike.session import MOVE_INTERVAL_S
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.network import Peer
from lotor.model.policy import ChildPolicy, Policy
from lotor.wire.header import Header
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import ConfigType, NotifyType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import Attributes, Delete, Nonce, Notification
from lotor.wire.v1.vendors import Vendor
from peers.clients import apple_child
from peers.counter import Counter
from peers.mutations import Mutator
from peers.speaker import I, Manners, Q, Speaker, T
from peers.world import CHILD, GATEWAY, connect, pair

SEEDS = range(60)
ESP = ChildPolicy((*CHILD.suites, EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)), lifetime=28800)
LOGIN = (
    Attribute.tlv(XauthAttribute.USER_NAME, b"alice"),
    Attribute.tlv(XauthAttribute.USER_PASSWORD, b"wonderland"),
)


def _places(lots: random.Random) -> Peer:
    return Peer(IPv4Address(f"203.0.113.{lots.randrange(1, 9)}"), lots.choice((500, 4500, 1024, 33333)))


@dataclass
class Roamer:
    """A client that is in, and an oracle of where the gateway must believe it to be."""

    seed: int
    heard: list[bytes] = field(default_factory=list)
    late: list[bytes] = field(default_factory=list)
    number: int = 1000
    message_id: int = 500

    def __post_init__(self) -> None:
        self.lots, self.mutator = random.Random(self.seed), Mutator(self.seed)
        self.counter = Counter(Policy((GATEWAY,), ESP))
        self.speaker = Speaker(self.seed, Manners(vendors=(Vendor.XAUTH.value, Vendor.RFC3947.value)))
        self.place = _places(self.lots)
        self._come_up()
        (self.session,) = self.counter.endpoint._sessions.by_id.values()

    def _tell(self, datagram: bytes, place: Peer | None = None) -> list[bytes]:
        """Messages come as far apart as a session follows them."""
        self.heard.append(datagram)
        self.counter.now += MOVE_INTERVAL_S
        return self.counter.receive(datagram, place or self.place)

    def _come_up(self) -> None:
        speaker = self.speaker
        speaker.second(self._tell(speaker.first())[0])
        asked = self._tell(speaker.third())[0]
        speaker.hear(asked)
        reply = Attributes(ConfigType.REPLY, 0, LOGIN)
        verdict = self._tell(speaker.say(T, Header.decode(asked).message_id, reply))[0]
        speaker.hear(verdict)
        status = Attributes(ConfigType.ACK, 0, (Attribute.tv(XauthAttribute.STATUS, 1),))
        self._tell(speaker.say(T, Header.decode(verdict).message_id, status))
        request = Attributes(ConfigType.REQUEST, 0, (Attribute.tlv(1, b""),))
        speaker.hear(self._tell(speaker.say(T, 41, request))[0])
        self.quick()
        assert self.counter.host.of(ChildUp)

    # --- what moves --------------------------------------------------------------------------------------------------

    def probe(self) -> None:
        """A new place, and a probe from there with a number above all before."""
        self.place = _places(self.lots)
        self.number += self.lots.randrange(1, 5)
        self._tell(self._probe(self.number))

    def quick(self) -> None:
        """A new pair: its third message answers ours, and moves."""
        self.message_id += 1
        asked = self.speaker.say(Q, self.message_id, apple_child(b"\xc0\xff\xee\x01"), Nonce(bytes(16)))
        self.speaker.hear(self._tell(asked)[0])
        self.place = _places(self.lots)
        self._tell(self.speaker.say(Q, self.message_id))

    def packet(self) -> None:
        """The engine opened an authentic packet of ESP from elsewhere."""
        self.place = _places(self.lots)
        child = next(iter(self.counter.host.installed))
        self.counter.settle(self.counter.endpoint.command(PeerMoved(child, self.place), self.counter.now))

    # --- what does not -----------------------------------------------------------------------------------------------

    def replay(self) -> None:
        self.counter.receive(self.lots.choice(self.heard), _places(self.lots))

    def forge(self) -> None:
        self.counter.receive(self.mutator.datagram(self.lots.choice(self.heard)), _places(self.lots))

    def hold_back(self) -> None:
        """A probe that the network keeps for later."""
        self.number += 1
        self.late.append(self._probe(self.number))
        self.probe()

    def arrive_late(self) -> None:
        if self.late:
            datagram = self.late.pop(self.lots.randrange(len(self.late)))
            self._tell(datagram, _places(self.lots))

    def chatter(self) -> None:
        """Proved, but nothing says that it is fresh: it may have been recorded elsewhere."""
        self.message_id += 1
        note = self.lots.choice(
            (
                Notification(NotifyType.INITIAL_CONTACT),
                Notification(NotifyType.R_U_THERE_ACK, bytes(4)),
                Delete(Protocol.ESP, (bytes(4),)),
            )
        )
        self._tell(self.speaker.say(I, self.message_id, note), _places(self.lots))

    def request(self) -> None:
        self.message_id += 1
        asked = Attributes(ConfigType.REQUEST, 0, (Attribute.tlv(1, b""),))
        self._tell(self.speaker.say(T, self.message_id, asked), _places(self.lots))

    def _probe(self, number: int) -> bytes:
        self.message_id += 1
        return self.speaker.say(I, self.message_id, Notification(NotifyType.R_U_THERE, number.to_bytes(4, "big")))


STEPS = (
    "probe",
    "quick",
    "packet",
    "replay",
    "replay",
    "forge",
    "forge",
    "hold_back",
    "arrive_late",
    "chatter",
    "request",
)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_session_is_where_the_last_fresh_message_came_from(seed):
    roamer = Roamer(seed)
    taken = []
    for _ in range(60):
        taken.append(roamer.lots.choice(STEPS))
        getattr(roamer, taken[-1])()
        assert roamer.session.path.remote == roamer.place, taken
    told = [event.new.remote for event in roamer.counter.host.of(PathChanged)]
    assert not told or told[-1] == roamer.place
    assert all(child.path.remote == roamer.place for child in _children(roamer))
    assert roamer.session.id not in {event.session for event in roamer.counter.host.of(Ended)}


def _children(roamer: Roamer) -> list:
    return [pair.child for pair in roamer.session.children]


def test_answers_go_where_their_question_came_from_and_no_further():
    """A replay from elsewhere is answered there at most once for once, and moves nothing."""
    roamer = Roamer(1)
    for datagram in roamer.heard:
        elsewhere = Peer(IPv4Address("203.0.113.200"), 7)
        answers = roamer.counter.receive(datagram, elsewhere)
        assert len(answers) <= 1
        assert sum(map(len, answers)) <= 6 * len(datagram)
    assert roamer.session.path.remote == roamer.place


def test_f11_messages_move_a_session_ten_times_a_second_at_most():
    """A client that writes another port on each probe: every move costs the engine and the journal something."""
    roamer = Roamer(2)
    roamer.counter.now += 1
    before = len(roamer.counter.host.of(PathChanged))
    for number in range(200):
        roamer.number += 1
        roamer.counter.receive(roamer._probe(roamer.number), Peer(IPv4Address("203.0.113.7"), 1024 + number))
    assert len(roamer.counter.host.of(PathChanged)) - before <= 1
    roamer.counter.now += MOVE_INTERVAL_S
    roamer.number += 1
    roamer.counter.receive(roamer._probe(roamer.number), Peer(IPv4Address("203.0.113.7"), 9))
    assert roamer.session.path.remote.port == 9


@pytest.mark.parametrize("side", ["gateway", "client"])
def test_a_peer_that_moves_while_the_engine_installs_is_found_where_it_is(side):
    world, gateway, client = pair()
    moving = gateway if side == "gateway" else client
    moving.delays[Install] = 5.0
    connect(world, client, gateway)
    assert world.run(60, lambda: any(isinstance(each, Install) for each in moving.questions))
    (session,) = moving.endpoint._sessions.by_id.values()
    elsewhere = replace(session.path, remote=Peer(session.path.remote.address, 33333))
    session.follow(elsewhere)
    session.context.drain()
    assert world.run(60, lambda: bool(moving.of(PathChanged)))
    (moved,) = moving.of(PathChanged)
    (child,) = moving.installed
    assert (moved.new, moved.children) == (elsewhere, (child,))
    assert session.children.get(child).child.path == elsewhere
