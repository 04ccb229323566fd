"""A throttle whose memory of guessers is far away: slow, broken, or asked while the client goes."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.auth import Clock, Throttle
from lotor.model.kinds import Kind
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import Busy, WrongPassword
from lotor.ports.bans import Outcome
from scripted import RecordingBans

PROVED = Accepted("alice")
ATTEMPT = LoginAttempt("alice", (), Peer(IPv4Address("198.51.100.7"), 500))


class Saying:
    """A back end with one answer; `asked` is what it was asked."""

    def __init__(self, verdict):
        self.verdict, self.asked = verdict, []
        self.never = None

    async def judge(self, attempt):
        self.asked.append(attempt)
        if self.never is not None:
            await self.never.wait()
        return self.verdict


def throttled(verdict=PROVED, **how):
    backend, bans = Saying(verdict), RecordingBans(**how)
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    return Throttle(backend, clock=Clock(lambda: 0.0, sleep), bans=bans), backend, bans, slept


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (Accepted("alice"), Outcome.PROVED),
        (Refused(WrongPassword("alice")), Outcome.WRONG),
        (Refused(Busy("alice", 9)), Outcome.UNJUDGED),
        (Challenge("code?", (Field.ANSWER,), b"1"), Outcome.UNJUDGED),
    ],
)
def test_what_became_of_an_attempt_is_told(verdict, outcome):
    throttle, _, bans, _ = throttled(verdict)
    assert asyncio.run(throttle.judge(ATTEMPT)) == verdict
    assert bans.left == {1: outcome}


def test_the_wait_is_waited_for_and_the_back_end_hears_who_is_known():
    throttle, backend, bans, slept = throttled(wait=3.0)
    bans.known.add(("alice", ATTEMPT.source.address))
    asyncio.run(throttle.judge(ATTEMPT))
    assert slept == [3.0]
    assert [each.known for each in backend.asked] == [True]


def test_where_the_line_is_too_long_nobody_is_judged():
    throttle, backend, bans, _ = throttled(wait=None)
    verdict = asyncio.run(throttle.judge(ATTEMPT))
    assert verdict.reason.kind is Kind.LOGIN_THROTTLED
    assert (backend.asked, bans.left) == ([], {})


def test_nobody_is_judged_while_guesses_cannot_be_counted():
    throttle, backend, bans, _ = throttled()
    bans.fault = OSError(110, "the store does not answer")
    verdict = asyncio.run(throttle.judge(ATTEMPT))
    assert (verdict.reason.kind, verdict.judged) == (Kind.LOGIN_BACK_END_FAULT, False)
    assert verdict.reason.clause == "guesses cannot be counted: the store does not answer"
    assert backend.asked == []


def test_a_verdict_stands_though_it_was_not_remembered(caplog):
    throttle, backend, bans, _ = throttled()
    backend.never = asyncio.Event()

    async def story():
        asked = asyncio.ensure_future(throttle.judge(ATTEMPT))
        await asyncio.sleep(0)
        bans.fault = OSError(110, "the store does not answer")
        backend.never.set()
        return await asked

    assert asyncio.run(story()) == Accepted("alice")
    assert "what became of a login was not remembered: the store does not answer" in caplog.text


def test_who_goes_while_a_wrong_password_is_noted_has_guessed():
    throttle, _, bans, _ = throttled(Refused(WrongPassword("alice")))
    bans.slow = asyncio.Event()

    async def story():
        asked = asyncio.ensure_future(throttle.judge(ATTEMPT))
        for _ in range(5):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert asked.cancelled()
        bans.slow.set()
        await asyncio.gather(*throttle._leaving)

    asyncio.run(story())
    assert bans.left == {1: Outcome.WRONG}


def test_who_goes_while_the_password_is_looked_at_leaves_unjudged():
    throttle, backend, bans, _ = throttled()
    backend.never = asyncio.Event()

    async def story():
        asked = asyncio.ensure_future(throttle.judge(ATTEMPT))
        for _ in range(5):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

    asyncio.run(story())
    assert bans.left == {1: Outcome.UNJUDGED}
    assert bans.under_way == {}


def test_a_reload_keeps_what_is_remembered_under_the_new_step():
    throttle, backend, bans, _ = throttled()
    newer = Throttle(backend, 5.0)
    newer.take_over(throttle)
    assert newer.bans is bans
    assert bans.step == 5.0
