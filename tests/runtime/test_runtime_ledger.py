"""The ledger follows the sessions of a gateway, whatever the engine behind it does."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Tell
from lotor.ike.events import LoggedIn, PathChanged, Renewed, Up
from lotor.leases.ledger import MemorySessions
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.runtime.ledger import Ledger
from lotor.runtime.sessions import Register
from scripted import FLOATED, PATH, SUITE, RecordingSessions, ended, established, started

ELSEWHERE = Path(FLOATED.local, Peer(IPv4Address("203.0.113.9"), 4500), floated=True)


class Stage:
    def __init__(self, sessions):
        self.sessions, self.register = sessions, Register(wall=lambda: 1000.0)
        self.ledger = Ledger(sessions, self.register)

    def tell(self, *effects):
        for effect in effects:
            self.register.follow(effect.event)
            self.ledger.follow(effect.event)

    def run(self, *effects):
        async def whole():
            self.tell(*effects)
            await self.ledger.settled()
            return await self.sessions.all()

        return asyncio.run(whole())


def begun(session=1, user="alice"):
    return [started(session, side=Side.GATEWAY), *established(session, user)]


@pytest.fixture
def stage():
    return Stage(RecordingSessions())


def test_a_login_is_entered_and_an_end_leaves(stage):
    (present,) = stage.run(*begun())
    key = stage.register.get(1).key
    assert (present.session, present.user, present.source, present.since) == (key, "alice", FLOATED.remote, 1000.0)
    assert stage.run(ended()) == ()
    assert stage.sessions.calls == [("enter", key), ("leave", key)]


def test_who_needs_no_login_is_entered_when_the_tunnel_is_up(stage):
    (present,) = stage.run(started(side=Side.GATEWAY), Tell(Up(1, FLOATED, "CN=alice")))
    assert present.user == "CN=alice"


def test_strangers_and_the_own_tunnels_of_this_host_are_not_in_it(stage):
    assert stage.run(started(1, side=Side.GATEWAY), started(2, side=Side.CLIENT), *established(2)) == ()
    assert stage.run(ended(1), ended(2)) == ()
    assert stage.sessions.calls == []


@pytest.mark.parametrize(
    "moved", [PathChanged(1, FLOATED, ELSEWHERE, ()), Renewed(1, 2, ELSEWHERE, SUITE, "03:04")], ids=["path", "renewal"]
)
def test_a_session_that_moves_is_entered_as_it_is_now(stage, moved):
    (present,) = stage.run(*begun(), Tell(moved))
    assert present.source == ELSEWHERE.remote
    (entered,) = {session for word, session in stage.sessions.calls if word == "enter"}
    assert entered == present.session


def test_an_attempt_that_renews_is_no_second_session(stage):
    renewal = [started(2, side=Side.GATEWAY), Tell(Renewed(1, 2, FLOATED, SUITE, "03:04")), Tell(LoggedIn(1, "alice"))]
    assert len(stage.run(*begun(), *renewal)) == 1


def test_a_slow_ledger_hears_the_last_of_each_session_in_order(stage):
    async def whole():
        stage.sessions.slow = asyncio.Event()
        stage.tell(*begun())
        await asyncio.sleep(0)
        for port in range(1, 101):
            stage.tell(Tell(PathChanged(1, PATH, Path(PATH.local, Peer(PATH.remote.address, port)), ())))
        stage.tell(ended())
        stage.sessions.slow.set()
        await stage.ledger.settled()
        return await stage.sessions.all()

    assert asyncio.run(whole()) == ()
    assert [word for word, _ in stage.sessions.calls] == ["enter", "enter", "leave"]


def test_a_ledger_that_is_broken_or_silent_costs_a_line(stage, monkeypatch, caplog):
    monkeypatch.setattr(stage.ledger, "_lanes", type(stage.ledger._lanes)(0.01))
    stage.sessions.fault = OSError(111, "the store refuses")
    stage.run(*begun())
    assert "an engine did not follow: the store refuses" in caplog.text
    stage.sessions.fault, stage.sessions.slow = None, asyncio.Event()
    stage.run(ended())
    assert "no answer within" in caplog.text


def test_thousands_come_and_go_and_nothing_is_left():
    stage = Stage(MemorySessions())
    assert len(stage.run(*(each for number in range(1, 2001) for each in begun(number, f"user{number % 7}")))) == 2000
    assert stage.run(*(ended(number) for number in range(1, 2001))) == ()
    assert (stage.ledger._entered, stage.sessions._present, stage.sessions._of) == ({}, {}, {})
