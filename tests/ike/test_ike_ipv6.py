"""IPv6 outside and inside, from the first datagram to the SA pairs, and who is told of IPv6."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest

from lotor.ike.admission import PUSHED_OUT
from lotor.ike.events import ChildUp, Configured, Ended, PhaseOneUp
from lotor.ike.questions import AcquireConfiguration, JudgePeer
from lotor.model.identity import Identity, IdentityPattern, IdKind, matches
from lotor.model.policy import AdmissionLimits, Policy, Switch
from peers.world import CHILD, CLIENT, CONFIGURATION, GATEWAY, NEVER, CheapRandomness, Host, World, connect, is_up

LEASE6 = IPv6Interface("fd00:99::1/64")
OUTSIDE = IPv6Address("2001:db8::50")


def meet(outside: tuple[object, object], **changes) -> tuple[World, Host, Host]:
    """A gateway with IPv6 to give, and a client; `changes` are the client's."""
    world = World()
    there, here = outside
    client_policy = replace(CLIENT, **{"address": there, **changes})
    gateway = world.add(
        Host("gateway", there, Policy((replace(GATEWAY, nat_traversal=Switch.ON),), CHILD), CheapRandomness(1))
    )
    client = world.add(Host("client", here, Policy((client_policy,), CHILD), CheapRandomness(2)))
    gateway.answers[AcquireConfiguration] = lambda _: replace(
        CONFIGURATION, address6=LEASE6, split_include6=(IPv6Network("fd00::/16"),)
    )
    connect(world, client, gateway, host=None)
    world.run(30)
    assert is_up(client)
    assert is_up(gateway)
    return world, gateway, client


V4 = (IPv4Address("192.0.2.50"), IPv4Address("198.51.100.9"))
V6 = (OUTSIDE, IPv6Address("2001:db8:1::9"))


@pytest.mark.parametrize("outside", [V4, V6])
@pytest.mark.parametrize("traversal", [Switch.ON, Switch.OFF])
def test_both_versions_inside_over_either_outside(outside, traversal):
    _, gateway, client = meet(outside, nat_traversal=traversal)
    assert client.of(PhaseOneUp)[0].nat == "no NAT"
    assert client.of(PhaseOneUp)[0].path.remote.address == outside[0]
    for host, local in ((client, True), (gateway, False)):
        pairs = [event.child for event in host.of(ChildUp)]
        insides = [pair.local_networks if local else pair.remote_networks for pair in pairs]
        assert insides == [(IPv4Network("10.99.99.1/32"),), (IPv6Network("fd00:99::1/128"),)]
        (told,) = host.of(Configured)
        assert told.configuration.address6 == LEASE6
        assert told.configuration.split_include6 == (IPv6Network("fd00::/16"),)
    proof = next(each.proof for each in client.questions if isinstance(each, JudgePeer))
    assert proof.address == outside[0]


def test_who_does_not_ask_is_not_told():
    _, gateway, client = meet(V4, mode_cfg6=False)
    for host in (gateway, client):
        (told,) = host.of(Configured)
        assert (told.configuration.address6, told.configuration.split_include6) == (None, ())
        assert len(host.of(ChildUp)) == 1


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        (IdentityPattern(IdKind.IPV6_ADDR, "2001:db8::50"), True),
        (IdentityPattern(IdKind.IPV6_ADDR, "2001:db8::51"), False),
        (IdentityPattern(IdKind.IPV4_ADDR, "192.0.2.50"), False),
        (IdentityPattern(IdKind.IPV4_ADDR, None), True),
        (IdentityPattern(IdKind.FQDN, "2001:db8::50"), False),
    ],
)
def test_an_address_identifies_by_ipv6(pattern, fits):
    assert matches(pattern, Identity(IdKind.IPV6_ADDR, OUTSIDE.packed)) is fits


def test_strangers_of_one_ipv6_network_count_together():
    world = World()
    policy = Policy((GATEWAY,), CHILD, admission=AdmissionLimits(half_open_site=2))
    gateway = world.add(Host("gateway", OUTSIDE, policy, CheapRandomness(1)))
    for number, host in enumerate(("2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3", "2001:db8:2::1"), 2):
        remote = replace(CLIENT, address=OUTSIDE)
        client = world.add(Host("client", IPv6Address(host), Policy((remote,), CHILD), CheapRandomness(number)))
        client.answers[JudgePeer] = lambda _: NEVER
        connect(world, client, gateway, host=None)
        world.run(1)
    replaced = [event.reason.text for event in gateway.of(Ended) if event.reason == PUSHED_OUT]
    assert len(replaced) >= 1
    waiting = [str(one.path.remote.address) for one in gateway.endpoint._sessions.by_id.values()]
    assert waiting.count("2001:db8:2::1") == 1
    assert len(waiting) == 3
