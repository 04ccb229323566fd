"""Methods without a login: who is the user, and what becomes of a client that asks for no address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.explain.attempts import Attempts
from lotor.explain.remedies import remedy
from lotor.ike.events import Configured, Dropped, Ended, Up
from lotor.ike.v1 import sa_pairs
from lotor.ike.v1.selectors import wanted
from lotor.model.algorithms import AuthMethod
from lotor.model.identity import Identity, IdKind
from lotor.model.policy import ExchangeMode
from lotor.model.reason import Cause
from peers.world import CLIENT, GATEWAY, connect, is_up, pair, suite_with

WITHOUT = [AuthMethod.RSA, AuthMethod.ECDSA, AuthMethod.PSK]


def _pair(method, mode, **client):
    common = {"proposals": (suite_with(method),), "exchange_modes": (mode,), "certificates": GATEWAY.certificates}
    gateway = replace(GATEWAY, mode_cfg=True, my_identity=Identity(IdKind.FQDN, b"vpn.example.net"), **common)
    world, server, person = pair(gateway=gateway, client=replace(CLIENT, **common, **client))
    connect(world, person, server)
    return world, server, person


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", WITHOUT)
def test_peers_the_user_is_the_client_at_both_ends(method, mode):
    world, gateway, client = _pair(method, mode, my_identity=Identity(IdKind.USER_FQDN, b"alice@example.net"))
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events]
    for host in (client, gateway):
        assert {event.user for event in (*host.of(Up), *host.of(Configured))} == {"alice@example.net"}


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", WITHOUT)
def test_peers_who_asks_for_no_address_is_told_so_at_once(method, mode):
    world, gateway, client = _pair(method, mode, mode_cfg=False)
    assert world.run(2, lambda: bool(client.of(Ended)))
    reason = client.of(Ended)[0].reason
    assert reason.cause is Cause.PROTOCOL
    assert "INVALID_ID_INFORMATION" in reason.text
    assert any("asked for no address" in event.reason.text for event in gateway.of(Dropped))
    assert not gateway.installed
    attempts = Attempts()
    for event in client.events:
        attempts.follow(event)
    assert "mode_cfg on" in remedy(attempts.all()[0])


def test_peers_before_the_login_quick_mode_meets_silence_as_ever():
    """A stranger in hybrid authentication gets no answer that a friend would not get."""
    world, gateway, client = _pair(AuthMethod.HYBRID_RSA, ExchangeMode.AGGRESSIVE)
    gateway.slow = 30.0
    world.run(2)
    (session,) = client.endpoint._sessions.by_id.values()
    sent = gateway.sent
    sa_pairs.start(session, wanted(session)[0], None, world.now)
    world.do(client, session.context.drain())
    world.run(2)
    assert any("before the login was accepted" in event.reason.text for event in gateway.of(Dropped))
    assert gateway.sent == sent
