"""Every sequence of messages of a gateway up to a length against the client's real state machine: "a password is sent"
implies "its signature was verified and its name matched"."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import product

import pytest

from lotor.ike.events import ChildUp, Configured, Up
from lotor.ike.questions import AskPerson, Install, JudgePeer
from lotor.ike.v1 import authenticate, dialling
from lotor.ike.v1.session import V1Session
from lotor.model.network import Peer
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ConfigType, NotifyType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import Attributes, Delete, Notification
from peers.rogue import NAME, OTHER, PATH, Caller, Rogue
from peers.speaker import I, T

LENGTH = int(os.environ.get("LOTOR_MODEL_LENGTH", "7"))
UNPRUNED = int(os.environ.get("LOTOR_MODEL_UNPRUNED", "3"))
ELSEWHERE = Peer(IPv4Address("203.0.113.66"), 500)
LOGIN = Attributes(
    ConfigType.REQUEST,
    0,
    (Attribute.tlv(XauthAttribute.USER_NAME, b""), Attribute.tlv(XauthAttribute.USER_PASSWORD, b"")),
)


@dataclass
class Case:
    client: Caller
    rogue: Rogue = field(default_factory=lambda: Rogue(77))
    sent: list[bytes] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    number: int = 100

    def __post_init__(self) -> None:
        self.rogue.listen(self.client.first)

    def say(self, letter: str) -> None:
        getattr(self, letter)()

    def send(self, datagram: bytes, sender: Peer = PATH.remote) -> None:
        self.sent.append(datagram)
        self.listen(self.client.receive(datagram, sender, floated=False))

    def listen(self, datagrams: list[bytes]) -> None:
        for data in datagrams:
            self.heard.append(data)
            if data[18] == 4 and data[19] & 1:
                self.rogue.heard_third(data)

    def under_keys(self, kind: int, *payloads, **options) -> None:
        """As the client would have it if its third message came, and from the first IV too."""
        self.number += 1
        self.send(self.rogue.say(kind, self.number, *payloads, **options))

    # --- letters -----------------------------------------------------------------------------------------------------

    def good(self) -> None:
        self.send(self.rogue.answer())

    def good_elsewhere(self) -> None:
        """Proved as well as can be, by somebody who was not called."""
        self.send(self.rogue.answer(), ELSEWHERE)

    def good_from_another_port(self) -> None:
        self.send(self.rogue.answer(), Peer(PATH.remote.address, 4500))

    def hint_elsewhere(self) -> None:
        self.send(self.rogue.clear(I, Notification(NotifyType.NO_PROPOSAL_CHOSEN), message_id=4), ELSEWHERE)

    def wrong_signature(self) -> None:
        self.send(self.rogue.answer(proof=b"signed:" + bytes(20)))

    def other_name(self) -> None:
        self.send(self.rogue.answer(OTHER))

    def stolen_signature(self) -> None:
        """The signature of another name under this one."""
        self.send(self.rogue.answer(NAME, b"signed:" + self.rogue.proof(OTHER)))

    def keyed_hash(self) -> None:
        self.send(self.rogue.answer(proof=self.rogue.proof(NAME), hashed=True))

    def no_proof(self) -> None:
        self.send(self.rogue.answer(proof=b""))

    def empty_signature(self) -> None:
        self.send(self.rogue.answer(proof=b"\0"))

    def ask(self) -> None:
        self.under_keys(T, LOGIN)

    def ask_clear(self) -> None:
        header = self.rogue.header(T, 55)
        self.send(build_message(header, *build_chain([LOGIN])))

    def ask_with_a_wrong_hash(self) -> None:
        self.under_keys(T, LOGIN, hashed=bytes(20))

    def accept(self) -> None:
        self.under_keys(T, Attributes(ConfigType.SET, 0, (Attribute.tv(XauthAttribute.STATUS, 1),)))

    def refuse(self) -> None:
        self.under_keys(T, Attributes(ConfigType.SET, 0, (Attribute.tv(XauthAttribute.STATUS, 0),)))

    def push(self) -> None:
        self.under_keys(T, Attributes(ConfigType.SET, 0, (Attribute.tlv(1, bytes([10, 99, 99, 1])),)))

    def hint(self) -> None:
        self.send(self.rogue.clear(I, Notification(NotifyType.NO_PROPOSAL_CHOSEN), message_id=3))

    def delete(self) -> None:
        self.under_keys(I, Delete(Protocol.ISAKMP, (self.rogue.cky_i + self.rogue.cky_r,)))

    def replay(self) -> None:
        for datagram in tuple(self.sent):
            self.listen(self.client.receive(datagram, PATH.remote, floated=False))

    def wait(self) -> None:
        self.listen(self.client.wait(2))

    def verdict(self) -> None:
        self.listen(self.client.verdict())

    # --- what must hold ----------------------------------------------------------------------------------------------

    def violations(self) -> list[str]:
        host = self.client.host
        asked = any(isinstance(question, AskPerson | Install) for question in host.questions)
        said = any(data[18] == T for data in self.heard)
        up = any(isinstance(event, Configured | ChildUp | Up) for event in host.events)
        found = ["before the gateway was proved"] if (asked or said or up) and not self.client.trusted else []
        judged = {question.proof.address for question in host.questions if isinstance(question, JudgePeer)}
        if judged - {PATH.remote.address}:
            found.append("a certificate was judged for somebody who was not called")
        if any(session.path.remote.address == ELSEWHERE.address for session in self.sessions()):
            found.append("the session went to somebody who was not called")
        return found

    def sessions(self):
        return self.client.endpoint._sessions.by_id.values()

    def fingerprint(self) -> object:
        sessions = []
        for session in self.sessions():
            running = tuple((kind, one.position) for (kind, _), one in session.exchanges._running.items())
            shut = tuple(session.gates.shut)
            refused = session.refused is None
            port, instead = session.path.remote.port, session.instead is None
            known = (shut, session.established, session.rounds, session.inner.configuration is None, refused, running)
            sessions.append((*known, port, instead))
        return tuple(sessions), len(self.client.pending), self.client.trusted


LETTERS = (
    "good",
    "good_elsewhere",
    "good_from_another_port",
    "hint_elsewhere",
    "wrong_signature",
    "other_name",
    "stolen_signature",
    "keyed_hash",
    "no_proof",
    "empty_signature",
    "ask",
    "ask_clear",
    "ask_with_a_wrong_hash",
    "accept",
    "refuse",
    "push",
    "hint",
    "delete",
    "replay",
    "wait",
)


def _letters(late: bool) -> tuple[str, ...]:
    return (*LETTERS, "verdict") if late else LETTERS


def _run(letters: tuple[str, ...], late: bool) -> Case:
    case = Case(Caller(late=late))
    for letter in letters:
        case.say(letter)
    return case


def _walk(late: bool, length: int):
    seen, edge = {_run((), late).fingerprint()}, [()]
    for _ in range(length):
        longer = []
        for letters in edge:
            for letter in _letters(late):
                case = _run((*letters, letter), late)
                yield (*letters, letter), case
                state = case.fingerprint()
                if state not in seen:
                    seen.add(state)
                    longer.append((*letters, letter))
        edge = longer


@pytest.mark.parametrize("late", [False, True])
def test_nothing_secret_is_said_before_the_gateway_is_proved(late):
    asked = configured = 0
    for letters, case in _walk(late, LENGTH):
        assert not case.violations(), letters
        asked += any(isinstance(question, AskPerson) for question in case.client.host.questions)
        configured += bool(case.client.host.of(Configured))
        case.replay()
        assert not case.violations(), (*letters, "replay")
    assert asked, "no sequence came as far as the login"
    assert configured, "no sequence came as far as an address"


@pytest.mark.parametrize("late", [False, True])
def test_every_short_sequence_without_any_pruning(late):
    sequences = list(product(_letters(late), repeat=UNPRUNED - 1))
    assert len(sequences) >= len(_letters(late))
    for letters in sequences:
        assert not _run(letters, late).violations(), letters


def test_long_sequences_drawn_by_lot():
    lots = random.Random(5)
    for _ in range(700 * max(1, UNPRUNED - 2)):
        letters = tuple(lots.choices(_letters(late=True), k=9))
        assert not _run(letters, late=True).violations(), letters


def test_the_model_sees_a_client_that_trusts_everybody(monkeypatch):
    def believe(*_):
        return
        yield

    monkeypatch.setattr(authenticate, "judge", believe)
    assert any(case.violations() for _, case in _walk(late=False, length=3))


def test_f1_the_model_sees_a_client_that_listens_to_everybody(monkeypatch):
    monkeypatch.setattr(dialling, "demand_called", lambda *_: None)
    monkeypatch.setattr(V1Session, "heard_over", lambda self, path, _: self.follow(path))
    assert any(case.violations() for _, case in _walk(late=False, length=3))
