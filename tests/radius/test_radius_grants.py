"""What a server gives with its yes, and what of it makes no sense."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.model.grants import (
    LONGEST_MESSAGE,
    MOST_DOMAINS,
    MOST_GROUPS,
    MOST_ROUTES,
    MOST_SERVERS,
    NO_GRANTS,
    Grants,
)
from lotor.model.login import Accepted
from lotor.privsep.codec import encode
from lotor.privsep.logging_in import LONGEST_GRANTS
from lotor.radius import Code, RadiusLogins, Reply
from lotor.radius.grants import granted, message
from lotor.radius.structure import pairs
from radius_double import Scripted, accepting, attempt, attribute, settings, vendor


def reply(*octets: bytes) -> Reply:
    return Reply(Code.ACCESS_ACCEPT, tuple(each for octet in octets for each in pairs(octet)))


def address(text: str) -> bytes:
    return IPv4Address(text).packed


def u32(value: int) -> bytes:
    return value.to_bytes(4)


def av(text: str) -> bytes:
    return vendor(9, 1, text.encode())


V6 = IPv6Address("2001:db8:99::7")
PREFIX = bytes((0, 64)) + IPv6Address("2001:db8:99::").packed
GRANTS = {
    "an address": ((attribute(8, address("10.99.99.7")),), Grants(address=IPv4Address("10.99.99.7"))),
    "the pool's address": ((attribute(8, b"\xff\xff\xff\xfe"),), NO_GRANTS),
    "an address of the user's choice": ((attribute(8, b"\xff\xff\xff\xff"),), NO_GRANTS),
    "a mask": ((attribute(9, address("255.255.255.0")),), Grants(netmask=IPv4Address("255.255.255.0"))),
    "a mask of one": ((attribute(9, b"\xff\xff\xff\xff"),), Grants(netmask=IPv4Address("255.255.255.255"))),
    "an IPv6 address": ((attribute(168, V6.packed),), Grants(address6=IPv6Interface((V6, 128)))),
    "with its prefix": ((attribute(97, PREFIX), attribute(168, V6.packed)), Grants(address6=IPv6Interface((V6, 64)))),
    "a prefix and an identifier": (
        (attribute(97, PREFIX[:10]), attribute(96, bytes(7) + b"\x07")),
        Grants(address6=IPv6Interface((V6, 64))),
    ),
    "a prefix of one": ((attribute(97, b"\0\x80" + V6.packed),), Grants(address6=IPv6Interface((V6, 128)))),
    "a pool": ((attribute(88, b"staff"),), Grants(pool="staff")),
    "routes": (
        (attribute(22, b"10.0.0.0/8 192.0.2.1 1"), attribute(22, b"192.168.7.0"), attribute(22, b"10.0.0.0/8")),
        Grants(routes=(IPv4Network("10.0.0.0/8"), IPv4Network("192.168.7.0/24"))),
    ),
    "an IPv6 route": ((attribute(99, b"2001:db8::/32 :: 1"),), Grants(routes6=(IPv6Network("2001:db8::/32"),))),
    "times": ((attribute(27, u32(3600)), attribute(28, u32(600))), Grants(session_time=3600.0, idle_time=600.0)),
    "no limit": ((attribute(27, u32(0)), attribute(28, u32(0))), NO_GRANTS),
    "a class": ((attribute(25, b"0x41\0\xff"),), Grants(accounting_classes=(b"0x41\0\xff",))),
    "a class with a group": (
        (attribute(25, b"OU=staff;"),),
        Grants(accounting_classes=(b"OU=staff;",), groups=frozenset({"staff"})),
    ),
    "classes in their order": (
        (attribute(25, b"b"), attribute(25, b"a"), attribute(25, b"b")),
        Grants(accounting_classes=(b"b", b"a")),
    ),
    "a filter": ((attribute(11, b"guests"),), Grants(filter="guests")),
    "sessions": ((attribute(62, u32(2)),), Grants(sessions=2)),
    "Microsoft's servers": (
        tuple(vendor(311, 28 + each, address(f"10.0.12.{each}")) for each in range(4)),
        Grants(
            dns4=(IPv4Address("10.0.12.0"), IPv4Address("10.0.12.1")),
            wins4=(IPv4Address("10.0.12.2"), IPv4Address("10.0.12.3")),
        ),
    ),
    "an IPv6 server": ((attribute(169, V6.packed),), Grants(dns6=(V6,))),
    "rates": ((vendor(14122, 7, u32(8_000_000)), vendor(14122, 8, u32(2_000_000))), Grants(rate=250_000)),
    "Cisco's pairs": (
        (
            av("ipsec:dns-servers=10.0.12.1 10.0.12.2"),
            av("ipsec:wins-servers=10.0.12.3"),
            av("ipsec:default-domain=Example.net"),
            av("ipsec:split-dns=a.example, b.example"),
            av("ipsec:addr-pool=staff"),
            av("ipsec:banner=Welcome"),
            av("ipsec:netmask=255.255.255.0"),
            av("ipsec:timeout=60"),
            av("ipsec:idletime*30"),
            av("ipsec:max-logins=1"),
            av("ipsec:user-vpn-group=staff"),
            av("ipsec:route-set=prefix 10.0.0.0/8"),
            av("ipsec:route-set=prefix 2001:db8::/32"),
            av("ip:inacl=guests"),
            av("shell:priv-lvl=15"),
            av("ipsec:tunnel-type=ESP"),
        ),
        Grants(
            dns4=(IPv4Address("10.0.12.1"), IPv4Address("10.0.12.2")),
            wins4=(IPv4Address("10.0.12.3"),),
            default_domain="example.net",
            split_dns=("a.example", "b.example"),
            pool="staff",
            banner="Welcome",
            netmask=IPv4Address("255.255.255.0"),
            session_time=60.0,
            idle_time=30.0,
            sessions=1,
            groups=frozenset({"staff"}),
            routes=(IPv4Network("10.0.0.0/8"),),
            routes6=(IPv6Network("2001:db8::/32"),),
            filter="guests",
        ),
    ),
    "those of Cisco's concentrators": (
        (
            vendor(3076, 5, address("10.0.12.1")),
            vendor(3076, 7, address("10.0.12.3")),
            vendor(3076, 15, b"Welcome"),
            vendor(3076, 28, b"example.net"),
            vendor(3076, 29, b"a.example,b.example"),
        ),
        Grants(
            dns4=(IPv4Address("10.0.12.1"),),
            wins4=(IPv4Address("10.0.12.3"),),
            banner="Welcome",
            default_domain="example.net",
            split_dns=("a.example", "b.example"),
        ),
    ),
    "what means nothing here": ((attribute(13, u32(1)), attribute(12, u32(576)), vendor(4711, 1, b"x")), NO_GRANTS),
}


@pytest.mark.parametrize("case", GRANTS)
def test_what_a_server_grants(case):
    attributes, grants = GRANTS[case]
    found = granted(reply(*attributes))
    assert found.grants == grants
    assert found.notes == ()


SENSELESS = {
    "an address of three octets": attribute(8, b"\x0a\0\0"),
    "no address": attribute(8, bytes(4)),
    "a multicast address": attribute(8, address("224.0.0.1")),
    "an address of loopback": attribute(8, address("127.0.0.1")),
    "a mask with holes": attribute(9, address("255.0.255.0")),
    "an IPv6 address of four octets": attribute(168, bytes(4)),
    "a link-local IPv6 address": attribute(168, IPv6Address("fe80::1").packed),
    "a prefix that is too long": attribute(97, b"\0\x81" + V6.packed),
    "a prefix without an address": attribute(97, PREFIX),
    "a network behind the client": attribute(123, PREFIX),
    "an identifier of two octets": attribute(96, b"\0\7"),
    "a route to nowhere": attribute(22, b"somewhere 1"),
    "a route with a length of its own": attribute(22, b"10.0.0.0/33"),
    "an IPv6 route that is none": attribute(99, b"2001:db8::/129"),
    "a time of two octets": attribute(27, b"\0\1"),
    "no session at all": attribute(62, u32(0)),
    "a pool with a control character": attribute(88, b"st\x1baff"),
    "an empty class": attribute(25, b""),
    "an empty pool": attribute(88, b""),
    "a pool of 200 letters": attribute(88, b"x" * 200),
    "a filter that is no text": attribute(11, b"\xff\xfe"),
    "no server": vendor(311, 28, bytes(4)),
    "no rate": vendor(14122, 7, u32(7)),
    "a domain with a blank": av("ipsec:default-domain=a b"),
    "a server that is a name": av("ipsec:dns-servers=ns.example.net"),
    "a time in words": av("ipsec:timeout=long"),
    "a time below zero": av("ipsec:timeout=-1"),
    "no sessions at all": av("ipsec:max-logins=-2"),
    "a prefix that is no host's address": attribute(97, b"\0\x80" + bytes(16)),
    "a prefix of multicast": attribute(97, b"\0\x80" + IPv6Address("ff02::1").packed),
    "a mask that is none": av("ipsec:netmask=255.0.255.0"),
    "no text": vendor(9, 1, b"ipsec:dns-servers=\xff"),
}


def test_a_link_local_prefix_with_an_identifier_is_no_address():
    found = granted(reply(attribute(97, b"\0\x40" + IPv6Address("fe80::").packed[:8]), attribute(96, bytes(7) + b"\7")))
    assert found.grants == NO_GRANTS
    assert len(found.notes) == 1


@pytest.mark.parametrize("case", SENSELESS)
def test_what_makes_no_sense_is_left_out_and_noted(case):
    found = granted(reply(SENSELESS[case]))
    assert found.grants == NO_GRANTS
    (note,) = found.notes
    assert "left out" in note
    assert note.isprintable()


def test_where_there_may_be_one_the_first_counts():
    found = granted(reply(attribute(8, address("10.99.99.7")) + attribute(8, address("10.99.99.8"))))
    assert found.grants == Grants(address=IPv4Address("10.99.99.7"))
    assert len(found.notes) == 1


def test_lists_are_bounded():
    many = [attribute(22, f"10.{each}.0.0/16".encode()) for each in range(200)]
    many += [vendor(311, 28, address(f"10.0.0.{each + 1}")) for each in range(9)]
    many += [av(f"ipsec:split-dns=d{each}.example") for each in range(60)]
    many += [av(f"ipsec:user-vpn-group=g{each}") for each in range(200)]
    many += [av("ipsec:banner=" + "x" * 200)] * 20
    many += [attribute(25, b"%d" % each) for each in range(9)]
    found = granted(reply(*many))
    assert len(found.grants.routes) == MOST_ROUTES
    assert found.grants.accounting_classes == (b"0", b"1", b"2", b"3")
    assert len(found.grants.dns4) == MOST_SERVERS
    assert len(found.grants.split_dns) == MOST_DOMAINS
    assert len(found.grants.groups) == MOST_GROUPS
    assert len(found.grants.banner) == LONGEST_MESSAGE + 1
    assert len(encode(Grants, found.grants)) <= LONGEST_GRANTS


def test_lines_of_a_message_are_lines():
    assert message(reply(attribute(18, b"Hello"), attribute(18, b"again\x1b[2J"))) == "Hello\nagain?[2J"
    assert len(message(reply(*[attribute(18, b"x" * 253)] * 10))) == LONGEST_MESSAGE + 1


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=253)), max_size=20))
def test_any_attributes_are_grants_within_bounds(attributes):
    found = granted(Reply(Code.ACCESS_ACCEPT, tuple(attributes)))
    assert len(encode(Grants, found.grants)) <= LONGEST_GRANTS


@given(st.sampled_from([9, 311, 3076, 14122]), st.integers(1, 40), st.binary(max_size=240))
def test_any_attributes_of_vendors_are_grants_within_bounds(enterprise, number, value):
    found = granted(reply(vendor(enterprise, number, value)))
    assert len(encode(Grants, found.grants)) <= LONGEST_GRANTS


def test_much_nonsense_is_one_line_of_the_log(leaping, caplog):
    async def run():
        server = await Scripted(accepting(*[attribute(27, b"\0")] * 100)).start()
        await RadiusLogins(settings(server.setting())).judge(attempt())

    leaping(run())
    (record,) = caplog.records
    assert record.getMessage().endswith("; and 95 more")


def test_addresses_count_only_where_the_configuration_takes_them(leaping, caplog):
    """conf_source local: the server's address is ignored, as in racoon; the rest counts."""

    async def run(addresses):
        given = accepting(attribute(8, address("10.99.99.7")), attribute(18, b"Hello"), attribute(27, b"\0"))
        server = await Scripted(given).start()
        return await RadiusLogins(settings(server.setting()), addresses=addresses).judge(attempt())

    assert leaping(run(True)) == Accepted("alice", Grants(address=IPv4Address("10.99.99.7"), message="Hello"))
    assert leaping(run(False)) == Accepted("alice", Grants(message="Hello"))
    assert "SESSION-TIMEOUT is left out: a number has 4 octets, this 1" in caplog.text
