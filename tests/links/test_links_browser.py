"""The page of a link in a real browser, Debian's Chromium: on a phone and a laptop, in light and dark, without scripts.

Pictures of what it showed are left in build/pictures/links.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chromium import NARROW, WIDE, Browser, program
from cli_link import Running, made_keys
from lotor.profiles.devices import MAKERS, made
from lotor.profiles.facts import Device, Facts
from lotor.profiles.page import Offer, page

pytestmark = pytest.mark.skipif(
    program() is None, reason="chromium-headless-shell is not installed: make test-packages"
)

PICTURES = Path(__file__).parents[2] / "build" / "pictures" / "links"
NAME = "vpn.example.net"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
SIZES = {"phone": NARROW, "laptop": WIDE}
TINY = (320, 568)
"""The narrowest that WCAG 2.2 §1.4.10 asks for: a page of 1280 at four times its size."""
LOOK = """
(() => {
  const seen = (each) => each.checkVisibility({ checkVisibilityCSS: true });
  const channels = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([red, green, blue]) => [red, green, blue]
    .map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (each) => {
    for (; each; each = each.parentElement) {
      const [red, green, blue, alpha = 1] = channels(getComputedStyle(each).backgroundColor);
      if (alpha > 0) return [red, green, blue];
    }
    return [255, 255, 255];
  };
  const contrast = (each) => {
    const pair = [light(channels(getComputedStyle(each).color)), light(ground(each))].sort((one, two) => two - one);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const each = walker.currentNode;
    if (each.data.trim() && seen(each.parentElement)) texts.push([each.data.trim(), contrast(each.parentElement)]);
  }
  const targets = [...document.querySelectorAll("a, summary")].filter(seen).filter((each) => !each.closest("p"));
  return {
    texts,
    overflow: document.documentElement.scrollWidth - innerWidth,
    targets: targets.map((each) => [each.innerText, each.offsetHeight, each.offsetWidth]),
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].map((each) => Number(each.tagName[1])),
    ground: light(ground(document.body)),
    language: document.documentElement.lang,
    scripts: document.scripts.length,
    width: document.body.getBoundingClientRect().width,
  };
})()
"""
FOCUSED = """
(() => {
  const style = getComputedStyle(document.activeElement);
  return [document.activeElement.tagName, style.outlineStyle, parseFloat(style.outlineWidth)];
})()
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    command = Running(made_keys(tmp_path_factory.mktemp("keys")))
    yield command
    command.end()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("browser"), {NAME: "127.0.0.1"})
    yield opened
    opened.close()


def judge(found, *, dark):
    assert found["overflow"] <= 0
    assert len(found["texts"]) >= 4
    assert [each for each in found["texts"] if each[1] < 4.5] == [], "WCAG 2.2 §1.4.3, AA"
    assert [each for each in found["targets"] if min(each[1:]) < 44] == []
    assert found["headings"][0] == 1
    assert max(b - a for a, b in zip(found["headings"], [*found["headings"][1:], 1], strict=True)) <= 1
    assert (found["language"], found["scripts"]) == ("en", 0)
    assert (found["ground"] < 0.05) is dark


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("device", ["choice", "ios", "windows", "strongswan"])
def test_a_page_is_read_and_tapped_everywhere(browser, running, device, size, dark):
    with browser.page(SIZES[size], dark=dark) as tab:
        tab.go(running.link if device == "choice" else f"{running.link}/{device}")
        judge(tab.run(LOOK), dark=dark)
        tab.picture(PICTURES / f"{device}-{size}-{'dark' if dark else 'light'}.png")


def test_the_warning_opens_without_a_script_and_nothing_is_wider_than_a_small_screen(browser, running):
    for device in ("ios", "networkmanager"):
        with browser.page(TINY) as tab:
            tab.go(f"{running.link}/{device}")
            tab.click("summary")
            assert "SHA-256 fingerprint" in tab.run("document.querySelector('details').innerText")
            judge(tab.run(LOOK), dark=False)
            tab.picture(PICTURES / f"{device}-tiny-warned.png")


def test_long_names_are_broken_and_cross_no_edge(browser, tmp_path):
    name = "a-very-long-name-of-a-gateway-that-somebody-chose.remote-access.subsidiary.example-corporation.example"
    user = f"firstname.lastname@{name}"
    known = Facts(name, user, f"VPN {name}", (b"DER",))
    offer = Offer(name, user, "/k3jv", "at 12:10 UTC", False, {each: made(known, each) for each in MAKERS})
    for device in (None, Device.WINDOWS, Device.NETWORKMANAGER):
        file = tmp_path / "page.html"
        file.write_bytes(page(offer, device))
        with browser.page(TINY) as shown:
            shown.go(f"file://{file}")
            judge(shown.run(LOOK), dark=False)


def test_who_uses_keys_sees_where_he_is(browser, running):
    with browser.page(WIDE) as tab:
        tab.go(f"{running.link}/ios")
        reached = []
        for _ in range(4):
            tab.press("Tab")
            reached.append(tab.run(FOCUSED))
        assert [each[0] for each in reached] == ["SUMMARY", "A", "A", "A"]
        assert {(each[1], each[2] >= 3) for each in reached} == {("solid", True)}


def test_a_phone_fetches_once_and_who_comes_later_is_told(browser, running, tmp_path):
    """The last test of this link."""
    browser.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), eventsEnabled=True)
    with browser.page(NARROW, agent=IPHONE) as tab:
        tab.go(running.link)
        assert tab.run("document.querySelector('h1').innerText") == "Set up the VPN on your iPhone or iPad"
        tab.click("a.get")
        while (ended := browser.wait("Browser.downloadProgress"))["state"] == "inProgress":
            pass
        assert ended["state"] == "completed"
        (fetched,) = tmp_path.iterdir()
        assert fetched.name == f"{NAME}.mobileconfig"
        assert b"<key>PayloadType</key>" in fetched.read_bytes()
        again = tab.run(
            "fetch(document.querySelector('a.get').href).then((each) => each.status, (fault) => String(fault))"
        )
        assert again != 200, "the page itself may fetch nothing (CSP)"
    for size, pixels in SIZES.items():
        with browser.page(pixels) as tab:
            tab.go(f"{running.link}/windows/{NAME}.ps1")
            judge(tab.run(LOOK), dark=False)
            assert tab.run("document.querySelector('h1').innerText") == "This link is used up"
            tab.picture(PICTURES / f"gone-{size}.png")
    code, said, _ = running.end()
    assert code == 0
    assert said.count(f"{NAME}.mobileconfig fetched from 127.0.0.1 (iPhone or iPad)") == 1
    assert "refused to 127.0.0.1 (Windows)" in said
