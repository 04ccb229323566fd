"""IPv6 in mode config: told to who asks, in the form that strongSwan reads, and what a client believes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Interface, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.model.configuration import ModeConfiguration
from lotor.wire.errors import Malformed
from lotor.wire.v1.attributes import Attribute, encode_attributes
from lotor.wire.v1.configuration import (
    MOST_NETWORKS,
    asks_for_ipv6,
    decode_configuration,
    encode_configuration,
    request_attributes,
)

INSIDE = ModeConfiguration(
    address=IPv4Address("10.99.99.7"),
    address6=IPv6Interface("fd00:99::7/64"),
    dns6=(IPv6Address("fd00:99::53"),),
    split_include6=(IPv6Network("fd00::/16"), IPv6Network("2001:db8:1::/48")),
)
ADDRESS = Attribute.tlv(1, b"\x0a\x63\x63\x07")
LEASE6 = IPv6Address("fd00:99::7").packed


def types(attributes) -> list[int]:
    return [attribute.type for attribute in attributes]


def test_an_address_has_17_octets_a_server_16_and_each_network_an_attribute():
    assert encode_attributes(encode_configuration(INSIDE, [15, 8, 10], unity=False)) == bytes.fromhex(
        "000f0011 fd000000000000000000000000000000 10"
        "000f0011 20010db8000100000000000000000000 30"
        "00080011 fd000099000000000000000000000007 40"
        "000a0010 fd000099000000000000000000000053"
    )


def test_who_does_not_ask_hears_nothing_of_it():
    asked = [1, 2, 3, 4, 5, 7, 13, 28672, 28673, 28674, 28675, 28676, 28678, 28679, 28681]
    without = replace(INSIDE, address6=None, dns6=(), split_include6=())
    for requested in (asked, None):
        for unity in (True, False):
            told = encode_configuration(INSIDE, requested, unity=unity)
            assert told == encode_configuration(without, requested, unity=unity)


def test_a_gateway_without_it_answers_who_asks_as_ever():
    without = replace(INSIDE, address6=None, dns6=(), split_include6=())
    assert encode_configuration(without, types(request_attributes(unity=True)), unity=True) == (ADDRESS,)


def test_our_client_asks_for_it_unless_told_not_to():
    assert types(request_attributes(unity=False)) == [1, 2, 3, 4, 7, 8, 10, 15]
    assert types(request_attributes(unity=False, ipv6=False)) == [1, 2, 3, 4, 7]
    assert asks_for_ipv6(types(request_attributes(unity=True)))
    assert not asks_for_ipv6(types(request_attributes(unity=True, ipv6=False)))


def test_an_address_of_16_octets_stands_alone():
    told = decode_configuration([ADDRESS, Attribute.tlv(8, LEASE6)])
    assert told.address6 == IPv6Interface("fd00:99::7/128")


def test_zeros_are_no_address_and_no_server():
    told = decode_configuration([ADDRESS, Attribute.tlv(8, bytes(16)), Attribute.tlv(10, bytes(16))])
    assert told == ModeConfiguration(IPv4Address("10.99.99.7"))
    assert decode_configuration([ADDRESS, Attribute.tlv(8, bytes(17))]).address6 is None


@pytest.mark.parametrize("number", [8, 10])
@pytest.mark.parametrize("size", [1, 4, 8, 15, 18])
def test_a_wrong_size_is_refused(number, size):
    with pytest.raises(Malformed, match=f"has {size} octets, not 16 or 17"):
        decode_configuration([ADDRESS, Attribute.tlv(number, b"\xfd" * size)])


@pytest.mark.parametrize("number", [8, 10])
@pytest.mark.parametrize("address", ["::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1"])
def test_an_address_that_no_host_can_have_is_refused(number, address):
    with pytest.raises(Malformed, match="is no address that a host can have"):
        decode_configuration([ADDRESS, Attribute.tlv(number, IPv6Address(address).packed)])


@pytest.mark.parametrize(
    ("number", "octets"), [(8, LEASE6 + b"\x81"), (15, LEASE6), (15, LEASE6 + b"\x81"), (15, LEASE6 + b"\x40\0")]
)
def test_a_prefix_that_is_none_is_refused(number, octets):
    with pytest.raises(Malformed, match="is no address with a prefix length"):
        decode_configuration([ADDRESS, Attribute.tlv(number, octets)])


def test_a_network_with_host_bits_is_its_network():
    told = decode_configuration([ADDRESS, Attribute.tlv(15, LEASE6 + b"\x40")])
    assert told.split_include6 == (IPv6Network("fd00:99::/64"),)


def test_thousands_of_networks_are_refused():
    with pytest.raises(Malformed, match=f"more than {MOST_NETWORKS} times"):
        decode_configuration([ADDRESS, *[Attribute.tlv(15, bytes(17))] * (MOST_NETWORKS + 1)])


hosts = st.integers(0x2000 << 112, (0xFE00 << 112) - 1).map(IPv6Address)
networks = st.builds(lambda a, p: IPv6Network((a, p), strict=False), st.integers(0, 2**128 - 1), st.integers(0, 128))
configurations = st.builds(
    ModeConfiguration,
    address=st.just(IPv4Address("10.99.99.7")),
    address6=st.none() | st.builds(lambda a, p: IPv6Interface((a, p)), hosts, st.integers(0, 128)),
    dns6=st.lists(hosts, max_size=16).map(tuple),
    split_include6=st.lists(networks, max_size=20).map(tuple),
)


@given(configurations)
def test_every_configuration_reads_back(configuration):
    asked = types(request_attributes(unity=True))
    assert decode_configuration(encode_configuration(configuration, asked, unity=True)) == configuration
