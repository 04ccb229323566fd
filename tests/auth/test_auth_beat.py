"""The beat of refusals, for back ends whose time a server decides."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.auth import Beat, Clock, OnBeat, SteadyBeat
from lotor.auth.beat import LATEST, RECENT
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import (
    AnswerTooLong,
    BackEndFault,
    NoName,
    NotInGroup,
    OtherService,
    ServerRefused,
    UnknownUser,
    WrongPassword,
)
from lotor.model.secret import Secret


def attempt(password=b"sesame"):
    return LoginAttempt("alice", ((Field.PASSWORD, Secret(password)),), Peer(IPv4Address("192.0.2.9"), 500))


ATTEMPT = attempt()


class Slow:
    """Answers after `seconds` of a time that nobody waits for."""

    def __init__(self, seconds, verdict):
        self.now, self.seconds, self.verdict, self.abandoned = 100.0, seconds, verdict, []

    async def sleep(self, seconds):
        self.now += seconds

    async def judge(self, attempt):
        await self.sleep(self.seconds)
        return self.verdict

    async def abandon(self, conversation):
        self.abandoned.append(conversation)

    def told_after(self):
        """The seconds until the verdict is told."""
        beat = Beat(Clock(lambda: self.now, self.sleep), 0.25)
        began, verdict = self.now, asyncio.run(OnBeat(self, beat).judge(ATTEMPT))
        assert verdict == self.verdict
        return round(self.now - began, 6)


@pytest.mark.parametrize(("takes", "told"), [(0.0, 0.25), (0.011, 0.25), (0.2, 0.25), (0.26, 0.5), (1.1, 1.25)])
def test_a_refusal_is_told_on_the_beat_however_long_the_server_took(takes, told):
    assert Slow(takes, Refused(WrongPassword("alice"))).told_after() == told


@pytest.mark.parametrize(
    "verdict",
    [Accepted("alice"), Challenge("code", (Field.PASSCODE,), b"1"), Refused(BackEndFault("alice", "no answer"))],
)
def test_whatever_else_is_told_at_once(verdict):
    assert Slow(0.011, verdict).told_after() == 0.011


def test_a_refusal_is_told_as_late_as_the_latest_of_the_last_ones():
    """A server that is late with a wrong password on purpose would be known by its haste with any other refusal."""
    slow = Slow(1.003, Refused(WrongPassword("alice")))
    beat, passed = SteadyBeat(Clock(lambda: slow.now, slow.sleep), 0.25), []
    for seconds in (0.01, 1.003, 0.01, *[0.01] * RECENT, 20.0, 0.01):
        slow.seconds, began = seconds, slow.now
        asyncio.run(OnBeat(slow, beat).judge(ATTEMPT))
        passed.append(round(slow.now - began, 6))
    assert passed[:3] == [0.25, 1.25, 1.25]
    assert passed[RECENT : RECENT + 2] == [1.25, 0.25]
    assert passed[-3:] == [0.25, 20.25, LATEST + 0.25]


@pytest.mark.parametrize("wrong", [WrongPassword("alice"), ServerRefused("alice", "radius.example.net:1812")])
def test_refusals_that_come_sooner_do_not_crowd_out_the_late_ones(wrong):
    """Whoever has a few dozen of them would know a right password by its haste."""
    slow, sooner = Slow(1.003, Refused(wrong)), Refused(NotInGroup("alice", "staff"))
    logins = OnBeat(slow, SteadyBeat(Clock(lambda: slow.now, slow.sleep), 0.25))
    asyncio.run(logins.judge(ATTEMPT))
    slow.seconds = 0.003
    others = [OtherService("alice", "r", 1), NoName(""), AnswerTooLong("alice", 128), UnknownUser("mallory")]
    for reason, tried in (
        *((each, ATTEMPT) for each in (sooner.reason, *others)),
        *((WrongPassword("alice"), attempt(each)) for each in (b"", b"a\0")),
    ):
        slow.verdict = Refused(reason)
        for _ in range(RECENT):
            asyncio.run(logins.judge(tried))
    slow.verdict, began = sooner, slow.now
    assert asyncio.run(logins.judge(ATTEMPT)) == sooner
    assert round(slow.now - began, 6) == 1.25


def test_a_conversation_is_abandoned_where_it_is():
    slow = Slow(0, Accepted("alice"))
    asyncio.run(OnBeat(slow).abandon(b"ticket"))
    assert slow.abandoned == [b"ticket"]
