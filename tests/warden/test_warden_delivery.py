"""Records on their way to a keeper that is slow, silent, lying or gone: in order, none lost, none twice."""

import asyncio
from dataclasses import replace

import pytest

from far import until
from looped import looped
from lotor.ports.accounting import Status
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden import delivery
from lotor.warden.delivery import AT_ONCE, MOST_TRIES, PAUSES, PROBES, SIDE_BY_SIDE, Delivery
from ports.test_ports_accounting import ALICE, GONE, USAGE


class Far:
    """A keeper. `refuses` says why it does not take a record, None to take it; `asked` are all records that it saw."""

    def __init__(self):
        self.asked, self.took, self.under_way, self.most = [], [], 0, 0
        self.refuses = lambda _: None
        self.slow = None

    async def take(self, record):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            self.asked.append(record)
            await (self.slow.wait() if self.slow is not None else asyncio.sleep(0))
            if (fault := self.refuses(record)) is not None:
                raise fault
            self.took.append((record.status.name, record.account.id if record.account else ""))
        finally:
            self.under_way -= 1


class Stage:
    async def __aenter__(self):
        self.store = Store(None)
        await self.store.open()
        self.spool, self.far = Spool(self.store), Far()
        self.delivery = Delivery("radius", self.far, self.spool)
        return self

    async def __aexit__(self, *exc_info):
        await self.delivery.stop()
        await self.store.close()

    async def sessions(self, *numbers):
        for number in numbers:
            await self.spool.begin("radius", _session(number))
        for number in numbers:
            await self.spool.end("radius", _session(number), USAGE, GONE)

    async def turns(self, most=100):
        pauses = []
        while len(pauses) < most and (pause := await self.delivery.turn()) is not None:
            pauses.append(pause)
        return pauses


def _session(number):
    return replace(ALICE, id=f"5f3a-{number}")


def _refusing(*ids):
    gone = OSError(110, "no answer")
    return lambda record: gone if record.account is not None and record.account.id in ids else None


def both(*numbers):
    return [(word, f"5f3a-{number}") for number in numbers for word in ("START", "STOP")]


@looped
async def test_records_of_a_session_come_in_order_and_leave_the_store():
    async with Stage() as stage:
        await stage.sessions(*range(200))
        await stage.turns()
        for number in range(200):
            assert [each for each in stage.far.took if each[1] == f"5f3a-{number}"] == both(number)
        assert len(stage.far.asked) == 400
        assert 1 < stage.far.most <= SIDE_BY_SIDE
        assert await stage.spool.first("radius", 1) == []


@looped
async def test_a_silent_keeper_is_asked_ever_less_often_and_all_goes_when_it_is_back(caplog):
    caplog.set_level("INFO")
    async with Stage() as stage:
        await stage.sessions(*range(100))
        stage.far.refuses = lambda _: OSError(110, "no answer within 3 s")
        assert await stage.turns(10) == [*PAUSES, *([PAUSES[-1]] * 4)]
        assert len(stage.far.asked) <= AT_ONCE + 9 * PROBES
        assert stage.delivery.silent is not None
        assert caplog.text.count("accounting radius is silent, records wait: no answer within 3 s") == 1
        stage.far.refuses = lambda _: None
        await stage.turns()
        assert sorted(stage.far.took) == sorted(both(*range(100)))
        assert caplog.text.count("accounting radius answers again") == 1
        assert stage.delivery.silent is None


@looped
async def test_a_record_that_the_keeper_never_takes_holds_no_other_up_and_is_given_up(caplog):
    async with Stage() as stage:
        stage.far.refuses = _refusing("5f3a-1")
        await stage.sessions(1, 2)
        for number in range(10, 10 + 2 * MOST_TRIES):
            await stage.sessions(number)
            await stage.delivery.turn()
            await stage.delivery.turn()
        assert set(both(2)) <= set(stage.far.took)
        assert caplog.text.count("a record is lost, start of 5f3a-1: no answer") == 1
        tried = [each for each in stage.far.asked if each.account.id == "5f3a-1" and each.status is Status.START]
        assert len(tried) >= MOST_TRIES


@looped
async def test_a_silent_keeper_loses_nothing_however_long_it_is_away():
    async with Stage() as stage:
        await stage.sessions(1)
        stage.far.refuses = lambda _: OSError("away")
        await stage.turns(20 * MOST_TRIES)
        stage.far.refuses = lambda _: None
        await stage.turns()
        assert stage.far.took == both(1)


@looped
async def test_what_is_told_again_is_the_same_but_for_its_delay():
    async with Stage() as stage:
        await stage.sessions(1)
        stage.far.refuses = lambda _: OSError("away")
        await stage.turns(2)
        first, again = stage.far.asked
        assert replace(first, delay=0) == replace(again, delay=0)


@looped
async def test_what_concerns_the_whole_gateway_is_told_alone():
    async with Stage() as stage:
        await stage.sessions(1)
        await stage.spool.tell("radius", Status.ON)
        await stage.sessions(2)
        stage.far.slow = asyncio.Event()
        first = asyncio.ensure_future(stage.delivery.turn())
        await until(lambda: stage.far.asked)
        assert [each.status for each in stage.far.asked] == [Status.START]
        stage.far.slow.set()
        await first
        await stage.turns()
        assert stage.far.took == [*both(1), ("ON", ""), *both(2)]


@looped
async def test_a_keeper_that_does_not_know_the_whole_gateway_still_hears_of_sessions():
    async with Stage() as stage:
        stage.far.refuses = lambda record: OSError("unknown") if record.account is None else None
        await stage.spool.tell("radius", Status.ON)
        await stage.sessions(1)
        await stage.turns(3)
        assert stage.far.took == both(1)


@looped
async def test_a_keeper_that_never_answers_is_waited_for_no_longer_than_its_time(monkeypatch):
    monkeypatch.setattr(delivery, "KEEPER_SECONDS", 0.01)
    async with Stage() as stage:
        await stage.sessions(1)
        stage.far.slow = asyncio.Event()
        assert await stage.delivery.turn() == PAUSES[0]
        assert stage.far.under_way == 0


@looped
async def test_a_fault_of_the_keeper_tells_nothing_of_a_peer_and_loses_nothing(caplog):
    async with Stage() as stage:
        await stage.sessions(1)
        stage.far.refuses = lambda _: ValueError("secret of a peer")
        await stage.turns(1)
        assert "internal error: ValueError" in caplog.text
        assert "secret" not in caplog.text
        stage.far.refuses = lambda _: None
        await stage.turns()
        assert stage.far.took == both(1)


@looped
async def test_what_the_keeper_took_before_the_end_is_not_told_again():
    """The program ends while it waits for others of the same turn."""
    async with Stage() as stage:
        await stage.sessions(1, 2)
        slow = asyncio.Event()
        took, stage.far.take = stage.far.take, None

        async def take(record):
            if record.account.id == "5f3a-2":
                await slow.wait()
            await took(record)

        stage.far.take = take
        stage.spool.grown = stage.delivery.grown
        stage.delivery.start()
        await stage.delivery.finished(0.1)
        assert stage.far.took == both(1)
        await stage.delivery.stop()
        assert [each.id for each in await stage.spool.first("radius", 10)] == ["5f3a-2"] * 2


@pytest.mark.parametrize("silent", [False, True])
@looped
async def test_it_works_by_itself_and_the_end_waits_for_what_can_be_told(silent):
    async with Stage() as stage:
        if silent:
            stage.far.refuses = lambda _: OSError("away")
        stage.spool.grown = stage.delivery.grown
        stage.delivery.start()
        await stage.sessions(1)
        await stage.delivery.finished(0.2 if silent else 30)
        await stage.delivery.stop()
        assert stage.far.took == ([] if silent else both(1))
        assert len(await stage.spool.first("radius", 10)) == (2 if silent else 0)
