"""IPv6 in a configuration: what the gateway gives, what the client asks, where both are and listen."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from lotor.config import loads, mode_configuration
from lotor.config.settings import ModeCfg

POOL = "mode_cfg { network4 10.99.99.1; network6 fd00:99::1; "


def mode_cfg(text: str) -> ModeCfg:
    found = loads(text).settings.mode_cfg
    assert found is not None
    return found


def test_a_pool_and_its_prefix() -> None:
    found = mode_cfg(POOL + "}")
    assert (found.network6, found.prefix6) == (IPv6Address("fd00:99::1"), 64)
    assert mode_cfg(POOL + "prefix6 112; }").prefix6 == 112
    assert mode_cfg("mode_cfg { network4 10.99.99.1; }").network6 is None


def test_networks_are_told_by_their_kind() -> None:
    text = POOL + "dns6 fd00::53, fd00::54; split_network include 10.0.0.0/8, fd00::/16, 2001:db8:7::/48; }"
    told = mode_configuration(mode_cfg(text))
    assert told.dns6 == (IPv6Address("fd00::53"), IPv6Address("fd00::54"))
    assert told.split_include == (IPv4Network("10.0.0.0/8"),)
    assert told.split_include6 == (IPv6Network("fd00::/16"), IPv6Network("2001:db8:7::/48"))


def test_the_gateways_page_shows_what_parses() -> None:
    page = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text().partition("## IPv6\n")[2]
    inside, outside = re.findall(r"^```\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[:2]
    assert mode_cfg(inside).network6 == IPv6Address("fd00:99::1")
    assert [each.address.version for each in loads(outside).settings.listen.isakmp] == [4, 6]


def test_addresses_outside() -> None:
    settings = loads(
        """listen { isakmp 2001:db8::50 [500]; isakmp_natt 2001:db8::50[4500]; isakmp ::; }
        remote 2001:db8::1 { exchange_mode aggressive; my_identifier address; peers_identifier address 2001:db8::1;
          proposal { encryption_algorithm aes; hash_algorithm sha1;
            authentication_method pre_shared_key; dh_group 14; } }
        """
    ).settings
    assert [(str(each.address), each.port) for each in settings.listen.isakmp] == [("2001:db8::50", 500), ("::", 500)]
    assert [(str(each.address), each.port) for each in settings.listen.isakmp_natt] == [("2001:db8::50", 4500)]
    (remote,) = settings.remotes
    assert remote.address == IPv6Address("2001:db8::1")
    assert remote.mode_cfg6
