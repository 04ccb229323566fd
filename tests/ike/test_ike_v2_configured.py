"""The files that a person has: what `lotor init gateway` writes, and what the pages say, let in what they promise."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lotor.config import check, loads, resolve
from lotor.ike.events import LoggedIn, Up
from lotor.init.answers import Client, GatewayWishes
from lotor.init.configuration import gateway_text
from lotor.model.judgement import Credential
from lotor.model.policy import Policy
from peers import devices
from peers.auth import own
from peers.guest import Guest
from peers.reception import received

WISHES = GatewayWishes(
    ("gw.example.org",),
    IPv4Network("10.99.99.0/24"),
    clients=frozenset({Client.WINDOWS, Client.APPLE, Client.ANDROID, Client.STRONGSWAN}),
)
PAGE = Path(__file__).parents[2] / "docs" / "ikev2.md"
DEVICES = {
    "Windows, hardened": devices.windows_hardened(),
    "Windows, own policy": devices.windows_policy(),
    "Apple": devices.apple(),
    "Apple, profile": devices.apple_profile(),
    "Android": devices.android(),
}
UNTOUCHED = "ike2_proposal default; ike2_proposal aes 256 sha1 modp1024;"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("vpngw.crt", "vpngw.key", "ca.crt"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


OWN = own()
CREDENTIAL = Credential(OWN["certificates"], b"DN", own=OWN["own"])


def by_init(home: Path, more: str = "") -> Policy:
    text = gateway_text(WISHES, nft=False).replace("/etc/lotor/certs", str(home))
    return policy(home, text.replace("ike_version both;", f"ike_version both; {more}"))


def by_page(home: Path) -> Policy:
    """The example of the page: its indented lines from `remote anonymous` on."""
    lines = PAGE.read_text().split("By hand:\n")[1].split("\n\n`nat_traversal`")[0]
    return policy(home, lines)


def policy(home: Path, text: str) -> Policy:
    checked = check(loads(text, directory=home).settings)
    assert checked.problems == ()
    return resolve(checked, {"anonymous": CREDENTIAL})


def gets_in(guest: Guest) -> bool:
    up = guest.come_up()
    return up and guest.gateway.of(LoggedIn)[0].user == "alice" and bool(guest.gateway.of(Up)) and guest.probe()


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
@pytest.mark.parametrize("made", [by_init, by_page])
def test_the_file_lets_the_device_in(home, made, device):
    assert gets_in(received(device, made(home)))


@pytest.mark.parametrize(("more", "expected"), [("", False), (UNTOUCHED, True)])
def test_windows_as_it_comes_needs_a_line(home, more, expected):
    guest = received(devices.windows(), by_init(home, more))
    assert (gets_in(guest) if expected else guest.begin()) is expected
