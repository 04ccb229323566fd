"""Windows takes routes by DHCPINFORM: its SA pairs say what the engine answers, and nobody else's do."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from lotor.wire import dhcp
from peers import devices
from peers.reception import USUAL, visit

SPLIT = (IPv4Network("10.0.0.0/8"), IPv4Network("192.168.7.0/24"))
DEVICES = {"Windows": devices.windows_hardened(), "Apple": devices.apple(), "Android": devices.android()}


def come_up(device, **given):
    """The SA pair of a device that is given this beside its address."""
    guest = visit(device, *USUAL)
    guest.gateway.template = replace(guest.gateway.template, informs=True, **given)
    assert guest.come_up()
    (child,) = guest.gateway.installed.values()
    return guest, child


def test_windows_behind_a_split_tunnel_is_told_what_dhcp_says():
    guest, child = come_up(DEVICES["Windows"], split_include=SPLIT)
    informed = child.informed
    assert (informed.client, informed.server) == (guest.inner, IPv4Address("192.0.2.50"))
    assert dict(informed.options)[249] == dhcp.routed(SPLIT)
    assert any(IPv4Address("255.255.255.255") in network for network in child.local_networks if network.version == 4)


@pytest.mark.parametrize("which", ["Apple", "Android"])
def test_who_takes_routes_from_traffic_selectors_is_told_nothing(which):
    _, child = come_up(DEVICES[which], split_include=SPLIT)
    assert child.informed is None


@pytest.mark.parametrize("split", [(), (IPv4Network("0.0.0.0/0"),)])
def test_nobody_is_told_that_everything_goes_through_the_tunnel(split):
    _, child = come_up(DEVICES["Windows"], split_include=split)
    assert child.informed is None


def test_switched_off_nobody_is_told():
    guest = visit(DEVICES["Windows"], *USUAL)
    guest.gateway.template = replace(guest.gateway.template, split_include=SPLIT)
    assert guest.come_up()
    assert [child.informed for child in guest.gateway.installed.values()] == [None]
