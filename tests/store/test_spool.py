"""Accounting records on disk: in order, none lost, none twice, a bounded number; whatever the disk and the clock do."""

import asyncio
import sqlite3
import threading
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest

from looped import looped
from lotor.model.kinds import Kind
from lotor.model.network import Peer
from lotor.ports.accounting import Account, Record, Status, Usage
from lotor.store import Fault, Store, StoreFault, account_rows, spool
from lotor.store.account_forms import account_of, account_text, record_of, record_text, usage_of
from lotor.store.account_rows import Backlog, Instant
from lotor.store.spool import Spool

ALICE = Account(
    "5f3a-1",
    "alice",
    Peer(IPv4Address("198.51.100.7"), 4500),
    (IPv4Address("10.99.99.3"), IPv6Address("fd00:99::3"), IPv4Network("10.1.0.0/16")),
    1764415800.4,
    frozenset({"staff", "admins"}),
    (b"\x00gold", b"b"),
    IPv4Address("192.0.2.1"),
    machine="CN=laptop",
)
BOB = replace(ALICE, id="5f3a-2", user="bob")
USAGE = Usage(3600, 2**40, 2097152, 900, 1800)
GONE = Kind.PEER_DELETED


class Clock:
    """The wall clock and the other one, moved by the test."""

    def __init__(self):
        self.wall, self.boot, self.ticks = 1764415800.0, "this start", 50.0

    def __call__(self):
        return Instant(self.wall, self.boot, self.ticks)

    def on(self, seconds):
        self.wall, self.ticks = self.wall + seconds, self.ticks + seconds


class Disk:
    """A spool on a file; `fault` is what the store says to everything."""

    def __init__(self, tmp_path, clock):
        self.file, self.clock, self.fault = tmp_path / "lotor.db", clock, None

    async def open(self):
        self.store = Store(self.file)
        await self.store.open()
        run = self.store.run

        async def failing(transaction):
            if self.fault is not None:
                raise StoreFault(self.fault, self.file)
            return await run(transaction)

        self.store.run = failing
        self.spool = Spool(self.store, self.clock)
        return self.spool

    async def close(self):
        await self.spool.settle()
        await self.store.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def disk(tmp_path, clock):
    return Disk(tmp_path, clock)


async def words(the, keeper="radius", most=1000):
    return [(each.record.status.name, each.id) for each in await the.first(keeper, most)]


# --- what is written is read again -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "record",
    [
        Record(Status.START, 1764415800.25, ALICE),
        Record(Status.INTERIM, 1764415800.0, replace(ALICE, called=None, inside=()), USAGE),
        Record(Status.STOP, 0.0, ALICE, USAGE, GONE),
        Record(Status.ON, 1.0),
    ],
)
def test_a_record_is_the_same_when_it_is_read_again(record):
    assert record_of(record.status.value, record.at, 0, record_text(record)) == record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "[]",
        "[1,2,3]",
        '["{}",null,null]',
        '[null,"[1]",null]',
        '[null,null,"no-kind"]',
        "{",
        '["[]",null,null]',
        '[null,"[1e999,1,1,1,1]",null]',
    ],
)
def test_what_a_disk_garbled_is_no_record(text):
    with pytest.raises(ValueError, match=r"."):
        record_of(1, 0.0, 0, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "7",
        account_text(ALICE).replace("198.51.100.7", "nowhere"),
        account_text(ALICE).replace("1764415800.4", "9" * 400),
    ],
)
def test_what_a_disk_garbled_is_no_account(text):
    with pytest.raises(ValueError, match=r"."):
        account_of(text)
    with pytest.raises(ValueError, match=r"."):
        usage_of(text)


# --- order, numbers ---------------------------------------------------------------------------------------------------


@looped
async def test_records_wait_in_order_until_the_keeper_has_them(disk, clock):
    the = await disk.open()
    await the.begin("radius", ALICE)
    await the.begin("radius", BOB)
    await the.go_on(ALICE, USAGE)
    await the.end("radius", ALICE, USAGE, GONE)
    expected = [("START", "5f3a-1"), ("START", "5f3a-2"), ("INTERIM", "5f3a-1"), ("STOP", "5f3a-1")]
    assert await words(the) == expected
    assert await words(the) == expected
    await disk.close()
    the = await disk.open()
    assert await words(the) == expected
    await the.taken([each.number for each in await the.first("radius", 2)])
    assert await words(the) == expected[2:]
    await disk.close()


@looped
async def test_no_number_is_used_twice(disk):
    the = await disk.open()
    numbers = []
    for _ in range(3):
        await the.begin("radius", ALICE)
        (waiting,) = await the.first("radius", 10)
        numbers.append(waiting.number)
        await the.taken([waiting.number])
        await disk.close()
        the = await disk.open()
    assert len(set(numbers)) == 3
    await disk.close()


@looped
async def test_many_records_at_once_are_a_few_transactions_and_keep_their_order(disk):
    the = await disk.open()
    runs, run = [], disk.store.run

    async def counted(transaction):
        runs.append(1)
        return await run(transaction)

    disk.store.run = counted
    accounts = [replace(ALICE, id=f"5f3a-{number}") for number in range(1000)]
    await asyncio.gather(*(the.begin("radius", each) for each in accounts))
    assert len(runs) <= 6
    assert [session for _, session in await words(the)] == [each.id for each in accounts]
    await disk.close()


@looped
async def test_a_caller_that_is_cancelled_leaves_one_record(disk):
    the = await disk.open()
    for account in (ALICE, BOB):
        asking = asyncio.ensure_future(the.begin("radius", account))
        await asyncio.sleep(0)
        asking.cancel()
    await disk.close()
    the = await disk.open()
    assert await words(the) == [("START", "5f3a-1"), ("START", "5f3a-2")]
    await disk.close()


@looped
async def test_each_keeper_has_its_own_records_to_the_end_of_a_session(disk):
    the = await disk.open()
    await the.begin("radius", ALICE)
    await the.begin("system", BOB)
    await the.go_on(BOB, USAGE)
    await the.end("system", ALICE, USAGE, GONE)  # a reload has named another keeper meanwhile
    await the.end("system", BOB, USAGE, GONE)
    assert await words(the) == [("START", "5f3a-1"), ("STOP", "5f3a-1")]
    assert await words(the, "system") == [(word, "5f3a-2") for word in ("START", "INTERIM", "STOP")]
    await disk.close()


@looped
async def test_a_stop_without_a_start_is_told_where_there_is_a_keeper(disk):
    the = await disk.open()
    await the.end("radius", ALICE, USAGE, GONE)
    await the.end(None, BOB, USAGE, GONE)
    await the.go_on(BOB, USAGE)
    assert await words(the) == [("STOP", "5f3a-1")]
    await disk.close()


@looped
async def test_who_is_passed_over_has_the_turn_behind_the_others_in_order(disk):
    the = await disk.open()
    for account in (ALICE, BOB):
        await the.begin("radius", account)
    await the.passed_over([ALICE.id])
    await the.end("radius", ALICE, USAGE, GONE)
    await the.end("radius", BOB, USAGE, GONE)
    assert await words(the) == [("START", BOB.id), ("STOP", BOB.id), ("START", ALICE.id), ("STOP", ALICE.id)]
    await disk.close()


# --- sessions that nobody ended --------------------------------------------------------------------------------------


@looped
async def test_sessions_that_a_killed_gateway_left_have_one_stop_with_what_is_known(disk, clock):
    the = await disk.open()
    await the.begin("radius", ALICE)
    await the.begin("radius", BOB)
    await the.go_on(ALICE, USAGE)
    clock.on(10)
    await disk.close()
    the = await disk.open()
    stops = await the.leave(None, Kind.GATEWAY_DIED)
    assert [(each.account, each.usage, each.why, each.at) for each in stops] == [
        (ALICE, USAGE, Kind.GATEWAY_DIED, clock.wall),
        (BOB, Usage(0), Kind.GATEWAY_DIED, clock.wall),
    ]
    assert [word for word, _ in await words(the)] == ["START", "START", "INTERIM", "STOP", "STOP"]
    assert await the.leave(None, Kind.GATEWAY_DIED) == []
    await disk.close()


@looped
async def test_of_a_dead_daemon_only_its_own_sessions_end_and_their_time_is_known(disk):
    the = await disk.open()
    await the.begin("radius", ALICE)
    await the.go_on(ALICE, replace(USAGE, seconds=600))
    await the.begin("radius", replace(BOB, id="77aa-1"))
    (stop,) = await the.leave("5f3a-", Kind.DAEMON_DIED, lambda _: 700)
    assert (stop.account.id, stop.usage) == ("5f3a-1", replace(USAGE, seconds=700))
    (other,) = await the.leave(None, Kind.DAEMON_DIED, lambda _: 1)
    assert (other.account.id, other.usage.seconds) == ("77aa-1", 1)
    await disk.close()


# --- how long ago ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "ticks", "boot", "delay"),
    [
        (90, 90, "this start", 90),
        (-86400, 90, "this start", 90),  # somebody set the wall clock back
        (10**9, 90, "this start", 90),  # the host had no time before
        (3600, -40, "another start", 3600),
        (-3600, -40, "another start", 0),
        (70, -40, "", 70),
    ],
)
@looped
async def test_the_delay_does_not_depend_on_who_sets_the_clock(disk, clock, wall, ticks, boot, delay):
    the = await disk.open()
    began = clock.wall
    await the.begin("radius", ALICE)
    clock.wall, clock.ticks, clock.boot = clock.wall + wall, clock.ticks + ticks, boot
    (waiting,) = await the.first("radius", 1)
    assert (waiting.record.delay, waiting.record.at) == (delay, began)
    assert await the.backlog("radius") == Backlog(1, delay)
    await disk.close()


# --- bounds, and a disk that fails -----------------------------------------------------------------------------------


@looped
async def test_of_a_full_spool_records_between_start_and_stop_give_way_and_then_a_loss_is_told(
    disk, monkeypatch, caplog
):
    monkeypatch.setattr(account_rows, "MOST_WAITING", 10)
    monkeypatch.setattr(account_rows, "GIVE_WAY", 2)
    the = await disk.open()
    await the.begin("radius", ALICE)
    for _ in range(9):
        await the.go_on(ALICE, USAGE)
    assert "give way" not in caplog.text
    await the.begin("radius", BOB)
    assert caplog.text.count("2 accounting records between start and stop give way") == 1
    for number in range(3, 11):
        await the.begin("radius", replace(BOB, id=f"5f3a-{number}"))
    assert len(await words(the)) == 10
    for _ in range(2):  # the loss is told each time, and what waits stays
        with pytest.raises(OSError, match="10 accounting records wait already: this one is lost"):
            await the.end("radius", ALICE, USAGE, GONE)
    assert {word for word, _ in await words(the)} == {"START"}
    assert [each.account.id for each in await the.leave("5f3a-1", GONE)] == ["5f3a-10"]  # 5f3a-1 has ended all the same
    await disk.close()


@looped
async def test_on_a_full_disk_records_wait_in_memory_in_order_and_nothing_leaves(disk, monkeypatch):
    monkeypatch.setattr(spool, "AGAIN_S", 0.01)
    the = await disk.open()
    await the.begin("radius", ALICE)
    (first,) = await the.first("radius", 10)
    disk.fault = Fault.FULL
    await the.taken([first.number])  # told of, and cannot be removed
    await the.end("radius", ALICE, USAGE, GONE)
    await the.begin("radius", BOB)
    assert await the.first("radius", 10) == []
    disk.fault = None
    await the.settle()
    assert await words(the) == [("STOP", "5f3a-1"), ("START", "5f3a-2")]
    await disk.close()


@pytest.mark.parametrize("kind", ["written", "read"])
@looped
async def test_when_the_store_is_well_again_who_tells_hears_of_it(disk, monkeypatch, kind):
    """Nobody may tell of another session for hours."""
    monkeypatch.setattr(spool, "AGAIN_S", 0.01)
    the = await disk.open()
    disk.fault = Fault.FULL if kind == "written" else None
    await the.begin("radius", ALICE)
    disk.fault = Fault.BUSY
    assert await the.first("radius", 10) == []
    heard = asyncio.Event()
    the.grown = heard.set
    disk.fault = None
    await asyncio.wait_for(heard.wait(), 60)
    assert await words(the) == [("START", "5f3a-1")]
    await disk.close()


@looped
async def test_what_waits_in_memory_is_bounded_and_a_loss_is_told(disk, monkeypatch):
    monkeypatch.setattr(spool, "MOST_UNWRITTEN", 4)
    the = await disk.open()
    disk.fault = Fault.READ_ONLY
    await the.begin("radius", ALICE)
    await the.begin("radius", BOB)
    with pytest.raises(OSError, match="wait for the store: this one is lost"):
        await the.go_on(ALICE, USAGE)
    await the.end("radius", ALICE, USAGE, GONE)
    await the.end("radius", BOB, USAGE, GONE)
    with pytest.raises(OSError, match="4 records wait for the store: this one is lost"):
        await the.begin("radius", ALICE)
    disk.fault = None
    await disk.close()
    the = await disk.open()
    assert [word for word, _ in await words(the)] == ["START", "START", "STOP", "STOP"]
    await disk.close()


@looped
async def test_a_record_that_cannot_be_read_keeps_no_other_waiting(disk, caplog):
    the = await disk.open()
    await the.begin("radius", ALICE)
    await the.begin("radius", BOB)

    def garble(connection: sqlite3.Connection):
        connection.execute("UPDATE accounts_waiting SET record = '[' WHERE id = '5f3a-1'")
        connection.execute("UPDATE accounts_open SET account = '[' WHERE id = '5f3a-1'")

    await disk.store.run(garble)
    assert await words(the) == [("START", "5f3a-2")]
    assert "cannot be read: it is lost" in caplog.text
    assert [each.account.id for each in await the.leave(None, GONE)] == ["5f3a-2"]
    assert "it has no stop" in caplog.text
    await disk.close()


@looped
async def test_a_disk_that_is_silent_holds_nobody_up_and_has_all_in_order_later(disk, monkeypatch):
    """Also not who waits for what a dead daemon left, nor who ends the program."""
    the, hold = await disk.open(), threading.Event()
    monkeypatch.setattr("lotor.store.store.PATIENCE", 0.01)
    held = asyncio.create_task(disk.store.run(lambda _: hold.wait(60)))
    await asyncio.sleep(0)
    await the.begin("radius", ALICE)
    await the.begin("radius", BOB)
    await the.end("radius", BOB, USAGE, GONE)
    assert await the.leave("5f3a-", GONE) == []
    with pytest.raises(StoreFault) as silent:
        await the.backlog("radius")
    assert silent.value.fault is Fault.SILENT
    await the.settle()
    monkeypatch.setattr("lotor.store.store.PATIENCE", 60.0)
    hold.set()
    await held
    assert await words(the) == [("START", "5f3a-1"), ("START", "5f3a-2"), ("STOP", "5f3a-2"), ("STOP", "5f3a-1")]
    await disk.close()


@looped
async def test_a_change_that_is_a_mistake_keeps_no_other_from_the_disk(disk, caplog):
    def mistaken(connection):
        connection.execute("INSERT INTO accounts_waiting (keeper) VALUES (NULL)")

    the = await disk.open()
    story = [the.begin("radius", ALICE), the._put(mistaken), the.begin("radius", BOB)]
    assert (await asyncio.gather(*story))[1] is None
    assert await words(the) == [("START", "5f3a-1"), ("START", "5f3a-2")]
    assert caplog.messages == ["internal error: a change of accounting is lost: IntegrityError"]
    await disk.close()


@looped
async def test_who_tells_hears_of_what_an_earlier_program_left_in_a_file_that_comes_back(tmp_path, monkeypatch):
    """No other record may come for hours."""
    monkeypatch.setattr("lotor.store.store.AGAIN_S", 0.0)
    file = tmp_path / "lotor.db"
    former = Store(file)
    await former.open()
    await Spool(former).begin("radius", ALICE)
    store, grown = Store(file), asyncio.Event()
    await store.open()  # the other one has it
    the = Spool(store)
    the.grown = grown.set
    assert await words(the) == []
    await former.close()
    async with asyncio.timeout(60):
        await grown.wait()
    assert await words(the) == [("START", ALICE.id), ("STOP", ALICE.id)]
    await store.close()
