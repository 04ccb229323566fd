"""One person twice, from two devices behind one NAT: the older session replaced, or the newer one turned away."""

from __future__ import annotations

import pytest

from lab import lotor
from lab.dialling import dial, dialled, ping, road_warrior, serve
from lab.internet import INSIDE_HOST
from lab.node import wait_until


@pytest.fixture
def clients(internet):
    return internet.clients


def _rule(rule: str) -> dict[str, str]:
    """`unique` beside the last directive of the remote block."""
    return {"generate_policy": f"on; unique {rule}"}


def test_the_newer_session_replaces_the_older_one(internet, certificates, clients):
    gateway = serve(internet, certificates, **_rule("replace"))
    first = road_warrior(clients[0], certificates)
    assert lotor.connect(first, "alice", "alicepass").code == 0
    vpnc = dialled(clients[1], certificates)
    assert wait_until(lambda: "ended the session" in first.journal()), first.journal()
    assert ping(clients[1], INSIDE_HOST)
    assert vpnc.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.1"
    assert [session["user"] for session in gateway.sessions()] == ["alice"]
    gateway.running.expect("alice connected again from 192.0.2.1")


def test_a_second_session_is_turned_away_with_the_reason(internet, certificates, clients):
    gateway = serve(internet, certificates, **_rule("refuse"))
    dialled(clients[1], certificates)
    second = road_warrior(clients[0], certificates)
    done = lotor.connect(second, "alice", "alicepass")
    assert done.code == 23, done
    assert "alice is logged in already from 192.0.2.1" in done.stderr, done
    assert ping(clients[1], INSIDE_HOST)
    assert len(gateway.sessions()) == 1
    assert gateway.call("logout", "alice").code == 0
    assert wait_until(lambda: gateway.sessions() == [])
    assert lotor.connect(second, "alice", "alicepass").code == 0


def test_vpnc_hears_a_refusal_too(internet, certificates, clients):
    gateway = serve(internet, certificates, **_rule("refuse"))
    first = road_warrior(clients[0], certificates)
    assert lotor.connect(first, "alice", "alicepass").code == 0
    vpnc = dial(clients[1], certificates)
    assert wait_until(lambda: vpnc.running is not None and not vpnc.running.alive)
    assert not vpnc.connected
    assert "authentication unsuccessful" in vpnc.running.text()
    gateway.running.expect("as alice refused: alice is logged in already from 192.0.2.1")
    assert len(gateway.sessions()) == 1
