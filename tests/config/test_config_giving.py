"""Pools, groups and granted networks of `mode_cfg`: what is wrong with them, and what members of a group are told."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from lotor.config import ConfigError, examine, group_configuration, loads, mode_configuration
from lotor.config.files import NamedFiles
from lotor.config.giving_check import ends, given_problems, gives_addresses, group_advice
from lotor.config.network import problems as network_problems
from lotor.config.overlaps import overlaps


def block(lines):
    mode_cfg = loads(f"mode_cfg {{ {lines} }}").settings.mode_cfg
    assert mode_cfg is not None
    return mode_cfg


PLAIN = "network4 10.99.99.1; pool_size 100;"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f'{PLAIN} pool "a" {{ network4 10.99.99.90; }}', 'the pool "a" has addresses that the pool of mode_cfg has'),
        (
            f'{PLAIN} pool "a" {{ network4 10.99.98.1; }} pool "b" {{ network4 10.99.98.255; pool_size 1; }}',
            'the pool "b" has addresses that the pool "a" has as well',
        ),
        (
            f'{PLAIN} network6 fd00::1; pool "a" {{ network4 10.99.98.1; network6 fd00::10; }}',
            'the pool "a" has addresses that the pool of mode_cfg has',
        ),
        (f'{PLAIN} pool "a" {{ network4 10.1.0.1; }} pool "a" {{ network4 10.2.0.1; }}', 'a pool "a" already'),
        (f'{PLAIN} group "a" {{ }} group "a" {{ }}', 'a group "a" already'),
        (f'{PLAIN} pool "a" {{ network4 255.255.255.250; }}', "the pool would go beyond 255.255.255.255"),
        (f'{PLAIN} pool "a" {{ network4 223.255.255.250; }}', "the pool would reach into multicast"),
        (f'{PLAIN} group "a" {{ pool "b"; }}', 'there is no pool "b": add pool "b" { network4 …; }; there are: none'),
        (f'{PLAIN} group "a" {{ dns6 fd00::53; }}', "only clients with an IPv6 address are told of IPv6"),
        (f"{PLAIN} granted_network 0.0.0.0/0;", "no client may have an address of 0.0.0.0/0"),
        (f"{PLAIN} granted_network fe80::/64;", "no client may have an address of fe80::/64"),
        (f"{PLAIN} group_source radius;", "group_source radius takes the groups that come with a login"),
        (f"{PLAIN} group_source local;", "group_source local takes the groups that come with a login"),
        (f'{PLAIN} group "a" {{ banner "/nonexistent"; }}', "/nonexistent is missing"),
    ],
)
def test_what_cannot_be_given_is_told(lines, told):
    found = [each.text for each in given_problems(block(lines), NamedFiles())]
    assert [told in text for text in found] == [True], found


def test_pools_that_lie_side_by_side_are_well():
    lines = f'{PLAIN} network6 fd00::1; pool "a" {{ network4 10.99.99.101; pool_size 9; network6 fd00::65; }}'
    more = 'group "a" { pool "a"; dns6 fd00::53; } granted_network 192.0.2.0/24, 2001:db8::/32;'
    assert list(given_problems(block(f"{lines} {more}"), NamedFiles())) == []
    assert list(ends(block(lines))) == []


def test_a_filter_of_a_group_that_no_rule_is_for_is_told():
    text = f'mode_cfg {{ {PLAIN} group "a" {{ filter "web"; }} }} network {{ %s }}'
    wrong = [each.text for each in network_problems(loads(text % 'allow group "a" to any;').settings)]
    assert wrong == ['no rule of network { } is for the filter "web": add allow filter "web" to …;']
    assert list(network_problems(loads(text % 'allow filter "web" to any;').settings)) == []


def test_a_group_that_this_host_does_not_have_is_advice():
    text = f'mode_cfg {{ {PLAIN} group "no-such-group-here" {{ }} group "root" {{ }} %s }}'
    (told,) = [each.text for each in group_advice(loads(text % "").settings)]
    assert told.startswith('nobody is in the group "no-such-group-here"')
    assert list(group_advice(loads(text % "auth_source local;").settings)) == []


def test_a_pool_needs_its_first_address(tmp_path):
    (tmp_path / "racoon.conf").write_text('mode_cfg { pool "a" { pool_size 3; } }')
    assert any("this pool block misses network4" in each.text for each in examine(tmp_path / "racoon.conf").problems)
    with pytest.raises(ConfigError, match="wants"):
        loads("mode_cfg { pool { network4 10.0.0.1; } }")


@pytest.mark.parametrize(
    ("lines", "gives"),
    [
        ("", False),
        ("network4 10.0.0.1;", True),
        ("conf_source radius;", True),
        ("granted_network 192.0.2.0/24;", True),
        ('pool "a" { network4 10.0.0.1; }', True),
    ],
)
def test_a_gateway_gives_addresses_of_a_pool_or_of_a_back_end(lines, gives):
    assert gives_addresses(block(lines)) is gives


def test_what_a_group_leaves_out_is_as_for_everybody():
    mode_cfg = block(
        f'{PLAIN} dns4 10.0.0.1; wins4 10.0.0.2; default_domain "a.example"; split_network include 10.0.0.0/8;'
        'group "x" { dns4 10.0.0.9; }'
        'group "y" { default_domain "b.example"; split_network local_lan 192.168.0.0/16; }'
    )
    everybody = mode_configuration(mode_cfg)
    x, y = (group_configuration(mode_cfg, each) for each in mode_cfg.groups)
    assert (x.dns, x.wins, x.domain) == ((IPv4Address("10.0.0.9"),), everybody.wins, b"a.example")
    assert x.split_include == everybody.split_include == (IPv4Network("10.0.0.0/8"),)
    assert (y.dns, y.domain) == (everybody.dns, b"b.example")
    assert (y.split_include, y.split_local) == ((), (IPv4Network("192.168.0.0/16"),))


def test_every_pool_is_compared_with_the_networks_of_the_host():
    settings = loads(f'mode_cfg {{ {PLAIN} pool "a" {{ network4 10.77.0.1; }} }}').settings
    (found,) = overlaps(settings, {IPv4Network("10.77.0.0/24"): "eth1"})
    assert found.harms
    assert "10.77.0.0/24 of eth1" in found.text


def test_every_network_that_addresses_are_granted_from_is_compared_with_those_of_the_host():
    settings = loads(f"mode_cfg {{ {PLAIN} granted_network 10.77.0.0/25, 10.78.0.0/24; }}").settings
    (found,) = overlaps(settings, {IPv4Network("10.77.0.0/24"): "eth1"})
    assert found.harms
    assert found.text.startswith("granted_network 10.77.0.0/25 overlaps 10.77.0.0/24 of eth1: ")
    answered = loads(f"mode_cfg {{ {PLAIN} granted_network 10.77.0.0/25; }} network {{ proxy_arp eth1; }}").settings
    (found,) = overlaps(answered, {IPv4Network("10.77.0.0/24"): "eth1"})
    assert not found.harms
