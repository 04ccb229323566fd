"""The configuration payload of IKEv2: what is asked, what is given, and how a gateway's answer reads."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest

from lotor.ike.v2 import configuration
from lotor.model.configuration import ModeConfiguration
from lotor.wire.errors import Malformed
from lotor.wire.v2.numbers import ConfigAttribute as A
from lotor.wire.v2.numbers import ConfigType
from lotor.wire.v2.payloads import Configuration, ConfigurationAttribute

WHOLE = ModeConfiguration(
    address=IPv4Address("10.99.99.10"),
    netmask=IPv4Address("255.255.255.0"),
    dns=(IPv4Address("10.99.99.1"), IPv4Address("10.99.99.2")),
    wins=(IPv4Address("10.99.99.3"),),
    domain=b"lab.example.org",
    split_dns=(b"lab.example.org", b"other.example.org"),
    split_include=(IPv4Network("10.0.0.0/8"), IPv4Network("192.168.0.0/16")),
    application_version=b"lotor",
    address6=IPv6Interface("2001:db8:99::10/64"),
    dns6=(IPv6Address("2001:db8:99::1"),),
    split_include6=(IPv6Network("2001:db8::/32"),),
)
EVERYTHING = configuration.request(ipv6=True)


def asking(*kinds: int) -> Configuration:
    return Configuration(ConfigType.REQUEST, tuple(ConfigurationAttribute(kind) for kind in kinds))


def told(*attributes: tuple[int, bytes], type_: int = ConfigType.REPLY) -> Configuration:
    """An answer with an address in front."""
    address = (A.INTERNAL_IP4_ADDRESS, IPv4Address("10.99.99.10").packed)
    return Configuration(type_, tuple(ConfigurationAttribute(*each) for each in (address, *attributes)))


def test_a_client_that_asks_for_everything_reads_what_the_gateway_has():
    assert configuration.read(configuration.reply(WHOLE, EVERYTHING)) == WHOLE


def test_only_what_was_asked_for_is_given_once_and_in_that_order():
    asked = asking(A.INTERNAL_IP4_DNS, A.INTERNAL_IP4_ADDRESS, 6, A.INTERNAL_IP4_DNS, 23456)
    given = configuration.reply(WHOLE, asked)
    assert [each.type for each in given.attributes] == [3, 3, 1]
    assert given.type == ConfigType.REPLY


def test_ipv6_is_for_those_who_asked():
    asked = asking(A.INTERNAL_IP4_ADDRESS)
    assert configuration.granted(WHOLE, asked).address6 is None
    assert configuration.granted(WHOLE, EVERYTHING) == WHOLE
    assert not configuration.asks_for_ipv6(configuration.request(ipv6=False))


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (None, False),
        (asking(), False),
        (asking(A.INTERNAL_IP4_DNS), False),
        (asking(A.INTERNAL_IP4_ADDRESS), True),
        (asking(A.INTERNAL_IP6_ADDRESS), True),
        (replace(asking(A.INTERNAL_IP4_ADDRESS), type=ConfigType.SET), False),
    ],
)
def test_who_asks_for_an_address(asked, wanted):
    assert configuration.asks_for_address(asked) is wanted


def test_windows_is_told_by_the_attribute_that_nobody_else_asks_for():
    assert configuration.routes_by_itself(asking(1, 3, 4, 23456, 8, 10, 23457))
    assert not configuration.routes_by_itself(EVERYTHING)


def test_names_of_split_dns_only_for_a_split_tunnel_with_a_server():
    full = replace(WHOLE, split_include=())
    assert configuration.reply(full, asking(A.INTERNAL_DNS_DOMAIN)).all(25) == (b"lab.example.org",)
    assert configuration.reply(replace(WHOLE, dns=(), dns6=()), asking(25)).all(25) == ()
    assert configuration.read(configuration.reply(full, EVERYTHING)).split_dns == ()


def test_names_lose_what_some_gateways_put_behind_them():
    found = configuration.read(told((25, b"lab.example.org.\0"), (25, b""), (13, bytes([10, 0, 0, 0, 255, 0, 0, 0]))))
    assert (found.domain, found.split_dns) == (b"lab.example.org", (b"lab.example.org",))


def test_what_is_unknown_or_empty_is_ignored():
    found = configuration.read(told((3, b""), (2, bytes(4)), (20, bytes(16)), (8, bytes(17)), (26, b"\1\2")))
    assert found == ModeConfiguration(IPv4Address("10.99.99.10"))


def test_an_address_of_ipv6_without_a_length_stands_alone():
    found = configuration.read(told((8, IPv6Address("2001:db8::1").packed)))
    assert found.address6 == IPv6Interface("2001:db8::1/128")


def test_servers_beyond_any_use_are_cut():
    found = configuration.read(told(*[(3, bytes([10, 0, 0, n])) for n in range(1, 40)]))
    assert len(found.dns) == 16


@pytest.mark.parametrize(
    "payload",
    [
        told(type_=ConfigType.REQUEST),
        Configuration(ConfigType.REPLY, ()),
        Configuration(ConfigType.REPLY, (ConfigurationAttribute(1, bytes(4)),)),
        Configuration(ConfigType.REPLY, (ConfigurationAttribute(1, bytes([127, 0, 0, 1])),)),
        Configuration(ConfigType.REPLY, (ConfigurationAttribute(1, b"\x0a\x63\x63"),)),
        told((2, bytes([255, 0, 255, 0]))),
        told((3, bytes([224, 0, 0, 1]))),
        told((3, b"\x0a" * 16)),
        told((8, b"\x20" * 15)),
        told((8, IPv6Address("fe80::1").packed + b"\x40")),
        told((8, IPv6Address("2001:db8::1").packed + b"\xff")),
        told((10, b"\x20" * 4)),
        told((13, bytes([10, 0, 0, 0]))),
        told((13, bytes([10, 0, 0, 0, 255, 0, 255, 0]))),
        told((15, b"\x20" * 16)),
        told(*[(13, bytes([10, 0, 0, 0, 255, 0, 0, 0]))] * 1025),
    ],
)
def test_an_answer_that_no_host_can_use(payload):
    with pytest.raises(Malformed):
        configuration.read(payload)


INSIDE, INSIDE6 = IPv4Network("10.1.0.0/16"), IPv6Network("fd00:113::/64")
TOLD = IPv4Network("10.2.0.0/16")
BARE = ModeConfiguration(IPv4Address("10.99.99.1"))
WITH6 = replace(BARE, address6=IPv6Interface("fd00:99::1/64"))


@pytest.mark.parametrize(
    ("given", "networks", "routes"),
    [
        (BARE, (INSIDE,), ((INSIDE,), ())),
        (WITH6, (INSIDE, INSIDE6), ((INSIDE,), (INSIDE6,))),
        (BARE, (INSIDE, INSIDE6), ((INSIDE,), ())),
        (BARE, (IPv4Network("0.0.0.0/0"),), ((), ())),
        (WITH6, (INSIDE, IPv6Network("::/0")), ((INSIDE,), ())),
        (replace(BARE, split_include=(TOLD,)), (INSIDE,), ((TOLD,), ())),
    ],
)
def test_what_goes_through_the_tunnel_by_the_selectors_of_the_gateway(given, networks, routes):
    found = configuration.routed(given, networks)
    assert (found.split_include, found.split_include6) == routes
