"""Addresses of a fleet: who gets which, who keeps it, and that nobody has another one's."""

from __future__ import annotations

import asyncio
import random
from ipaddress import IPv4Address, IPv6Address

import asyncpg
import pytest

from fleets import FIRST, pool
from lotor.fleet import RefusedError, leasing
from lotor.model.judgement import Failure
from lotor.model.reasons.local import GrantInUse, GrantPoolUnknown, PoolExhausted
from lotor.ports.fleet import Claim, News, Sign

SIX = IPv6Address("fd00::1")


def at(offset):
    return FIRST + offset


def lapse(server, name):
    """The database has not heard of it for longer than its lease."""
    server.sql(f"UPDATE lotor.gateways SET heard = heard - make_interval(secs => lease + 1) WHERE name = '{name}'")


async def asked(server, question, answer):
    """Until the server says so."""
    async with asyncio.timeout(60):
        while await asyncio.to_thread(server.sql, question) != answer:
            continue


def looked(gateway, monkeypatch):
    """Has an item for each question that it asks the database from now on."""
    looks, carried_out = asyncio.Queue(), gateway._members.run

    async def counted(work, **more):
        looks.put_nowait(None)
        return await carried_out(work, **more)

    monkeypatch.setattr(gateway._members, "run", counted)
    return looks


async def heard(gateway, *signs):
    """The news of these kinds, once there is one of each."""
    found = []
    async with asyncio.timeout(60):
        while not set(signs) <= {each.sign for each in found}:
            found += await gateway.news()
    return [each for each in found if each.sign in signs]


def test_a_user_gets_the_last_address_again_at_any_gateway(run):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        assert await one.claim(Claim(1, "u", "p")) == (at(0),)
        await one.give_back((1,))
        assert await two.claim(Claim(1, "v", "p")) == (at(1),)
        assert await two.claim(Claim(2, "u", "p")) == (at(0),)

    run(play)


def test_the_same_session_has_the_same_address_however_often_it_claims(run):
    async def play(fleet):
        one = await fleet.join("one")
        had = await asyncio.gather(*(one.claim(Claim(1, "u", "p")) for _ in range(8)))
        assert set(had) == {(at(0),)}
        assert await one.claim(Claim(2, "u", "p")) == (at(1),)

    run(play)


def test_free_ones_are_given_in_the_order_in_which_they_rest(run):
    async def play(fleet):
        one = await fleet.join("one")
        for number in range(3):
            assert await one.claim(Claim(number, f"u{number}", "p")) == (at(number),)
        full = await one.claim(Claim(9, "v", "p"))
        assert isinstance(full.reason, PoolExhausted)
        assert (full.reason.first, full.reason.size) == (FIRST, 3)
        for number in (2, 0, 1):
            await one.give_back((number,))
        assert [await one.claim(Claim(10 + n, f"v{n}", "p")) for n in range(3)] == [(at(2),), (at(0),), (at(1),)]

    run(play)


def test_the_lowest_free_one_for_pools_that_want_it(run):
    async def play(fleet):
        one = await fleet.join("one", pools=pool(4, lowest=True, reserved=(at(1),)))
        had = [await one.claim(Claim(n, f"u{n}", "p")) for n in range(3)]
        assert had == [(at(0),), (at(2),), (at(3),)]
        await one.give_back((0, 1, 2))
        assert await one.claim(Claim(5, "u2", "p")) == (at(0),)

    run(play)


def test_reserved_ones_are_granted_only_and_are_given_once_they_are_not_reserved(run):
    async def play(fleet):
        one = await fleet.join("one", pools=pool(2, reserved=(at(0),)))
        assert await one.claim(Claim(1, "u", "p")) == (at(1),)
        assert isinstance((await one.claim(Claim(2, "v", "p"))).reason, PoolExhausted)
        assert await one.claim(Claim(3, "w", "p", (at(0),))) == (at(0),)
        await one.give_back((3,))
        assert isinstance((await one.claim(Claim(4, "w", "p"))).reason, PoolExhausted)
        await one.pools(pool(2))
        assert await one.claim(Claim(4, "v", "p")) == (at(0),)

    run(play)


def test_granted_addresses_are_these_or_none(run):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two")
        assert await one.claim(Claim(1, "u", "", (at(1), SIX))) == (at(1), SIX)
        assert await two.claim(Claim(1, "v", "", (at(2), SIX))) == Failure(GrantInUse(SIX))
        assert await two.claim(Claim(2, "v", "p", (at(2),))) == (at(2),)  # nothing of the refused claim stayed
        assert await two.claim(Claim(3, "w", "p")) == (at(0),)
        assert isinstance((await two.claim(Claim(4, "x", "p"))).reason, PoolExhausted)
        assert await one.claim(Claim(1, "u", "", (IPv6Address("fd00::2"),))) == (IPv6Address("fd00::2"),)
        assert await two.claim(Claim(5, "x", "", (at(1), SIX))) == (at(1), SIX)

    run(play)


def test_a_pool_that_nobody_told_of_gives_nothing(run):
    async def play(fleet):
        one = await fleet.join("one")
        assert await one.claim(Claim(1, "u", "q")) == Failure(GrantPoolUnknown("q"))

    run(play)


def test_a_pool_with_another_name_or_size_takes_what_others_left(run):
    async def play(fleet):
        one = await fleet.join("one")
        for number in range(3):
            await one.claim(Claim(number, f"u{number}", "p"))
        await one.pools(pool(4, name="q"))
        await one.give_back((1,))
        assert await one.claim(Claim(7, "v", "q")) == (at(3),)
        assert await one.claim(Claim(8, "w", "q")) == (at(1),)
        await one.give_back((0,))
        assert await one.claim(Claim(9, "x", "q")) == (at(0),)
        assert isinstance((await one.claim(Claim(10, "y", "q"))).reason, PoolExhausted)

    run(play)


def test_a_claim_that_is_carried_out_behind_its_end_holds_nothing(run, server, monkeypatch):
    """A login that was given up: its address was given back before the server came to the claim."""
    monkeypatch.setattr(leasing, "SETTLED", 0.0)

    async def play(fleet):
        one = await fleet.join("one")
        await one.claim(Claim(1, "u", "p"))  # there is a row of the pool
        await one.claim(Claim(2, "w", "", (SIX,)))
        held = await asyncpg.connect(dsn=f"postgresql://postgres@/lotor?host={server.home}&port={server.port}")
        try:
            async with held.transaction():
                await held.execute("SELECT 1 FROM lotor.leases WHERE address = 'fd00::1' FOR UPDATE")
                await one.give_back((1,))
                coming = asyncio.create_task(one.claim(Claim(3, "w", "", (at(5), SIX))))
                await asked(server, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1")
                coming.cancel()
                await asyncio.wait({coming})
                await one.give_back((3,))
                await held.execute("UPDATE lotor.leases SET held = false, run = '' WHERE address = 'fd00::1'")
        finally:
            await held.close()
        await asked(server, "SELECT count(*) FROM lotor.leases WHERE held AND session = 3", "2")
        await one.beat()
        assert server.sql("SELECT count(*) FROM lotor.leases WHERE held") == "0"

    run(play)


def test_whoever_moves_keeps_the_address_once_the_other_gateway_gives_it_back(run, monkeypatch):
    monkeypatch.setattr(leasing, "SHOWS", 3600.0)

    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two", wait=30.0)
        await one.claim(Claim(1, "u", "p"))
        coming = asyncio.create_task(two.claim(Claim(1, "u", "p")))
        assert await heard(one, Sign.RETURNED) == [News(Sign.RETURNED, "u")]
        await one.beat()
        monkeypatch.setattr(leasing, "SHOWS", 0.0)  # it has shown itself since
        looks = looked(two, monkeypatch)
        for _ in range(3):
            await looks.get()
        assert not coming.done()
        await one.give_back((1,))
        assert await coming == (at(0),)

    run(play)


def test_whoever_has_two_devices_gets_another_address_after_a_moment(run):
    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two", wait=0.5)
        await one.claim(Claim(1, "u", "p"))
        assert await two.claim(Claim(1, "u", "p")) == (at(1),)
        assert await one.claim(Claim(2, "w", "p", (at(1),))) == Failure(GrantInUse(at(1)))
        assert len(await heard(one, Sign.RETURNED)) == 1

    run(play)


def test_those_without_a_login_wait_for_nobody_and_have_no_last_address(run):
    async def play(fleet):
        one, two = await fleet.join("one", size=4), await fleet.join("two", size=4, wait=3600.0)
        assert await one.claim(Claim(1, "", "p")) == (at(0),)
        assert await two.claim(Claim(1, "", "p")) == (at(1),)
        assert await two.claim(Claim(2, "", "", (at(0),))) == Failure(GrantInUse(at(0)))
        await one.give_back((1,))
        assert await two.claim(Claim(3, "", "p")) == (at(2),)  # that one rests

    run(play)


def test_a_gateway_that_does_not_show_itself_is_not_waited_for(run, monkeypatch):
    """It is dead, and its lease lasts for a while."""
    monkeypatch.setattr(leasing, "SHOWS", 0.0)

    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two", wait=3600.0)
        await one.claim(Claim(1, "u", "p"))
        assert await two.claim(Claim(1, "u", "p")) == (at(1),)

    run(play)


def test_a_granted_address_moves_with_its_user_but_goes_to_no_other(run, monkeypatch):
    monkeypatch.setattr(leasing, "SHOWS", 0.0)

    async def play(fleet):
        one, two = await fleet.join("one"), await fleet.join("two", wait=30.0)
        await one.claim(Claim(1, "u", "", (at(7),)))
        assert await two.claim(Claim(1, "v", "", (at(7),))) == Failure(GrantInUse(at(7)))
        coming = asyncio.create_task(two.claim(Claim(2, "u", "", (at(7),))))
        await heard(one, Sign.RETURNED)
        await one.give_back((1,))
        assert await coming == (at(7),)

    run(play)


def test_a_silent_gateway_loses_its_addresses_and_hears_which(run, server):
    async def play(fleet):
        one, two = await fleet.join("one", size=2), await fleet.join("two", size=2)
        assert await one.claim(Claim(1, "u", "p")) == (at(0),)
        assert await one.claim(Claim(2, "v", "p")) == (at(1),)
        lapse(server, "one")
        assert await two.claim(Claim(1, "u", "p")) == (at(0),)  # at once: nobody is asked
        assert [(each.name, each.alive) for each in await two.gateways()] == [("one", False), ("two", True)]
        assert await heard(one, Sign.LOST) == [News(Sign.LOST, "10.99.99.1")]
        await one.beat()
        assert await heard(one, Sign.JOINED)
        assert await one.claim(Claim(1, "u", "p", (at(0),), held=True)) == Failure(GrantInUse(at(0)))
        assert await one.claim(Claim(2, "v", "p", (at(1),), held=True)) == (at(1),)
        assert isinstance((await two.claim(Claim(3, "w", "p"))).reason, PoolExhausted)

    run(play)


def test_a_session_keeps_what_a_newer_one_of_its_gateway_was_given_meanwhile(run, server):
    """Behind a lapse: the pool there refuses the newer one."""

    async def play(fleet):
        one = await fleet.join("one", size=1)
        await one.claim(Claim(1, "u", "p"))
        server.sql("UPDATE lotor.leases SET held = false")
        assert await one.claim(Claim(2, "v", "p")) == (at(0),)
        assert await one.claim(Claim(1, "u", "p", (at(0),), held=True)) == (at(0),)
        await one.give_back((2,))
        assert server.sql("SELECT session FROM lotor.leases WHERE held") == "1"

    run(play)


def test_a_claim_of_a_gateway_that_was_silent_counts_once_it_was_heard_of(run, server):
    async def play(fleet):
        one = await fleet.join("one")
        lapse(server, "one")
        assert await one.claim(Claim(1, "u", "p")) == (at(0),)
        assert await heard(one, Sign.JOINED)

    run(play)


def test_addresses_of_silent_gateways_rest_from_their_lapse_on(run, server):
    async def play(fleet):
        one, two = await fleet.join("one", size=2), await fleet.join("two", size=2)
        await one.claim(Claim(1, "u", "p"))
        await two.claim(Claim(1, "v", "p"))
        await two.give_back((1,))
        server.sql("UPDATE lotor.leases SET rested = rested - interval '1 hour' WHERE address = '10.99.99.2'")
        lapse(server, "one")
        assert await two.claim(Claim(2, "w", "p")) == (at(1),)
        assert await two.claim(Claim(3, "x", "p")) == (at(0),)

    run(play)


def test_a_gateway_that_leaves_or_starts_anew_frees_what_it_had(run):
    async def play(fleet):
        one, two = await fleet.join("one", size=1), await fleet.join("two", size=1)
        await one.claim(Claim(1, "u", "p"))
        await one.leave()
        assert await two.claim(Claim(1, "v", "p")) == (at(0),)
        again = await fleet.join("two", size=1, run=2)
        assert await again.claim(Claim(1, "w", "p")) == (at(0),)
        with pytest.raises(RefusedError, match="taken the place"):
            await two.beat()
        with pytest.raises(RefusedError, match="taken the place"):
            await two.claim(Claim(5, "v", "p"))
        with pytest.raises(RefusedError, match="taken the place"):
            await two.give_back((1,))
        with pytest.raises(RefusedError, match="taken the place"):
            await two.leave()
        assert await heard(two, Sign.REPLACED)
        assert isinstance((await one.claim(Claim(2, "x", "p"))).reason, PoolExhausted)

    run(play)


def test_a_gateway_goes_on_with_a_database_that_is_older_than_its_start(run, server):
    """A backup knows the run before; whatever is held is claimed once more."""

    async def play(fleet):
        one = await fleet.join("one", run=2)
        await one.claim(Claim(1, "u", "p"))
        server.sql(
            f"UPDATE lotor.gateways SET run = '{1:032x}', heard = heard - interval '1 day'",
            f"UPDATE lotor.leases SET run = '{1:032x}', session = 7",
        )
        await one.beat()
        assert await heard(one, Sign.JOINED)
        assert await one.claim(Claim(1, "u", "p", (at(0),), held=True)) == (at(0),)

    run(play)


def test_two_gateways_with_one_name_are_told_so(run, server):
    async def play(fleet):
        one = await fleet.join("one", size=1)
        await one.claim(Claim(1, "u", "p"))
        other = fleet.make("one", seat="elsewhere")
        with pytest.raises(RefusedError, match="give each gateway its own fleet_name"):
            await other.open()
        lapse(server, "one")
        await other.beat()
        await other.pools(pool(1))
        assert await other.claim(Claim(1, "v", "p")) == (at(0),)
        with pytest.raises(RefusedError):
            await one.beat()
        assert await heard(one, Sign.REPLACED)

    run(play)


@pytest.mark.parametrize("gateways", [2, 5])
def test_254_users_race_for_253_addresses(run, gateways):
    async def play(fleet):
        members = [await fleet.join(f"gw{number}", size=253) for number in range(gateways)]
        claims = [members[user % gateways].claim(Claim(user, f"user{user}", "p")) for user in range(254)]
        had = await asyncio.gather(*claims)
        failed = [each for each in had if isinstance(each, Failure)]
        assert [type(each.reason) for each in failed] == [PoolExhausted]
        assert {each for each in had if not isinstance(each, Failure)} == {(at(number),) for number in range(253)}

    run(play)


def test_what_2000_random_steps_leave_is_what_a_model_says(run, server):
    """Among gateways that live no address is had twice, and each session has what it was told."""
    dice = random.Random(12)

    async def play(fleet):
        names = ["one", "two", "three"]
        members = {name: await fleet.join(name, size=20) for name in names}
        held: dict[tuple[str, int], tuple[str, tuple]] = {}
        claimed = refused = lapsed = 0
        for step in range(2000):
            name = dice.choice(names)
            match dice.random():
                case chance if chance < 0.55:
                    user = f"user{dice.randrange(30)}"
                    granted = (FIRST + dice.randrange(20),) if dice.random() < 0.1 else ()
                    had = await members[name].claim(Claim(step, user, "p", granted))
                    taken = {each for _, addresses in held.values() for each in addresses}
                    if isinstance(had, Failure):
                        assert set(granted) & taken or len(taken) == 20
                        refused += 1
                    else:
                        assert not set(had) & taken, (step, had)
                        held[name, step] = user, had
                        claimed += 1
                case chance if chance < 0.98 and held:
                    key = dice.choice(sorted(held))
                    await members[key[0]].give_back((key[1],))
                    del held[key]
                case _:
                    lapse(server, name)
                    other = dice.choice([each for each in names if each != name])
                    await members[other].claim(Claim(10_000 + step, "nobody", "q"))  # takes nothing
                    await members[other].claim(Claim(10_000 + step, "x", "", (IPv4Address("10.99.98.1"),)))
                    await members[other].give_back((10_000 + step,))
                    held = {key: value for key, value in held.items() if key[0] != name}
                    lapsed += 1
                    await members[name].beat()
        assert min(claimed, refused, lapsed) > 10
        rows = server.sql(
            "SELECT gateway, session, username, host(address) FROM lotor.leases WHERE held ORDER BY address"
        )
        told = {(g, int(s)): (u, (IPv4Address(a),)) for g, s, u, a in (row.split("|") for row in rows.splitlines())}
        assert told == held

    run(play)


def test_gateways_that_claim_and_give_back_at_once_have_what_they_were_told(run, server):
    """Four, with three things under way at each; a fifth one falls silent again and again."""

    async def play(fleet):
        members = [await fleet.join(f"gw{n}", size=30, lease=30 if n < 4 else 1) for n in range(5)]
        held: list[dict[int, tuple]] = [{} for _ in members]

        async def use(number, worker):
            dice, mine = random.Random(number * 10 + worker), held[number]
            for step in range(40):
                session = worker * 1000 + step
                if dice.random() < 0.55 or not mine:
                    granted = (FIRST + dice.randrange(30), IPv6Address(f"fd00::{dice.randrange(5)}"))
                    wanted = Claim(session, f"u{dice.randrange(40)}", "p", granted if dice.random() < 0.2 else ())
                    had = await members[number].claim(wanted)
                    if not isinstance(had, Failure):
                        mine[session] = had
                else:
                    mine.pop(given := dice.choice(sorted(mine)))
                    await members[number].give_back((given,))
                if number == 4 and step % 10 == 9:
                    lapse(server, "gw4")

        await asyncio.gather(*(use(number, worker) for number in range(5) for worker in range(3)))
        told = {
            (f"gw{number}", session, str(address))
            for number in range(4)
            for session, addresses in held[number].items()
            for address in addresses
        }
        rows = server.sql("SELECT gateway, session, host(address) FROM lotor.leases WHERE held AND gateway <> 'gw4'")
        assert {(gateway, int(session), address) for gateway, session, address in map(split, rows.splitlines())} == told
        assert len({address for *_, address in told}) == len(told) > 10
        assert "deadlock" not in (server.home / "log").read_text()

    run(play)


def split(row):
    return row.split("|")
