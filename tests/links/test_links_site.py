"""What a link gives, to whom and how often; the time is told."""

from __future__ import annotations

import pytest

from lotor.links.requests import BadRequest, Request, Status
from lotor.links.site import GRACE, MOST_TOLD, NOWHERE, Site, name_of, place, plain
from lotor.links.task import Document, Shows
from lotor.privsep.linking import Visit, What

TOKEN = "k3jvvrvvhh6tta74g5xqppf6yt3artyr"
HOST = "vpn.example.net"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"
DOCUMENTS = (
    Document("", Shows.PAGE, "", "", b"which device?"),
    Document("gone", Shows.GONE, "", "", b"used up"),
    Document("ios", Shows.PAGE, "ios", "", b"an iPhone"),
    Document("ios/a.mobileconfig", Shows.FILE, "ios", "application/x-apple-aspen-config", b"<plist>", "a.mobileconfig"),
    Document("strongswan", Shows.PAGE, "strongswan", "", b"Linux"),
    Document("strongswan/a.conf", Shows.FILE, "strongswan", "application/octet-stream", b"conf", "a.conf", keep=True),
    Document("strongswan/ca.pem", Shows.BESIDE, "strongswan", "application/octet-stream", b"pem", "ca.pem", keep=True),
)


@pytest.fixture
def site():
    return Site(HOST, TOKEN, DOCUMENTS)


def ask(site, path="", *, method="GET", address=HERE, now=0.0, **more):
    words = {"token": TOKEN, "host": HOST, "agent": "", **more}
    return site.answer(Request(method, f"/{words['token']}{path}", words["host"], words["agent"]), address, now)


def test_a_page_may_be_looked_at_as_often_as_one_likes(site):
    first = ask(site)
    assert (first.status, first.body, first.told) == (Status.OK, b"which device?", Visit(What.LOOKED, HERE, ""))
    for address in (HERE, ELSEWHERE, "2001:db8::1"):
        assert ask(site, "/", address=address).body == b"which device?"
    assert ask(site, "/ios/a.mobileconfig", address="203.0.113.77").status is Status.OK


def test_a_browser_gets_the_page_of_its_device(site):
    assert ask(site, agent=IPHONE).body == b"an iPhone"
    assert ask(site, "/", agent=IPHONE).body == b"an iPhone"
    assert ask(site, "/strongswan", agent=IPHONE).body == b"Linux"
    assert ask(site, agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64)").body == b"which device?"


def test_a_router_may_show_another_port(site):
    assert ask(site, host="vpn.example.net:8443").status is Status.OK
    assert name_of("[2001:db8::1]:443") == name_of("[2001:db8::1]") == "[2001:db8::1]"


def test_a_download_counts_once(site):
    first = ask(site, "/ios/a.mobileconfig", now=10)
    assert (first.status, first.body, first.fields) == (Status.OK, b"<plist>", ())
    assert first.told == Visit(What.FETCHED, HERE, "ios", "a.mobileconfig")
    assert ask(site, "/ios/a.mobileconfig", now=10 + GRACE).body == b"<plist>"
    assert ask(site, "/ios/a.mobileconfig", now=10 + GRACE).told is None
    late = ask(site, "/ios/a.mobileconfig", now=10.1 + GRACE)
    assert (late.status, late.body, late.told) == (Status.GONE, b"used up", Visit(What.REFUSED, HERE, "ios"))
    assert ask(site).status is Status.OK


def test_it_belongs_to_who_took_it(site):
    ask(site, "/ios/a.mobileconfig", now=10)
    other = ask(site, "/ios/a.mobileconfig", address=ELSEWHERE, now=11)
    assert (other.status, other.told) == (Status.GONE, Visit(What.REFUSED, ELSEWHERE, "ios"))
    assert ask(site, "/strongswan/a.conf", now=12).status is Status.GONE


def test_a_head_takes_nothing(site):
    seen = ask(site, "/ios/a.mobileconfig", method="HEAD", address=ELSEWHERE)
    assert (seen.status, seen.head_only, seen.body, seen.told) == (Status.OK, True, b"<plist>", None)
    assert ask(site, "/ios/a.mobileconfig").status is Status.OK
    assert ask(site, "/ios/a.mobileconfig", method="HEAD", address=ELSEWHERE).status is Status.GONE


def test_what_is_beside_a_file_may_be_fetched_before_and_behind_it_later(site):
    assert ask(site, "/strongswan/ca.pem", now=1).fields == (("Content-Disposition", 'attachment; filename="ca.pem"'),)
    assert not site.is_over(500)
    assert ask(site, "/strongswan/a.conf", now=500).status is Status.OK
    assert ask(site, "/strongswan/ca.pem", now=501).status is Status.GONE
    assert not site.is_over(500 + GRACE)
    assert site.is_over(500.1 + GRACE)


def test_a_link_that_nobody_fetched_is_not_over(site):
    ask(site)
    assert not site.is_over(1e9)
    ask(site, "/ios/a.mobileconfig", now=1)
    assert site.is_over(62)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("", {"token": TOKEN[:-1] + "2"}),
        ("", {"token": ""}),
        ("", {"token": TOKEN + "2"}),
        ("", {"token": TOKEN.upper()}),
        ("", {"token": "k" * 400}),
        ("", {"host": "192.0.2.1"}),
        ("", {"host": "vpn.example.net:"}),
        ("", {"host": "vpn.example.net:443:443"}),
        ("", {"host": ":443"}),
        ("", {"host": ""}),
        ("/gone", {}),
        ("/windows", {}),
        ("/../etc/passwd", {}),
        ("/ios/../ios/a.mobileconfig", {}),
        ("/ios/%61.mobileconfig", {}),
        ("//ios", {}),
        ("/ios/", {}),
        ("/ios/a.mobileconfig/", {}),
        ("/favicon.ico", {"token": ""}),
    ],
)
def test_everything_else_is_nowhere_and_looks_alike(site, path, more):
    assert ask(site, path, **more) == NOWHERE
    assert ask(site, path, method="HEAD", **more).status is Status.NOT_FOUND


def test_other_methods_learn_nothing_of_the_token(site):
    right, wrong = (ask(site, method="POST", token=token) for token in (TOKEN, "x"))
    assert right == wrong
    assert (right.status, right.fields) == (Status.METHOD_NOT_ALLOWED, (("Allow", "GET, HEAD"),))
    assert site.answer(BadRequest(Status.FIELDS_TOO_LARGE), HERE, 0).status is Status.FIELDS_TOO_LARGE


def test_who_has_the_link_writes_no_more_lines_than_a_person_reads(site):
    told = [ask(site, address=f"198.51.100.{number}").told for number in range(1, 200)]
    assert sum(each is not None for each in told) == MOST_TOLD
    assert ask(site, "/ios/a.mobileconfig").told is not None, "a fetch is always told"


def test_what_counts_as_one_address():
    assert place("::ffff:198.51.100.7") == place("198.51.100.7") == plain("::ffff:198.51.100.7")
    assert plain("2001:db8::1") == "2001:db8::1"
    assert place("2001:db8:1:2::1") == place("2001:db8:1:2:ffff::9")
    assert place("2001:db8:1:3::1") != place("2001:db8:1:2::1")
    assert place("fe80::1%eth0") == place("fe80::2")
