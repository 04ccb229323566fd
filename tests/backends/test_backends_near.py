"""RADIUS and LDAP in the process that does everything: the same engines, led by the configuration in force."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.backends import present
from lotor.backends.engines import Engines, engines_of
from lotor.backends.near import NearBackEnds
from lotor.config.back_ends import back_ends_of
from lotor.model.back_end import BackEnd
from lotor.model.kinds import Kind
from lotor.model.login import Accepted, Challenge, LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from paired import asking, gateway, settings

THERE = Peer(IPv4Address("192.0.2.9"), 500)
PLAIN = "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }"


def attempt(password: str, conversation: bytes = b"") -> LoginAttempt:
    return LoginAttempt("alice", ((Field.PASSWORD, Secret(password)),), THERE, conversation)


class Toy:
    """Asks everybody once more, then says yes by the name of its secret."""

    def __init__(self, name: str) -> None:
        self.name, self.closed = name, False

    async def judge(self, attempt):
        if attempt.conversation:
            return Accepted(self.name)
        return Challenge("code?", (Field.PASSCODE,), self.name.encode())

    async def abandon(self, conversation):
        """Nothing is kept."""

    async def close(self):
        self.closed = True


def play(story):
    """`story` with back ends and the toys that were made for them."""
    made: list[Toy] = []

    def make(wanted):
        made.append(Toy(wanted.radius.auth[0].secret.reveal().decode()))
        return Engines({BackEnd.RADIUS: made[-1]}, close=(made[-1].close,))

    async def whole():
        back_ends = NearBackEnds(make)
        async with asyncio.timeout(60):
            try:
                return await story(back_ends, made)
            finally:
                await back_ends.stop()

    return asyncio.run(whole()), made


def test_a_conversation_goes_on_with_the_engine_that_began_it():
    async def story(back_ends, made):
        await back_ends.use(asking("first"))
        opened = await back_ends.judge(BackEnd.RADIUS, attempt(""))
        await back_ends.use(asking("second"))
        verdicts = [
            await back_ends.judge(BackEnd.RADIUS, attempt("", opened.conversation)),
            await back_ends.judge(BackEnd.RADIUS, attempt("", b"second")),
        ]
        return verdicts, [each.closed for each in made]

    (verdicts, closed), made = play(story)
    assert [each.user for each in verdicts] == ["first", "second"]
    assert closed == [False, False]
    assert [each.closed for each in made] == [True, True]  # in the end


def test_an_engine_is_closed_when_its_last_conversation_must_be_over(monkeypatch):
    monkeypatch.setattr(present, "LONGEST_CONVERSATION", 0.0)

    async def story(back_ends, made):
        await back_ends.use(asking("first"))
        await back_ends.use(settings(gateway() + PLAIN))
        while not made[0].closed:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        return await back_ends.judge(BackEnd.RADIUS, attempt("")), back_ends.serving()

    (refused, serving), _ = play(story)
    assert refused.reason.kind is Kind.LOGIN_NOT_CONFIGURED
    assert serving is None


def test_what_the_configuration_does_not_ask_for_is_a_clear_fault():
    async def story(back_ends, _):
        for asked in (back_ends.account(b"record"), back_ends.groups("alice")):
            with pytest.raises(OSError, match="in this configuration"):
                await asked

    play(story)


def test_the_engines_of_a_configuration_are_those_that_it_asks_for():
    async def story():
        engines = engines_of(back_ends_of(asking("sesame")))
        empty = await engines.logins[BackEnd.RADIUS].judge(attempt(""))
        for close in engines.close:
            if (closing := close()) is not None:
                await closing
        return set(engines.logins), empty.reason.kind, engines.groups

    assert asyncio.run(story()) == ({BackEnd.RADIUS}, Kind.LOGIN_WRONG_PASSWORD, None)
