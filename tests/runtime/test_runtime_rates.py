"""How fast sessions carry, and how much of what a peer sent did not come."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

from lotor.ike.events import Ended, Started
from lotor.model.child import Counters
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reasons.ends import ClosedHere
from lotor.runtime.rates import AT_ONCE, INTEREST_S, OFTEN_S, SELDOM_S, Rate, Rates
from lotor.runtime.sessions import Register

PATH = Path(Peer(IPv4Address("192.0.2.50"), 500), Peer(IPv4Address("198.51.100.1"), 500))


class Engine:
    """Counts SA pairs, whose numbers are those of their sessions, by a clock that the test moves."""

    def __init__(self, sessions=1):
        self.now, self.figures, self.questions, self.fault = 100.0, {}, [], None
        self.register = Register()
        for number in range(1, sessions + 1):
            self.register.follow(Started(number, PATH, "anonymous", Side.GATEWAY, None))
            self.register.get(number).closing.add(number)
        self.rates = Rates(self.register, self.counters, lambda: self.now)

    async def counters(self, children):
        self.questions.append(len(children))
        if self.fault:
            raise self.fault
        return {each: self.figures[each] for each in children if each in self.figures}

    def look(self, seconds=0.0, **figures):
        self.now += seconds
        self.figures = {number: Counters(**figures) for number in range(1, 2000)} if figures else self.figures
        asyncio.run(self.rates.look())


def test_nothing_is_known_before_the_second_look():
    engine = Engine()
    assert engine.rates.of(1) is None
    engine.look(octets_in=5000)
    assert engine.rates.of(1) is None
    engine.look(2.0, octets_in=7000, octets_out=500, packets_in=10)
    assert engine.rates.of(1) == Rate(1000.0, 250.0, 0.0)


def test_loss_is_the_share_of_what_the_peer_sent_and_late_packets_are_no_gain():
    engine = Engine()
    engine.look(packets_in=100, lost=7)
    engine.look(1.0, packets_in=190, lost=17)
    assert engine.rates.of(1).loss == 0.1
    engine.look(1.0, packets_in=200, lost=15)
    assert engine.rates.of(1).loss == 0.0
    engine.look(1.0)
    assert engine.rates.of(1) == Rate(0.0, 0.0, None)


def test_a_pair_that_is_counted_a_moment_late_makes_no_rate_below_nothing():
    engine = Engine()
    engine.look(octets_in=9000)
    engine.look(2.0, octets_in=100)
    assert engine.rates.of(1).octets_in == 0.0


def test_an_engine_that_does_not_answer_makes_rates_unknown_until_it_was_seen_twice_again():
    engine = Engine()
    for _ in range(2):
        engine.look(2.0, octets_in=1)
    engine.fault = TimeoutError()
    engine.look(2.0)
    assert engine.rates.of(1) is None
    engine.fault = None
    engine.look(2.0)
    assert engine.rates.of(1) is None
    engine.look(2.0)
    assert engine.rates.of(1) == Rate(0.0, 0.0)


def test_ten_thousand_sessions_leave_others_their_turn_and_ended_ones_are_forgotten():
    engine = Engine(1000)
    engine.look(octets_in=1)
    assert engine.questions == [AT_ONCE] * (1000 // AT_ONCE)
    engine.register.follow(Ended(1000, ClosedHere(), established=True))
    engine.look(2.0, octets_in=3)
    assert engine.rates.of(1000) is None
    assert engine.rates.of(999) == Rate(1.0, 0.0)


def test_thousands_of_sessions_are_looked_at_less_often():
    engine = Engine(5000)
    engine.look()
    engine.rates.asked()
    engine.now += 4.9
    assert not engine.rates.due
    engine.now += 0.1
    assert engine.rates.due
    engine.now += INTEREST_S - 5.1
    assert engine.rates.due
    engine.look()
    engine.now += 19.9
    assert not engine.rates.due
    engine.now += 0.1
    assert engine.rates.due


def test_who_asks_is_told_of_the_last_seconds_and_nobody_costs_little():
    engine = Engine()
    engine.look()
    engine.now += OFTEN_S
    assert not engine.rates.due
    engine.rates.asked()
    assert engine.rates.due
    engine.look()
    engine.now += INTEREST_S
    assert SELDOM_S < INTEREST_S
    engine.look()
    engine.now += OFTEN_S
    assert not engine.rates.due
