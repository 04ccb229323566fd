"""The page of a link, read as a browser reads it; how it looks is seen in tests/links/test_links_browser.py."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from lotor.profiles.agents import recognised
from lotor.profiles.devices import MAKERS, made
from lotor.profiles.facts import Device, Facts
from lotor.profiles.page import CALLED, POLICY, Offer, gone, page

FACTS = Facts("vpn.example.net", "alice", "VPN of Example", (b"\1\2\3",), "Example CA")
OFFER = Offer("vpn.example.net", "alice", "/token", "at 12:10 UTC", False, {each: made(FACTS, each) for each in MAKERS})
EVIL = "<script>alert(1)</script>\"&'"


class Reading(HTMLParser):
    """Tags with their attributes, texts, and that everything that is opened is closed."""

    EMPTY = frozenset({"meta", "link", "wbr"})

    def __init__(self, octets):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(octets.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.mark.parametrize("device", [None, *MAKERS])
def test_a_page_is_whole_and_runs_nothing(device):
    read = Reading(page(OFFER, device))
    assert read.open == []
    assert read.all("html") == [{"lang": "en"}]
    assert len(read.all("h1")) == 1
    names = {name for name, _ in read.tags}
    assert not names & {"script", "img", "iframe", "form", "object", "base"}
    assert not [attrs for _, attrs in read.tags if any(each.startswith(("on", "style")) for each in attrs)]
    assert all(attrs["href"].startswith(("/token", "data:,")) for attrs in read.all("a") + read.all("link"))
    assert len(page(OFFER, device)) < 10_000


@pytest.mark.parametrize("device", MAKERS)
def test_it_says_what_lotor_profile_says(device):
    read = Reading(page(OFFER, device))
    file = OFFER.files[device]
    assert all(" ".join(step.split()) in read.text for step in file.steps), file.steps
    files = {each["href"] for each in read.all("a") if each.get("class") == "get"}
    assert files == {f"/token/{device.value}/{each.name}" for each in (file, file.beside) if each is not None}
    others = {each["href"] for each in read.all("a")} - files
    assert others >= {f"/token/{each.value}" for each in CALLED}
    assert "alice" in read.text


def test_one_device_alone_has_no_choice():
    read = Reading(page(replace(OFFER, files={Device.IOS: OFFER.files[Device.IOS]}), Device.IOS))
    assert not read.all("nav")
    assert len(read.all("a")) == 1


def test_who_is_warned_learns_how_to_compare_and_others_nothing_of_it():
    assert "SHA-256 fingerprint" in Reading(page(OFFER, Device.IOS)).text
    assert "fingerprint" not in Reading(page(replace(OFFER, known=True), Device.IOS)).text


def test_names_are_texts():
    evil = replace(OFFER, user=EVIL, gateway=EVIL, until=EVIL)
    for octets in (page(evil, Device.IOS), page(evil, None), gone(evil)):
        read = Reading(octets)
        assert not read.all("script")
        assert EVIL in read.text


def test_the_policy_lets_the_style_of_the_page_through_and_nothing_else():
    style = page(OFFER, None).decode().split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert "default-src 'none'" in POLICY
    assert "script-src" not in POLICY


def test_who_comes_too_late_is_told_what_it_means():
    assert "If that was not you, tell your administrator" in Reading(gone(OFFER)).text


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1", Device.IOS),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15", Device.IOS),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15", Device.MACOS),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Edg/131.0", Device.WINDOWS),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/131.0 Mobile", Device.ANDROID),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", Device.NETWORKMANAGER),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36", None),
        ("curl/8.5.0", None),
        ("WhatsApp/2.23", None),
        ("", None),
    ],
)
def test_devices_by_what_browsers_call_themselves(agent, device):
    assert recognised(agent) is device
