"""What a gateway relies on in every engine of what several gateways know together."""

from __future__ import annotations

import asyncio
import contextlib
from ipaddress import IPv4Address, IPv6Address

import pytest

from far import FarPort
from fleet_double import Database, FakeFleet, later, member
from lotor.backends.sharing import FleetAnswers
from lotor.model.ban import Ban
from lotor.model.judgement import Failure
from lotor.ports.fleet import Claim, FleetPool, News, Past, Present, Sign, Wanted
from lotor.privsep import sharing
from lotor.privsep.far_fleet import FarFleet

FIRST = IPv4Address("10.99.99.1")
POOL = FleetPool("", FIRST, 4, reserved=(FIRST + 3,))
GUESSER = Ban("192.0.2.7", network=True, since=0.0, until=60.0, why="3 wrong logins")


def answers(fleet):
    async def present():
        return fleet

    return FleetAnswers(present).rows()


def far(asker):
    async def ask(verb, request):
        return (await asker.ask(verb, request)).value

    return FarFleet(ask)


ENGINES = {"double": lambda fleet: fleet, "far": lambda fleet: FarPort(far, answers(fleet))}


@pytest.fixture(params=ENGINES)
def engine(request):
    """A function that makes the fleet of one gateway."""
    with contextlib.ExitStack() as ends:

        def make(database, who):
            made = ENGINES[request.param](FakeFleet(database, who))
            return ends.enter_context(made) if isinstance(made, FarPort) else made

        yield make


def play(engine, story, *names):
    """`story` with the fleets of gateways, of these names, which have beaten and know the pool."""

    async def run():
        database = Database()
        fleets = [engine(database, member(name, seat=name.encode().hex().rjust(32, "0"))) for name in names]
        for each in fleets:
            await each.beat()
            await each.pools((POOL,))
        async with asyncio.timeout(60):
            return await story(database, *fleets)

    return asyncio.run(run())


def session(number: int, user: str = "alice", ended: float | None = None) -> Past:
    present = Present("gw1", f"s{number}", user, "192.0.2.9", "10.99.99.1", "vpnc", 1000.0 + number)
    return Past(present, ended, 5, 1, 2, "peer-deleted" if ended else "")


def test_two_gateways_never_give_one_address(engine):
    async def story(_, one, two):
        first = [await one.claim(Claim(number, f"user{number}", "")) for number in (1, 2)]
        second = [await two.claim(Claim(number, f"other{number}", "")) for number in (1, 2)]
        again = await one.claim(Claim(1, "user1", ""))
        return first, second, again

    first, second, again = play(engine, story, "gw1", "gw2")
    assert again == first[0]
    assert len({*first, second[0]}) == 3
    assert isinstance(second[1], Failure)


def test_what_is_given_back_is_anothers(engine):
    async def story(_, one, two):
        mine = await one.claim(Claim(1, "alice", "", (FIRST + 3, IPv6Address("2001:db8::5"))))
        refused = await two.claim(Claim(1, "bob", "", (FIRST + 3,)))
        await one.give_back((1, 77))
        return mine, refused, await two.claim(Claim(2, "bob", "", (FIRST + 3,)))

    mine, refused, got = play(engine, story, "gw1", "gw2")
    assert mine == (FIRST + 3, IPv6Address("2001:db8::5"))
    assert isinstance(refused, Failure)
    assert got == (FIRST + 3,)


def test_many_are_given_back_at_once(engine):
    async def story(_, one):
        await one.claim(Claim(900, "alice", ""))
        await one.give_back(tuple(range(1000)))
        return await one.claim(Claim(901, "bob", "", (FIRST,)))

    assert play(engine, story, "gw1") == (FIRST,)


def test_pools_come_whole_however_many_addresses_are_reserved(engine):
    many = FleetPool("many", FIRST + 256, 1000, tuple(FIRST + 256 + number for number in range(999)))

    async def story(_, one):
        await one.pools((POOL, many, FleetPool("empty", FIRST, 1)))
        got = await one.claim(Claim(1, "alice", "many"))
        full = await one.claim(Claim(2, "bob", "many"))
        await one.pools(())
        return got, full, await one.claim(Claim(3, "carol", ""))

    got, full, unknown = play(engine, story, "gw1")
    assert got == (FIRST + 256 + 999,)
    assert isinstance(full, Failure)
    assert isinstance(unknown, Failure)


def test_a_fault_says_what_it_was(engine):
    async def story(database, one):
        database.go("no route to the database")
        await one.claim(Claim(1, "alice", ""))

    with pytest.raises(OSError, match="no route to the database"):
        play(engine, story, "gw1")


def test_a_list_comes_whole_however_long_it_is(engine):
    """In a message there is room for a few of these."""
    client = "x" * 1000

    async def story(_, one):
        kept = [session(number) for number in range(600)]
        long = [
            Past(Present("gw1", f"s{n}", "bob", "::1", "", client, 1.0), None, 0, 0, 0, "") for n in range(600, 700)
        ]
        for first in range(0, 600, 100):
            await one.keep(tuple(kept[first : first + 100]))
        await one.keep(tuple(long))
        return await one.present(), await one.present("bob"), await one.past(Wanted())

    everybody, bobs, page = play(engine, story, "gw1")
    assert [each.id for each in everybody] == [f"s{number}" for number in range(700)]
    assert len(bobs) == 100
    assert [each.present.id for each in page.sessions] == [f"s{number}" for number in range(699, 571, -1)]
    assert page.before == 573


def test_a_page_of_nobody_has_no_older_one(engine):
    page = play(engine, lambda _, one: one.past(Wanted("nobody")), "gw1")
    assert (page.sessions, page.before) == ((), None)


def test_a_ban_is_everywhere_and_a_lifted_one_nowhere(engine):
    async def story(database, one, two):
        await one.ban(GUESSER, 60.0)
        database.now += 20
        there = await two.bans()
        await two.ban(GUESSER, 0.0)
        return there, await one.bans(), await one.news()

    there, gone, news = play(engine, story, "gw1", "gw2")
    assert there == ((GUESSER, 40.0),)
    assert gone == ()
    assert news == (News(Sign.JOINED), News(Sign.BANS), News(Sign.BANS))


def test_news_wait_for_something_to_happen(engine):
    async def story(_, one, two):
        await one.news()
        waiting = asyncio.create_task(one.news())
        await asyncio.sleep(0)
        await two.tell(News(Sign.LOGOUT, "alice"))
        return await waiting

    assert play(engine, story, "gw1", "gw2") == (News(Sign.LOGOUT, "alice"),)


def test_a_user_is_written_in_place_of_what_was_read_only(engine):
    async def story(_, one, two):
        first = await one.write_user("alice", b"sealed", 0)
        late = await two.write_user("alice", b"other", 0)
        second = await two.write_user("alice", b"other", first)
        return late, await one.users(0), await one.users(second)

    late, users, newer = play(engine, story, "gw1", "gw2")
    assert late is None
    assert [(each.name, each.sealed) for each in users] == [("alice", b"other")]
    assert newer == ()


def test_a_code_is_spent_once_in_the_whole_fleet(engine):
    async def story(_, one, two):
        spent = [await one.spend("alice", 7), await two.spend("alice", 7), await two.spend("alice", 8)]
        return [*spent, await one.spend("recovery", None), await two.spend("recovery", None)]

    assert play(engine, story, "gw1", "gw2") == [True, False, True, True, False]


def test_whoever_was_proved_at_one_is_known_at_the_other(engine):
    async def story(_, one, two):
        await one.vouch("alice", "192.0.2.0/24")
        return await two.vouched("alice", "192.0.2.0/24"), await two.vouched("alice", "198.51.100.0/24")

    assert play(engine, story, "gw1", "gw2") == (True, False)


def test_a_gateway_that_leaves_has_nothing(engine):
    async def story(_, one, two):
        await one.claim(Claim(1, "alice", ""))
        before = await two.gateways()
        await one.leave()
        return before, await two.gateways(), await two.claim(Claim(1, "bob", "", (FIRST,)))

    before, after, got = play(engine, story, "gw1", "gw2")
    assert [(each.name, each.alive, each.sessions) for each in before] == [("gw1", True, 1), ("gw2", True, 0)]
    assert [each.name for each in after] == ["gw2"]
    assert got == (FIRST,)


def test_the_next_run_of_a_gateway_finds_its_addresses_free():
    async def run():
        database, first = Database(), member()
        await FakeFleet(database, first).claim(Claim(1, "alice", "", (FIRST,)))
        return await FakeFleet(database, later(first)).claim(Claim(1, "bob", "", (FIRST,)))

    assert asyncio.run(run()) == (FIRST,)


def test_a_name_that_a_living_gateway_has_is_refused():
    async def run():
        database = Database()
        await FakeFleet(database).beat()
        await FakeFleet(database, member(seat="b" * 32)).beat()

    with pytest.raises(OSError, match="fleet_name"):
        asyncio.run(run())


def test_a_list_without_an_end_is_not_believed():
    """As a process in an intruder's hands tells it."""
    endless = sharing.Portion((News(Sign.BANS),), 7, 1 << 40)

    async def ask(verb, request):
        return endless

    with pytest.raises(OSError, match="without an end"):
        asyncio.run(FarFleet(ask).news())
