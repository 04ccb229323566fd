"""The pure plan of routes and rules, and what of a gateway's configuration is accepted."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.hosts import routing
from lotor.hosts.admission import Neighbours, admit
from lotor.hosts.changes import (
    KINDS,
    AddressMade,
    Clamped,
    Closing,
    Forwarding,
    LinkUp,
    OwnTable,
    Proxied,
    Resolvconf,
    Resolved,
    ResolvFile,
    ReversePath,
    RouteMade,
    RuleMade,
    Setting,
    Table,
    read,
    written,
)
from lotor.hosts.firewall import Pool, lease_rules, pool_rules
from lotor.hosts.gateway import pool_networks
from lotor.hosts.routing import HostFacts, RulePriority, plan
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Path, Peer

GATEWAY = IPv4Address("192.0.2.50")
FLOATED = Path(Peer(IPv4Address("192.0.2.2"), 4500), Peer(GATEWAY, 4500), floated=True)
LEASE = ModeConfiguration(IPv4Address("10.99.99.3"))


def split(*networks: str) -> ModeConfiguration:
    return replace(LEASE, split_include=tuple(map(IPv4Network, networks)))


@pytest.mark.parametrize(
    ("networks", "full"),
    [([], True), (["0.0.0.0/0"], True), (["0.0.0.0/1", "128.0.0.0/1"], True), (["10.0.0.0/8"], False)],
)
def test_full_is_no_split_or_all_of_it(networks, full):
    assert split(*networks).is_full is full


def test_behind_every_route_stands_an_unreachable_one_that_comes_first():
    routes = plan(split("203.0.113.0/24", "10.0.0.0/8"), FLOATED, HostFacts(7), 0).routes
    pairs = [(route.network, route.index) for route in routes]
    assert pairs == [("10.0.0.0/8", None), ("10.0.0.0/8", 7), ("203.0.113.0/24", None), ("203.0.113.0/24", 7)]


def test_the_lookup_that_turns_traffic_comes_last():
    rules = plan(LEASE, FLOATED, HostFacts(7), 3).rules
    assert rules[-1].priority == RulePriority.FULL + 3
    assert rules[-1].table == routing.FIRST_TABLE + 3
    assert rules[0].mark == routing.OUTER_MARK


def test_a_split_tunnel_is_asked_before_a_full_one_whatever_the_slots():
    last = routing.SLOTS - 1
    assert plan(split("10.0.0.0/8"), FLOATED, HostFacts(7), last).rules[-1].priority < RulePriority.FULL


def test_marks_are_asked_before_every_tunnel():
    assert (
        max(rule.priority for rule in plan(LEASE, FLOATED, HostFacts(7), 31).rules if rule.mark) < RulePriority.BESIDE
    )


def test_all_rules_come_before_the_main_table():
    assert all(0 < rule.priority < 32766 for rule in plan(LEASE, FLOATED, HostFacts(7), 31).rules)


def test_bare_esp_passes_a_strict_filter_too():
    bare = replace(FLOATED, floated=False)
    rules = plan(LEASE, bare, HostFacts(7, strict_reverse_path=True), 0).rules
    assert [rule.protocol for rule in rules if rule.priority == RulePriority.OUTER_RETURN] == [17, 50]


def test_a_slot_is_used_when_any_band_has_it():
    assert routing.used_slots({0, 32766, RulePriority.FULL + 5, RulePriority.OUTER + 1}) == {1, 5}
    assert routing.used_slots({RulePriority.SPLIT + 5}) == set()


def test_a_more_specific_network_is_asked_first_and_every_one_before_a_full_tunnel():
    six = {
        "address6": IPv6Interface("fd00:99::3/64"),
        "split_include6": (IPv6Network("::/1"), IPv6Network("fd00::/8")),
    }
    rules = plan(replace(split("128.0.0.0/1", "10.0.0.0/8", "11.1.2.3/32"), **six), FLOATED, HostFacts(7), 31).rules
    led = sorted((rule.priority, rule.destination) for rule in rules if rule.table == routing.FIRST_TABLE + 31)
    assert [each for _, each in led] == ["11.1.2.3/32", "10.0.0.0/8", "128.0.0.0/1", "fd00::/8", "::/1"]
    assert RulePriority.SPLIT <= led[0][0] <= led[-1][0] < RulePriority.FULL


def test_what_is_too_large_to_be_local_is_refused():
    local = replace(LEASE, split_local=(IPv4Network("0.0.0.0/1"), IPv4Network("192.168.0.0/16")))
    planned = plan(local, FLOATED, HostFacts(7), 0)
    assert planned.refused == (IPv4Network("0.0.0.0/1"),)
    assert [
        rule.destination for rule in planned.rules if rule.priority == RulePriority.FULL_BESIDE and rule.family == 2
    ] == ["192.168.0.0/16"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.50", "192.0.2.2"],
)
def test_hostile_addresses_are_refused_with_advice(address):
    hostile = ModeConfiguration(IPv4Address(address))
    with pytest.raises(OSError, match=rf"{address}.*administrator") as caught:
        admit(hostile, [IPv4Address("192.0.2.2")], GATEWAY)
    assert caught.value.strerror


def test_an_ordinary_configuration_is_taken_whole():
    ordinary = replace(LEASE, dns=(IPv4Address("10.0.12.1"),), domain=b"example.net", split_dns=(b"a.example",))
    assert admit(ordinary, [], GATEWAY) == (ordinary, [])


def test_n10_only_private_networks_and_those_of_the_link_are_local():
    wanted = tuple(map(IPv4Network, ("8.0.0.0/8", "203.0.113.0/24", "192.0.2.128/25", "172.16.0.0/12", "10.0.0.0/7")))
    around = HostFacts(5, connected=(IPv4Network("192.0.2.0/24"),))
    planned = plan(replace(LEASE, split_local=wanted), FLOATED, around, 0)
    beside = {
        rule.destination for rule in planned.rules if rule.priority == RulePriority.FULL_BESIDE and rule.family == 2
    }
    assert beside == {"192.0.2.128/25", "172.16.0.0/12"}
    assert set(planned.refused) == {wanted[0], wanted[1], wanted[4]}


@pytest.mark.parametrize(
    ("address", "why"), [("192.0.2.1", "a router's"), ("192.0.2.255", "all of"), ("192.0.2.0", "")]
)
def test_n10_an_address_that_the_link_needs_is_refused(address, why):
    around = Neighbours((IPv4Network("192.0.2.0/24"),), frozenset({IPv4Address("192.0.2.1")}))
    with pytest.raises(OSError, match=rf"{address}.*{why}.*administrator"):
        admit(ModeConfiguration(IPv4Address(address)), [], GATEWAY, around)


def test_n10_an_address_that_a_neighbour_may_have_is_told():
    around = Neighbours((IPv4Network("192.0.2.0/24"), IPv4Network("10.0.0.0/31")), frozenset())
    kept, notes = admit(ModeConfiguration(IPv4Address("192.0.2.77")), [], GATEWAY, around)
    assert kept.address == IPv4Address("192.0.2.77")
    assert [note for note in notes if "192.0.2.77 lies in this host's own network 192.0.2.0/24" in note]
    assert admit(ModeConfiguration(IPv4Address("10.0.0.1")), [], GATEWAY, around)[1] == []


def test_n10_a_routers_ipv6_address_is_left_out():
    around = Neighbours((), frozenset({IPv6Address("fd00:99::1")}))
    given = replace(LEASE, address6=IPv6Interface("fd00:99::1/64"))
    kept, notes = admit(given, [], GATEWAY, around)
    assert kept.address6 is None
    assert "fd00:99::1" in notes[0]


def test_unusable_servers_and_names_are_left_out_and_told_clean():
    hostile = replace(
        LEASE,
        dns=(IPv4Address("127.0.0.1"), IPv4Address("10.0.12.1"), IPv4Address("10.0.12.1"), IPv4Address("0.0.0.0")),
        domain=b"ok.example\nnameserver 203.0.113.9",
        split_dns=(b"good.example", b"\x1b[31mred", b"$(reboot).example", b"a b", b""),
    )
    kept, notes = admit(hostile, [], GATEWAY)
    assert kept.dns == (IPv4Address("10.0.12.1"),)
    assert kept.domain == b""
    assert kept.split_dns == (b"good.example",)
    assert len(notes) == 5
    assert all(note.isprintable() for note in notes)


def test_three_thousand_servers_become_eight():
    many = replace(LEASE, dns=tuple(IPv4Address("10.0.0.1") + number for number in range(3000)))
    kept, notes = admit(many, [], GATEWAY)
    assert len(kept.dns) == 8
    assert len(notes[0]) < 400


def test_thousands_of_split_networks_are_refused():
    many = replace(LEASE, split_include=tuple(IPv4Network((0x0A000000 + 256 * n, 24)) for n in range(3000)))
    with pytest.raises(OSError, match="more than 256"):
        admit(many, [], GATEWAY)


def test_loopback_is_no_network_of_a_gateway_and_never_makes_a_split_tunnel_full():
    kept, _ = admit(split("127.0.0.0/8", "10.0.0.0/8"), [], GATEWAY)
    assert kept.split_include == (IPv4Network("10.0.0.0/8"),)
    with pytest.raises(OSError, match="loopback"):
        admit(split("127.0.0.0/8"), [], GATEWAY)


@given(st.integers(1, 400))
def test_a_pool_is_exactly_its_addresses(size):
    first = IPv4Address("10.99.99.1")
    addresses = [address for network in pool_networks(first, size) for address in network]
    assert addresses == [first + number for number in range(size)]


def test_f12_sets_of_nftables_do_not_overlap_and_everything_is_everybody():
    pool = (IPv4Network("10.99.99.0/24"), IPv4Network("10.99.99.7/32"))
    partners = (IPv4Network("10.0.0.0/8"), IPv4Network("10.0.12.1/32"), IPv6Network("fd00::/8"))
    *_, daddr, saddr = [each["match"]["right"] for each in pool_rules(3, Pool(pool, partners))[2] if "match" in each]
    assert daddr == {"set": [{"prefix": {"addr": "10.99.99.0", "len": 24}}]}
    assert saddr == {"set": [{"prefix": {"addr": "10.0.0.0", "len": 8}}]}
    everybody = (IPv4Network("0.0.0.0/0"), IPv4Network("10.0.12.1/32"))
    assert pool_rules(3, Pool(pool, everybody)) == pool_rules(3, Pool(pool))


EXAMPLES = [
    LinkUp("lotor0", 3, 1280, 1500, up_before=False),
    AddressMade(3, "10.99.99.3"),
    RouteMade("0.0.0.0/0", 27759, 3, "10.99.99.3", 0),
    RuleMade(2, 21000, 254, mark=1),
    Table("inet", "lotor0-3-0", lease_rules(3, [IPv4Address("10.99.99.3")])),
    Closing("lotor-closed-0", "192.0.2.50", "anonymous", ["0.0.0.0/0"], [], 2),
    ReversePath("eth0", 2),
    Setting("net/ipv4/ip_forward", "1", "0"),
    Forwarding(4, ["eth0"], "1"),
    Proxied("eth0", 2, ["10.99.99.0/30"], ["10.99.99.1", "10.99.99.2"]),
    OwnTable("inet", "lotor-network"),
    Resolved("lotor0", 3, ["10.0.12.1"], ["~."], default=True),
    Resolvconf("tun.lotor0", ["nameserver 10.0.12.1"]),
    Clamped("lotor0-3-clamp", 3, "policies"),
    ResolvFile("/etc/resolv.conf", "/run/lotor/hosts/1.resolv", ["nameserver 10.0.12.1"], "4026-0", first=True),
]


@pytest.mark.parametrize("change", EXAMPLES, ids=lambda change: type(change).__name__)
def test_a_journal_reads_back_what_it_wrote(change):
    assert read(written(change)) == change


def test_every_kind_of_change_has_an_example():
    assert {type(change) for change in EXAMPLES} == set(KINDS.values())


@pytest.mark.parametrize(
    "entry", [{}, {"change": "Rm"}, {"change": "AddressMade", "index": 1}, {"change": "AddressMade", "x": 1}]
)
def test_a_foreign_entry_is_refused(entry):
    with pytest.raises(ValueError, match="unknown change"):
        read(entry)
