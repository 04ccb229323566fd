"""IKE_SA_INIT of IKEv2 between two endpoints: keys, cookies, other groups, forged refusals, NATs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import Chosen, Dropped, Ended, Offered, Started
from lotor.ike.v2.session import V2Session
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Integrity
from lotor.model.policy import V2Policy
from lotor.model.reasons.proposals import NoProposal, ProposalRefused
from lotor.wire.header import Header
from peers.world import CLIENT, GATEWAY, connect, pair

GCM = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.CURVE25519)
CBC = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.ECP256)
TERMS = V2Policy((GCM, CBC))


def two(gateway=TERMS, client=TERMS, **network):
    return pair(
        gateway=replace(GATEWAY, versions=(1, 2), v2=gateway),
        client=replace(CLIENT, versions=(2, 1), v2=client),
        **network,
    )


def session_of(host) -> V2Session:
    (session,) = host.endpoint._sessions.by_id.values()
    return session


def keyed(host) -> bool:
    sessions = host.endpoint._sessions.by_id.values()
    return any(each.sa is not None for each in sessions)


def both_keyed(world, client, gateway, seconds=20):
    connect(world, client, gateway)
    assert world.run(seconds, lambda: keyed(client) and keyed(gateway))
    return session_of(client), session_of(gateway)


def test_both_ends_have_the_same_keys():
    world, gateway, client = two()
    ours, theirs = both_keyed(world, client, gateway)
    assert ours.sa.keys == theirs.sa.keys
    assert (ours.sa.message_i, ours.sa.message_r) == (theirs.sa.message_i, theirs.sa.message_r)
    assert ours.sa.suite == GCM
    assert [each.ike for each in gateway.of(Started)] == [2]
    assert len(client.of(Offered)) == len(gateway.of(Offered)) == 1
    assert len(client.of(Chosen)) == len(gateway.of(Chosen)) == 1


def test_a_nat_moves_both_to_the_other_ports():
    world, gateway, client = two()
    ours, theirs = both_keyed(world, client, gateway)
    assert (ours.path.floated, ours.path.remote.port) == (True, 4500)
    assert (ours.abilities.translated_here, theirs.abilities.translated_there) == (True, True)


def test_another_group_is_asked_for():
    world, gateway, client = two(gateway=V2Policy((CBC,)))
    ours, theirs = both_keyed(world, client, gateway)
    assert ours.sa.suite == theirs.sa.suite == CBC
    assert ours.sa.keys == theirs.sa.keys
    assert len(gateway.of(Started)) == 1


@pytest.mark.parametrize("seed", range(30))
def test_a_bad_network_loses_no_attempt(seed):
    world, gateway, client = two(gateway=V2Policy((CBC,)), seed=seed, loss=0.3, duplication=0.2, reordering=0.3)
    ours, theirs = both_keyed(world, client, gateway, seconds=60)
    assert ours.sa.keys == theirs.sa.keys
    assert client.sent < 30


def test_no_common_proposal_ends_both_with_the_reason():
    world, gateway, client = two(gateway=V2Policy((CBC,)), client=V2Policy((GCM,)))
    connect(world, client, gateway)
    assert world.run(20, lambda: client.of(Ended) and gateway.of(Ended))
    assert isinstance(gateway.of(Ended)[0].reason, NoProposal)
    assert isinstance(client.of(Ended)[0].reason, ProposalRefused)


def test_a_gateway_without_a_block_of_version_2_is_silent():
    world, gateway, client = two()
    world, gateway, client = pair(client=replace(CLIENT, versions=(2,), v2=TERMS))
    connect(world, client, gateway)
    world.run(5)
    assert gateway.sent == 0
    assert "only 1.0 is spoken here" in gateway.of(Dropped)[0].text()


def test_a_stranger_that_never_goes_on_is_forgotten():
    world, gateway, client = two()
    both_keyed(world, client, gateway)
    world.network.loss = 1.0
    world.run(40)
    assert gateway.endpoint._sessions.by_id == {}
    assert gateway.endpoint._sessions.by_cookie == {}


def test_copies_of_the_first_message_get_the_same_octets_and_not_each():
    world, gateway, client = two()
    both_keyed(world, client, gateway)
    first = next(data for _, source, _, data in world.wire if source.address == client.address)
    answers = [data for _, source, _, data in world.wire if source.address == gateway.address]
    path = session_of(gateway).path
    assert Header.decode(first).exchange == 34
    for _ in range(20):
        world.do(gateway, gateway.endpoint.receive(first, replace(path), world.now + 1.5))
    again = [data for _, source, _, data in world.wire if source.address == gateway.address][len(answers) :]
    assert again == answers
