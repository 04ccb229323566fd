"""What an administrator types at one gateway of a fleet: the answer of a whole program, and what others hear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet_double import Database, FakeFleet, member
from lotor.control.messages import NOT_LOGGED_IN, AddBan, Disconnected, Everywhere, Failed, Gateways, Lift, Logout
from lotor.control.service import Credential
from lotor.daemon import gateways as module
from lotor.daemon.exits import Exit
from lotor.ports.fleet import News, Past, Present, Sign
from lotor.warden.gateways import Own
from visiting import ROOT, Typing, play


def there(number, user, gateway="gw2"):
    return Past(
        Present(gateway, f"a1-{number}", user, "198.51.100.7", f"10.99.98.{number}", "vpnc", 60.0),
        *[None] + [0] * 3,
        "",
    )


class Fleet:
    """Two gateways, the program of the test is the first. `obeys`: whether the other one does what it hears."""

    def __init__(self, world, obeys=True):
        self.database, self.world, self.obeys = Database(), world, obeys
        self.mine = FakeFleet(self.database, member("gw1"))
        self.other = FakeFleet(self.database, replace(member("gw2"), seat="5ea8" * 8))
        self.mine._seen()
        self.other._seen()
        world.wardens["gateway"].gateways._own = Own(lambda: self.mine, lambda: "gw1")
        world.gateway_admin._gateways._pause = self.pause
        self.pauses = 0

    def up(self, *sessions):
        self.database.past.update({each.present.id: each for each in sessions})

    async def pause(self, seconds):
        """The other gateway hears the news meanwhile."""
        del seconds
        self.pauses += 1
        for each in await self.other.news() if self.other._news else ():
            if each.sign is Sign.LOGOUT and self.obeys:
                for key, past in list(self.database.past.items()):
                    if each.subject in (past.present.user, past.present.inside, key):
                        self.database.past[key] = replace(past, ended=99.0)


@pytest.mark.parametrize("far", [False, True])
def test_a_logout_reaches_every_gateway_and_says_what_became_of_it(directory, far):
    async def story(world):
        fleet = Fleet(world)
        fleet.up(there(1, "alice"), there(2, "alice"), there(3, "bob"), there(4, "alice", "gw3"))
        await world.vc("alice")
        done = await world.gateway_admin.logout(Logout("alice", everywhere=True), ROOT)
        await world.settle()
        return done, [each.present.user for each in fleet.database.past.values() if each.ended is None], fleet.pauses

    done, left, pauses = play(directory, story, far=far)
    assert isinstance(done, Everywhere)
    assert (done.report["name"], done.report["here"], done.report["fault"]) == ("gw1", 1, "")
    assert done.report["gateways"] == [
        {"gateway": "gw2", "sessions": 2, "left": 0},
        {"gateway": "gw3", "sessions": 1, "left": 0},
    ]
    assert (left, pauses) == (["bob"], 1)


@pytest.mark.parametrize("subject", ["10.99.98.3", "a1-3"])
def test_a_session_elsewhere_ends_by_its_address_or_its_id(directory, subject):
    async def story(world):
        fleet = Fleet(world)
        fleet.up(there(1, "alice"), there(3, "bob"))
        await world.vc("alice")
        done = await world.gateway_admin.logout(Logout(subject, everywhere=True), ROOT)
        return done.report, [each.present.user for each in fleet.database.past.values() if each.ended is None]

    report, left = play(directory, story)
    assert (report["here"], report["gateways"]) == (0, [{"gateway": "gw2", "sessions": 1, "left": 0}])
    assert left == ["alice"]


@pytest.mark.parametrize("by", ["address", "id"])
def test_a_session_here_ends_by_its_address_or_its_id(directory, by):
    async def story(world):
        await world.vc("alice")
        (session,) = world.gateway.register.all()
        subject = session.key if by == "id" else "10.99.99.1"
        return await world.gateway_admin.logout(Logout(subject), ROOT)

    assert play(directory, story) == Disconnected(1)


def test_a_gateway_that_does_not_obey_is_told_of_after_a_while(directory):
    async def story(world):
        fleet = Fleet(world, obeys=False)
        fleet.up(there(1, "alice"))
        return (await world.gateway_admin.logout(Logout("alice", everywhere=True), ROOT)).report, fleet.pauses

    report, pauses = play(directory, story)
    assert report["gateways"] == [{"gateway": "gw2", "sessions": 1, "left": 1}]
    assert pauses == module.LOOKS


def test_with_here_nobody_else_hears_of_it(directory):
    async def story(world):
        fleet = Fleet(world)
        fleet.up(there(1, "alice"))
        await world.vc("alice")
        return await world.gateway_admin.logout(Logout("alice"), ROOT), fleet.mine.asked

    assert play(directory, story) == (Disconnected(1), [])


def test_a_gateway_alone_answers_as_it_did(directory):
    async def story(world):
        await world.vc("alice")
        done = await world.gateway_admin.logout(Logout("alice", everywhere=True), ROOT)
        return done, await world.gateway_admin.gateways(Gateways(), ROOT)

    done, told = play(directory, story)
    assert done == Disconnected(1)
    assert isinstance(told, Failed)
    assert (told.cause, "stands alone" in told.text, "postgresql" in told.fix) == (Exit.FAILED.name, True, True)


def test_who_is_nowhere_is_nowhere(directory):
    async def story(world):
        Fleet(world)
        return await world.gateway_admin.logout(Logout("mallory", everywhere=True), ROOT)

    assert play(directory, story) == Failed("mallory is not logged in at any gateway", kind=NOT_LOGGED_IN)


def test_while_the_database_is_away_sessions_here_end_and_it_is_said(directory):
    async def story(world):
        fleet = Fleet(world)
        fleet.database.go()
        await world.vc("alice")
        done = await world.gateway_admin.logout(Logout("alice", everywhere=True), ROOT)
        return done.report, (await world.gateway_admin.gateways(Gateways(), ROOT)).report

    report, told = play(directory, story)
    assert (report["here"], report["fault"], report["gateways"]) == (1, "the database is away", [])
    assert told["fault"] == "the database is away"
    assert [(each["name"], each["here"], each["seen"]) for each in told["gateways"]] == [("gw1", True, None)]


def test_a_database_that_goes_in_the_middle_leaves_no_doubt_unsaid(directory):
    async def story(world):
        fleet = Fleet(world)
        fleet.up(there(1, "alice"))

        async def pause(seconds):
            fleet.database.go()

        world.gateway_admin._gateways._pause = pause
        return (await world.gateway_admin.logout(Logout("alice", everywhere=True), ROOT)).report, await fleet_news(
            fleet
        )

    report, heard = play(directory, story)
    assert report["fault"] == "the database is away"
    assert report["gateways"] == [{"gateway": "gw2", "sessions": 1, "left": 1}]
    assert News(Sign.LOGOUT, "alice") in heard


async def fleet_news(fleet):
    fleet.database.away = ""
    return await fleet.other.news()


@pytest.mark.parametrize("far", [False, True])
def test_all_gateways_and_who_is_connected_where(directory, far):
    async def story(world):
        fleet = Fleet(world)
        fleet.up(there(1, "bob"), there(2, "\x1b[2Jcarol"), there(9, "ghost", "gw1"))
        fleet.database.now = 700.0
        fleet.database.seen["gw1"] = 699.0
        await world.vc("alice")
        every = (await world.gateway_admin.gateways(Gateways(), ROOT)).report
        return every, (await world.gateway_admin.gateways(Gateways("bob"), ROOT)).report

    every, bobs = play(directory, story, far=far)
    assert [(each["name"], each["here"], each["alive"], each["seen"]) for each in every["gateways"]] == [
        ("gw1", True, True, 1.0),
        ("gw2", False, False, 700.0),
    ]
    assert [(each["user"], each["gateway"], each["address"]) for each in every["sessions"]] == [
        ("alice", "gw1", "10.99.99.1"),
        ("bob", "gw2", "10.99.98.1"),
        ("?[2Jcarol", "gw2", "10.99.98.2"),
    ]
    assert [each["user"] for each in bobs["sessions"]] == ["bob"]
    assert every["left_out"] == 0


def test_whoever_is_no_administrator_reaches_no_other_gateway(directory):
    guest = Typing()
    guest.credential = Credential(7, 4711, 4711)

    async def story(world):
        fleet = Fleet(world)
        fleet.up(there(1, "alice"))
        told = [
            await world.gateway_admin.gateways(Gateways(), guest),
            await world.gateway_admin.logout(Logout("alice", everywhere=True), guest),
        ]
        return told, fleet.mine.asked

    told, asked = play(directory, story)
    assert all(isinstance(each, Failed) and "admin_group" in each.text for each in told)
    assert asked == []


def test_the_figures_tell_of_the_fleet_where_there_is_one(directory):
    async def figures(world):
        families = (await world.gateway_admin.metrics(ROOT)).figures["families"]
        return {name: [each["value"] for each in families[name]] for name in families if "_fleet_" in name}

    async def story(world):
        alone, fleet = await figures(world), Fleet(world)
        fleet.database.now = 700.0
        fleet.database.seen["gw1"] = 699.0
        there = await figures(world)
        fleet.database.go()
        return alone, there, await figures(world)

    alone, there, away = play(directory, story)
    assert alone == {}
    assert there == {"lotor_fleet_up": [1], "lotor_fleet_gateways": [1, 1], "lotor_fleet_rows_waiting": [0]}
    assert away == {"lotor_fleet_up": [0], "lotor_fleet_rows_waiting": [0]}


def test_what_is_said_of_a_ban_names_the_fleet(directory):
    async def said(admin):
        made = (await admin.ban(AddBan("bob", 60), ROOT)).bans["fleet"]
        return made, (await admin.bans(ROOT)).bans["fleet"], (await admin.lift(Lift("bob"), ROOT)).text

    async def story(world):
        alone, fleet = await said(world.gateway_admin), Fleet(world)
        there = await said(world.gateway_admin)
        fleet.database.go()
        return alone, there, await said(world.gateway_admin)

    alone, there, away = play(directory, story)
    assert alone == ("", "", "bob may log in again")
    assert there == (
        "it holds at all 2 gateways of the fleet",
        "they hold at all 2 gateways of the fleet",
        "bob may log in again\nthat holds at all 2 gateways of the fleet",
    )
    assert away[0] == "other gateways of the fleet may not know of it yet: the database is away"
