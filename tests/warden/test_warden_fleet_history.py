"""Sessions that a gateway tells its fleet: present, past, and those that ended while nobody could be told."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from far import until
from fleet_double import Database, FakeFleet, member
from lotor.model.kinds import Kind
from lotor.ports.accounting import Usage
from lotor.store import Store
from lotor.warden import fleet_history, fleet_watch
from lotor.warden.fleet_watch import FleetWatch
from lotor.warden.history import History
from lotor.warden.judged_fleet import JudgedFleet
from ports.test_ports_accounting import ALICE

USED = Usage(60, 1000, 2000, 10, 20)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    for each in (fleet_watch, fleet_history):
        monkeypatch.setattr(each, "PAUSE", 0.0)
    monkeypatch.setattr(fleet_watch, "RETRY", 0.0)


class House:
    def __init__(self, database, file=None) -> None:
        self.fleet = FakeFleet(database, member())
        self.store = Store(file)
        self.history = History(self.store)
        self.watch = FleetWatch(JudgedFleet(self.fleet), 600)

    async def begin(self, days):
        await self.store.open()
        await self.history.recall(Kind.GATEWAY_DIED)
        await self.history.obey(SimpleNamespace(history_days=days))
        self.history.fleet.begin(self.watch, "gw1")
        await self.watch.begin()

    async def end(self):
        await self.history.fleet.end(self.watch, 1.0)
        await self.watch.end()
        await self.history.settle()
        await self.store.close()


def play(story, *, file=None, database=None, days=90):
    async def run():
        shared = database or Database()
        shared.ends.clear()
        house = House(shared, file)
        async with asyncio.timeout(60), contextlib.AsyncExitStack() as ends:
            await house.begin(days)
            ends.push_async_callback(house.end)
            return await story(shared, house)

    return asyncio.run(run())


def account(number):
    return replace(ALICE, id=f"s{number}")


@pytest.mark.parametrize("days", [90, 0])
def test_who_is_connected_and_who_was_is_told(days):
    async def story(database, one):
        await one.history.start(account(1))
        await until(lambda: "s1" in database.past)
        present = database.past["s1"]
        await one.history.interim(account(1), USED)
        await one.history.stop(account(1), USED, Kind.PEER_DELETED)
        await until(lambda: database.past["s1"].ended is not None)
        return present, database.past["s1"]

    present, past = play(story, days=days)
    assert (present.present.gateway, present.present.user, present.ended) == ("gw1", "alice", None)
    assert (past.why, past.seconds, past.present.octets_in, past.packets_out) == ("peer-deleted", 60, 1000, 20)


def test_what_happens_while_the_database_is_away_is_told_later():
    async def story(database, one):
        database.go()
        for number in range(300):
            await one.history.start(account(number))
        await one.history.stop(account(7), USED, Kind.PEER_DELETED)
        await until(lambda: one.watch.away is not None)
        waits = one.history.fleet.waiting
        database.come()
        await until(lambda: len(database.past) == 300 and not one.history.fleet.waiting)
        return waits, sorted(each.present.id for each in database.past.values() if each.ended is not None)

    assert play(story) == (300, ["s7"])


def test_sessions_that_ended_before_a_restart_are_told_after_it(tmp_path):
    file, database = tmp_path / "lotor.db", Database()

    async def cut_off(database, one):
        await one.history.start(account(0))
        await until(lambda: "s0" in database.past)
        database.go()
        for number in range(1, 300):
            await one.history.start(account(number))
            await one.history.stop(account(number), USED, Kind.PEER_DELETED)

    async def back(database, one):
        await until(lambda: one.history.fleet._after is None)
        asked = one.fleet.asked.count("keep")
        return {each.why for each in database.past.values()}, len(database.past), asked

    play(cut_off, file=file, database=database)
    database.away = ""
    whys, told, asked = play(back, file=file, database=database)
    assert (whys, told) == ({"gateway-died", "peer-deleted"}, 300)
    assert asked == 3
    assert play(back, file=file, database=database)[2] == 0


def test_a_database_that_lost_everything_hears_of_whoever_is_up():
    async def story(database, one):
        await one.history.start(account(1))
        await until(lambda: "s1" in database.past)
        database.past.clear()
        database.come()
        await until(lambda: "s1" in database.past)
        return one.fleet.asked.count("forget") >= 1

    assert play(story)
