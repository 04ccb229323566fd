"""IKE_INTERMEDIATE: additional key exchanges, ML-KEM among them, which AUTH covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import Dropped, Ended, PhaseOneUp
from lotor.ike.v2 import exchanges
from lotor.model.algorithms import Cipher, EapMethod, Group, Hash, Ike2Suite
from lotor.wire.header import Header
from lotor.wire.v2.numbers import ExchangeType
from peers.auth import client_policy, gateway_policy
from peers.frame import deliver, sealed, sent_by, sessions
from peers.world import CheapRandomness, connect, is_up, pair

PLAIN = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.CURVE25519)
KEM = replace(PLAIN, more=(Group.MLKEM768,))
BOTH = replace(PLAIN, more=(Group.MLKEM1024, Group.ECP384))


def calling(gateway, client, **network):
    eap = (EapMethod.MSCHAPV2,)
    policies = {
        "gateway": gateway_policy(proposals=gateway, eap=eap),
        "client": client_policy(proposals=client, eap=eap),
    }
    world, gateway, client = pair(randomness=CheapRandomness, **policies, **network)
    connect(world, client, gateway, "gw.example.org")
    return world, gateway, client


def tunnel(gateway, client, seconds=20, **network):
    world, gateway, client = calling(gateway, client, **network)
    assert world.run(seconds, lambda: is_up(client) and is_up(gateway))
    return world, gateway, client


def exchanged(world, client) -> list[int]:
    """The exchanges that the client began, in their order."""
    headers = [Header.decode(data) for data in sent_by(world, client) if len(data) > 28]
    return [number for number, _ in dict.fromkeys((each.exchange, each.message_id) for each in headers)]


@pytest.mark.parametrize("suite", [KEM, BOTH], ids=str)
def test_more_key_exchanges_make_new_keys_that_auth_covers(suite):
    world, gateway, client = tunnel((suite, PLAIN), (suite, PLAIN))
    (ours,), (theirs,) = sessions(client), sessions(gateway)
    assert ours.sa.suite == theirs.sa.suite == suite
    assert ours.sa.keys == theirs.sa.keys
    assert len(ours.sa.intermediate) == 2 * 48 + 4
    assert ours.sa.intermediate == theirs.sa.intermediate
    kinds = exchanged(world, client)
    assert kinds[: 2 + len(suite.more)] == [34, *[43] * len(suite.more), 35]
    assert str(suite) in client.of(PhaseOneUp)[0].text()


@pytest.mark.parametrize("seed", range(12))
def test_a_bad_network_does_no_harm(seed):
    tunnel((BOTH,), (BOTH,), seconds=200, seed=seed, loss=0.3, duplication=0.2, reordering=0.2)


@pytest.mark.parametrize(("gateway", "client"), [((PLAIN,), (KEM, PLAIN)), ((KEM, PLAIN), (PLAIN,))])
def test_a_peer_without_it_gets_a_suite_without_it(gateway, client):
    world, gateway, client = tunnel(gateway, client)
    assert sessions(client)[0].sa.suite == PLAIN
    assert 43 not in exchanged(world, client)


def test_a_gateway_that_insists_refuses_a_client_without_it():
    world, gateway, client = calling((KEM,), (PLAIN,))
    assert world.run(20, lambda: gateway.of(Ended) and client.of(Ended))
    assert not is_up(client)


def test_ike_auth_is_not_taken_before_all_key_exchanges_are_done(monkeypatch):
    """A client may not leave out what was agreed."""
    world, gateway, client = calling((KEM,), (KEM,))
    assert world.run(5, lambda: any(each.sa is not None for each in sessions(client)))
    (ours,) = sessions(client)
    data = sealed(ours, exchange=ExchangeType.IKE_AUTH, message_id=1)
    assert deliver(world, gateway, data, sessions(gateway)[0].path) == []
    assert "before all key exchanges are done" in gateway.of(Dropped)[-1].text()


def test_a_key_exchange_that_somebody_changed_is_found_by_auth(monkeypatch):
    """As if one end had another IntAuth: the signature of the gateway does not fit."""
    world, _gateway, client = calling((KEM,), (KEM,))
    assert world.run(5, lambda: any(len(each.sa.intermediate) if each.sa else 0 for each in sessions(client)))
    (ours,) = sessions(client)
    ours.sa = replace(ours.sa, intermediate=bytes(len(ours.sa.intermediate)))
    assert world.run(20, lambda: client.of(Ended))
    assert not is_up(client)


@pytest.mark.parametrize("size", [0, 1, 1183, 1185, 4000])
def test_a_key_that_is_none_ends_the_attempt_with_a_word(size, monkeypatch):
    world, gateway, _client = calling((KEM,), (KEM,))
    plain = exchanges.seal.sealed

    def broken(own, header, payloads, most):
        if header.exchange == 43 and not header.flags & 0x20:
            payloads = (replace(payloads[0], data=bytes(size)),)
        return plain(own, header, payloads, most)

    monkeypatch.setattr(exchanges.seal, "sealed", broken)
    assert world.run(60, lambda: gateway.of(Ended))
    assert "mlkem768" in gateway.of(Ended)[0].reason.text
