"""What a peer sends right behind its last message of phase 1, or before it arrives, is not lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.explain.attempts import Attempts
from lotor.explain.remedies import remedy
from lotor.ike.dialect import Incoming
from lotor.ike.effects import Transmit
from lotor.ike.events import Ended, LoginRound, PhaseOneUp, Up
from lotor.ike.intents import Disconnect
from lotor.ike.questions import JudgePeer
from lotor.ike.v1 import early
from lotor.model.algorithms import AuthMethod
from lotor.model.judgement import Untrusted
from lotor.model.network import Path, Peer
from lotor.model.policy import ExchangeMode, Retransmission
from lotor.model.reason import Cause
from lotor.model.reasons.chains import UnknownAuthority
from lotor.model.reasons.ends import ClosedHere
from lotor.wire.header import Header
from lotor.wire.v1.numbers import ExchangeType, Flag
from peers.world import CLIENT, GATEWAY, connect, is_up, pair, suite_with

SIGNED = [AuthMethod.HYBRID_RSA, AuthMethod.XAUTH_RSA, AuthMethod.RSA, AuthMethod.ECDSA]


class Terse:
    """A world in which nobody says anything twice, as racoon says no login request twice."""

    def __init__(self, *hosts) -> None:
        self.said: set[tuple[str, bytes]] = set()
        for host in hosts:
            host.endpoint = _Once(host.name, host.endpoint, self.said)


class _Once:
    def __init__(self, name, endpoint, said) -> None:
        self.name, self.endpoint, self.said = name, endpoint, said

    def __getattr__(self, name):
        call = getattr(self.endpoint, name)
        if name not in ("receive", "answer", "command", "tick"):
            return call
        return lambda *arguments: [effect for effect in call(*arguments) if not self._again(effect)]

    def _again(self, effect) -> bool:
        if not isinstance(effect, Transmit) or effect.data == b"\xff":
            return False
        key = (self.name, effect.data)
        known = key in self.said
        self.said.add(key)
        return known


def _slow_judges(method, mode, seconds=0.7, **network):
    suite = suite_with(method)
    common = {"proposals": (suite,), "exchange_modes": (mode,), "certificates": GATEWAY.certificates}
    world, gateway, client = pair(gateway=replace(GATEWAY, **common), client=replace(CLIENT, **common), **network)
    for host in (gateway, client):
        host.delays[JudgePeer] = seconds
    return world, gateway, client


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", SIGNED)
def test_f1_what_follows_phase_one_is_kept_while_a_certificate_is_judged(method, mode):
    """racoon asks for the login right behind its last message, and once; strongSwan again after four seconds."""
    world, gateway, client = _slow_judges(method, mode)
    Terse(gateway, client)
    began = world.now
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events + gateway.events]
    judges = len([q for host in (gateway, client) for q in host.questions if isinstance(q, JudgePeer)])
    assert world.now - began < 0.7 * judges + 1.0


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.XAUTH_RSA, AuthMethod.RSA])
def test_f1_what_overtakes_the_last_message_of_phase_one_is_kept(method, mode):
    """A small message passes a certificate in pieces: nothing is judged yet, and the IVs to come are not known."""
    world, gateway, client = _slow_judges(method, mode, 0.0)
    Terse(gateway, client)
    last = {ExchangeMode.MAIN: (gateway, 3), ExchangeMode.AGGRESSIVE: (client, 2)}[mode]
    _hold_back(world, *last)
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events + gateway.events]


def _hold_back(world, sender, number: int) -> None:
    """The message of that number that a host sends in phase 1 takes half a second more, all its pieces."""
    counted: list[bytes] = []
    send = world._send

    def slowed(host, transmit):
        header = Header.decode(transmit.data) if len(transmit.data) >= Header.SIZE else None
        phase_one = header is not None and header.exchange in (ExchangeType.MAIN, ExchangeType.AGGRESSIVE)
        if host is not sender or not phase_one:
            send(host, transmit)
            return
        counted.append(transmit.data)
        messages = len({data for data in counted if data[16] != 132 or data[34] == 1})
        if messages == number:
            world.later(0.5, lambda: send(host, transmit))
        else:
            send(host, transmit)

    world._send = slowed


def _judging():
    """A client in main mode that judges a certificate for ever; what the gateway sent so far."""
    world, gateway, client = _slow_judges(AuthMethod.HYBRID_RSA, ExchangeMode.MAIN, 1000.0)
    connect(world, client, gateway)
    assert world.run(5, lambda: any(isinstance(q, JudgePeer) for q in client.questions))
    (session,) = client.endpoint._sessions.by_id.values()
    return world, gateway, client, session


def _junk(session, number: int, *, flags: int = Flag.ENCRYPTION, size: int = 64, **header) -> bytes:
    made = replace(session.header(ExchangeType.TRANSACTION, number), flags=flags, **header)
    return replace(made, next_payload=8).encode(size) + bytes([number % 256]) * size


def _kept(session) -> int:
    return len(session.early._kept)


def test_f1_a_stranger_cannot_fill_what_is_kept():
    world, _gateway, client, session = _judging()
    session.early.drop()
    send = lambda data, path: world.do(client, client.endpoint.receive(data, path, world.now))  # noqa: E731
    for number in range(1, 50):
        elsewhere = Path(session.path.local, Peer(client.address, 4500), floated=True)
        send(_junk(session, number), elsewhere)
        send(_junk(session, number, flags=0), session.path)
        send(_junk(session, number, responder=b"whatever"), session.path)
        send(_junk(session, 0), session.path)
        send(_junk(session, number, exchange=33), session.path)
    assert _kept(session) == 0
    for number in range(1, 50):
        send(_junk(session, number, size=16), session.path)
    assert _kept(session) == early.MOST_MESSAGES
    assert len(client.endpoint._context._outbox) == 0
    assert not client.of(Ended)


def test_f1_what_is_kept_is_bounded_in_octets_and_each_message_is_kept_once():
    waiting = early.Early()
    header = Header(b"initiato", b"responde", 8, ExchangeType.TRANSACTION, 1, 7)
    large = Incoming(header, bytes(early.MOST_OCTETS - 100))
    called: list[str] = []
    assert waiting.keep(large, lambda _: called.append("large"))
    assert waiting.keep(large, lambda _: called.append("twice"))
    assert not waiting.keep(Incoming(header, bytes(200)), lambda _: called.append("too much"))
    assert waiting.keep(Incoming(header, bytes(50)), lambda _: called.append("small"))
    for receive in waiting.take():
        receive(0.0)
    assert called == ["large", "small"]
    assert waiting.take() == ()


@pytest.mark.parametrize("end", ["refused", "given up"])
def test_f1_what_is_kept_goes_with_the_session(end):
    world, _gateway, client, session = _judging()
    assert world.run(1, lambda: _kept(session) > 0)
    if end == "refused":
        session.exchanges.running(ExchangeType.MAIN)[0]._step(
            Untrusted(UnknownAuthority("CN=b", "CN=c", "CN=ca", "", "gateway")), world.now
        )
    else:
        reason = ClosedHere()
        world.do(client, client.endpoint.command(Disconnect(session.id, reason), world.now))
    assert session.life.over
    assert _kept(session) == 0
    world.run(5)
    assert not client.of(LoginRound)
    assert not client.of(PhaseOneUp)


def test_f1_forged_messages_among_those_that_are_kept_do_no_harm():
    world, gateway, client = _slow_judges(AuthMethod.HYBRID_RSA, ExchangeMode.MAIN, 0.5)
    connect(world, client, gateway)
    assert world.run(5, lambda: any(isinstance(q, JudgePeer) for q in client.questions))
    (session,) = client.endpoint._sessions.by_id.values()
    for number in (5, 6):
        world.do(client, client.endpoint.receive(_junk(session, number), session.path, world.now))
    assert world.run(10, lambda: bool(client.of(Up)) and is_up(gateway))


def _in_vain(mode, *, blocked: bool):
    """A login for which nothing comes after phase 1: the gateway never asks, or port 4500 is closed."""
    world, gateway, client = _slow_judges(AuthMethod.HYBRID_RSA, mode, 0.0)
    send = world._send
    world._send = lambda host, transmit: None if transmit.data[18:19] == b"\x06" else send(host, transmit)
    world.network.blocked = frozenset({4500}) if blocked else frozenset()
    patient = Retransmission(interval=10, counter=30)
    gateway.endpoint._context.policy = replace(gateway.policy, retransmission=patient)
    connect(world, client, gateway)
    world.run(5)
    for session in gateway.endpoint._sessions.by_id.values():
        session.unlimit()
    assert world.run(200, lambda: bool(client.of(Ended)))
    attempts = Attempts()
    for event in client.events:
        attempts.follow(event)
    (attempt,) = attempts.all()
    return client.of(Ended)[0].reason, attempt


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_f2_a_gateway_that_answers_and_does_not_go_on_is_not_called_silent(mode):
    reason, attempt = _in_vain(mode, blocked=False)
    assert reason.cause is Cause.PROTOCOL
    assert "answers, but did not finish the login" in reason.text
    assert attempt.reached
    assert "at UDP port 4500 too" in remedy(attempt)


def test_f2_a_port_that_is_closed_still_is():
    reason, attempt = _in_vain(ExchangeMode.AGGRESSIVE, blocked=True)
    assert reason.cause is Cause.DEAD_PEER
    assert not attempt.reached
    assert "let UDP 4500 through" in remedy(attempt)
