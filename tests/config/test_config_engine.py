"""The directive `engine`, and what a configuration asks of the kernel's engine that it does not do."""

from __future__ import annotations

import pytest

from lotor.config import ConfigError, loads
from lotor.model.engines import EngineWish, Wanted

RATE = (
    "sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; "
    "compression_algorithm deflate; {} }}\n"
)
GATEWAY = """
remote anonymous {{
    ike_version {version}; my_auth psk; peers_auth psk; ike2_proposal default; exchange_mode main; generate_policy on;
    proposal {{
        encryption_algorithm aes; hash_algorithm sha256; dh_group 14; authentication_method pre_shared_key;
    }}
}}
mode_cfg {{ network4 10.99.99.1; pool_size 9; {given} }}
"""
SPLIT = "split_network include 10.0.12.0/24;"


def warned(text, about):
    return [(each.line, each.text) for each in loads(text).warnings if about in each.text]


@pytest.mark.parametrize("wish", ["kernel", "prefer_kernel"])
def test_a_rate_limit_that_the_kernel_does_not_keep_is_told_where_it_is_written(wish):
    ((line, told),) = warned(f"engine {wish};\n{RATE.format('rate_limit 20 Mbit;')}", "not kept")
    assert line == 2
    assert f"rate_limit is not kept with engine {wish}" in told
    assert warned(f"engine {wish};\n{RATE.format('')}", "not kept") == []


def test_what_user_space_does_is_not_told():
    text = GATEWAY.format(version=2, given=SPLIT) + RATE.format("rate_limit 20 Mbit;")
    for wish in ("", "engine auto;", "engine userspace;"):
        assert warned(wish + text, "engine") == warned(wish + text, "kernel") == []


@pytest.mark.parametrize(
    ("version", "given", "told"),
    [
        (2, SPLIT, 1),
        ("both", SPLIT, 1),
        (1, SPLIT, 0),
        (2, f"{SPLIT} dhcp_inform off;", 0),
        (2, "", 0),
        (2, "split_network local_lan 10.0.12.0/24;", 0),
    ],
)
def test_windows_gets_no_routes_from_the_kernel(version, given, told):
    found = warned("engine kernel;\n" + GATEWAY.format(version=version, given=given), "DHCPINFORM")
    assert [line for line, _ in found] == [1] * told


def test_an_unknown_engine_is_a_mistake_that_names_those_there_are():
    with pytest.raises(ConfigError, match="engine wants auto, userspace, kernel or prefer_kernel"):
        loads("engine kernal;")
    assert [Wanted(each).asks_kernel for each in EngineWish] == [False, False, True, True]


def test_a_device_for_esp_asks_for_the_kernels_engine_where_nothing_else_is_written():
    assert [Wanted(each, "eth1").asks_kernel for each in EngineWish] == [True, False, True, True]
    settings = loads("esp_offload eth1;").settings
    assert (settings.engine, settings.engine.asks_kernel) == (Wanted(EngineWish.AUTO, "eth1"), True)
    assert loads("").settings.engine == Wanted()


@pytest.mark.parametrize("name", ['"eth1"', "eth1/../x", "..", "sixteen-letters-", "", "eth1 eth2"])
def test_what_is_no_name_of_a_device_is_a_mistake(name):
    with pytest.raises(ConfigError, match="esp_offload"):
        loads(f"esp_offload {name};")


def test_a_device_for_esp_that_counts_for_nothing_is_told():
    ((line, told),) = warned("engine userspace;\nesp_offload eth1;\n", "esp_offload")
    assert (line, "without effect with engine userspace" in told) == (2, True)
    text = GATEWAY.format(version=1, given="").replace("remote anonymous {", "remote anonymous { nat_traversal force;")
    ((line, told),) = warned(f"esp_offload eth1;{text}", "esp_offload")
    assert (line, told.startswith("nat_traversal force: ESP goes in UDP")) == (2, True)
    assert warned("esp_offload eth1;" + GATEWAY.format(version=1, given=""), "esp_offload") == []


def test_what_the_kernel_does_not_do_is_told_where_the_device_asks_for_it():
    found = warned("\nesp_offload eth1;\n" + GATEWAY.format(version=2, given=SPLIT), "DHCPINFORM")
    assert [line for line, _ in found] == [2]


BARE = """
remote 192.0.2.50 {
    exchange_mode main; mode_cfg off; proposal_check obey;
    proposal {
        encryption_algorithm aes; hash_algorithm sha256; dh_group 14; authentication_method pre_shared_key;
    }
}
sainfo address 198.51.100.10 any address 10.20.0.0/16 any {
    encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate;
}
"""


def test_networks_by_which_the_kernels_esp_is_judged_are_not_called_without_effect():
    """Of a client without an inner address, where the kernel has no xfrm interface."""
    assert warned("engine kernel;" + BARE, "no effect") == []
    ((line, _),) = warned(BARE, "the ends of this sainfo have no effect")
    assert line == 8
    ((line, _),) = warned("engine kernel;" + BARE.replace("mode_cfg off", "mode_cfg on"), "no effect")
    assert line == 8
