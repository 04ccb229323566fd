"""Every sequence of messages up to a length against the gateway's real state machine: "an SA is up or an address is
given" implies "the back end said yes for this session"; states that were seen before are not walked twice."""

from __future__ import annotations

import os
import random
from copy import copy
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from itertools import product

import pytest

from lotor.ike.events import ChildUp, Configured, LoggedIn, Up
from lotor.ike.gates import Gate, Gates
from lotor.ike.questions import AcquireConfiguration, DeriveSkeyid, Install
from lotor.model.algorithms import AuthMethod
from lotor.model.network import Peer
from lotor.model.policy import ExchangeMode, Policy
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import (
    ConfigAttribute,
    ConfigType,
    ExchangeType,
    NotifyType,
    PayloadType,
    Protocol,
    XauthAttribute,
)
from lotor.wire.v1.payloads import Attributes, Delete, Identification, Nonce, Notification
from lotor.wire.v1.proposals import esp_transform, ike_transform
from peers.counter import Counter
from peers.speaker import I, Manners, Q, Speaker, T
from peers.world import CHILD, CONFIGURATION, GATEWAY, SUITE

LENGTH = int(os.environ.get("LOTOR_MODEL_LENGTH", "7"))
UNPRUNED = int(os.environ.get("LOTOR_MODEL_UNPRUNED", "3"))
GIVEN = {int(number) for number in ConfigAttribute}


def _login(*attributes: Attribute) -> tuple[Attribute, ...]:
    return (Attribute.tv(XauthAttribute.TYPE, 0), *attributes)


def _named(password: bytes) -> tuple[Attribute, ...]:
    return _login(
        Attribute.tlv(XauthAttribute.USER_NAME, b"alice"), Attribute.tlv(XauthAttribute.USER_PASSWORD, password)
    )


STATUS = (Attribute.tv(XauthAttribute.STATUS, 1),)
ESP = SecurityAssociation(
    (
        Proposal(
            1,
            Protocol.ESP,
            b"\x11\x22\x33\x44",
            (esp_transform(1, CHILD.suites[0], group=None, encapsulation=3, lifetime=3600),),
        ),
    )
)


@dataclass
class Case:
    """One sequence under way: a gateway, a client that may say anything, and what it remembers. A letter that cannot
    be said yet (no keys, nothing to answer) is not said."""

    counter: Counter
    speaker: Speaker
    number: int = 100
    sent: list[bytes] = field(default_factory=list)
    answerable: dict[str, tuple[int, object]] = field(default_factory=dict)
    given: bool = False

    def say(self, letter: str) -> None:
        if letter in CLEAR or self.speaker.keys is not None:
            getattr(self, letter)()

    def send(self, datagram: bytes) -> None:
        self.sent.append(datagram)
        self.hear(self.counter.receive(datagram))

    def hear(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            whole = self.speaker.whole(datagram)
            if whole is not None:
                self._read(whole)

    def _read(self, datagram: bytes) -> None:
        header = Header.decode(datagram)
        if header.initiator != self.speaker.cky_i or header.next_payload == PayloadType.NOTIFICATION:
            return
        if not header.flags:
            self._clear(datagram)
            return
        if header.exchange == ExchangeType.MAIN:
            if "sixth" not in self.answerable:
                self.answerable["sixth"] = (0, self.speaker.main_sixth(datagram))
            return
        key = (header.exchange, header.message_id)
        before = copy(self.speaker.threads[key]) if key in self.speaker.threads else None
        try:
            chain = self.speaker.hear(datagram)
        except Exception:  # noqa: BLE001 - an answer that was heard before
            self.speaker.threads.pop(key, None)
            if before is not None:
                self.speaker.threads[key] = before
            return
        self._remember(header, chain)

    def _clear(self, datagram: bytes) -> None:
        if self.speaker.keys is None and not self.speaker.manners.main:
            self.speaker.second(datagram)
        elif self.speaker.manners.main and "main" not in self.answerable:
            self.answerable["main"] = (0, datagram)
        elif self.speaker.keys is None and "third" in self.answerable:
            self.answerable["fifth"] = (0, self.speaker.main_fifth(datagram))

    def _remember(self, header: Header, chain: Chain) -> None:
        thread = copy(self.speaker.threads[(header.exchange, header.message_id)])
        told = chain.first(Attributes)
        if header.exchange == Q:
            self.given = True
            self.answerable["quick"] = (header.message_id, thread)
        elif told is not None and told.type in (ConfigType.REQUEST, ConfigType.SET):
            self.given |= bool({attribute.type for attribute in told.attributes} & GIVEN)
            self.answerable["request" if told.type == ConfigType.REQUEST else "set"] = (header.message_id, thread)
        elif told is not None:
            self.given |= bool({attribute.type for attribute in told.attributes} & GIVEN)

    def _reply(self, to: str, kind: int, *payloads) -> None:
        if to in self.answerable:
            message_id, thread = self.answerable[to]
            self.speaker.threads[(kind, message_id)] = copy(thread)
            self.send(self.speaker.say(kind, message_id, *payloads))

    def _fresh(self, kind: int, *payloads, **options) -> None:
        self.number += 1
        self.send(self.speaker.say(kind, self.number, *payloads, **options))

    # --- letters -----------------------------------------------------------------------------------------------------

    def first(self) -> None:
        self.send(self.speaker.first())

    def third(self) -> None:
        self.send(self.speaker.third())

    def bad_third(self) -> None:
        last_block = self.speaker.last_block
        self.send(self.speaker.third(proof=bytes(20)))
        self.speaker.last_block = last_block

    def main_third(self) -> None:
        if "main" in self.answerable and "third" not in self.answerable:
            self.answerable["third"] = (0, self.speaker.main_third(self.answerable["main"][1]))
        if "third" in self.answerable:
            self.send(self.answerable["third"][1])

    def main_fifth(self) -> None:
        if "fifth" in self.answerable:
            self.send(self.answerable["fifth"][1])

    def good(self) -> None:
        self._reply("request", T, Attributes(ConfigType.REPLY, 0, _named(b"wonderland")))

    def bad(self) -> None:
        self._reply("request", T, Attributes(ConfigType.REPLY, 0, _named(b"guess")))

    def empty(self) -> None:
        self._reply("request", T, Attributes(ConfigType.REPLY, 0, ()))

    def claim(self) -> None:
        self._reply("request", T, Attributes(ConfigType.REPLY, 0, STATUS))

    def unasked(self) -> None:
        self._fresh(T, Attributes(ConfigType.REPLY, 0, _named(b"guess")))

    def status(self) -> None:
        self._fresh(T, Attributes(ConfigType.SET, 0, STATUS))

    def acknowledge(self) -> None:
        self._reply("set", T, Attributes(ConfigType.ACK, 0, STATUS))

    def request(self) -> None:
        asked = tuple(Attribute.tlv(number, b"") for number in (1, 2, 3, 28672, 28676))
        self._fresh(T, Attributes(ConfigType.REQUEST, 7, asked))

    def quick(self) -> None:
        self._fresh(Q, ESP, Nonce(bytes(16)))

    def quick_from_inside(self) -> None:
        """As Apple's client does it that had the address before: no configuration is asked for."""
        inside = Identification(1, 0, 0, CONFIGURATION.address.packed)
        self._fresh(Q, ESP, Nonce(bytes(16)), inside, Identification(4, 0, 0, bytes(8)))

    def quick_third(self) -> None:
        self._reply("quick", Q)

    def delete(self) -> None:
        cookies = self.speaker.cky_i + self.speaker.cky_r
        self._fresh(I, Delete(Protocol.ISAKMP, (cookies,)))

    def delete_clear(self) -> None:
        cookies = self.speaker.cky_i + self.speaker.cky_r
        self.send(self.speaker.clear(I, Delete(Protocol.ISAKMP, (cookies,)), message_id=9))

    def contact(self) -> None:
        self._fresh(I, Notification(NotifyType.INITIAL_CONTACT))

    def replay(self) -> None:
        for datagram in tuple(self.sent):
            self.hear(self.counter.receive(datagram))

    def wait(self) -> None:
        self.hear(self.counter.wait(4))

    def verdict(self) -> None:
        self.hear(self.counter.verdict())

    # --- what must hold ----------------------------------------------------------------------------------------------

    def violations(self) -> list[str]:
        host, found = self.counter.host, []
        given = {question.session for question in host.questions if isinstance(question, AcquireConfiguration)}
        given |= {question.child.session for question in host.questions if isinstance(question, Install)}
        given |= {event.session for event in host.events if isinstance(event, LoggedIn | Configured | ChildUp | Up)}
        if not given <= self.counter.yes:
            found.append(f"sessions {given - self.counter.yes} were given something")
        if self.given and not self.counter.yes:
            found.append("an address or a quick mode's answer was sent")
        return found

    def fingerprint(self) -> object:
        """What the rest of a sequence can depend on."""
        sessions = tuple(self._state(session) for session in self.counter.endpoint._sessions.by_id.values())
        return sessions, tuple(sorted(self.answerable)), self.speaker.keys is None, len(self.counter.pending)

    def _state(self, session) -> object:
        running = tuple(
            (kind, exchange.position, exchange.waiting is None)
            for (kind, _), exchange in session.exchanges._running.items()
        )
        limit = session.life.limit
        return (
            session.id in self.counter.yes,
            tuple(session.gates.shut),
            session.established,
            session.inner.configuration is None,
            session.initial_contact,
            session.refused is None,
            running,
            min(len(session.children), 2),
            limit and limit.why,
        )


CLEAR = {"first", "main_third", "replay", "wait", "verdict"}
OPENINGS = {False: ("first", "third", "bad_third"), True: ("first", "main_third", "main_fifth")}
REST = (
    "good",
    "bad",
    "empty",
    "claim",
    "unasked",
    "status",
    "acknowledge",
    "request",
    "quick",
    "quick_from_inside",
    "quick_third",
    "delete",
    "delete_clear",
    "contact",
    "replay",
    "wait",
)

METHODS = {
    "hybrid": (AuthMethod.HYBRID_RSA, False, False),
    "hybrid with a slow back end": (AuthMethod.HYBRID_RSA, False, True),
    "main mode with a group key": (AuthMethod.XAUTH_PSK, True, False),
}


def _case(which: str) -> Case:
    method, main, late = METHODS[which]
    suite = replace(SUITE, method=method)
    mode = ExchangeMode.MAIN if main else ExchangeMode.AGGRESSIVE
    remote = replace(GATEWAY, proposals=(suite,), exchange_modes=(mode,))
    counter = Counter(Policy((remote,), CHILD), late=late)
    psk = counter.host.psk if method is AuthMethod.XAUTH_PSK else None
    return Case(counter, Speaker(manners=Manners(transforms=(ike_transform(1, suite),), main=main, psk=psk)))


def _letters(which: str) -> tuple[str, ...]:
    _, main, late = METHODS[which]
    return (*OPENINGS[main], *REST, *(("verdict",) if late else ()))


def _run(which: str, letters: tuple[str, ...]) -> Case:
    case = _case(which)
    for letter in letters:
        case.say(letter)
    return case


def _walk(which: str, length: int):
    """Each sequence once per state that it leads to: the shortest way to it, and every letter from there."""
    seen, edge = {_case(which).fingerprint()}, [()]
    for _ in range(length):
        longer = []
        for letters in edge:
            for letter in _letters(which):
                case = _run(which, (*letters, letter))
                yield (*letters, letter), case
                state = case.fingerprint()
                if state not in seen:
                    seen.add(state)
                    longer.append((*letters, letter))
        edge = longer


@pytest.mark.parametrize("which", list(METHODS))
def test_nothing_is_given_before_the_back_end_said_yes(which):
    up = walked = short = 0
    for letters, case in _walk(which, LENGTH):
        assert not case.violations(), letters
        case.replay()
        assert not case.violations(), (*letters, "replay")
        walked += 1
        up += bool(case.counter.host.of(Up))
        short |= "quick_from_inside" in letters and "request" not in letters and bool(case.counter.host.of(Up))
    assert walked > 300
    assert up, "no sequence brought a tunnel up: the model walks past the door"
    assert short, "no sequence went on with an address that was not asked for"


def _opening(which: str) -> tuple[str, ...]:
    return ("first", "main_third", "main_fifth") if METHODS[which][1] else ("first", "third")


@pytest.mark.parametrize("which", list(METHODS))
def test_every_short_sequence_without_any_pruning(which):
    sequences = list(product(_letters(which), repeat=UNPRUNED - 1))
    assert len(sequences) >= len(_letters(which))
    for letters in sequences:
        case = _run(which, (*_opening(which), *letters))
        assert not case.violations(), letters


@pytest.mark.parametrize("which", list(METHODS))
def test_long_sequences_drawn_by_lot(which):
    lots = random.Random(which)
    for _ in range(700 * max(1, UNPRUNED - 2)):
        letters = (*_opening(which), *lots.choices(_letters(which), k=8))
        case = _run(which, letters)
        assert not case.violations(), letters


def test_the_model_sees_a_gate_that_does_not_shut(monkeypatch):
    monkeypatch.setattr(Gates, "demand", lambda *_: None)
    assert any(case.violations() for _, case in _walk("hybrid", 4))


@dataclass
class Neighbour(Case):
    """A stranger beside a client that is in: same address and port, same identity, no password."""

    def __post_init__(self) -> None:
        honest = Case(self.counter, Speaker(50))
        for letter in ("first", "third", "good", "acknowledge", "request", "quick", "quick_third"):
            honest.say(letter)
        (self.theirs,) = self.counter.endpoint._sessions.by_id.values()
        self.cookies = honest.speaker.cky_i + honest.speaker.cky_r
        self.before = self._of_theirs()
        self.counter.host.questions.clear()
        self.counter.host.events.clear()

    def _of_theirs(self) -> object:
        session = self.counter.endpoint._sessions.by_id.get(self.theirs.id)
        pairs = tuple(pair.child for pair in session.children) if session is not None else ()
        return session is self.theirs, pairs, self.theirs.path, self.theirs.life.over

    def delete_theirs(self) -> None:
        self._fresh(I, Delete(Protocol.ISAKMP, (self.cookies,)))

    def delete_their_pairs(self) -> None:
        spis = (b"\x11\x22\x33\x44", self.before[1][0].inbound.spi.to_bytes(4, "big"))
        self._fresh(I, Delete(Protocol.ESP, spis))

    def violations(self) -> list[str]:
        self.counter.yes.discard(self.theirs.id)
        found = super().violations()
        self.counter.yes.add(self.theirs.id)
        return found + ([] if self._of_theirs() == self.before else ["the client that is in was touched"])


NEIGHBOURS = (*OPENINGS[False], *(letter for letter in REST if letter != "good"), "delete_theirs", "delete_their_pairs")


def _beside(letters: tuple[str, ...]) -> Neighbour:
    case = Neighbour(Counter(Policy((GATEWAY,), CHILD)), Speaker(60, Manners(initial_contact=True)))
    for letter in letters:
        case.say(letter)
    return case


def test_a_stranger_touches_nobody_who_is_in():
    seen, edge, walked = {_beside(()).fingerprint()}, [()], 0
    for _ in range(LENGTH - 2):
        longer = []
        for letters in edge:
            for letter in NEIGHBOURS:
                case = _beside((*letters, letter))
                assert not case.violations(), (*letters, letter)
                walked += 1
                state = case.fingerprint()
                if state not in seen:
                    seen.add(state)
                    longer.append((*letters, letter))
        edge = longer
    assert walked > 100
    lots = random.Random(9)
    for _ in range(400):
        letters = ("first", "third", *lots.choices(NEIGHBOURS, k=6))
        assert not _beside(letters).violations(), letters


@dataclass
class Elsewhere(Case):
    """Each message comes from one of three addresses: of a client that moves, or of whoever has seen its cookies."""

    lots: random.Random = field(default_factory=lambda: random.Random(1))
    began: dict[int, object] = field(default_factory=dict)

    def send(self, datagram: bytes) -> None:
        self.sent.append(datagram)
        place = Peer(IPv4Address(f"203.0.113.{self.lots.randrange(1, 4)}"), self.lots.choice((500, 4500)))
        self.hear(self.counter.receive(datagram, place))
        self.meet()

    def replay(self) -> None:
        for datagram in tuple(self.sent):
            self.hear(self.counter.receive(datagram))
            self.meet()

    def meet(self) -> None:
        for session in self.counter.endpoint._sessions.by_id.values():
            self.began.setdefault(session.id, session.path.remote.address)

    def violations(self) -> list[str]:
        found = super().violations()
        for session in self.counter.endpoint._sessions.by_id.values():
            proved = session.established and session.gates.passed(Gate.LOGIN)
            if not proved and session.path.remote.address != self.began[session.id]:
                found.append("an unproved message moved a session")
        asked = [each.request for each in self.counter.host.questions if isinstance(each, DeriveSkeyid)]
        if {request.address for request in asked} - set(self.began.values()):
            found.append("the key of another address was taken")
        return found


@pytest.mark.parametrize("which", list(METHODS))
def test_f1_no_unproved_message_moves_a_session(which):
    lots, up, moved = random.Random(which), 0, 0
    for seed in range(150):
        plain = _case(which)
        case = Elsewhere(plain.counter, plain.speaker, lots=random.Random(seed))
        login = ("good", "verdict") if METHODS[which][2] else ("good",)
        letters = (*_opening(which), *(login if seed % 2 else ()), *lots.choices(_letters(which), k=8))
        for letter in letters:
            case.say(letter)
            assert not case.violations(), (seed, letters)
        up += any(session.established for session in case.counter.endpoint._sessions.by_id.values())
        moved += any(
            session.path.remote.address != case.began[session.id]
            for session in case.counter.endpoint._sessions.by_id.values()
        )
    assert up
    assert moved, "nobody who proved himself was followed"
