"""Conversations of a login: who hears of the next round, and who hears that there is none."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

from far import until
from lotor.ike.events import Ended
from lotor.model.login import Accepted, Challenge, LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.runtime.logins import Logins
from scripted import BYE

SOURCE = Peer(IPv4Address("192.0.2.9"), 500)


class Codes:
    """Asks once more, then says yes."""

    def __init__(self):
        self.heard, self.abandoned, self.never = [], [], None

    async def judge(self, attempt):
        self.heard.append(attempt.conversation)
        if self.never is not None:
            await self.never.wait()
        return Accepted("alice") if attempt.conversation else Challenge("code?", (Field.PASSCODE,), b"ticket")

    async def abandon(self, conversation):
        self.abandoned.append(conversation)


def attempt(conversation=b""):
    return LoginAttempt("alice", (), SOURCE, conversation)


def end(session=1):
    return Ended(session, BYE, False)


def test_a_client_that_leaves_between_two_rounds_leaves_nobody_waiting():
    codes = Codes()

    async def play():
        logins = Logins(codes)
        await logins.judge(1, attempt())
        logins.follow(end(2))
        logins.follow(end(1))
        logins.follow(end(1))
        await logins.settled()

    asyncio.run(play())
    assert codes.abandoned == [b"ticket"]


def test_a_client_that_leaves_during_the_second_round_does_neither():
    codes = Codes()

    async def play():
        logins = Logins(codes)
        await logins.judge(1, attempt())
        codes.never = asyncio.Event()
        judging = asyncio.ensure_future(logins.judge(1, attempt(b"ticket")))
        await until(lambda: b"ticket" in codes.heard)
        judging.cancel()
        logins.follow(end())
        await asyncio.sleep(0)
        await logins.settled()

    asyncio.run(play())
    assert codes.abandoned == [b"ticket"]


def test_a_login_that_came_to_its_end_is_not_abandoned():
    codes = Codes()

    async def play():
        logins = Logins(codes)
        await logins.judge(1, attempt())
        assert await logins.judge(1, attempt(b"ticket")) == Accepted("alice")
        logins.follow(end())
        await logins.settled()

    asyncio.run(play())
    assert codes.abandoned == []


def test_a_back_end_hears_whose_account_it_is():
    """That of the session; of the one that goes on, where a login renews it."""
    heard = []

    class Listening(Codes):
        async def judge(self, attempt):
            heard.append(attempt.account)
            return Accepted("alice")

    async def play():
        logins = Logins(Listening(), {1: "5f3a-1", 2: "5f3a-2"}.get)
        await logins.judge(2, attempt())
        await logins.judge(2, attempt(), 1)
        await Logins(Listening()).judge(2, attempt())

    asyncio.run(play())
    assert heard == ["5f3a-2", "5f3a-1", ""]
