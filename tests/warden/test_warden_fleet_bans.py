"""Bans of a fleet: in force everywhere, whoever made them, and whatever the database did meanwhile."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from far import until
from fleet_double import Database, FakeFleet, member
from lotor.auth import banned
from lotor.auth.current import NoLogins
from lotor.model.ban import Ban
from lotor.ports.fleet import News, Sign
from lotor.store import Store
from lotor.warden import fleet_bans, fleet_watch
from lotor.warden.fleet_watch import FleetWatch
from lotor.warden.judged_fleet import JudgedFleet
from lotor.warden.recording import KeptRecords


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(fleet_watch, "RETRY", 0.0)
    monkeypatch.setattr(fleet_watch, "PAUSE", 0.0)
    monkeypatch.setattr(fleet_bans, "PAUSE", 0.0)


class House:
    def __init__(self, database, name, file=None) -> None:
        self.fleet = FakeFleet(database, member(name, seat=name.encode().hex().rjust(32, "0")))
        self.store = Store(file)
        self.records = KeptRecords(NoLogins(), self.store)
        self.watch = FleetWatch(JudgedFleet(self.fleet), 600)

    async def begin(self):
        await self.store.open()
        await self.records.recall()
        self.records.share(self.watch)
        await self.watch.begin()

    async def end(self):
        await self.records.settle()
        await self.watch.end()
        await self.store.close()

    async def subjects(self):
        return sorted(each.subject for each in await self.records.bans())


def play(story, *names, file=None, database=None):
    async def run():
        shared = database or Database()
        houses = [House(shared, name, file) for name in names]
        async with asyncio.timeout(60), contextlib.AsyncExitStack() as ends:
            for each in houses:
                await each.begin()
                ends.push_async_callback(each.end)
            return await story(shared, *houses)

    return asyncio.run(run())


def holds(house, *subjects):
    return lambda: sorted(each.subject for each in house.records.logins.all()) == sorted(subjects)


def test_a_ban_that_is_made_anywhere_is_in_force_everywhere_and_lifted_everywhere():
    async def story(database, one, two):
        await one.records.ban("192.0.2.7", 600)
        await one.records.ban("mallory", 600)
        await until(holds(two, "192.0.2.7", "mallory"))
        lasts = (await two.records.bans())[0]
        await two.records.lift("mallory")
        await until(holds(one, "192.0.2.7"))
        return lasts.until - two.records.logins.banned.wall(), database.bans

    left, bans = play(story, "gw1", "gw2")
    assert 590 < left <= 600
    assert list(bans) == [(True, "192.0.2.7")]


def test_the_seconds_that_the_database_tells_count():
    async def story(database, one):
        database.bans[True, "192.0.2.7"] = Ban("192.0.2.7", True, 1.0, 2.0, "by hand"), database.now + 90
        await one.fleet.tell(fleet_bans.News(fleet_bans.Sign.BANS))
        await until(holds(one, "192.0.2.7"))
        return (await one.records.bans())[0].until - one.records.logins.banned.wall()

    assert 80 < play(story, "gw1") <= 90


def test_more_bans_than_there_is_room_for_do_not_push_each_other_out(monkeypatch, caplog):
    """With each of the news anew: those that last the longest stay, and those by hand."""
    monkeypatch.setattr(fleet_bans, "MOST", 3)
    monkeypatch.setattr(banned, "MOST", 3)

    async def story(database, one):
        for number in range(6):
            ban = Ban(f"192.0.2.{number}", True, 1.0, 2.0, "by hand" if number == 0 else "6 wrong logins within 60 s")
            database.bans[True, ban.subject] = ban, database.now + 100 * number + 100
        one.fleet.database.tell(News(Sign.BANS))
        await until(holds(one, "192.0.2.0", "192.0.2.4", "192.0.2.5"))
        caplog.clear()
        looks = one.fleet.asked.count("bans")
        database.tell(News(Sign.BANS))
        await until(lambda: one.fleet.asked.count("bans") > looks)
        await one.records.fleet.end()
        return await one.subjects()

    assert play(story, "gw1") == ["192.0.2.0", "192.0.2.4", "192.0.2.5"]
    assert "banned" not in caplog.text


def test_what_was_banned_and_lifted_while_the_database_was_away_is_said_later():
    async def story(database, one, two):
        await one.records.ban("alice", 600)
        await until(holds(two, "alice"))
        database.go()
        await one.records.ban("mallory", 600)
        await one.records.lift("alice")
        await until(lambda: one.watch.away is not None)
        here, waits = await one.subjects(), one.records.fleet.waiting
        database.come()
        await until(holds(two, "mallory"))
        return here, waits, await one.subjects()

    assert play(story, "gw1", "gw2") == (["mallory"], 2, ["mallory"])


def test_a_restart_forgets_nothing_that_was_not_said(tmp_path):
    file, database = tmp_path / "lotor.db", Database()

    async def cut_off(database, one):
        await one.records.ban("alice", 600)
        await one.records.ban("bob", 600)
        await until(lambda: not one.records.fleet.waiting)
        database.go()
        await one.records.ban("mallory", 600)
        await one.records.lift("bob")

    async def back(database, one):
        await until(lambda: not one.records.fleet.waiting and not one.records.fleet._stale)
        return await one.subjects()

    play(cut_off, "gw1", file=file, database=database)
    database.away = ""
    del database.bans[False, "alice"]  # lifted at another gateway meanwhile
    database.ends.clear()
    assert play(back, "gw1", file=file, database=database) == ["mallory"]
    assert list(database.bans) == [(False, "mallory")]


def test_the_bans_of_a_gateway_that_stood_alone_come_along(tmp_path):
    file = tmp_path / "lotor.db"

    async def alone():
        store = Store(file)
        await store.open()
        records = KeptRecords(NoLogins(), store)
        await records.recall()
        await records.ban("mallory", 600)
        await records.ban("bob", 600)
        await records.lift("bob")
        await records.settle()
        await store.close()

    async def joined(database, one):
        await until(lambda: database.bans)
        await until(lambda: not one.records.fleet.waiting)
        return await one.subjects()

    asyncio.run(alone())
    assert play(joined, "gw1", file=file) == ["mallory"]


LIES = [
    Ban("0.0.0.0/0", True, 0.0, 60.0, "by hand"),
    Ban("::/0", True, 0.0, 60.0, "by hand"),
    Ban("nonsense", True, 0.0, 60.0, "by hand"),
    Ban("", False, 0.0, 60.0, "by hand"),
    Ban("a\x1b[2J", False, 0.0, 60.0, "by hand"),
    Ban("alice", False, 0.0, 60.0, "x" * 1000),
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: repr(lie.subject))
def test_a_ban_that_nobody_could_have_meant_is_not_believed(lie, caplog):
    async def story(database, one):
        database.bans[lie.network, lie.subject] = lie, database.now + 60
        database.bans[False, "mallory"] = Ban("mallory", False, 0.0, 60.0, "by hand"), database.now + 60
        await one.fleet.tell(fleet_bans.News(fleet_bans.Sign.BANS))
        await until(holds(one, "mallory"))

    play(story, "gw1")
    assert "answered what it may not" in caplog.text


def test_a_ban_of_everybody_is_for_the_gateway_where_it_was_made():
    async def story(database, one, two):
        await one.records.ban("0.0.0.0/0", 600)
        await one.records.ban("mallory", 600)
        await until(holds(two, "mallory"))
        await until(lambda: not one.records.fleet._stale)
        return await one.subjects()

    assert play(story, "gw1", "gw2") == ["0.0.0.0/0", "mallory"]
