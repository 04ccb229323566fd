"""Bans: who is refused unseen, who comes to be, and for how long, whatever clocks do."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network

import pytest
from click.testing import CliRunner

from lotor.auth.banned import BY_HAND, MOST, Banned
from lotor.auth.banning import Banning
from lotor.auth.clock import Clock
from lotor.cli.main import lotor
from lotor.model.ban import LONGEST, Ban, BanRule, demand_subject
from lotor.model.kinds import Kind
from lotor.model.login import Accepted, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.reasons.logins import Busy, WrongPassword

RULE = BanRule(3, 600, 3600)


class Place:
    """A gateway whose clocks are the test's."""

    def __init__(self, verdict=None):
        self.now, self.wall = 1000.0, 1_700_000_000.0
        self.asked, self.abandoned, self.changes = [], [], []
        self.verdict = verdict or Refused(WrongPassword("alice"))
        clock = Clock(lambda: self.now, asyncio.sleep)
        banned = Banned(lambda: self.wall, lambda: self.now)
        self.banning = Banning(self, banned, clock, lambda ban, there: self.changes.append((ban.subject, there)))
        self.banning.rule = RULE

    async def judge(self, attempt):
        self.asked.append(attempt.user)
        return self.verdict

    async def abandon(self, conversation):
        self.abandoned.append(conversation)

    def login(self, user="alice", source="198.51.100.7", conversation=b""):
        """Which kind of refusal it is; None: it is accepted."""
        attempt = LoginAttempt(user, (), Peer(ip_address(source), 500), conversation)
        verdict = asyncio.run(self.banning.judge(attempt))
        return None if isinstance(verdict, Accepted) else verdict.reason.kind

    def passes(self, seconds):
        self.now += seconds
        self.wall += seconds


@pytest.mark.parametrize(
    ("subject", "caught", "free"),
    [
        ("198.51.100.7", ("alice", "198.51.100.7"), ("alice", "198.51.100.8")),
        ("198.51.100.0/24", ("alice", "198.51.100.9"), ("alice", "198.51.101.9")),
        ("198.51.100.9/24", ("alice", "198.51.100.1"), ("alice", "198.51.101.9")),
        ("2001:db8::/64", ("alice", "2001:db8::77"), ("alice", "2001:db8:0:1::77")),
        ("alice", ("alice", "192.0.2.1"), ("bob", "192.0.2.1")),
        ("0.0.0.0/0", ("alice", "192.0.2.1"), ("alice", "2001:db8::1")),
    ],
)
def test_who_is_banned_is_refused_before_anybody_looks(subject, caught, free):
    place = Place(Accepted(free[0]))
    place.banning.ban(subject, 60)
    assert place.login(*caught) is Kind.LOGIN_BANNED
    assert place.asked == []
    assert place.login(*free) is None
    place.passes(61)
    place.verdict = Accepted(caught[0])
    assert place.login(*caught) is None
    assert place.banning.all() == ()


def test_a_conversation_that_a_ban_ends_is_given_up_behind_it():
    place = Place()
    place.banning.ban("alice", 60)
    place.login(conversation=b"ticket")
    assert (place.asked, place.abandoned) == ([], [b"ticket"])


def test_many_wrong_logins_from_one_address_are_a_ban_of_it():
    place = Place()
    assert [place.login(f"user{n}") for n in range(4)] == [Kind.LOGIN_WRONG_PASSWORD] * 3 + [Kind.LOGIN_BANNED]
    assert place.login(source="198.51.100.8") is Kind.LOGIN_WRONG_PASSWORD
    (ban,) = place.banning.all()
    assert (ban.subject, ban.network, ban.until - ban.since) == ("198.51.100.7", True, 3600)
    assert ban.why == "3 wrong logins within 600 s"
    assert place.changes == [("198.51.100.7", True)]


def test_wrong_logins_under_way_make_no_ban_by_hand_shorter():
    """They were let through before somebody banned their address, and are judged after it."""
    place = Place()
    place.login()
    place.login()

    async def judged(attempt):
        place.banning.ban("198.51.100.7", 604_800)
        return Refused(WrongPassword("alice"))

    place.judge = judged
    place.login()
    (ban,) = place.banning.all()
    assert (ban.why, ban.until - ban.since) == (BY_HAND, 604_800)


def test_what_was_counted_before_a_ban_was_lifted_counts_no_more():
    place = Place()
    place.login()
    place.login()
    place.banning.ban("198.51.100.7", 60)
    place.banning.lift("198.51.100.7")
    assert [place.login() for _ in range(2)] == [Kind.LOGIN_WRONG_PASSWORD] * 2
    assert place.banning.all() == ()


@pytest.mark.parametrize("spelled", ["alice", "ALICE", "Alice", " alice ", "\uff21lice"])
def test_a_ban_of_a_user_holds_however_the_name_is_spelled(spelled):
    """Directories and RADIUS servers know her by each of these."""
    place = Place(Accepted("alice"))
    place.banning.ban("Alice", 60)
    assert place.login(spelled) is Kind.LOGIN_BANNED
    assert place.asked == []
    assert place.banning.lift("alice").subject == "Alice"
    assert place.login(spelled) is None


def test_a_ban_of_a_user_holds_under_another_name():
    """One by which the back end knows her, too: its own name for her is that of her session."""
    place = Place(Accepted("alice"))
    place.banning.ban("alice", 60)
    assert place.login("alice@example.org") is Kind.LOGIN_BANNED
    assert place.asked == ["alice@example.org"]
    place.verdict = Accepted("bob")
    assert place.login("bob@example.org") is None


def test_a_guesser_with_a_network_of_ipv6_is_one():
    place = Place()
    for host in range(3):
        place.login(source=f"2001:db8::{host}")
    assert place.login(source="2001:db8::ffff") is Kind.LOGIN_BANNED
    assert place.banning.all()[0].subject == "2001:db8::/64"


def test_wrong_logins_long_apart_and_those_that_nobody_judged_count_for_nothing():
    place = Place()
    for _ in range(20):
        place.login()
        place.login()
        place.passes(601)
    place.verdict = Refused(Busy("alice", 9))
    for _ in range(20):
        place.login()
    assert place.banning.all() == ()


def test_without_a_rule_nobody_is_banned():
    place = Place()
    place.banning.rule = None
    assert {place.login() for _ in range(50)} == {Kind.LOGIN_WRONG_PASSWORD}


def test_networks_that_fail_are_a_bounded_number(monkeypatch):
    monkeypatch.setattr("lotor.auth.banning.MOST_NETWORKS", 50)
    place = Place()
    for number in range(90):
        place.banning._count(Peer(ip_address(0x0A000000 + number), 500))
    assert len(place.banning._wrong) == 50


@pytest.mark.parametrize("step", [-10_000_000, 10_000_000])
def test_a_clock_that_is_set_changes_no_ban(step):
    place = Place()
    place.banning.ban("alice", 60)
    place.wall += step
    assert place.login() is Kind.LOGIN_BANNED
    place.now += 61
    assert place.login() is Kind.LOGIN_WRONG_PASSWORD


def test_bans_of_before_a_restart_have_what_is_left_of_their_time():
    place = Place()
    wall = place.wall
    known = [
        Ban("alice", False, wall - 50, wall + 10, BY_HAND),
        Ban("over", False, wall - 50, wall - 1, BY_HAND),
        Ban("ahead", False, wall + 9_000_000, wall + 9_000_060, BY_HAND),
    ]
    place.banning.banned.load(known)
    assert {place.login(each) for each in ("alice", "ahead")} == {Kind.LOGIN_BANNED}
    assert place.login("over") is Kind.LOGIN_WRONG_PASSWORD
    place.now += 11
    assert [place.login(each) for each in ("alice", "ahead")] == [Kind.LOGIN_WRONG_PASSWORD, Kind.LOGIN_BANNED]
    place.now += 50
    assert place.login("ahead") is Kind.LOGIN_WRONG_PASSWORD


def test_bans_are_a_bounded_number_and_those_by_hand_stay():
    place = Place()
    for number in range(MOST):
        place.banning._begin(f"10.0.{number // 256}.{number % 256}", True, 600 - number % 7, "wrong logins")
    place.banning.ban("alice", 60)
    assert len(place.banning.all()) == MOST
    assert ("10.0.0.6", False) in place.changes
    for number in range(MOST - 1):
        place.banning.ban(f"user{number}", 60)
    with pytest.raises(OverflowError):
        place.banning.ban("one too many", 60)
    place.banning._ban(ip_network("192.0.2.1"), RULE)
    assert len(place.banning.all()) == MOST
    assert place.login("user7") is Kind.LOGIN_BANNED


def test_a_ban_again_counts_from_now_on_and_lifting_it_is_enough_once():
    place = Place()
    place.banning.ban("198.51.100.0/24", 60)
    place.passes(50)
    place.banning.ban("198.51.100.0/24", 60)
    place.passes(50)
    assert place.login() is Kind.LOGIN_BANNED
    assert place.banning.lift("198.51.100.0/24") is not None
    assert place.banning.lift("198.51.100.0/24") is None
    assert place.login() is Kind.LOGIN_WRONG_PASSWORD
    assert not place.banning.banned._lengths


@pytest.mark.parametrize(("subject", "seconds"), [("", 9), (" ", 9), ("x" * 257, 9), ("bob", 0), ("bob", LONGEST + 1)])
def test_what_cannot_be_banned_is_said(subject, seconds):
    with pytest.raises(ValueError, match="ban"):
        Place().banning.ban(subject, seconds)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("nonsense/99", "network"),
        ("192.0.2.0/33", "network"),
        ("2001:db8::/129", "network"),
        ("192.0.2.256", "address"),
        ("2001:db8::12345", "address"),
    ],
)
def test_what_only_looks_like_an_address_is_banned_as_no_login(text, what):
    with pytest.raises(ValueError, match=f"is no {what}: write it like"):
        demand_subject(text)
    with pytest.raises(ValueError, match="is no"):
        Place().banning.ban(text, 60)
    done = CliRunner().invoke(lotor, ["ban", "add", "-s", "/nowhere/lotor.sock", text])
    assert done.exit_code == 2
    assert f"{text} is no {what}" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "alice",
        "EXAMPLE\\alice",
        "alice/admin",
        "aa:bb:cc:dd:ee:ff",
        "10",
        "1.2.3",
        "192.0.2.7",
        "10.0.0.7/8",
        "::1",
        "ns::bob",
    ],
)
def test_logins_and_addresses_are_banned_as_they_are_written(text):
    demand_subject(text)
