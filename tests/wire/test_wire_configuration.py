"""Mode config: what a gateway answers to which question, and what a client believes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.model.configuration import LONGEST_BANNER, ModeConfiguration
from lotor.wire.errors import Malformed
from lotor.wire.v1.attributes import Attribute, encode_attributes
from lotor.wire.v1.chain import build_chain
from lotor.wire.v1.configuration import (
    MOST_NETWORKS,
    answer_request,
    decode_configuration,
    encode_configuration,
    request_attributes,
)
from lotor.wire.v1.payloads import Attributes

FULL = ModeConfiguration(
    address=IPv4Address("10.99.99.7"),
    netmask=IPv4Address("255.255.255.0"),
    dns=(IPv4Address("10.99.99.1"), IPv4Address("10.99.99.2")),
    wins=(IPv4Address("10.99.99.3"),),
    domain=b"example.org",
    banner=b"Welcome",
    split_include=(IPv4Network("10.99.0.0/16"), IPv4Network("198.51.100.0/24")),
    split_local=(IPv4Network("192.0.2.0/24"),),
    split_dns=(b"a.example", b"b.example"),
    pfs_group=2,
    save_password=True,
    application_version=b"lotor",
)
ADDRESS = Attribute.tlv(1, b"\x0a\x63\x63\x07")


def types(attributes) -> list[int]:
    return [attribute.type for attribute in attributes]


def test_only_what_was_asked_is_answered_in_that_order():
    attributes = encode_configuration(FULL, [4, 3, 1, 9999, 5, 3], unity=True)
    assert encode_attributes(attributes) == bytes.fromhex(
        "00040004 0a636303  00030004 0a636301  00030004 0a636302  00010004 0a636307"
    )


@pytest.mark.parametrize(("unity", "back"), [(True, [1, 28682, 3, 3]), (False, [1, 3, 3])])
def test_a_client_of_cisco_gets_its_host_name_back(unity, back):
    """As racoon does it; without a value there is nothing to give back."""
    name, again = Attribute.tlv(28682, b"laptop"), Attribute.tlv(28682, b"other")
    asked = (Attribute.tlv(1, b""), name, Attribute.tlv(3, b""), again, Attribute.tlv(28681, b"x"))
    attributes = answer_request(FULL, asked, unity=unity)
    assert types(attributes) == back
    assert (name in attributes) is unity
    assert answer_request(FULL, (Attribute.tlv(28682, b""),), unity=True) == ()


def test_a_push_tells_everything():
    attributes = encode_configuration(FULL, None, unity=True)
    assert types(attributes) == [1, 2, 3, 3, 4, 7, 28672, 28673, 28674, 28675, 28676, 28678, 28679]
    assert decode_configuration(attributes) == FULL


def test_unity_is_for_peers_that_said_so():
    assert types(encode_configuration(FULL, [1, 28672, 28676, 13], unity=False)) == [1, 13]
    assert types(encode_configuration(FULL, None, unity=False)) == [1, 2, 3, 3, 4, 7]


def test_split_networks_are_entries_of_14_octets():
    [attribute] = encode_configuration(FULL, [28676], unity=True)
    assert attribute.data == bytes.fromhex("0a630000 ffff0000 000000000000  c6336400 ffffff00 000000000000")


def test_split_dns_is_separated_by_commas_alone():
    [attribute] = encode_configuration(FULL, [28675], unity=True)
    assert attribute.data == b"a.example,b.example"


def test_switches_are_short_attributes():
    attributes = encode_configuration(FULL, [28673, 28679], unity=True)
    assert encode_attributes(attributes) == bytes.fromhex("f0010001 f0070002")


def test_a_subnet_is_the_first_split_network():
    [attribute] = encode_configuration(FULL, [13], unity=False)
    assert attribute.data == bytes.fromhex("0a630000 ffff0000")


def test_what_is_empty_is_left_out():
    bare = ModeConfiguration(IPv4Address("10.99.99.7"))
    assert encode_configuration(bare, None, unity=True) == (ADDRESS,)
    assert encode_configuration(bare, types(request_attributes(unity=True)), unity=True) == (ADDRESS,)


def test_a_huge_banner_is_cut_and_the_answer_fits_a_payload():
    loud = replace(FULL, banner=b"x" * 70000)
    attributes = encode_configuration(loud, None, unity=True)
    assert len(decode_configuration(attributes).banner) == LONGEST_BANNER
    assert build_chain([Attributes(2, 0, attributes)])


def test_a_question_cannot_be_asked_twice():
    assert types(encode_configuration(FULL, [28672] * 200, unity=True)) == [28672]


def test_our_client_asks_for_what_it_reads():
    assert types(request_attributes(unity=False, ipv6=False)) == [1, 2, 3, 4, 7]
    asked = types(request_attributes(unity=True))
    assert decode_configuration(encode_configuration(FULL, asked, unity=True)) == FULL
    assert all(attribute.data == b"" for attribute in request_attributes(unity=True))


# -- what a client believes -------------------------------------------------------------------------------------------


def test_empty_and_unknown_attributes_are_ignored():
    empty = [Attribute.tlv(number, b"") for number in (1, 2, 3, 28672, 28676, 28679)]
    odd = [Attribute.tlv(5, b"\0\0\x0e\x10"), Attribute.tlv(28680, b"x" * 12), Attribute.tlv(31000, b"?")]
    assert decode_configuration([*empty, ADDRESS, *odd]) == ModeConfiguration(IPv4Address("10.99.99.7"))


@pytest.mark.parametrize("attributes", [[], [Attribute.tlv(1, b"")], [Attribute.tlv(3, b"\x0a\0\0\1")]])
def test_an_address_must_be_told(attributes):
    with pytest.raises(Malformed, match="gave no inner address"):
        decode_configuration(attributes)


@pytest.mark.parametrize("number", [1, 3, 4])
@pytest.mark.parametrize(
    "address", ["0.0.0.1", "0.255.1.1", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.1.1.1", "255.255.255.255"]
)
def test_an_address_that_no_host_can_have_is_refused(number, address):
    told = [Attribute.tlv(number, IPv4Address(address).packed), ADDRESS]
    with pytest.raises(Malformed, match=f"{address} is no address that a host can have"):
        decode_configuration(told)


def test_an_address_of_zeros_is_refused_and_a_server_of_zeros_is_none():
    with pytest.raises(Malformed, match=r"0\.0\.0\.0 is no address"):
        decode_configuration([Attribute.tlv(1, bytes(4))])
    assert decode_configuration([ADDRESS, Attribute.tlv(3, bytes(4)), Attribute.tv(4, 0)]).dns == ()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 3, 5, 8, 16])
def test_a_wrong_size_is_refused(number, size):
    with pytest.raises(Malformed, match=f"has {size} octets, not 4"):
        decode_configuration([Attribute.tlv(number, b"\x0a" * size), ADDRESS])


def test_a_netmask_of_zeros_is_none_and_one_with_holes_is_refused():
    assert decode_configuration([ADDRESS, Attribute.tlv(2, bytes(4))]).netmask is None
    with pytest.raises(Malformed, match=r"255\.0\.255\.0 is not a netmask"):
        decode_configuration([ADDRESS, Attribute.tlv(2, b"\xff\0\xff\0")])


def test_servers_beyond_sixteen_are_cut():
    told = decode_configuration([ADDRESS, *[Attribute.tlv(3, b"\x0a\0\0" + bytes([1 + n % 250])) for n in range(3000)]])
    assert len(told.dns) == 16


def test_split_entries_of_8_octets_are_read():
    entry = bytes.fromhex("0a630000 ffff0000")
    for count in (1, 2, 3, 7, 14):
        told = decode_configuration([ADDRESS, Attribute.tlv(28676, entry * count)])
        assert told.split_include == (IPv4Network("10.99.0.0/16"),) * count


def test_split_entries_of_14_octets_are_read_with_host_bits_and_as_everything():
    entries = bytes.fromhex("0a6363ff ffff0000 060000000000  00000000 00000000 000000000000")
    told = decode_configuration([ADDRESS, Attribute.tlv(28676, entries)])
    assert told.split_include == (IPv4Network("10.99.0.0/16"), IPv4Network("0.0.0.0/0"))


@pytest.mark.parametrize("octets", ["0a", "0a630000 ffff00", "0a630000 ff00ff00", "0a630000 ff00ff00 000000000000"])
def test_split_entries_of_other_sizes_are_refused(octets):
    with pytest.raises(Malformed, match=r"UNITY_SPLIT_INCLUDE of \d+ octets is no list of networks"):
        decode_configuration([ADDRESS, Attribute.tlv(28676, bytes.fromhex(octets))])


def test_thousands_of_networks_are_refused():
    entry = bytes.fromhex("0a630000 ffff0000 000000000000")
    with pytest.raises(Malformed, match=f"more than {MOST_NETWORKS} networks"):
        decode_configuration([ADDRESS, Attribute.tlv(28678, entry * (MOST_NETWORKS + 1))])


def test_split_dns_of_racoon_is_read():
    names, domain = Attribute.tlv(28675, b"a.example\0,b.example\0"), Attribute.tlv(28674, b"x.y\0")
    told = decode_configuration([ADDRESS, names, domain])
    assert told.split_dns == (b"a.example", b"b.example")
    assert told.domain == b"x.y"


addresses = st.integers(0x01000000, 0x7EFFFFFF).map(IPv4Address)
networks = st.builds(lambda a, p: IPv4Network((a, p), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32))
names = st.from_regex(rb"[a-z]{1,10}(\.[a-z]{1,5})?", fullmatch=True)
configurations = st.builds(
    ModeConfiguration,
    address=addresses,
    netmask=st.none() | st.integers(1, 32).map(lambda p: IPv4Network((0, p)).netmask),
    dns=st.lists(addresses, max_size=16).map(tuple),
    wins=st.lists(addresses, max_size=16).map(tuple),
    domain=names | st.just(b""),
    banner=st.binary(max_size=100),
    split_include=st.lists(networks, max_size=20).map(tuple),
    split_local=st.lists(networks, max_size=20).map(tuple),
    split_dns=st.lists(names, max_size=5).map(tuple),
    pfs_group=st.none() | st.integers(1, 65535),
    save_password=st.booleans(),
    application_version=st.binary(max_size=20),
)


@given(configurations)
def test_every_configuration_reads_back(configuration):
    assert decode_configuration(encode_configuration(configuration, None, unity=True)) == configuration


@given(
    st.lists(st.builds(Attribute.tlv, st.sampled_from([*range(1, 16), *range(28672, 28684)]), st.binary(max_size=80)))
)
def test_any_answer_is_a_configuration_or_malformed(attributes):
    try:
        told = decode_configuration(attributes)
    except Malformed:
        return
    assert not told.address.is_loopback
    assert not told.address.is_multicast
