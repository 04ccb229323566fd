"""A daemon in an attacker's hands asks for addresses: what it has of the pool, over a real socket pair."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from itertools import count

from far import besieged, until
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.kinds import Kind
from lotor.model.reasons.local import GrantFilterUnknown
from lotor.ports.leases import Lease
from lotor.privsep.frames import MOST_ASKED
from lotor.privsep.frames import Kind as FrameKind
from lotor.privsep.leasing import ACQUIRE_LEASE, LONGEST_USER, RELEASE_LEASE, Wish
from lotor.warden import leases as warden_leases
from lotor.warden.leases import HeldLeases
from paired import pool

FIRST = IPv4Address("10.99.99.1")


class Gateway:
    """A pool, and the numbers of all sessions that any daemon had."""

    def __init__(self, size: int = 4) -> None:
        self.engine = pool(size)
        self.numbers = count(1)

    @property
    def given(self):
        return self.engine._pools.given()

    def held(self) -> HeldLeases:
        return HeldLeases(self.engine, self.numbers)


class Slow:
    """An engine that is far away: it does what was asked when it is let, whoever still waits."""

    def __init__(self, engine) -> None:
        self.engine = engine
        self.go = asyncio.Event()
        self.waiting = 0

    async def acquire(self, *asked):
        await self._wait()
        return await self.engine.acquire(*asked)

    async def release(self, session):
        await self._wait()
        await self.engine.release(session)

    async def _wait(self):
        self.waiting += 1
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue
        self.waiting -= 1


def wish(session: int, user: str = "alice", grants: Grants = NO_GRANTS) -> Wish:
    return Wish(session, user, grants)


def test_a_daemon_gives_back_no_lease_of_another():
    gateway = Gateway()
    first, second = gateway.held(), gateway.held()

    async def take(intruder, _):
        return [await intruder.ask(ACQUIRE_LEASE, wish(session)) for session in (1, 2)]

    async def release(intruder, _):
        for session in range(-5, 200):
            await intruder.ask(RELEASE_LEASE, session)
        return await intruder.ask(ACQUIRE_LEASE, wish(1, "eve"))

    taken = besieged(first.rows, take)
    other = besieged(second.rows, release)
    assert len(gateway.given) == 3
    assert other.address not in {each.address for each in taken}


def test_what_a_dead_daemon_had_is_free_and_remembered():
    gateway = Gateway(2)
    first, second = gateway.held(), gateway.held()

    async def take(intruder, _):
        return [await intruder.ask(ACQUIRE_LEASE, wish(number, user)) for number, user in ((1, "alice"), (2, "bob"))]

    async def again(intruder, _):
        return [await intruder.ask(ACQUIRE_LEASE, wish(number, user)) for number, user in ((1, "bob"), (2, "alice"))]

    alice, bob = besieged(first.rows, take)
    asyncio.run(first.let_go())
    assert len(gateway.given) == len(first) == 0
    assert besieged(second.rows, again) == [bob, alice]


def test_a_daemon_that_wants_all_of_the_pool_has_no_more_and_leaves_nothing_behind():
    gateway = Gateway(3)
    held = gateway.held()

    async def story(intruder, _):
        answers = [await intruder.ask(ACQUIRE_LEASE, wish(session, f"u{session}")) for session in range(500)]
        foreign = await intruder.ask(ACQUIRE_LEASE, wish(900, "eve", Grants(IPv4Address("192.0.2.1"))))
        return answers, foreign

    answers, foreign = besieged(held.rows, story)
    assert [isinstance(each, Lease) for each in answers] == [True] * 3 + [False] * 497
    assert {each.reason.kind for each in answers[3:]} == {Kind.POOL_EXHAUSTED}
    assert foreign.reason.kind is Kind.GRANT_OUTSIDE_POOL
    assert len(held) == 3
    asyncio.run(held.let_go())
    assert len(gateway.given) == 0


def test_what_was_given_back_before_is_there_for_who_comes_next():
    """A session that replaces another one: its address is asked for right behind the other one's release."""
    gateway = Gateway(size=1)
    held = gateway.held()

    async def play(intruder, _):
        found = [await intruder.ask(ACQUIRE_LEASE, wish(1))]
        _, after = await asyncio.gather(intruder.ask(RELEASE_LEASE, 1), intruder.ask(ACQUIRE_LEASE, wish(2, "bob")))
        return [*found, after]

    first, second = besieged(held.rows, play)
    assert first.address == second.address == FIRST


def test_a_daemon_has_no_more_sessions_than_may_be(monkeypatch):
    monkeypatch.setattr(warden_leases, "MOST_SESSIONS", 10)
    gateway = Gateway(100)
    held = gateway.held()

    async def story(intruder, _):
        answers = [await intruder.ask(ACQUIRE_LEASE, wish(session)) for session in range(12)]
        await intruder.ask(RELEASE_LEASE, 3)
        return answers, await intruder.ask(ACQUIRE_LEASE, wish(11)), await intruder.ask(ACQUIRE_LEASE, wish(0))

    answers, after, same = besieged(held.rows, story)
    assert [isinstance(each, Lease) for each in answers] == [True] * 10 + [False] * 2
    assert answers[-1].reason.kind is Kind.POOL_FAULT
    assert isinstance(after, Lease)
    assert same == answers[0]


def test_a_daemon_that_asks_gives_back_and_withdraws_in_any_order_leaves_nothing_behind():
    """Each of the questions is withdrawn at once, while the engine has not done anything yet."""
    gateway = Gateway(50)
    slow = Slow(gateway.engine)
    held = HeldLeases(slow, gateway.numbers)

    async def story(intruder, lost):
        said = []
        for turn in range(MOST_ASKED // 2):
            session = turn % 5
            said.append((ACQUIRE_LEASE, intruder.say(ACQUIRE_LEASE, wish(session))))
            said.append((RELEASE_LEASE, intruder.say(RELEASE_LEASE, session)))
            said.append((ACQUIRE_LEASE, intruder.say(ACQUIRE_LEASE, wish(session))))
            await asyncio.sleep(0)
            for verb, ticket in said[-3 + turn % 3 :]:
                intruder.withdraw(verb, ticket)
        slow.go.set()
        for verb, ticket in said:
            await intruder.hear(verb, ticket)
        assert not lost.done()
        ended = asyncio.ensure_future(held.let_go())
        await ended

    besieged(held.rows, story)
    assert len(gateway.given) == len(held) == 0


def test_a_daemon_that_dies_in_the_middle_leaves_nothing_behind():
    gateway = Gateway(50)
    slow = Slow(gateway.engine)
    held = HeldLeases(slow, gateway.numbers)

    async def story(intruder, lost):
        for session in range(20):
            intruder.say(ACQUIRE_LEASE, wish(session))
            intruder.say(RELEASE_LEASE, session // 2)
        await until(lambda: slow.waiting >= 10)
        intruder.end.close()
        await lost
        ended = asyncio.ensure_future(held.let_go())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not ended.done(), "nothing is free before the engine says so"
        slow.go.set()
        await ended

    besieged(held.rows, story)
    assert len(gateway.given) == len(held) == 0


def test_a_name_without_end_is_not_remembered():
    gateway = Gateway()

    async def story(intruder, _):
        return (
            await intruder.ask(ACQUIRE_LEASE, wish(1, "u" * (LONGEST_USER + 1))),
            await intruder.ask(ACQUIRE_LEASE, wish(1, "ü" * (LONGEST_USER // 2))),
        )

    long, longest = besieged(gateway.held().rows, story)
    assert long.reason.kind is Kind.POOL_FAULT
    assert isinstance(longest, Lease)


def test_an_engine_that_cannot_give_back_is_told_and_holds_nobody_up(caplog):
    engine = pool(4)

    async def release(session):
        raise OSError(5, "no store")

    engine.release = release
    held = HeldLeases(engine, count(1))

    async def story(intruder, _):
        await intruder.ask(ACQUIRE_LEASE, wish(1))
        await intruder.ask(ACQUIRE_LEASE, wish(2))
        refused = await intruder.ask(RELEASE_LEASE, 1)
        await held.let_go()
        return refused

    assert besieged(held.rows, story) is FrameKind.REFUSED
    assert len(held) == 0
    assert caplog.text.count("an address could not be given back: OSError") == 2


def test_a_failure_holds_no_place():
    gateway = Gateway(1)
    held = gateway.held()

    async def story(intruder, _):
        tickets = [intruder.say(ACQUIRE_LEASE, wish(session % 4)) for session in range(40)]
        return [await intruder.hear(ACQUIRE_LEASE, ticket) for ticket in tickets]

    answers = besieged(held.rows, story)
    assert sum(isinstance(each, Failure) for each in answers) == 30
    assert len(held) == len(gateway.given) == 1


def test_a_session_that_asks_again_in_vain_gives_back_what_it_had():
    """A renewal after a reload: what the login grants cannot be kept any more, and the session ends by that."""
    gateway = Gateway(1)
    held, again = gateway.held(), gateway.engine.acquire

    async def refused(session, user, grants):
        return Failure(GrantFilterUnknown("web")) if gateway.given else await again(session, user, grants)

    gateway.engine.acquire = refused

    async def story(intruder, _):
        assert await intruder.ask(ACQUIRE_LEASE, wish(1))
        assert isinstance(await intruder.ask(ACQUIRE_LEASE, wish(1)), Failure)
        await intruder.ask(RELEASE_LEASE, 1)
        assert gateway.given == []
        assert await intruder.ask(ACQUIRE_LEASE, wish(2))
        assert isinstance(await intruder.ask(ACQUIRE_LEASE, wish(2)), Failure)
        await held.let_go()
        return len(held), len(gateway.given)

    assert besieged(held.rows, story) == (0, 0)


def test_what_a_session_has_is_known_until_it_is_given_back():
    gateway = Gateway()
    held, other = gateway.held(), gateway.held()

    async def run():
        rows = held.rows()
        (lease,) = [(await rows[ACQUIRE_LEASE.number](wish(1))).value]
        again = (await rows[ACQUIRE_LEASE.number](wish(1))).value
        await other.rows()[ACQUIRE_LEASE.number](wish(1, "bob"))
        before = [each.has(lease.address) for each in (held, other)]
        await rows[RELEASE_LEASE.number](1)
        after = held.has(lease.address)
        await rows[ACQUIRE_LEASE.number](wish(2))
        await held.let_go()
        return lease == again, before, after, held.has(lease.address), len(held._addresses)

    assert asyncio.run(run()) == (True, [True, False], False, False, 0)
