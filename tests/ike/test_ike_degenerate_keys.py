"""3DES under a key that is no stronger than one of DES is refused where it is derived (RFC 2451 §2.3)."""

from dataclasses import replace

import pytest

from lotor.ike.events import ChildUp, Ended, PhaseOneUp
from lotor.ike.intents import Reload
from lotor.ike.v1 import keymat, quick
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.policy import Policy
from lotor.model.reason import Cause
from peers.world import CHILD, CLIENT, GATEWAY, connect, is_up, pair

OLD = replace(GATEWAY.proposals[0], cipher=Cipher.TRIPLE_DES_CBC, key_bits=0)
THREE_DES = EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1)
EQUAL = {"first two": b"k" * 16 + b"differs!", "last two": b"differs!" + b"k" * 16}


def met():
    """A client that dials a gateway; both know 3DES only."""
    world, gateway, client = pair(gateway=replace(GATEWAY, proposals=(OLD,)), client=replace(CLIENT, proposals=(OLD,)))
    for host in (gateway, client):
        policy = Policy(host.policy.remotes, replace(CHILD, suites=(THREE_DES,)))
        world.do(host, host.endpoint.command(Reload(policy), world.now))
    connect(world, client, gateway)
    return world, gateway, client


@pytest.mark.parametrize("parts", list(EQUAL))
def test_phase_1_ends_and_says_why(parts, monkeypatch):
    monkeypatch.setattr(keymat, "_lengthen", lambda *_: EQUAL[parts])
    world, gateway, client = met()
    world.run(10)
    assert not gateway.of(PhaseOneUp)
    assert not client.of(PhaseOneUp)
    ends = gateway.of(Ended)
    assert {ended.reason.cause for ended in ends} == {Cause.LOCAL_FAULT}
    assert all("3DES is no stronger than one of DES" in ended.reason.text for ended in ends)
    assert client.of(Ended)


@pytest.mark.parametrize("direction", [1, 2])
def test_phase_2_installs_nothing(direction, monkeypatch):
    derive, calls = quick.keymat, []

    def degenerate(*arguments):
        octets = derive(*arguments)
        calls.append(octets)
        return EQUAL["first two"] + octets[24:] if len(calls) == direction else octets

    monkeypatch.setattr(quick, "keymat", degenerate)
    world, gateway, client = met()
    world.run(10)
    assert len(calls) == direction
    assert not gateway.of(ChildUp)
    assert not client.of(ChildUp)
    assert not gateway.installed
    assert not client.installed
    assert client.of(Ended)


def test_every_other_key_of_3des_serves():
    world, gateway, client = met()
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    assert gateway.of(ChildUp)[0].child.suite == THREE_DES
    assert client.of(ChildUp)
