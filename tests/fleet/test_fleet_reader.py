"""The past of a fleet is read by a program that is none of its gateways, and that none of them notices."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from lotor.fleet import migrations
from lotor.fleet.reader import FleetReader
from lotor.ports.fleet import MOST_AT_ONCE, Past, Present, Wanted


def past(number):
    inside = f"10.99.99.{number % 250}"
    shown = Present("gw1", f"a1-{number}", "alice", "198.51.100.7", inside, "vpnc", 60.0 + number)
    return Past(shown, 70.0 + number, 10, 1, 2, "logged-out")


def test_a_reader_reads_page_by_page_and_takes_nobodys_place(run, database):
    async def story(fleet):
        store = await fleet.join("gw1")
        for first in (0, 100):
            await store.keep(tuple(map(past, range(first, first + 100))))
        with closing(FleetReader(database)) as reader:
            first = await reader.past(Wanted())
            second = await reader.past(Wanted(before=first.before))
            nobody = await reader.past(Wanted(user="mallory"))
        return first, second, nobody, await store.gateways()

    first, second, nobody, gateways = run(story)
    found = [*first.sessions, *second.sessions]
    assert len(first.sessions) == MOST_AT_ONCE
    assert sorted(each.present.id for each in found) == sorted(f"a1-{number}" for number in range(200))
    assert (second.before, nobody.sessions) == (None, ())
    assert [each.name for each in gateways] == ["gw1"]


def test_tables_that_no_gateway_has_brought_up_to_date_are_a_sentence(run, database, monkeypatch):
    """lotor is new on this host, and the gateway that runs is still the one before."""
    monkeypatch.setattr(migrations, "LATEST", 1)

    async def story(fleet):
        await fleet.join("gw1")
        with closing(FleetReader(database)) as reader:
            await reader.past(Wanted())

    with pytest.raises(OSError, match="has tables of an older lotor: start a gateway of this one"):
        run(story)


def test_a_database_without_tables_is_a_sentence(database):
    async def story():
        with closing(FleetReader(database)) as reader:
            await reader.past(Wanted())

    with pytest.raises(OSError, match="lotor"):
        asyncio.run(story())
