"""The variables of a hook: racoon's names and values, and nothing hostile in them."""

from __future__ import annotations

import string
import unicodedata
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.files.places import SYSTEM_PATH
from lotor.hooks.environment import NAMES, VARIABLES, environment, table
from lotor.hooks.guard import admitted
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.ports.hooks import HookContext

PATH = Path(Peer(IPv4Address("192.0.2.2"), 4500), Peer(IPv4Address("192.0.2.50"), 4500), floated=True)
FULL = ModeConfiguration(
    IPv4Address("10.99.99.3"),
    netmask=IPv4Address("255.255.255.0"),
    dns=(IPv4Address("10.0.12.1"), IPv4Address("10.0.12.2")),
    wins=(IPv4Address("10.0.12.3"),),
    domain=b"example.net\0",
    banner=b"hello",
    split_include=(IPv4Network("10.0.12.0/24"), IPv4Network("10.1.0.0/16")),
    split_local=(IPv4Network("192.168.0.0/16"),),
    split_dns=(b"corp.example", b"lab.example"),
)
CLIENT = HookContext(Side.CLIENT, PATH, "192.0.2.50", "0011223344556677:8899aabbccddeeff", FULL, device="lotor0")
HOSTILE = [
    "\x1b[31m",
    "a\nb",
    "a\0b",
    "$(reboot)",
    "`id`",
    "() { :;}; id",
    "%n%s",
    "\x9b31m",
    "\u202egnp",
    "a\rb",
    "\x07",
]


def test_a_client_has_racoons_whole_environment():
    assert environment(CLIENT) == {
        "LOCAL_ADDR": "192.0.2.2",
        "LOCAL_PORT": "4500",
        "REMOTE_ADDR": "192.0.2.50",
        "REMOTE_PORT": "4500",
        "REMOTE_ID": "192.0.2.50",
        "IKE_COOKIE": "0011223344556677:8899aabbccddeeff",
        "INTERNAL_ADDR4": "10.99.99.3",
        "INTERNAL_NETMASK4": "255.255.255.0",
        "INTERNAL_MASK4": "255.255.255.0",
        "INTERNAL_CIDR4": "24",
        "INTERNAL_DNS4": "10.0.12.1",
        "INTERNAL_DNS4_LIST": "10.0.12.1 10.0.12.2",
        "INTERNAL_WINS4": "10.0.12.3",
        "INTERNAL_WINS4_LIST": "10.0.12.3",
        "DEFAULT_DOMAIN": "example.net",
        "SPLIT_INCLUDE": "10.0.12.0/255.255.255.0 10.1.0.0/255.255.0.0",
        "SPLIT_INCLUDE_CIDR": "10.0.12.0/24 10.1.0.0/16",
        "SPLIT_LOCAL": "192.168.0.0/255.255.0.0",
        "SPLIT_LOCAL_CIDR": "192.168.0.0/16",
        "INTERNAL_SPLITDNS_DOMAINS": "corp.example,lab.example",
        "INTERNAL_ADDR6": "",
        "INTERNAL_PREFIX6": "",
        "INTERNAL_DNS6": "",
        "INTERNAL_DNS6_LIST": "",
        "SPLIT_INCLUDE6_CIDR": "",
        "LOTOR_DEVICE": "lotor0",
        "TUNDEV": "lotor0",
    }


def test_ipv6_inside_and_outside():
    configuration = replace(
        FULL,
        address6=IPv6Interface("fd00:99::3/64"),
        dns6=(IPv6Address("fd00::53"), IPv6Address("fd00::54")),
        split_include6=(IPv6Network("fd00::/16"), IPv6Network("2001:db8:7::/48")),
    )
    outside = Path(Peer(IPv6Address("2001:db8::2"), 4500), Peer(IPv6Address("2001:db8::50"), 4500), floated=True)
    told = environment(replace(CLIENT, path=outside, configuration=configuration))
    assert (told["LOCAL_ADDR"], told["REMOTE_ADDR"]) == ("2001:db8::2", "2001:db8::50")
    assert (told["INTERNAL_ADDR6"], told["INTERNAL_PREFIX6"]) == ("fd00:99::3", "64")
    assert (told["INTERNAL_DNS6"], told["INTERNAL_DNS6_LIST"]) == ("fd00::53", "fd00::53 fd00::54")
    assert told["SPLIT_INCLUDE6_CIDR"] == "fd00::/16 2001:db8:7::/48"
    gateway = environment(replace(CLIENT, side=Side.GATEWAY, configuration=configuration))
    assert (gateway["INTERNAL_ADDR6"], gateway["INTERNAL_DNS6"]) == ("fd00:99::3", "")


def test_before_mode_config_the_inner_variables_are_there_and_empty():
    told = environment(replace(CLIENT, configuration=None, device=None))
    inner = {name: value for name, value in told.items() if name.startswith(("INTERNAL", "SPLIT", "DEFAULT"))}
    assert len(inner) == 19
    assert {name: value for name, value in inner.items() if value} == {"INTERNAL_CIDR4": "0"}
    assert "LOTOR_DEVICE" not in told


def test_a_gateway_has_the_clients_address_and_login_and_no_more():
    told = environment(replace(CLIENT, side=Side.GATEWAY, user="alice"))
    assert told["XAUTH_USER"] == "alice"
    assert told["INTERNAL_ADDR4"] == "10.99.99.3"
    assert told["INTERNAL_CIDR4"] == "0"
    assert not any(told[name] for name in told if "DNS" in name or "MASK" in name or "SPLIT" in name or "WINS" in name)


def test_the_login_is_a_matter_of_the_gateway():
    assert "XAUTH_USER" not in environment(replace(CLIENT, user="alice"))
    assert "XAUTH_USER" not in environment(replace(CLIENT, side=Side.GATEWAY, user=""))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_domains_are_left_out_and_hostile_text_is_clean(text):
    configuration = replace(FULL, domain=text.encode(), split_dns=(b"ok.example", text.encode()))
    told = environment(replace(CLIENT, side=Side.CLIENT, peer_id=text, configuration=configuration))
    assert told["DEFAULT_DOMAIN"] == ""
    assert told["INTERNAL_SPLITDNS_DOMAINS"] == "ok.example"
    login = environment(replace(CLIENT, side=Side.GATEWAY, peer_id=text, user=text))
    for value in (told["REMOTE_ID"], login["XAUTH_USER"]):
        assert value.isprintable()


@given(st.text(), st.text(), st.binary(max_size=64))
def test_whatever_is_sent_no_control_character_reaches_the_script(peer_id, user, domain):
    configuration = replace(FULL, domain=domain, split_dns=(domain,))
    told = admitted(HookContext(Side.GATEWAY, PATH, peer_id, "", configuration, user, "lotor0"))
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} for value in told.values() for char in value)
    assert not any(value.startswith("() {") for value in told.values())


@pytest.mark.parametrize("side", Side)
def test_a_script_has_the_names_of_the_table_and_our_path(side):
    told = admitted(replace(CLIENT, side=side, user="alice"))
    assert told.pop("PATH") == SYSTEM_PATH
    assert set(told) <= NAMES
    assert len(told) > 20


def test_granted_groups_are_told_and_no_name_makes_two_of_one():
    told = environment(replace(CLIENT, side=Side.GATEWAY, groups=frozenset({"staff", "admins", "a,wheel", "b\nwheel"})))
    assert told["LOTOR_GROUPS"] == "admins,staff"
    many = frozenset({"x" * 1000 + str(number) for number in range(9)})
    assert set(environment(replace(CLIENT, groups=many))["LOTOR_GROUPS"].split(",")) < many
    assert "LOTOR_GROUPS" not in environment(CLIENT)
    assert "LOTOR_GROUPS" not in environment(replace(CLIENT, groups=frozenset({","})))


def test_a_value_that_looks_like_a_function_no_longer_does():
    assert admitted(replace(CLIENT, peer_id="() { :;}; id"))["REMOTE_ID"] == "?) { :;}; id"


def test_many_networks_are_not_cut():
    networks = tuple(IPv4Network((0x0A000000 + 256 * number, 24)) for number in range(256))
    told = admitted(replace(CLIENT, configuration=replace(FULL, split_include=networks)))
    assert told["SPLIT_INCLUDE"].split()[-1] == "10.0.255.0/255.255.255.0"


def test_names_are_names():
    assert len(NAMES) == len(VARIABLES)
    assert all(set(name) <= set(string.ascii_uppercase + string.digits + "_") for name in NAMES)


def test_the_documentation_has_the_table():
    documentation = File(__file__).parents[2] / "docs" / "hooks.md"
    assert table() in documentation.read_text()
