"""Traffic selectors of IKEv2: what an SA pair carries is always within what was asked for and what is allowed."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.ike.v2.selectors import EVERYWHERE, MOST_NARROWED, Networks, hosts, narrowed, payload, told
from lotor.wire.v2.payloads import TrafficSelector, TrafficSelectors, UnknownSelector


def nets(*texts: str):
    return tuple(map(ip_network, texts))


def asking(*ranges: tuple[str, str] | UnknownSelector | TrafficSelector) -> TrafficSelectors:
    made = (each if not isinstance(each, tuple) else TrafficSelector(*map(ip_address, each)) for each in ranges)
    return TrafficSelectors(tuple(made), initiator=True)


ALL4, ALL6 = ("0.0.0.0", "255.255.255.255"), ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")


@pytest.mark.parametrize(
    ("asked", "allowed", "found"),
    [
        (asking(ALL4), nets("10.99.99.10/32"), nets("10.99.99.10/32")),
        (asking(ALL4, ALL6), nets("10.0.0.0/8", "2001:db8::/32"), nets("10.0.0.0/8", "2001:db8::/32")),
        (asking(ALL4), nets("10.0.0.0/8", "192.168.0.0/16"), nets("10.0.0.0/8", "192.168.0.0/16")),
        (asking(ALL4), nets("2001:db8::/32"), ()),
        (asking(("10.1.0.0", "10.1.255.255")), EVERYWHERE, nets("10.1.0.0/16")),
        (asking(("10.0.0.1", "10.0.0.2")), nets("10.0.0.0/24"), nets("10.0.0.1/32", "10.0.0.2/32")),
        (asking(("10.0.0.9", "10.0.0.1")), EVERYWHERE, ()),
        (asking(ALL4, ALL4), nets("10.0.0.0/8"), nets("10.0.0.0/8")),
        (asking(("10.9.0.1", "10.9.0.1"), ALL4), nets("10.0.0.0/8"), nets("10.0.0.0/8")),
        (asking(UnknownSelector(9, bytes(8))), EVERYWHERE, ()),
        (asking(), EVERYWHERE, ()),
    ],
)
def test_narrowing(asked, allowed, found):
    assert narrowed(asked, allowed) == found


def test_a_selector_of_one_port_is_passed_over():
    packet = TrafficSelector(ip_address("10.0.0.1"), ip_address("10.0.0.1"), 17, 53, 53)
    assert narrowed(asking(packet), EVERYWHERE) == ()
    assert narrowed(asking(packet, ALL4), EVERYWHERE) == nets("0.0.0.0/0")
    assert told(asking(packet, UnknownSelector(9, b"\0"))) == (
        "10.0.0.1-10.0.0.1 of protocol 17, ports 53-53, a selector of type 9"
    )


def test_a_range_that_makes_up_too_many_networks_is_cut():
    odd = (("0.0.0.1", "255.255.255.254"), ("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"))
    assert len(narrowed(asking(*odd), EVERYWHERE)) == MOST_NARROWED


def test_what_only_one_side_has_is_left_out():
    both = Networks(nets("10.0.0.0/8"), nets("10.99.99.1/32", "2001:db8::1/128")).of_both()
    assert both == Networks(nets("10.0.0.0/8"), nets("10.99.99.1/32"))
    assert both
    assert not Networks(nets("10.0.0.0/8"), nets("2001:db8::1/128")).of_both()


def test_a_payload_of_networks_reads_as_these_networks():
    networks = (*nets("10.0.0.0/8", "2001:db8::/32"), *hosts([ip_address("10.99.99.1"), ip_address("::5")]))
    assert narrowed(payload(networks, initiator=False), EVERYWHERE) == (
        *nets("10.0.0.0/8"),
        *nets("2001:db8::/32", "::5/128"),
    )


RANGES = st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)).map(lambda two: TrafficSelector(*two))
NETWORKS = st.tuples(st.ip_addresses(v=4), st.integers(0, 32)).map(lambda two: ip_network(two, strict=False))


@given(st.lists(RANGES, max_size=4), st.lists(NETWORKS, max_size=4))
def test_nothing_is_ever_given_that_was_not_asked_for_or_is_not_allowed(ranges, allowed):
    found = narrowed(TrafficSelectors(tuple(ranges), initiator=True), allowed)
    assert len(found) <= MOST_NARROWED
    for network in found:
        assert any(network.subnet_of(each) for each in allowed)
        ends = (network.network_address, network.broadcast_address)
        assert any(each.first <= ends[0] and ends[1] <= each.last for each in ranges)
