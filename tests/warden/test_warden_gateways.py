"""What a daemon may know and do at the other gateways of a fleet: no more than an administrator, and no faster."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from far import FarPort, besieged
from fleet_double import Database, FakeFleet, member
from looped import looped
from lotor.ports.fleet import News, Past, Present, Sign, Wanted
from lotor.ports.gateways import FleetLook
from lotor.ports.orders import Whom, Why
from lotor.privsep.far_gateways import FarGateways
from lotor.privsep.reaching import CONNECTED, LOG_OUT, LONGEST_SUBJECT, LOOK
from lotor.privsep.sharing import Part, PastItem
from lotor.privsep.verbs import VERBS
from lotor.warden import gateways as module
from lotor.warden.gateways import LOGOUTS_AT_ONCE, LOOKS_AT_ONCE, FleetGateways, GatewayRows, Own, heard
from lotor.warden.orders import Orders


def somebody(number, user="alice", gateway="gw2"):
    inside = f"10.99.99.{number % 250}"
    return Past(Present(gateway, f"a1-{number}", user, "198.51.100.7", inside, "lotor", 0.0), None, 0, 0, 0, "")


def fleet(*sessions):
    database = Database()
    found = FakeFleet(database, member("gw1"))
    other = FakeFleet(database, replace(member("gw2"), seat="5ea8" * 8))
    found._seen()
    other._seen()
    database.past = {each.present.id: each for each in sessions}
    return found


def gateways(found, waiting=0):
    return FleetGateways(Own(lambda: found, lambda: "gw1", lambda: waiting))


def far(found, waiting=0):
    return FarPort(FarGateways, GatewayRows(gateways(found, waiting)).rows())


@looped
async def test_a_gateway_that_stands_alone_says_so():
    with far(None) as daemon:
        assert await daemon.look() is None
        for wish in (daemon.present(), daemon.logout("alice")):
            with pytest.raises(OSError, match="stands alone"):
                await wish


@looped
async def test_all_gateways_and_who_is_connected_cross_the_line():
    found = fleet(somebody(1), somebody(2, "bob"))
    with far(found, 3) as daemon:
        look = await daemon.look()
        assert (look.name, look.fault, look.waiting) == ("gw1", "", 3)
        assert [(each.name, each.alive) for each in look.gateways] == [("gw1", True), ("gw2", True)]
        assert [each.user for each in await daemon.present()] == ["alice", "bob"]
        assert [each.id for each in await daemon.present("bob")] == ["a1-2"]
        await daemon.logout("10.99.99.1")
    assert News(Sign.LOGOUT, "10.99.99.1") in await found.news()


@looped
async def test_thousands_are_told_portion_by_portion():
    found = fleet(*map(somebody, range(2000)))
    with far(found) as daemon:
        assert [each.id for each in await daemon.present()] == [f"a1-{number}" for number in range(2000)]
        both = await asyncio.gather(daemon.present(), daemon.present("nobody"))
    assert list(map(len, both)) == [2000, 0]


@looped
async def test_while_the_database_is_away_the_look_says_why():
    found = fleet()
    found.database.go("database at 192.0.2.9 does not answer")
    with far(found, 7) as daemon:
        assert await daemon.look() == FleetLook("gw1", "database at 192.0.2.9 does not answer", 7)
        with pytest.raises(OSError, match=r"192\.0\.2\.9 does not answer"):
            await daemon.logout("alice")


@looped
async def test_a_database_that_is_known_to_be_away_is_not_waited_for():
    found = fleet()
    told = FleetGateways(Own(lambda: found, lambda: "gw1", away=lambda: "it is\x1b away"))
    assert await told.look() == FleetLook("gw1", "it is? away")
    assert found.asked == []


@looped
async def test_a_database_that_never_answers_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    found = fleet()
    found.database.holds = asyncio.Event()
    told = gateways(found)
    assert (await told.look()).fault
    for wish in (told.present(), told.logout("alice")):
        with pytest.raises(OSError, match="does not answer"):
            await wish


@looped
@pytest.mark.parametrize("subject", ["", "a\nb", "\x1b[2J", "x" * (LONGEST_SUBJECT + 1)])
async def test_what_is_nobodys_name_reaches_nobody(subject):
    found = fleet()
    with far(found) as daemon, pytest.raises(OSError, match="login"):
        await daemon.logout(subject)
    assert "tell" not in found.asked


@looped
async def test_an_owned_daemon_asks_no_faster_than_a_person(monkeypatch):
    monkeypatch.setattr(module, "LOOKS_A_SECOND", 0.001)
    monkeypatch.setattr(module, "LOGOUTS_A_SECOND", 0.001)
    table = GatewayRows(gateways(fleet())).rows()
    for number in range(LOOKS_AT_ONCE):
        await table[LOOK.number](None) if number % 2 else await table[CONNECTED.number](Part(""))
    for _ in range(LOGOUTS_AT_ONCE):
        await table[LOG_OUT.number]("alice")
    for verb, asked in ((LOOK, None), (CONNECTED, Part("")), (LOG_OUT, "alice")):
        waiting = asyncio.create_task(table[verb.number](asked))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()


def test_a_list_that_is_not_kept_is_not_told():
    async def story(intruder, _):
        first = await intruder.ask(CONNECTED, Part(""))
        assert first.left
        for listing, place in ((first.listing, 0), (first.listing + 1, len(first.items)), (first.listing, -5)):
            assert "not kept" in (await intruder.ask(CONNECTED, Part("", listing, place))).sentence
        assert (await intruder.ask(CONNECTED, Part("", first.listing, len(first.items)))).items

    besieged(lambda: GatewayRows(gateways(fleet(*map(somebody, range(2000))))).rows(), story)


def test_no_verb_tells_of_the_past():
    """Of those by which a daemon asks its warden."""
    asked = [verb for number, verb in VERBS.items() if not 60 <= number <= 69 and not 90 <= number <= 109]
    kinds = {f"{each.__module__}.{each.__qualname__}" for each in (Past, PastItem, Wanted)}
    assert not [verb.name for verb in asked for kind in kinds if kind in f"{verb.request} {verb.answer}"]
    assert any("lotor.ports.fleet.Present" in str(verb.answer) for verb in asked)  # these names are how types read


@looped
async def test_news_of_others_become_orders():
    orders = Orders()
    hear = heard(orders)
    for news in (News(Sign.LOGOUT, "10.99.99.1"), News(Sign.RETURNED, "alice"), *map(News, Sign)):
        hear(news)
    told = [(each.whom, each.why) for each in await orders.next()]
    assert told == [(Whom(named="10.99.99.1"), Why.LOGOUT), (Whom(user="alice"), Why.SILENT)]
