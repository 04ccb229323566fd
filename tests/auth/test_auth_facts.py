"""What the file of users says beside name and password: read, written, inherited, and refused line by line."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Interface, IPv6Network, ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotor.auth import Checks, LocalLogins, UserError, UserFile
from lotor.auth.clock import Clock
from lotor.auth.dates import end_of
from lotor.auth.facts import GROUP_FACTS, NO_FACTS, UNITS, USER_FACTS, FactError, Facts, read, with_value, written
from lotor.auth.second import SecondFactors
from lotor.auth.userlines import Lines, LocalGroup, LocalUser, entry_of, parse
from lotor.crypto.passwords import Cost, hash_password
from lotor.model.grants import Grants
from lotor.model.login import Accepted, LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, SecondFactorMissing, UserExpired, WrongPassword
from lotor.model.secret import Secret

AT_ONCE = Clock(sleep=lambda _: asyncio.sleep(0))
CHEAP = Cost(memory=64, passes=1, lanes=1)
PASSWORD = Secret("correct horse")
HASH = hash_password(PASSWORD, CHEAP)
KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
EVERYTHING = (
    "groups=staff,vpn address=10.99.99.7 address6=fd00:99::7/64 pool=office filter=staff "
    "routes=10.1.0.0/16,fd00:1::/64 rate=20mbit sessions=2 expires=2027-03-31 "
    "totp=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ recovery=AAAAAAAAAAAAAAAA,BBBBBBBBBBBBBBBB"
)


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    return UserFile(tmp_path / "users", CHEAP)


def write(users: UserFile, *lines: str) -> None:
    users.path.write_text("".join(f"{line}\n" for line in lines))
    users.path.chmod(0o600)


def login(users: UserFile, user: str, password: bytes = b"correct horse", now: float | None = None):
    attempt = LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), Peer(ip_address("198.51.100.7"), 4500))
    clock = Clock() if now is None else Clock(wall=lambda: now)
    return asyncio.run(LocalLogins(users, Checks(clock=AT_ONCE), second=SecondFactors(clock=clock)).judge(attempt))


# --- words -----------------------------------------------------------------------------------------------------------

_names = st.from_regex(r"[a-z][a-z0-9_.-]{0,12}", fullmatch=True)
_networks = st.builds(
    lambda number, length: IPv4Network((number >> (32 - length) << (32 - length), length)),
    st.integers(0, (1 << 32) - 1),
    st.integers(1, 32),
) | st.builds(
    lambda number, length: IPv6Network((number >> (128 - length) << (128 - length), length)),
    st.integers(0, (1 << 128) - 1),
    st.integers(1, 128),
)
_facts = st.builds(
    Facts,
    groups=st.lists(_names, unique=True, max_size=5).map(tuple),
    address=st.none() | st.integers(0x0A000001, 0x0AFFFFFE).map(IPv4Address),
    address6=st.none()
    | st.builds(
        lambda host, n: IPv6Interface(((0xFD << 120) + host, n)), st.integers(1, (1 << 120) - 1), st.integers(0, 128)
    ),
    pool=st.just("") | _names,
    filter=st.just("") | _names,
    routes=st.lists(_networks, unique=True, max_size=5).map(tuple),
    rate=st.none() | st.builds(lambda n, unit: n * UNITS[unit], st.integers(8, 1000), st.sampled_from(sorted(UNITS))),
    sessions=st.none() | st.integers(1, 65536),
    expires=st.none() | st.dates(date(1970, 1, 1), date(2999, 12, 31)),
    totp=st.none() | st.binary(min_size=16, max_size=64).map(Secret),
    recovery=st.lists(st.from_regex(r"[A-Za-z0-9_-]{16}", fullmatch=True), unique=True, max_size=10).map(tuple),
)


@settings(max_examples=60)
@given(_facts)
def test_what_is_written_is_read_again(facts):
    assert read(written(facts, USER_FACTS), USER_FACTS) == facts


@settings(max_examples=30)
@given(_facts, st.frozensets(st.sampled_from(["locked", "later"])))
def test_a_line_comes_back_whole(facts, flags):
    user = LocalUser("Jürgen Ö", HASH, flags, facts)
    assert parse(user.line()) == user
    assert user.line().count("\n") == 1
    if facts == NO_FACTS:
        assert user.line().count(":") == 2, "an earlier lotor reads it"


def test_every_fact_has_its_word():
    assert written(read(EVERYTHING, USER_FACTS), USER_FACTS) == EVERYTHING
    group = "pool=office routes=10.1.0.0/16 rate=8kbit sessions=1 expires=2027-03-31 totp=required"
    assert written(read(group, GROUP_FACTS), GROUP_FACTS) == group
    assert read("rate=1000kbit", USER_FACTS).rate == 125_000


HOSTILE = [
    ("x", "none of"),
    ("=", "none of"),
    ("groups", "none of"),
    ("groups=", "no name"),
    ("groups=a,,b", "no name"),
    ("groups=a,a", "twice"),
    ("groups=" + ",".join(f"g{n}" for n in range(129)), "more than 128"),
    ("groups=" + "x" * 65, "no name"),
    ("groups=-rf", "no name"),
    ("groups=ä", "no name"),
    ("groups=a\x1b[31m", "no name"),
    ("pool=a pool=b", "twice"),
    ("address=10.99.99", "no IPv4"),
    ("address=010.1.1.1", "no IPv4"),
    ("address=0.0.0.0", "no address that a client"),
    ("address=127.0.0.1", "no address that a client"),
    ("address=224.0.0.1", "no address that a client"),
    ("address=10.99.99.7,10.99.99.8", "no IPv4"),
    ("address6=10.99.99.7", "no IPv6"),
    ("address6=fe80::1", "no address that a client"),
    ("address6=fd00::1%eth0", "link of this host"),
    ("address6=fd00::1/129", "no IPv6"),
    ("routes=10.1.0.0", "no network"),
    ("routes=10.1.0.1/16", "10.1.0.0/16 is the network"),
    ("routes=10.1.0.0/255.255.0.0,10.1.0.0/16", "twice"),
    ("routes=" + ",".join(f"10.{n}.0.0/16" for n in range(65)), "more than 64 of one"),
    ("rate=20", "no rate"),
    ("rate=0mbit", "no rate"),
    ("rate=1kbit", "no rate"),
    ("rate=-1mbit", "no rate"),
    ("rate=9999gbit", "no rate"),
    ("rate=" + "9" * 5000 + "mbit", "no rate"),
    ("sessions=0", "no number"),
    ("sessions=٣", "no number"),
    ("sessions=65537", "no number"),
    ("sessions=" + "9" * 5000, "no number"),
    ("expires=2027-02-29", "no date"),
    ("expires=20270331", "no date"),
    ("expires=9999-12-31", "no date"),
    ("expires=0001-01-01", "no date"),
    ("totp=", "no base32"),
    ("totp=gezdgnbvgy3tqojqgezdgnbvgy3tqojq", "no base32"),
    ("totp=GEZDGNBV", "16 to 64"),
    ("totp=" + "A" * 200, "16 to 64"),
    ("recovery=AAAA", "16 letters"),
    ("recovery=" + ",".join(f"{n:016d}" for n in range(33)), "more than 32"),
]


@pytest.mark.parametrize(("text", "told"), HOSTILE)
def test_hostile_words(text, told):
    with pytest.raises(FactError, match=told) as fault:
        read(text, USER_FACTS)
    assert str(fault.value).isprintable()
    assert len(str(fault.value)) < 300
    assert "gezd" not in str(fault.value).lower(), "a key is no part of a sentence"


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    try:
        facts = read(text, USER_FACTS)
    except FactError:
        return
    assert read(written(facts, USER_FACTS), USER_FACTS) == facts


@given(st.text(max_size=80))
def test_any_line_is_an_entry_or_nothing(line):
    entry = entry_of(line)
    if isinstance(entry, LocalUser):
        assert parse(entry.line()) == entry


def test_a_value_is_set_and_taken_away():
    row = next(each for each in USER_FACTS if each.key == "rate")
    facts = with_value(NO_FACTS, row, "2mbit")
    assert facts.rate == 250_000
    assert with_value(facts, row, "") == NO_FACTS


# --- the file --------------------------------------------------------------------------------------------------------


def test_a_file_of_an_earlier_lotor_is_read_and_written_as_it_was(users):
    write(users, "# lotor's users: name:hash:flags - written by `lotor user`", f"alice:{HASH}:", f"bob:{HASH}:locked,x")
    assert [(user.name, user.locked) for user in users.list()] == [("alice", False), ("bob", True)]
    assert login(users, "alice") == Accepted("alice")
    users.lock("alice")
    users.lock("alice", locked=False)
    assert users.path.read_text().split("\n")[1:] == [f"alice:{HASH}:", f"bob:{HASH}:locked,x", ""]


def test_what_was_written_by_hand_stays(users):
    write(users, "# of the marketing department", "", f"zoe:{HASH}::rate=2mbit", "@staff:sessions=1", "broken", "# end")
    users.add("alice", PASSWORD)
    users.lock("zoe")
    users.put_group("staff", lambda facts: replace(facts, sessions=2))
    lines = users.path.read_text().split("\n")
    assert lines[:6] == [
        "# of the marketing department",
        "",
        f"zoe:{HASH}:locked:rate=2mbit",
        "@staff:sessions=2",
        "broken",
        "# end",
    ]
    assert lines[6].startswith("alice:$argon2id$")
    users.remove("zoe")
    users.remove_group("staff")
    assert users.path.read_text().split("\n")[2:4] == ["broken", "# end"]


def test_a_bad_line_costs_its_user_only_and_is_told_by_number(users, caplog):
    caplog.set_level(logging.WARNING)
    write(
        users, f"alice:{HASH}:", f"bob:{HASH}::expires=soon", "carol", "@staff:rate=fast", f"dora:{HASH}::groups=staff"
    )
    file = LocalLogins(users, Checks(clock=AT_ONCE))
    assert file.find("alice").objection is file.find("alice").objection is None
    assert caplog.messages == [
        f"{users.path} line 2: expires: 'soon' is no date, like 2027-03-31",
        f"{users.path} line 3: it is not of the form name:hash:flags or name:hash:flags:facts",
        f"{users.path} line 4: rate: 'fast' is no rate from 8kbit to 1000gbit, like 20mbit",
    ]
    assert login(users, "bob", b"wrong").reason == WrongPassword("bob")
    assert login(users, "bob").reason == BackEndFault("bob", f"{users.path} {caplog.messages[0].partition(' ')[2]}")
    assert "line 4" in login(users, "dora").reason.clause, "nobody knows what the group would have limited"
    assert login(users, "carol").reason.clause == "unknown user"
    with pytest.raises(UserError, match=r"line 2.*mend the line"):
        users.lock("bob")
    users.remove("bob")
    assert [fault.number for fault in users.read().faults] == [2, 3]


def test_a_thousand_bad_lines_are_not_a_thousand_warnings(users, caplog):
    write(users, *(f"user{n}:" for n in range(1000)))
    users.current()
    assert len(caplog.messages) == 21


def test_of_two_lines_of_one_name_the_last_one_counts(users):
    write(users, f"alice:{HASH}:locked", f"alice:{HASH}:")
    assert login(users, "alice") == Accepted("alice")
    users.lock("alice")
    assert [user.locked for user in users.list()] == [True]
    users.remove("alice")
    assert users.list() == ()


def test_a_user_and_a_group_of_one_name_are_two(users):
    users.add("staff", PASSWORD)
    users.put_group("staff", lambda facts: facts)
    users.remove_group("staff")
    assert [user.name for user in users.list()] == ["staff"]
    for name in ("@staff", "nobody"):
        with pytest.raises(UserError, match="no user"):
            users.remove(name)
    with pytest.raises(UserError, match="a group needs a name"):
        users.put_group("a:b", lambda facts: facts)


# --- what a login is given -------------------------------------------------------------------------------------------


def test_facts_become_grants(users):
    write(users, f"alice:{HASH}::" + EVERYTHING.partition(" expires")[0])
    assert login(users, "alice") == Accepted(
        "alice",
        Grants(
            address=IPv4Address("10.99.99.7"),
            address6=IPv6Interface("fd00:99::7/64"),
            pool="office",
            filter="staff",
            routes=(IPv4Network("10.1.0.0/16"),),
            routes6=(IPv6Network("fd00:1::/64"),),
            groups=frozenset({"staff", "vpn"}),
            sessions=2,
            rate=2_500_000,
        ),
    )


def test_a_users_own_word_wins_then_the_first_group_that_has_one(users):
    write(
        users,
        f"alice:{HASH}::groups=none,staff,guests sessions=3",
        "@staff:sessions=1 rate=2mbit",
        "@guests:sessions=9 rate=1mbit pool=guests routes=10.9.0.0/16",
    )
    grants = login(users, "alice").grants
    assert (grants.sessions, grants.rate, grants.pool) == (3, 250_000, "guests")
    assert grants.routes == (IPv4Network("10.9.0.0/16"),)
    assert grants.groups == {"none", "staff", "guests"}


@pytest.mark.parametrize(
    "line", ["alice:{}::expires=2027-03-31", "alice:{}::groups=course\n@course:expires=2027-03-31"]
)
def test_the_last_day_is_the_last(users, line):
    write(users, line.format(HASH))
    end = end_of(date(2027, 3, 31))
    assert time.localtime(end)[:5] == (2027, 4, 1, 0, 0)
    assert login(users, "alice", now=end - 60).grants.session_time == 60
    refused = login(users, "alice", now=end)
    assert refused.reason == UserExpired("alice", "2027-03-31")
    assert refused.reason.clause == "the user's last day was 2027-03-31"
    assert "your access has ended" in refused.reason.message
    assert login(users, "alice", b"wrong", now=end).reason == WrongPassword("alice")


def test_a_group_requires_a_second_factor(users):
    write(users, f"alice:{HASH}::groups=guests,staff", "@staff:totp=required", "@guests:sessions=1")
    assert login(users, "alice").reason == SecondFactorMissing("alice")
    assert login(users, "alice", b"wrong").reason == WrongPassword("alice")


def test_the_lines_of_a_text_are_found_and_changed():
    lines = Lines("")
    lines.put(LocalGroup("staff"))
    assert lines.text() == "# lotor's users: name:hash:flags:facts - written by `lotor user`\n@staff:\n"
    assert lines.entry("@staff") == LocalGroup("staff")
    assert lines.entry("staff") is None


def test_no_file_is_written_that_could_not_be_read(users, monkeypatch):
    """Its bound is in octets, whatever the alphabet of the names."""
    users.add("alice", PASSWORD)
    before = users.path.read_bytes()
    monkeypatch.setattr("lotor.auth.users.LARGEST", len(before) + len(HASH) + 70)
    with pytest.raises(UserError, match="more than"):
        users.add("\u4e2d" * 60, PASSWORD)
    assert users.path.read_bytes() == before


@pytest.mark.parametrize("facts", [f"totp= {KEY}", f"totp {KEY}", f"groups=staff {KEY}", f"{KEY}=", f"topt={KEY}"])
def test_a_key_that_stands_in_the_wrong_place_is_told_nobody(users, caplog, facts):
    """The file was written by hand. Faults are in the journal."""
    write(users, f"alice:{HASH}::{facts}")
    assert isinstance(login(users, "alice").reason, BackEndFault)
    told = [*caplog.messages, *map(str, users.read().faults), login(users, "alice").reason.clause]
    assert "line 1" in told[0]
    assert KEY not in " ".join(told)
