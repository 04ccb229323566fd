"""SA pairs that end by volume: what both ends agree on by each `proposal_check`, and who renews them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.errors import PolicyRefusal
from lotor.ike.events import ChildUp, Ended
from lotor.ike.intents import ChildExpired
from lotor.ike.v1 import bundles, choose, lifetimes
from lotor.model.algorithms import KEY_LENGTHS, SHORT_BLOCKS, USUAL_BITS, Cipher, EspSuite, Integrity
from lotor.model.policy import Policy, ProposalCheck
from lotor.wire.v1.attributes import Attribute, encode_attributes
from lotor.wire.v1.numbers import EspAttribute, NotifyType, Protocol
from lotor.wire.v1.payloads import Notification
from peers import clients
from peers.visitor import Visitor
from peers.world import CHILD, GATEWAY, CheapRandomness, Host, World, connect, is_up, pair

MB = 1024
"""Kilobytes."""


def _met(here: int | None, there: int | None, check: ProposalCheck = ProposalCheck.CLAIM):
    """A gateway and a client with a volume each in their `sainfo`."""
    world, gateway, client = pair(gateway=replace(GATEWAY, proposal_check=check))
    for host, volume in ((gateway, here), (client, there)):
        host.policy = Policy(host.policy.remotes, replace(CHILD, volume=volume))
        host.endpoint = type(host.endpoint)(host.policy, host.randomness)
    connect(world, client, gateway)
    assert world.run(20, lambda: (is_up(client) and is_up(gateway)) or bool(client.of(Ended)))
    return world, gateway, client


def _limits(host: Host) -> list[int | None]:
    return [event.child.lifetime.hard_octets for event in host.of(ChildUp)]


@pytest.mark.parametrize(
    ("check", "here", "there", "kept"),
    [
        (ProposalCheck.CLAIM, None, None, None),
        (ProposalCheck.CLAIM, None, 20, 20),
        (ProposalCheck.CLAIM, 20, None, 20),
        (ProposalCheck.CLAIM, 20, 30, 20),
        (ProposalCheck.CLAIM, 30, 20, 20),
        (ProposalCheck.OBEY, 20, 30, 30),
        (ProposalCheck.OBEY, 20, None, 20),
        (ProposalCheck.STRICT, 30, 20, 20),
        (ProposalCheck.STRICT, 20, None, 20),
        (ProposalCheck.EXACT, 20, 20, 20),
    ],
)
def test_what_is_kept_at_both_ends(check, here, there, kept):
    _, gateway, client = _met(here and here * MB, there and there * MB, check)
    octets = kept and kept * MB * 1024
    assert _limits(gateway) == _limits(client) == [octets]
    if octets:
        assert client.of(ChildUp)[0].child.lifetime.soft_octets == int(octets * 0.8)
        assert gateway.of(ChildUp)[0].child.lifetime.soft_octets == int(octets * 0.9)


@pytest.mark.parametrize(
    ("check", "here", "there", "words"),
    [
        (ProposalCheck.STRICT, 20, 30, "volume 30720 KB offered, at most 20480 KB allowed by proposal_check strict"),
        (ProposalCheck.EXACT, 20, 10, "volume 10240 KB offered, exactly 20480 KB wanted by proposal_check exact"),
        (ProposalCheck.EXACT, 20, None, "volume without limit offered, exactly 20480 KB wanted"),
        (ProposalCheck.EXACT, None, 20, "volume 20480 KB offered, exactly without limit wanted"),
    ],
)
def test_what_is_refused_with_words(check, here, there, words):
    _, gateway, client = _met(here and here * MB, there and there * MB, check)
    assert "NO_PROPOSAL_CHOSEN" in client.of(Ended)[0].reason.text
    assert [event for event in gateway.events if words in event.text()], [event.text() for event in gateway.events]
    assert not gateway.installed


def test_a_client_that_wants_exactly_its_own_refuses_an_answer_with_another_one():
    """By its attributes, as some gateways shorten it; what is told beside them, RESPONDER-LIFETIME, is obeyed."""
    wished = replace(CHILD, lifetime=3600, volume=20 * MB)
    answers = {
        what: bundles.offer(replace(wished, **what_else), 3, b"abcd", None) for what, what_else in CHANGES.items()
    }
    for what, answer in answers.items():
        assert choose.esp_answer(ProposalCheck.CLAIM, wished, answer, udp=True)
        if what == "nothing":
            assert choose.esp_answer(ProposalCheck.EXACT, wished, answer, udp=True)
        else:
            with pytest.raises(PolicyRefusal, match=f"{what} .* wanted by proposal_check exact"):
                choose.esp_answer(ProposalCheck.EXACT, wished, answer, udp=True)


CHANGES = {"nothing": {}, "lifetime": {"lifetime": 1800}, "volume": {"volume": 10 * MB}}


@pytest.mark.parametrize("renews", ["client", "gateway"])
def test_either_end_renews_what_is_nearly_used_up(renews):
    world, gateway, client = _met(20 * MB, None)
    host = {"client": client, "gateway": gateway}[renews]
    child = host.of(ChildUp)[0].child.id
    world.do(host, host.endpoint.command(ChildExpired(child, hard=False), world.now))
    assert world.run(5, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == 2)
    assert _limits(gateway) == _limits(client) == [20 * MB * 1024] * 2
    world.run(60)
    assert len(gateway.installed) == len(client.installed) == 1
    assert not client.of(Ended)


SWEET32 = 4 * MB * MB * 1024
"""Octets."""


@pytest.mark.parametrize(("here", "kept"), [(None, SWEET32), (9 * MB * MB, SWEET32), (20 * MB, 20 * MB * 1024)])
@pytest.mark.parametrize("cipher", sorted(SHORT_BLOCKS - {Cipher.IDEA_CBC}, key=str))
def test_f16_no_key_of_a_cipher_with_short_blocks_carries_more_than_4_gib(cipher, here, kept):
    bits = USUAL_BITS if cipher in KEY_LENGTHS else 0
    world, gateway, client = pair()
    for host in (gateway, client):
        short = replace(CHILD, suites=(EspSuite(cipher, bits, Integrity.HMAC_SHA1),), volume=here)
        host.policy = Policy(host.policy.remotes, short)
        host.endpoint = type(host.endpoint)(host.policy, host.randomness)
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    assert _limits(gateway) == _limits(client) == [kept]
    first = gateway.of(ChildUp)[0].child
    world.do(gateway, gateway.endpoint.command(ChildExpired(first.id, hard=False), world.now))
    assert world.run(5, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == 2)
    assert _limits(gateway) == _limits(client) == [kept] * 2


def test_no_gateway_makes_a_client_renew_all_the_time():
    tiny = [Attribute.tv(EspAttribute.LIFE_TYPE, 2), Attribute.tv(EspAttribute.LIFE_DURATION, 1)]
    note = Notification(NotifyType.RESPONDER_LIFETIME, encode_attributes(tiny), spi=bytes(4), protocol=Protocol.ESP)
    assert lifetimes.told_volume([note], None) == MB
    assert lifetimes.told_volume([note], 2 * MB) == MB
    assert lifetimes.told_volume([], 2 * MB) == 2 * MB


def test_a_pair_of_vpnc_has_no_volume_that_it_could_not_renew():
    from ipaddress import IPv4Address

    remote = replace(GATEWAY, proposal_check=ProposalCheck.CLAIM)
    world = World()
    policy = Policy((remote,), replace(CHILD, volume=20 * MB))
    gateway = world.add(Host("gateway", IPv4Address("192.0.2.50"), policy, CheapRandomness(9)))
    visitor = Visitor(world, gateway, clients.vpnc())
    visitor.come_up()
    assert _limits(gateway) == [None]
