"""IKE_INTERMEDIATE: additional key exchanges, ML-KEM among them, which AUTH covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import Dropped, Ended, PhaseOneUp, Renewed
from lotor.ike.v2 import exchanges, upkeep
from lotor.model.algorithms import Cipher, EapMethod, Group, Hash, Ike2Suite
from lotor.wire.header import Header
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.numbers import ExchangeType, NotifyType
from lotor.wire.v2.payloads import KeyExchange, Nonce, Notification
from lotor.wire.v2.proposals import ike_proposals
from peers.auth import client_policy, gateway_policy
from peers.frame import ask, deliver, sealed, sent_by, sessions
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


def test_ike_auth_is_not_taken_before_all_key_exchanges_are_done():
    """A client may not leave out what was agreed."""
    world, gateway, client = calling((KEM,), (KEM,))
    assert world.run(5, lambda: any(each.sa is not None for each in sessions(client)))
    (ours,) = sessions(client)
    data = sealed(ours, exchange=ExchangeType.IKE_AUTH, message_id=1)
    assert deliver(world, gateway, data, sessions(gateway)[0].path) == []
    assert "before all key exchanges are done" in gateway.of(Dropped)[-1].text()


def test_a_key_exchange_that_somebody_changed_is_found_by_auth():
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


# --- renewals --------------------------------------------------------------------------------------------------------


def renew(world, *hosts):
    for host in hosts:
        upkeep.renew(sessions(host)[0], world.now)
        world.do(host, host.endpoint._context.drain())


def one_of_each(gateway, client) -> bool:
    """Both ends have the same keys of the IKE SA, nothing else, and nothing under way."""
    (ours,), (theirs,) = sessions(client), sessions(gateway)
    assert not client.of(Ended) + gateway.of(Ended)
    assert len(client.endpoint._sessions.by_cookie) == len(gateway.endpoint._sessions.by_cookie) == 1
    assert (ours.work.busy, theirs.work.busy, ours.work.pending, theirs.work.pending) == (None,) * 4
    assert ours.sa.suite == theirs.sa.suite
    return ours.sa.keys == theirs.sa.keys


@pytest.mark.parametrize("who", ["client", "gateway"])
@pytest.mark.parametrize("suite", [KEM, BOTH], ids=str)
def test_renewed_keys_have_all_key_exchanges_again(who, suite):
    world, gateway, client = tunnel((suite, PLAIN), (suite, PLAIN))
    host = client if who == "client" else gateway
    for turn in (1, 2):
        renew(world, host)
        assert world.run(5, lambda turn=turn: len(client.of(Renewed)) == len(gateway.of(Renewed)) == turn)
        world.run(60)
        assert one_of_each(gateway, client)
        assert sessions(client)[0].sa.suite == suite
    kinds = [Header.decode(data).exchange for data in sent_by(world, host) if len(data) > 28]
    assert kinds.count(ExchangeType.IKE_FOLLOWUP_KE) >= 2 * len(suite.more)


@pytest.mark.parametrize("seed", range(6))
def test_renewals_with_all_key_exchanges_cross(seed):
    """In a bad network, and with one end later by each moment of the other one's."""
    world, gateway, client = tunnel((BOTH,), (BOTH,), seconds=200, seed=seed, loss=0.2 * (seed % 2))
    world.run(5)
    renew(world, client)
    world.run(seed * 0.04)
    renew(world, gateway)
    world.run(100)
    world.network.loss = 0.0
    world.run(100)
    assert one_of_each(gateway, client)
    assert gateway.of(Renewed)
    assert sessions(client)[0].sa.suite == BOTH


def test_a_peer_that_leaves_them_out_renews_all_the_same():
    world, gateway, client = tunnel((KEM, PLAIN), (KEM, PLAIN))
    session = sessions(client)[0]
    pair = session.context.randomness.key_pair(Group.CURVE25519)
    asked = ike_proposals((PLAIN,), bytes(7) + b"x"), Nonce(bytes(32)), KeyExchange(Group.CURVE25519, pair.public)
    heard = ask(world, client, *asked, kind=ExchangeType.CREATE_CHILD_SA)
    assert world.run(5, lambda: bool(heard))
    assert heard[0].chain.first(SecurityAssociation)
    assert gateway.of(Renewed)


LINK = Notification(NotifyType.ADDITIONAL_KEY_EXCHANGE, bytes(16))


@pytest.mark.parametrize("payloads", [(), (LINK,), (KeyExchange(36, bytes(1184)), LINK)])
def test_a_key_exchange_that_nobody_asked_for_is_answered_by_a_word(payloads):
    world, gateway, client = tunnel((KEM,), (KEM,))
    heard = ask(world, client, *payloads, kind=ExchangeType.IKE_FOLLOWUP_KE)
    assert world.run(5, lambda: bool(heard))
    (note,) = heard[0].chain.all(Notification)
    assert note.type == NotifyType.STATE_NOT_FOUND
    assert one_of_each(gateway, client)


@pytest.mark.parametrize("sent", [KeyExchange(36, bytes(5)), KeyExchange(31, bytes(32)), None])
def test_a_bad_key_exchange_ends_the_renewal_and_harms_nothing(sent):
    world, gateway, client = tunnel((KEM,), (KEM,))
    session = sessions(client)[0]
    pair = session.context.randomness.key_pair(Group.CURVE25519)
    asked = ike_proposals((KEM,), bytes(7) + b"x"), Nonce(bytes(32)), KeyExchange(Group.CURVE25519, pair.public)
    heard = ask(world, client, *asked, kind=ExchangeType.CREATE_CHILD_SA)
    assert world.run(5, lambda: bool(heard))
    (link,) = [each for each in heard[0].chain.all(Notification) if each.type == LINK.type]
    for wanted in (NotifyType.INVALID_SYNTAX, NotifyType.STATE_NOT_FOUND):
        again = ask(world, client, *([sent] if sent else []), link, kind=ExchangeType.IKE_FOLLOWUP_KE)
        assert world.run(5, lambda again=again: bool(again))
        assert [each.type for each in again[0].chain.all(Notification)] == [wanted]
    assert not gateway.of(Renewed)
    renew(world, client)
    world.run(60)
    assert one_of_each(gateway, client)
    assert gateway.of(Renewed)
