"""Who gets in by groups that come with the login, from a directory or from the host, and when a refusal is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.auth.beat import BEAT, Beat, NoBeat, OnBeat, SteadyBeat
from lotor.auth.checks import NotJudgedError
from lotor.auth.clock import Clock
from lotor.auth.grouped import GroupedLogins, judge_of
from lotor.model.grants import MOST_GROUPS, Grants
from lotor.model.kinds import Kind
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, NotInGroup, WrongPassword
from lotor.model.secret import Secret

ALICE = LoginAttempt("alice", ((Field.PASSWORD, Secret(b"sesame")),), Peer(IPv4Address("192.0.2.9"), 500))


class Time:
    """A clock that goes on only while somebody sleeps or works."""

    def __init__(self):
        self.now = 100.0
        self.clock = Clock(lambda: self.now, self.sleep)

    async def sleep(self, seconds):
        self.now += seconds


class BackEnd:
    def __init__(self, verdict, time=None, takes=0.0):
        self.verdict, self.time, self.takes, self.abandoned, self.asked = verdict, time, takes, [], 0

    async def judge(self, attempt):
        self.asked += 1
        if self.time is not None:
            await self.time.sleep(self.takes)
        return self.verdict

    async def abandon(self, conversation):
        self.abandoned.append(conversation)


def accepted(*groups):
    return Accepted("alice", Grants(groups=frozenset(groups), session_time=60.0))


async def directory(user):
    return frozenset({"staff", user})


async def broken(user):
    raise OSError(111, "the directory does not answer")


def judged(verdict, *allowed, **more):
    time = Time()
    return asyncio.run(GroupedLogins(BackEnd(verdict), allowed, beat=Beat(time.clock), **more).judge(ALICE))


def test_one_of_the_groups_that_came_with_the_login_is_enough():
    assert judged(accepted("sales"), "staff", "sales") == accepted("sales")
    assert judged(accepted("sales"), "staff") == Refused(NotInGroup("alice", "staff"))
    assert judged(accepted(), "staff", "sales") == Refused(NotInGroup("alice", "sales, staff"))
    assert judged(accepted()) == accepted()


def test_groups_of_a_directory_join_those_of_the_login():
    assert judged(accepted("sales"), "staff", source=directory) == accepted("sales", "staff", "alice")
    assert judged(accepted("sales"), source=directory) == accepted("sales", "staff", "alice")
    assert judged(accepted("sales"), "admins", source=directory) == Refused(NotInGroup("alice", "admins"))


def test_nobody_gets_in_while_the_directory_does_not_say_who_is_where():
    verdict = judged(accepted("sales"), "sales", source=broken)
    assert isinstance(verdict, Refused)
    assert verdict.reason.kind is Kind.LOGIN_BACK_END_FAULT
    assert not verdict.judged
    assert "the directory does not answer" in verdict.reason.text


def test_of_very_many_groups_those_that_let_somebody_in_are_kept():
    async def many(user):
        return frozenset(f"a{number}" for number in range(1000)) | {"zz"}

    verdict = judged(accepted(), "zz", source=many)
    assert isinstance(verdict, Accepted)
    assert len(verdict.grants.groups) == MOST_GROUPS
    assert "zz" in verdict.grants.groups


def test_who_is_in_none_of_them_may_be_in_one_of_the_host():
    asked = []

    def member(user):
        asked.append(user)
        return None if len(asked) < 2 else NotInGroup(user, "staff")

    assert judged(accepted("sales"), "sales", member=member) == accepted("sales")
    assert asked == []
    assert judged(accepted(), "staff", member=member) == accepted()
    assert judged(accepted(), "staff", member=member) == Refused(NotInGroup("alice", "staff"))


def test_a_host_that_cannot_say_so_lets_nobody_in():
    fault = BackEndFault("alice", "/etc/group cannot be read")

    def member(user):
        raise NotJudgedError(fault)

    assert judged(accepted(), "staff", member=member) == Refused(fault)


VERDICTS = [Refused(WrongPassword("alice")), Challenge("code?", (Field.PASSCODE,), b"1")]


@pytest.mark.parametrize("verdict", VERDICTS, ids=["refused", "asked"])
def test_what_is_no_yes_is_passed_on(verdict):
    assert judged(verdict, "staff") == verdict
    assert judged(verdict, "staff", source=directory) == verdict


@pytest.mark.parametrize("verdict", [*VERDICTS, accepted("staff")], ids=["refused", "asked", "accepted"])
def test_a_directory_that_is_away_tells_nothing_of_the_password(verdict):
    """Who guesses meanwhile hears the same of every one, and no server is asked."""
    inner, time = BackEnd(verdict), Time()
    logins = GroupedLogins(inner, ("staff",), broken, beat=Beat(time.clock))
    told = asyncio.run(logins.judge(ALICE))
    assert (type(told.reason), told.judged, time.now) == (BackEndFault, False, 100.0)
    assert inner.asked == 0


def test_a_directory_that_goes_away_between_two_rounds_leaves_no_conversation_behind():
    inner = BackEnd(accepted("staff"))
    told = asyncio.run(GroupedLogins(inner, ("staff",), broken).judge(replace(ALICE, conversation=b"ticket")))
    assert (type(told.reason), inner.asked, inner.abandoned) == (BackEndFault, 0, [b"ticket"])


@pytest.mark.parametrize("directory_takes", [0.01, 0.2, 0.4])
@pytest.mark.parametrize("wrong_takes", [0.02, 1.003])
def test_a_wrong_password_and_a_right_one_outside_of_the_groups_take_the_same(directory_takes, wrong_takes):
    """Also where the server is late with a wrong one on purpose."""

    async def run():
        time = Time()

        async def slow(user):
            await time.sleep(directory_takes)
            return frozenset()

        inner = BackEnd(Refused(WrongPassword("alice")), time, wrong_takes)
        logins, passed = OnBeat(GroupedLogins(inner, ("staff",), slow, beat=NoBeat()), SteadyBeat(time.clock)), []
        for verdict, takes in ((inner.verdict, wrong_takes), (accepted(), 0.02), (inner.verdict, wrong_takes)):
            inner.verdict, inner.takes, began = verdict, takes, time.now
            assert isinstance(await logins.judge(ALICE), Refused)
            passed.append(round(time.now - began, 6))
        return passed

    assert len(set(asyncio.run(run()))) == 1


def test_where_the_user_has_another_name_the_groups_of_that_count():
    asked = []

    async def named(user):
        asked.append(user)
        return frozenset({"staff"} if user == "ALICE" else {"none"})

    verdict = Accepted("ALICE", Grants())
    assert judged(verdict, "staff", source=named) == Accepted("ALICE", Grants(groups=frozenset({"staff"})))
    assert asked == ["alice", "ALICE"]


@pytest.mark.parametrize("takes", [0.01, 0.2, 0.3])
def test_a_right_password_outside_of_the_groups_is_refused_on_the_beat(takes):
    """Whoever guesses must not learn by the clock that it was right."""
    time = Time()
    logins = GroupedLogins(BackEnd(accepted(), time, takes), ("staff",), beat=Beat(time.clock))
    assert isinstance(asyncio.run(logins.judge(ALICE)), Refused)
    passed = time.now - 100.0
    assert passed == pytest.approx(BEAT if takes < BEAT else 2 * BEAT)


def test_a_conversation_is_given_up_where_it_was_begun():
    inner = BackEnd(accepted())
    logins = GroupedLogins(GroupedLogins(inner, ()), ())
    asyncio.run(logins.abandon(b"ticket"))
    assert inner.abandoned == [b"ticket"]
    assert judge_of(logins) is inner
