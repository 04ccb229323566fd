"""Addresses that a fleet gives: what the database says counts, slow, dead, lying, gone and back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from ipaddress import IPv4Address, IPv6Interface

import pytest

from far import until
from fleet_double import Database, FakeFleet, member
from lotor.config.settings import WhileAway
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.kinds import Kind
from lotor.ports.fleet import Claim, News, Sign
from lotor.ports.leases import Lease
from lotor.warden import fleet_leases, fleet_watch
from lotor.warden.fleet_leases import FleetLeases
from lotor.warden.fleet_watch import FleetWatch
from lotor.warden.judged_fleet import JudgedFleet
from lotor.warden.pool_routes import PoolRoutes
from paired import gateway, settings
from scripted import RecordingRoutes

FIRST = IPv4Address("10.99.99.1")
SIX = "network6 fd00:99::1; prefix6 64;"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(fleet_watch, "RETRY", 0.0)
    monkeypatch.setattr(fleet_watch, "PAUSE", 0.0)


class House:
    """One gateway. `lost` are the addresses whose sessions are to end."""

    def __init__(self, database, name, fleet=None) -> None:
        self.fleet = fleet or FakeFleet(database, member(name, seat=name.encode().hex().rjust(32, "0"), lease=600))
        self.pool, self.lost = PoolRoutes(RecordingRoutes()), []
        self.leases = FleetLeases(self.pool, self.lost.append)
        self.watch = FleetWatch(JudgedFleet(self.fleet), 600)

    async def begin(self, size=4, more=""):
        text = f"mode_cfg {{ network4 10.99.99.1; pool_size {size}; auth_source system; {more} }}"
        await self.pool.adapt(settings(gateway() + text))
        self.leases.begin(self.watch)
        await self.watch.begin()

    async def take(self, session, user="alice", grants=NO_GRANTS):
        return await self.leases.acquire(session, user, grants)

    async def end(self):
        await self.leases.end()
        await self.watch.end()


def play(story, *names, size=4, more="", fleet=None):
    """`story(database, house...)` with gateways of these names."""

    async def run():
        database = Database()
        houses = [House(database, name, fleet and fleet(database)) for name in names or ("gw1",)]
        async with asyncio.timeout(60), contextlib.AsyncExitStack() as ends:
            for each in houses:
                await each.begin(size, more)
                ends.push_async_callback(each.end)
            return await story(database, *houses)

    return asyncio.run(run())


def test_without_a_fleet_the_pool_alone_counts():
    async def run():
        house = House(Database(), "gw1")
        text = "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }"
        await house.pool.adapt(settings(gateway() + text))
        lease = await house.take(1)
        await house.leases.release(1)
        return lease, house.fleet.asked

    lease, asked = asyncio.run(run())
    assert (lease.address, asked) == (FIRST, [])


def test_two_gateways_give_every_address_once():
    async def story(_, one, two):
        return [
            await house.take(number, f"{house.fleet.member.name}-{number}") for number in (1, 2) for house in (one, two)
        ]

    leases = play(story, "gw1", "gw2")
    assert {each.address for each in leases} == {FIRST + number for number in range(4)}


def test_a_pool_gives_in_a_fleet_what_it_gives_alone():
    """Also the first and the last address of a network of this host: only what was granted is looked at."""

    async def story(_, one):
        one.pool._routes.addresses = {FIRST, FIRST + 1}
        return await one.take(1), await one.take(2, "bob", Grants(address=FIRST + 1))

    lease, granted = play(story)
    assert lease.address == FIRST
    assert granted.reason.kind is Kind.GRANT_IN_USE


def test_a_full_pool_says_so_and_an_address_that_is_given_back_is_anothers():
    async def story(_, one, two):
        for number in range(4):
            await one.take(number, f"user{number}")
        full = await two.take(1, "bob")
        await one.leases.release(2)
        await until(lambda: not one.leases.waiting)
        return full, await two.take(2, "bob")

    full, got = play(story, "gw1", "gw2")
    assert full.reason.kind is Kind.POOL_EXHAUSTED
    assert isinstance(got, Lease)


def test_whoever_returns_at_once_has_the_same_address():
    """What was given back before is given back first, however slow the database is."""

    async def story(database, one):
        first = await one.take(1, "alice")
        await one.take(2, "bob")
        database.holds = asyncio.Event()
        await one.leases.release(1)
        again = asyncio.create_task(one.take(3, "alice"))
        for _ in range(10):
            await asyncio.sleep(0)
        database.holds.set()
        return first, await again

    first, again = play(story)
    assert first.address == again.address


class Busy(FakeFleet):
    """Of a gateway where somebody leaves whenever somebody has left."""

    leaves = staticmethod(lambda: None)

    async def give_back(self, sessions):
        await asyncio.sleep(0)
        await super().give_back(sessions)
        self.leaves()


def test_a_login_does_not_wait_for_what_is_given_back_behind_it(monkeypatch):
    monkeypatch.setattr(fleet_leases, "SETTLES", 1e6)

    async def story(_, one):
        await one.take(1, "alice")
        numbers = itertools.count(1000)
        one.fleet.leaves = lambda: one.leases._give_back(Claim(next(numbers), "somebody", "", ()))
        await one.leases.release(1)
        return await one.take(2, "alice")

    assert isinstance(play(story, fleet=lambda database: Busy(database, member("gw1", lease=600))), Lease)


def test_a_renewal_asks_nobody():
    async def story(database, one):
        first = await one.take(1)
        database.go()
        return first, await one.take(1)

    first, again = play(story)
    assert first == again


def test_a_user_who_comes_from_a_dead_gateway_keeps_the_address():
    async def story(database, one, two):
        await one.take(1, "bob")
        before = await one.take(2, "alice")
        database.now += 601  # nobody has heard of gw1 since
        database.members["gw2"] = two.fleet.member
        database.seen["gw2"] = database.now
        return before, await two.take(1, "alice")

    before, after = play(story, "gw1", "gw2")
    assert before.address == after.address


def test_reserved_addresses_are_for_grants_only():
    async def story(_, one):
        leases = [await one.take(number, f"user{number}") for number in range(3)]
        return leases, await one.take(9, "carol", Grants(address=FIRST + 1))

    leases, granted = play(story, more="reserve 10.99.99.2;")
    assert [each.address for each in leases] == [FIRST, FIRST + 2, FIRST + 3]
    assert granted.address == FIRST + 1


def test_a_granted_address_is_at_one_gateway_only():
    async def story(_, one, two):
        wish = Grants(address=FIRST + 2)
        return await one.take(1, "alice", wish), await two.take(1, "bob", wish), await two.take(2, "carol")

    mine, refused, other = play(story, "gw1", "gw2")
    assert mine.address == FIRST + 2
    assert refused.reason.kind is Kind.GRANT_IN_USE
    assert other.address != FIRST + 2


def test_what_the_pool_cannot_give_is_claimed_by_nobody():
    async def story(_, one):
        foreign = await one.take(1, "alice", Grants(address=IPv4Address("192.0.2.1")))
        unknown = await one.take(2, "alice", Grants(pool="other"))
        return foreign, unknown, one.fleet.asked

    foreign, unknown, asked = play(story)
    assert foreign.reason.kind is Kind.GRANT_OUTSIDE_POOL
    assert unknown.reason.kind is Kind.GRANT_POOL_UNKNOWN
    assert "claim" not in asked


def test_a_process_of_back_ends_that_was_started_anew_hears_of_the_pools_first():
    """It answers before it is known that it is another one."""

    async def story(_, one):
        await one.take(1, "alice")
        one.fleet.named = {}
        return await one.take(2, "bob")

    assert play(story).address == FIRST + 1


def test_a_pool_that_a_reload_brings_at_this_moment_gives_nothing_by_itself(monkeypatch):
    async def story(_, one):
        monkeypatch.setattr(one.leases, "_may_be", lambda _: False)
        return await one.take(1), one.pool.sessions, one.fleet.asked

    refused, sessions, asked = play(story)
    assert refused.reason.kind is Kind.POOL_FAULT
    assert sessions == 0
    assert "claim" not in asked


def test_pools_by_name_are_the_fleets_too():
    async def story(_, one, two):
        return [await house.take(1, house.fleet.member.name, Grants(pool="staff")) for house in (one, two)]

    leases = play(story, "gw1", "gw2", more='pool "staff" { network4 10.99.99.65; pool_size 4; }')
    assert [each.address for each in leases] == [FIRST + 64, FIRST + 65]


def test_a_granted_address_of_ipv6_is_nobodys_who_has_the_one_beside_it():
    async def story(_, one, two):
        mine = await one.take(1, "alice", Grants(address6=IPv6Interface("fd00:99::3/64")))
        others = [await two.take(number, f"user{number}") for number in range(3)]
        return mine, others

    mine, others = play(story, "gw1", "gw2", more=SIX)
    assert mine.address6.ip == IPv6Interface("fd00:99::3/64").ip
    given = [each.address for each in others if isinstance(each, Lease)]
    assert FIRST + 2 not in given
    assert len(given) == 2


def test_a_granted_address_of_ipv6_that_another_gateway_gave_is_in_use():
    async def story(_, one, two):
        first = await one.take(1, "alice")
        refused = await two.take(1, "bob", Grants(address6=first.address6))
        return refused, two.pool.sessions, await two.take(2, "bob")

    refused, left, after = play(story, "gw1", "gw2", more=SIX)
    assert refused.reason.kind is Kind.GRANT_IN_USE
    assert left == 0
    assert after.address == FIRST + 1


# --- the database is away ---------------------------------------------------------------------------------------------


def test_without_the_database_a_login_hears_so_at_once():
    async def story(database, one):
        database.go("no route to host")
        first = await one.take(1)
        asked = len(one.fleet.asked)
        second = await one.take(2)
        return first, second, one.fleet.asked[asked:], one.pool.sessions

    first, second, asked, sessions = play(story)
    assert first.reason.kind is second.reason.kind is Kind.FLEET_AWAY
    assert "no route to host" in first.reason.text
    assert "no route" not in first.reason.message
    assert "claim" not in asked
    assert sessions == 0


def test_a_silent_database_holds_a_login_for_a_few_seconds(monkeypatch):
    monkeypatch.setattr(fleet_leases, "PATIENCE", 0.01)
    monkeypatch.setattr(fleet_leases, "SETTLES", 0.01)

    async def story(database, one):
        database.holds = asyncio.Event()
        silent = await one.take(1)
        monkeypatch.setattr(fleet_leases, "PATIENCE", 60.0)
        database.holds.set()
        await until(lambda: one.watch.away is None and not one.leases.waiting)
        return silent, await one.take(2, "bob"), [each.user for each in database.taken]

    silent, served, taken = play(story)
    assert silent.reason.kind is Kind.FLEET_AWAY
    assert isinstance(served, Lease)
    assert taken == ["bob"]


def test_no_session_ends_while_it_is_away_and_all_is_said_once_it_is_back():
    async def story(database, one):
        kept, gone = await one.take(1, "alice"), await one.take(2, "bob")
        database.go()
        await one.leases.release(2)
        await one.take(3)  # which finds it away
        held = one.pool.sessions
        database.come()
        await until(lambda: not one.leases.waiting and one.watch.away is None)
        return kept, gone, held, [each.user for each in database.taken], one.lost

    kept, gone, held, taken, lost = play(story)
    assert kept.address != gone.address
    assert (held, taken, lost) == (1, ["alice"], [])


def test_a_lapsed_gateway_ends_the_sessions_whose_addresses_are_anothers():
    async def story(database, one, two):
        first, second = await one.take(1, "alice"), await one.take(2, "bob")
        database.go()
        await one.take(3)
        database.taken = []  # the lease time is over
        database.away = ""
        await two.take(1, "carol", Grants(address=first.address))
        database.come()
        await until(lambda: one.lost)
        await until(lambda: len(database.taken) == 2)
        return first, second, one.lost, {each.user for each in database.taken}

    first, _, lost, users = play(story, "gw1", "gw2")
    assert lost == [first.address]
    assert users == {"bob", "carol"}


def test_news_of_a_lost_address_are_looked_at():
    """Only what the database says again ends a session: old news, or a lie of a moment, do not."""

    async def story(database, one, two):
        first, second = await one.take(1, "alice"), await one.take(2, "bob")
        for word in (str(second.address), "192.0.2.77", "nonsense", ""):
            database.tell(News(Sign.LOST, word), "gw1")
        database.taken = [each for each in database.taken if each.user != "alice"]
        await two.take(1, "carol", Grants(address=first.address))
        database.tell(News(Sign.LOST, str(first.address)), "gw1")
        await until(lambda: one.lost)
        return first, one.lost

    first, lost = play(story, "gw1", "gw2")
    assert lost == [first.address]


def test_a_gateway_that_another_one_waits_for_shows_that_it_lives():
    async def story(database, one, _):
        await until(lambda: "news" in one.fleet.asked)
        beats = one.fleet.asked.count("beat")
        database.tell(News(Sign.RETURNED, "alice"), "gw1")
        await until(lambda: one.fleet.asked.count("beat") > beats)

    play(story, "gw1", "gw2")


class ReplacedFleet(FakeFleet):
    """Once it is `replaced` nothing is done for it; it hears news still."""

    replaced = False

    async def _there(self, name):
        if self.replaced and name != "news":
            self.asked.append(name)
            raise OSError(13, "another lotor has taken the place of this one in the fleet")
        await super()._there(name)


def test_whoever_is_replaced_ends_every_session_and_knows_nobody(monkeypatch):
    """The disk was copied, and the copy was started: what is held here is the copy's to give."""
    monkeypatch.setattr(fleet_leases, "ENDED_AT_ONCE", 1)
    monkeypatch.setattr(fleet_leases, "ENDED_AGAIN", 0.0)

    async def story(database, one):
        one.leases.while_away = WhileAway.KNOWN
        leases = [await one.take(number, f"user{number}") for number in range(3)]
        one.fleet.replaced = True
        await one.take(9, "bob")
        database.tell(News(Sign.REPLACED))
        await until(lambda: len(one.lost) == 3)
        await one.leases.release(0)
        return [each.address for each in leases], one.lost, await one.take(4, "user0")

    given, lost, again = play(story, fleet=ReplacedFleet)
    assert lost == given
    assert again.reason.kind is Kind.FLEET_AWAY


def test_a_database_that_comes_back_and_refuses_is_another_line_of_the_log(caplog):
    """Else the log says for ever that it is not there."""

    async def story(database, one):
        database.go("no route to host")
        await one.take(1)
        one.fleet.replaced = True
        database.come()
        beats = one.fleet.asked.count("beat")
        await until(lambda: one.fleet.asked.count("beat") > beats + 3)

    play(story, fleet=ReplacedFleet)
    assert caplog.text.count("may not be: another lotor") == 1
    assert caplog.text.count("no route to host") == 1


def test_a_known_user_is_let_in_without_the_database_by_directive():
    async def story(database, one):
        one.leases.while_away = WhileAway.KNOWN
        first = await one.take(1, "alice")
        database.go()
        await one.take(9, "bob")
        await one.leases.release(1)
        again, stranger = await one.take(2, "alice"), await one.take(3, "bob")
        database.come()
        await until(lambda: one.watch.away is None and not one.leases.waiting)
        return first, again, stranger, [(each.user, *each.addresses) for each in database.taken]

    first, again, stranger, taken = play(story)
    assert again.address == first.address
    assert stranger.reason.kind is Kind.FLEET_AWAY
    assert taken == [("alice", first.address)]


def test_refuse_lets_nobody_in_and_the_lease_time_ends_what_is_known():
    async def story(database, one):
        await one.take(1, "alice")
        database.go()
        await one.take(9, "bob")
        await one.leases.release(1)
        refused = await one.take(2, "alice")
        one.leases.while_away = WhileAway.KNOWN
        one.watch._heard = -1e9
        return refused, await one.take(3, "alice")

    refused, late = play(story)
    assert refused.reason.kind is late.reason.kind is Kind.FLEET_AWAY


def test_only_what_the_database_hears_as_a_beat_makes_a_lease_last(monkeypatch):
    """A claim that it answered does not: others may have the address when the lease is over."""
    now = 1000.0
    monkeypatch.setattr(fleet_watch, "_awake_or_not", lambda: now)

    async def story(database, one):
        nonlocal now
        one.leases.while_away = WhileAway.KNOWN
        now += 590
        await one.take(1, "alice")
        database.go()
        await one.take(9, "bob")
        await one.leases.release(1)
        now += 20
        return await one.take(2, "alice")

    assert play(story).reason.kind is Kind.FLEET_AWAY


def test_what_the_database_may_have_freed_is_given_to_nobody_without_it():
    """The question to give back was sent, and the answer never came."""

    async def story(database, one):
        one.leases.while_away = WhileAway.KNOWN
        await one.take(1, "alice")
        database.go()
        await one.leases.release(1)
        await until(lambda: one.watch.away is not None)
        return await one.take(2, "alice")

    assert isinstance(play(story), Failure)


# --- liars ------------------------------------------------------------------------------------------------------------


class Liar(FakeFleet):
    """Answers claims as the test wants it."""

    answer: object = ()

    async def claim(self, claim):
        self.asked.append("claim")
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        (),
        (IPv4Address("192.0.2.1"),),
        (FIRST, FIRST + 1),
        (FIRST + 3,),
        (IPv6Interface("fd00:99::1/64").ip,),
    ],
)
def test_an_address_that_nobody_asked_for_is_not_given(answer, caplog):
    async def story(_, one):
        one.fleet.answer = answer
        return await one.take(1), one.pool.sessions

    lease, sessions = play(story, more="reserve 10.99.99.4;", fleet=Liar)
    assert isinstance(lease, Failure)
    assert sessions == 0
    assert "answered what it may not" in caplog.text


def test_one_address_for_two_sessions_is_given_to_one():
    async def story(_, one):
        one.fleet.answer = (FIRST,)
        return await one.take(1, "alice"), await one.take(2, "bob"), one.pool.sessions

    first, second, sessions = play(story, fleet=Liar)
    assert first.address == FIRST
    assert second.reason.kind is Kind.POOL_FAULT
    assert sessions == 1


def test_another_address_than_the_granted_one_is_not_given():
    async def story(_, one):
        one.fleet.answer = (FIRST,)
        return await one.take(1, "alice", Grants(address=FIRST + 1)), one.pool.sessions

    lease, sessions = play(story, fleet=Liar)
    assert isinstance(lease, Failure)
    assert sessions == 0


# --- whoever does not wait --------------------------------------------------------------------------------------------


def test_a_login_that_is_given_up_leaves_nothing():
    async def story(database, one):
        await one.take(9, "bob")
        database.holds = asyncio.Event()
        login = asyncio.create_task(one.take(1))
        await until(lambda: one.fleet.asked[-1] == "claim")
        login.cancel()
        await asyncio.wait({login})
        database.holds.set()
        await one.leases.release(1)
        await until(lambda: not one.leases.waiting)
        return [each.user for each in database.taken], one.pool.sessions

    assert play(story) == (["bob"], 1)


def test_a_gateway_that_ends_leaves_the_fleet():
    async def story(database, one):
        await one.take(1)
        await one.end()
        return database.taken, database.members

    assert play(story) == ([], {})


def test_another_gateway_with_the_name_does_not_start():
    async def run():
        database = Database()
        first = House(database, "gw1")
        await first.begin()
        second = House(database, "gw1", RefusingFleet(database, member("gw1", seat="f" * 32)))
        try:
            await second.watch.begin()
        finally:
            await first.end()

    with pytest.raises(OSError, match="fleet_name"):
        asyncio.run(run())


class RefusingFleet(FakeFleet):
    """As the process of back ends says it."""

    async def beat(self):
        try:
            await super().beat()
        except OSError as error:
            raise OSError(13, error.strerror) from error
