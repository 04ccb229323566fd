"""Sessions end when they carry nothing for as long as their login granted."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.ike.events import Ended, LoggedIn, Started
from lotor.ike.intents import Disconnect
from lotor.model.child import Counters
from lotor.model.grants import Grants
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reasons.ends import ClosedHere, SessionIdle
from lotor.runtime.idle import AT_ONCE, IdleSessions
from lotor.runtime.rates import Rates
from lotor.runtime.sessions import Register

PATH = Path(Peer(IPv4Address("192.0.2.50"), 500), Peer(IPv4Address("198.51.100.1"), 500))


class Engine:
    """Counts SA pairs, whose numbers are those of their sessions, by a clock that the test moves."""

    def __init__(self, idle=600.0, sessions=1):
        self.now, self.figures, self.asked, self.fault, self.ended = 100.0, {}, [], None, []
        self.register = Register()
        for number in range(1, sessions + 1):
            self.register.follow(Started(number, PATH, "anonymous", Side.GATEWAY, None))
            self.register.follow(LoggedIn(number, "alice", Grants(idle_time=idle)))
            self.register.get(number).closing.add(number)
        self.idle = IdleSessions(self.register, self.counters, self.ended.append, lambda: self.now)

    async def counters(self, children):
        self.asked.append(len(children))
        if self.fault:
            raise self.fault
        return {each: self.figures[each] for each in children if each in self.figures}

    def look(self, seconds=0.0, **figures):
        self.now += seconds
        self.figures = {number: Counters(**figures) for number in range(1, 2000)} if figures else self.figures
        asyncio.run(self.idle.look())


def test_a_session_without_a_packet_ends_when_its_time_is_over():
    engine = Engine()
    engine.look(packets_in=7)
    engine.look(599.0)
    assert engine.ended == []
    engine.look(1.0)
    assert engine.ended == [Disconnect(1, SessionIdle(600))]
    assert engine.ended[0].reason.text == "nothing went through the tunnel for the 600 s that the login granted"


@pytest.mark.parametrize("direction", ["packets_in", "packets_out"])
def test_a_packet_in_either_direction_begins_it_anew(direction):
    engine = Engine()
    engine.look(packets_in=7)
    engine.look(599.0, **{"packets_in": 7} | {direction: 8})
    engine.look(599.0)
    assert engine.ended == []
    engine.look(1.0)
    assert len(engine.ended) == 1


def test_packets_of_a_pair_that_was_renewed_meanwhile_count():
    """The new pair has carried nothing yet, but the old one had."""
    engine = Engine()
    engine.look(packets_in=7)
    engine.register.get(1).removed(1, Counters(packets_in=9))
    engine.look(599.0)
    engine.look(599.0)
    assert engine.ended == []


def test_who_was_granted_no_idle_time_is_not_looked_at():
    engine = Engine(idle=None)
    engine.look(packets_in=7)
    engine.look(10_000.0)
    assert engine.ended == engine.asked == []


def test_nobody_is_idle_while_the_engine_does_not_answer():
    engine = Engine()
    engine.look(packets_in=7)
    engine.fault = OSError(5, "no answer")
    engine.look(600.0)
    engine.fault = None
    engine.look(1.0)
    assert engine.ended == []
    engine.look(600.0)
    assert len(engine.ended) == 1


def test_a_session_that_is_gone_is_forgotten_and_others_have_their_turn():
    engine = Engine(sessions=2 * AT_ONCE + 1)
    engine.look(packets_in=1)
    assert engine.asked == [AT_ONCE, AT_ONCE, 1]
    engine.register.follow(Ended(1, ClosedHere(), True))
    engine.look(600.0)
    assert 1 not in {each.session for each in engine.ended}
    assert len(engine.ended) == 2 * AT_ONCE
    assert set(engine.idle._seen) == set(range(2, 2 * AT_ONCE + 2))


@pytest.mark.parametrize("looks", ["idle", "rates"])
def test_a_fault_in_one_look_ends_none_of_those_that_follow(monkeypatch, caplog, looks):
    """Whoever is idle would stay for good, and nobody would see a rate any more."""
    monkeypatch.setattr("lotor.runtime.idle.LOOK_S", 0.0)
    monkeypatch.setattr("lotor.runtime.rates.OFTEN_S", 0.0)

    async def story():
        engine, asked = Engine(), asyncio.Event()
        calls = 0

        async def counters(_):
            nonlocal calls
            calls += 1
            if calls == 1:
                raise LookupError("alice's secret")
            asked.set()
            return {}

        monkeypatch.setattr("lotor.runtime.rates.Rates.due", True)
        follower = IdleSessions(engine.register, counters, engine.ended.append)
        if looks == "rates":
            follower = Rates(engine.register, counters, asyncio.get_running_loop().time)
        follower.start()
        async with asyncio.timeout(60):
            await asked.wait()
        follower.stop()

    asyncio.run(story())
    assert caplog.text.count("internal error") == 1
    assert "LookupError at test_runtime_idle.py" in caplog.text
    assert "secret" not in caplog.text
