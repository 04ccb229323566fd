"""Why a phase 1 is refused is told under its keys and heard at once; what nobody signed is a hint, and ends nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.explain import cases
from lotor.explain.attempts import Attempt
from lotor.ike.effects import Transmit
from lotor.ike.events import Ended, PhaseOneUp
from lotor.ike.questions import AskPerson, JudgePeer
from lotor.ike.v1 import informational
from lotor.model.algorithms import AuthMethod
from lotor.model.judgement import Untrusted
from lotor.model.kinds import Kind
from lotor.model.policy import ExchangeMode, Side
from lotor.model.reason import Cause
from lotor.model.reasons.chains import Expired, UnknownAuthority
from lotor.wire.header import Header
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ExchangeType, Flag, NotifyType
from lotor.wire.v1.payloads import Notification
from peers.world import CLIENT, GATEWAY, connect, is_up, pair, suite_with

MAIN = ExchangeMode.MAIN


def _pair(method, mode):
    common = {
        "proposals": (suite_with(method),),
        "exchange_modes": (mode,),
        "certificates": GATEWAY.certificates,
    }
    return pair(gateway=replace(GATEWAY, **common), client=replace(CLIENT, **common))


def _informationals(world) -> list[Header]:
    headers = [Header.decode(data) for _, _, _, data in world.wire if len(data) >= Header.SIZE]
    return [header for header in headers if header.exchange == ExchangeType.INFORMATIONAL]


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.RSA, AuthMethod.ECDSA, AuthMethod.XAUTH_RSA])
def test_peers_a_refused_client_hears_why_under_the_keys_and_at_once(method, mode):
    world, gateway, client = _pair(method, mode)
    gateway.answers[JudgePeer] = lambda _: Untrusted(Expired("CN=alice", "2025-12-31 23:59 UTC"))
    connect(world, client, gateway)
    assert world.run(1, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    assert "AUTHENTICATION_FAILED" in client.of(Ended)[0].reason.text
    assert {header.flags for header in _informationals(world)} == {Flag.ENCRYPTION}


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.RSA, AuthMethod.ECDSA, AuthMethod.XAUTH_RSA])
def test_peers_a_refused_gateway_hears_it_too(method, mode):
    """Its journal says why the client went, instead of a silence half a minute later."""
    world, gateway, client = _pair(method, mode)
    client.answers[JudgePeer] = lambda _: Untrusted(UnknownAuthority("CN=b", "CN=c", "CN=ca", "", "gateway"))
    connect(world, client, gateway)
    assert world.run(1, lambda: bool(client.of(Ended)) and bool(gateway.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.CERTIFICATE
    (ended,) = gateway.of(Ended)
    assert ended.reason.kind is Kind.PROOF_NOT_ACCEPTED
    attempt = Attempt(1, 0.0, Side.GATEWAY, "anonymous", "203.0.113.1", "", over=1.0, reason=ended.reason)
    assert "ca_type" in cases.fix_of(attempt)
    assert not [q for q in client.questions if isinstance(q, AskPerson)]
    assert {header.flags for header in _informationals(world)} == {Flag.ENCRYPTION}


def _clear(world, host, notify: NotifyType) -> None:
    """Somebody on the way says something in clear."""
    (session,) = host.endpoint._sessions.by_id.values()
    made = build_message(session.header(ExchangeType.INFORMATIONAL, 77), *build_chain([Notification(notify)]))
    world.do(host, host.endpoint.receive(made, session.path, world.now))


@pytest.mark.parametrize("notify", [NotifyType.AUTHENTICATION_FAILED, NotifyType.NO_PROPOSAL_CHOSEN])
@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.RSA])
def test_peers_a_refusal_in_clear_never_ends_what_has_keys(method, notify):
    world, gateway, client = _pair(method, MAIN)
    client.delays[JudgePeer] = gateway.delays[JudgePeer] = 8.0
    connect(world, client, gateway)
    assert world.run(20, lambda: any(isinstance(q, JudgePeer) for q in client.questions))
    _clear(world, client, notify)
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events]


def test_peers_a_true_answer_outweighs_a_refusal_in_clear_that_came_before_it():
    world, gateway, client = _pair(AuthMethod.HYBRID_RSA, MAIN)
    client.delays[JudgePeer] = 8.0
    world.network.delay = 0.7
    connect(world, client, gateway)
    _clear(world, client, NotifyType.NO_PROPOSAL_CHOSEN)
    assert world.run(40, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events]


def test_peers_a_refusal_in_clear_of_a_gateway_that_said_nothing_else_is_told_soon():
    world, gateway, client = _pair(AuthMethod.HYBRID_RSA, MAIN)
    world.network.blocked = frozenset({500})
    connect(world, client, gateway)
    _clear(world, client, NotifyType.NO_PROPOSAL_CHOSEN)
    assert world.run(4, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.NO_PROPOSAL


@pytest.mark.parametrize("silent", [True, False])
def test_peers_silence_is_put_down_to_a_hint_and_nothing_else_is(silent):
    world, gateway, client = _pair(AuthMethod.HYBRID_RSA, MAIN)
    client.answers[JudgePeer] = lambda _: Untrusted(UnknownAuthority("CN=b", "CN=c", "CN=ca", "", "gateway"))
    _before_its_last_message(world, client, gateway, block=silent)
    _clear(world, client, NotifyType.NO_PROPOSAL_CHOSEN)
    assert world.run(100, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is (Cause.NO_PROPOSAL if silent else Cause.CERTIFICATE)


def _before_its_last_message(world, client, gateway, *, block: bool) -> None:
    connect(world, client, gateway)
    (session,) = client.endpoint._sessions.by_id.values()
    assert world.run(5, lambda: session.exchanges.running(ExchangeType.MAIN)[0].position == 5)
    if block:
        world.network.loss = 1.0


def test_peers_an_error_that_a_forged_message_may_cause_ends_nothing():
    """A gateway may complain under the keys of a message that somebody else sent in the client's name."""
    world, gateway, client = _pair(AuthMethod.HYBRID_RSA, MAIN)
    client.delays[JudgePeer] = 1.0
    connect(world, client, gateway)
    assert world.run(5, lambda: any(isinstance(q, JudgePeer) for q in client.questions))
    (session,) = gateway.endpoint._sessions.by_id.values()
    informational.say(session, Notification(NotifyType.PAYLOAD_MALFORMED))
    (said,) = [effect for effect in session.context.drain() if isinstance(effect, Transmit)]
    world.do(gateway, [said])
    assert world.run(10, lambda: is_up(client) and is_up(gateway))


def test_peers_a_message_under_the_keys_that_is_no_refusal_waits_for_phase_one():
    world, gateway, client = _pair(AuthMethod.HYBRID_RSA, MAIN)
    client.delays[JudgePeer] = 1.0
    connect(world, client, gateway)
    assert world.run(5, lambda: any(isinstance(q, JudgePeer) for q in client.questions))
    (session,) = gateway.endpoint._sessions.by_id.values()
    informational.probe(session, 7)
    world.do(gateway, session.context.drain())
    heard = session.liveness._life
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    assert client.of(PhaseOneUp)
    assert session.liveness._life > heard
