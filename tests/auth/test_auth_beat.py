"""The beat of refusals, for back ends whose time a server decides."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.auth import Beat, Clock, OnBeat
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, WrongPassword

ATTEMPT = LoginAttempt("alice", (), Peer(IPv4Address("192.0.2.9"), 500))


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


def test_a_conversation_is_abandoned_where_it_is():
    slow = Slow(0, Accepted("alice"))
    asyncio.run(OnBeat(slow).abandon(b"ticket"))
    assert slow.abandoned == [b"ticket"]
