"""What a client is told that asks by DHCPINFORM, octet by octet (RFC 2132, RFC 3442)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from lotor.model.configuration import ModeConfiguration
from lotor.wire import dhcp

GIVEN = ModeConfiguration(
    IPv4Address("10.99.99.7"),
    netmask=IPv4Address("255.255.255.0"),
    dns=(IPv4Address("10.0.0.53"), IPv4Address("10.0.0.54")),
    domain=b"example.net",
    split_include=(IPv4Network("10.0.0.0/8"), IPv4Network("192.168.7.128/25"), IPv4Network("203.0.113.9/32")),
)
ROUTES = bytes.fromhex("080a 00000000 19c0a80780 00000000 20cb007109 00000000")


def test_all_that_a_client_is_told_the_most_important_first():
    assert dhcp.told(GIVEN) == (
        (249, ROUTES),
        (1, bytes((255, 255, 255, 0))),
        (6, bytes((10, 0, 0, 53, 10, 0, 0, 54))),
        (15, b"example.net"),
        (121, ROUTES),
    )


def test_what_is_not_there_is_not_told():
    bare = ModeConfiguration(IPv4Address("10.99.99.7"), split_include=(IPv4Network("0.0.0.0/0"),))
    assert dhcp.told(bare) == ((249, bytes(5)), (121, bytes(5)))


def test_an_option_has_room_for_so_many_networks():
    hosts = tuple(IPv4Network(f"203.0.113.{number}/32") for number in range(40))
    assert len(dhcp.routed(hosts)) == 28 * 9
    assert (dhcp.left_out(hosts), dhcp.left_out(hosts[:28]), dhcp.left_out(())) == (12, 0, 0)
    assert all(len(octets) <= 255 for _, octets in dhcp.told(ModeConfiguration(GIVEN.address, split_include=hosts)))
