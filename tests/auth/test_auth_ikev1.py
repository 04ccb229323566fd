"""The last day of IKEv1: whom it refuses, and whose day counts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from ipaddress import IPv4Address

import pytest

from lotor.auth.clock import Clock
from lotor.auth.dates import end_of
from lotor.auth.ikev1 import Ikev1Days, Until
from lotor.model.grants import Grants
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.network import Peer
from lotor.model.reason import Told
from lotor.model.reasons.logins import BackEndFault, Ikev1Ended, WrongPassword

DAY = date(2027, 3, 31)
LATER = date(2027, 6, 30)
BY_1 = LoginAttempt("alice", (), Peer(IPv4Address("192.0.2.7"), 500))
BY_2 = replace(BY_1, ike=2)
YES = Accepted("alice", Grants(groups=frozenset({"staff"})))


class Backend:
    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.abandoned: list[bytes] = []

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        del attempt
        return self.verdict

    async def abandon(self, conversation: bytes) -> None:
        self.abandoned.append(conversation)


def judged(attempt: LoginAttempt, until: Until, verdict: Verdict = YES, now: float | None = None) -> Verdict:
    clock = Clock(wall=lambda: end_of(DAY) if now is None else now)
    return asyncio.run(Ikev1Days(Backend(verdict), until, clock).judge(attempt))


def test_the_last_day_is_whole_and_over_at_its_midnight() -> None:
    assert judged(BY_1, Until(DAY), now=end_of(DAY) - 1) == YES
    assert judged(BY_1, Until(DAY)) == Refused(Ikev1Ended("alice", "2027-03-31"))


def test_who_comes_by_ikev2_comes_in() -> None:
    assert judged(BY_2, Until(DAY)) == YES


def test_a_wrong_password_stays_one() -> None:
    wrong = Refused(WrongPassword("alice"))
    assert judged(BY_1, Until(DAY), wrong) == wrong


@pytest.mark.parametrize(
    ("until", "day"),
    [
        (Until(DAY, (("staff", LATER),)), LATER),
        (Until(DAY, (("staff", None), ("staff2", LATER))), DAY),
        (Until(DAY, (("others", None), ("hosts", LATER)), groups_of=lambda _: frozenset({"hosts"})), LATER),
        (Until(LATER, (("staff", LATER),), own=lambda _: DAY), DAY),
        (Until(None, (("others", DAY),)), None),
        (Until(DAY, own=lambda _: None), DAY),
    ],
)
def test_the_users_own_day_goes_before_the_groups_and_theirs_before_everybodys(until: Until, day: date | None) -> None:
    assert until.day("alice", YES.grants.groups) == day


def test_groups_that_cannot_be_read_are_no_way_in() -> None:
    def broken(user: str) -> frozenset[str]:
        raise OSError(5, f"no groups of {user}")

    verdict = judged(BY_1, Until(DAY, (("staff", DAY),), groups_of=broken))
    assert isinstance(verdict, Refused)
    assert isinstance(verdict.reason, BackEndFault)


def test_both_ends_hear_why_and_it_is_no_guess() -> None:
    reason = Ikev1Ended("alice", "2027-03-31")
    assert reason.message == "IKEv1 ended for you on 2027-03-31: connect by IKEv2"
    assert reason.text == "login of alice refused: IKEv1 ended for the user on 2027-03-31"
    assert reason.told is Told.PERSON
    assert not reason.may_heal()
    refused = Refused(reason)
    assert (refused.judged, refused.guess) == (True, False)
    assert Refused(WrongPassword("alice")).guess


def test_what_was_begun_is_abandoned_where_it_was_begun() -> None:
    backend = Backend(YES)
    asyncio.run(Ikev1Days(backend, Until(DAY)).abandon(b"ticket"))
    assert backend.abandoned == [b"ticket"]
