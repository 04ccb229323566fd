"""The store: what it survives, and what it says of it."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from far import until
from looped import looped
from lotor.model.ban import Ban
from lotor.model.network import Peer
from lotor.ports.accounting import Account, Record, Status
from lotor.store import Fault, Store, StoreFault, account_rows, addresses, bans, database, sessions
from lotor.store.migrations import LATEST, STEPS
from lotor.store.opening import read

ONE = IPv4Address("10.0.0.1")


def put(name):
    def transaction(connection):
        connection.execute("INSERT OR REPLACE INTO addresses VALUES (?, 'alice', 1, 0)", (name,))

    return transaction


def names(connection):
    return [row[0] for row in connection.execute("SELECT address FROM addresses ORDER BY address")]


async def opened(file):
    store = Store(file)
    await store.open()
    return store


async def kept(file):
    store = await opened(file)
    try:
        return await store.run(names)
    finally:
        await store.close()


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "lotor.db"


@looped
async def test_what_was_written_is_there_at_the_next_start(file):
    store = await opened(file)
    await store.run(put("10.0.0.1"))
    await store.close()
    assert await kept(file) == ["10.0.0.1"]


@looped
async def test_its_files_are_for_nobody_else(file):
    file.touch(0o644)
    file.chmod(0o644)
    store = await opened(file)
    await store.run(put("10.0.0.1"))
    assert {each.name for each in file.parent.iterdir()} == {
        "lotor.db",
        "lotor.db-wal",
        "lotor.db-shm",
        "lotor.db.lock",
    }
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in file.parent.iterdir())
    await store.close()


@looped
async def test_a_transaction_is_done_whole_or_not_at_all(file):
    def fails(connection):
        put("10.0.0.1")(connection)
        raise LookupError

    store = await opened(file)
    with pytest.raises(LookupError):
        await store.run(fails)
    assert await store.run(names) == []
    await store.close()


@looped
async def test_transactions_keep_their_order_also_where_a_caller_goes(file):
    store = await opened(file)
    tasks = [asyncio.create_task(store.run(put(f"10.0.0.{number}"))) for number in range(9)]
    await asyncio.sleep(0)
    for each in tasks[:5]:
        each.cancel()
    assert len(await store.run(names)) == 9
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()


@looped
async def test_nobody_is_told_of_a_failure_that_nobody_waits_for(file, caplog):
    hold = threading.Event()

    def fails(connection):
        assert hold.wait(60)
        raise LookupError

    store = await opened(file)
    task = asyncio.create_task(store.run(fails))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    del task
    hold.set()
    assert await store.run(names) == []
    gc.collect()
    assert caplog.messages == []
    await store.close()


@looped
async def test_an_event_loop_goes_on_while_the_thread_of_the_store_is_held(file):
    store = await opened(file)
    hold, held = threading.Event(), threading.Event()

    def waits(connection):
        held.set()
        assert hold.wait(60)
        return names(connection)

    waiting = asyncio.create_task(store.run(waits))
    await asyncio.to_thread(held.wait, 60)
    others = [asyncio.create_task(store.run(put(f"10.0.0.{number}"))) for number in range(3)]
    turns = 0
    for _ in range(1000):
        await asyncio.sleep(0)
        turns += 1
    assert (turns, waiting.done(), any(each.done() for each in others)) == (1000, False, False)
    hold.set()
    assert await waiting == []
    await asyncio.gather(*others)
    await store.close()


@looped
async def test_too_many_transactions_are_refused_at_once(file, monkeypatch, caplog):
    monkeypatch.setattr("lotor.store.store.MOST_WAITING", 3)
    store = await opened(file)
    hold = threading.Event()
    waiting = [asyncio.create_task(store.run(lambda _: hold.wait(60))) for _ in range(3)]
    await asyncio.sleep(0)
    for _ in range(5):
        with pytest.raises(StoreFault) as refused:
            await store.run(names)
    assert refused.value.fault is Fault.BUSY
    assert [each.message for each in caplog.records if "does not keep up" in each.message] == [caplog.messages[0]]
    hold.set()
    await asyncio.gather(*waiting)
    assert await store.run(names) == []
    await store.close()


@looped
async def test_a_killed_program_loses_nothing_that_it_was_told_is_there(file):
    program = f"""
import asyncio, os, signal
from pathlib import Path
from lotor.store import Store

def put(name):
    return lambda connection: connection.execute("INSERT INTO addresses VALUES (?, 'alice', 1, 0)", (name,))

async def main():
    store = Store(Path({str(file)!r}))
    await store.open()
    for number in range(20):
        await store.run(put(f"10.0.0.{{number}}"))
    asyncio.create_task(store.run(put("unfinished")))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], timeout=60, check=False)
    assert ended.returncode == -9
    assert len(await kept(file)) == 20


@looped
async def test_a_newer_file_is_left_as_it_is(file, caplog):
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    connection.close()
    before = file.read_bytes()
    store = await opened(file)
    await store.run(put("10.0.0.1"))
    assert (store.file, store.fault.fault) == (None, Fault.NEWER)
    await store.close()
    assert file.read_bytes() == before
    (line,) = caplog.messages
    assert f"was written by a newer lotor: its tables have version {LATEST + 1}" in line
    assert str(file) in line


@looped
async def test_each_step_is_taken_from_where_a_file_is(file, monkeypatch):
    await kept(file)
    monkeypatch.setitem(STEPS, LATEST + 1, ("CREATE TABLE later (name TEXT)",))
    monkeypatch.setattr("lotor.store.migrations.LATEST", LATEST + 1)
    store = await opened(file)
    await store.run(lambda connection: connection.execute("INSERT INTO later VALUES ('x')"))
    await store.close()


def test_the_steps_are_numbered_without_a_gap():
    assert list(STEPS) == list(range(1, LATEST + 1))


@pytest.mark.parametrize("octets", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(5000)])
@looped
async def test_a_broken_file_is_kept_aside_and_a_new_one_begun(file, octets, caplog):
    file.write_bytes(octets)
    store = await opened(file)
    await store.run(put("10.0.0.1"))
    assert store.fault is None
    await store.close()
    assert await kept(file) == ["10.0.0.1"]
    assert file.with_name("lotor.db.broken").read_bytes() == octets
    (line,) = caplog.messages
    assert "is broken" in line
    assert "a new one is begun" in line


async def breaking(file):
    """A store whose file breaks under its hands."""
    store = await opened(file)
    for number in range(200):
        await store.run(put(f"10.0.0.{number}"))
    await store.run(lambda _: None)
    await store.close()
    store = await opened(file)
    await store.run(names)
    with file.open("r+b") as octets:
        octets.seek(4096)
        octets.write(b"\xff" * (file.stat().st_size - 4096))
    await asked(store, "PRAGMA shrink_memory")
    return store


async def asked(store, question):
    return await store._thread.submit(lambda: store._database._connection.execute(question).fetchone())


@looped
async def test_one_that_breaks_and_cannot_be_moved_leaves_a_store_in_memory(file, caplog, monkeypatch):
    def stuck(moved):
        raise StoreFault(Fault.READ_ONLY, moved)

    store = await breaking(file)
    monkeypatch.setattr("lotor.store.database.aside", stuck)
    await store.run(put("10.0.0.1"))
    assert await store.run(names) == ["10.0.0.1"]
    assert (store.file, store.fault.fault) == (None, Fault.READ_ONLY)
    assert sum("kept in memory until it can be used" in each for each in caplog.messages) == 1
    await store.close()


@looped
async def test_a_file_that_breaks_meanwhile_is_begun_anew_and_nothing_is_lost_that_comes_then(file, caplog):
    store = await breaking(file)
    began = store.beginnings
    await store.run(put("10.0.0.1"))
    assert "10.0.0.1" in await store.run(names)
    assert store.beginnings == began + 1
    assert sum("a new one is begun" in each for each in caplog.messages) == 1
    await store.close()


@looped
async def test_a_full_disk_is_told_once_and_its_end_too(file, caplog):
    caplog.set_level(logging.INFO, "lotor.store")
    store = await opened(file)
    await store.run(lambda _: None)
    [pages] = await asked(store, "PRAGMA page_count")
    await asked(store, f"PRAGMA max_page_count = {pages}")
    for _ in range(3):
        with pytest.raises(StoreFault) as full:
            await store.run(lambda connection: [put("x" * 4000 + str(each))(connection) for each in range(50)])
        assert (full.value.fault, full.value.errno) == (Fault.FULL, errno.ENOSPC)
    assert store.fault.fault is Fault.FULL
    await asked(store, "PRAGMA max_page_count = 100000")
    await store.run(put("10.0.0.1"))
    assert await store.run(names) == ["10.0.0.1"]
    assert store.fault is None
    assert ["disk is full" in each for each in caplog.messages] == [True, False]
    assert caplog.messages[1].endswith("lotor.db is written again")
    await store.close()


@looped
async def test_a_file_that_another_program_has_locked_is_waited_for_a_bounded_time(file, caplog, monkeypatch):
    monkeypatch.setattr("lotor.store.opening.PATIENCE", 0.01)
    store = await opened(file)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        with pytest.raises(StoreFault) as locked:
            await store.run(put("10.0.0.1"))
        assert locked.value.fault is Fault.LOCKED
    assert len(caplog.messages) == 1
    other.execute("ROLLBACK")
    other.close()
    await store.run(put("10.0.0.1"))
    await store.close()


@looped
async def test_one_that_is_locked_from_the_start_leaves_a_store_in_memory(file, caplog, monkeypatch):
    monkeypatch.setattr("lotor.store.opening.PATIENCE", 0.01)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    store = await opened(file)
    await store.run(put("10.0.0.1"))
    assert (store.file, store.fault.fault) == (None, Fault.LOCKED)
    assert "kept in memory until it can be used" in caplog.text
    await store.close()
    other.close()


@looped
async def test_two_gateways_have_no_memory_in_common(file, caplog):
    first, second = await opened(file), await opened(file)
    await second.run(put("10.0.0.2"))
    assert await first.run(names) == []
    assert (first.fault, second.fault.fault, second.file) == (None, Fault.LOCKED, None)
    assert "another lotor has it" in caplog.text
    await first.close()
    await second.close()
    third = await opened(file)
    assert third.fault is None
    await third.close()


@looped
async def test_a_directory_that_is_missing_leaves_a_store_in_memory(tmp_path, caplog):
    store = await opened(tmp_path / "missing" / "lotor.db")
    await store.run(put("10.0.0.1"))
    assert await store.run(names) == ["10.0.0.1"]
    assert (store.file, store.fault.fault) == (None, Fault.UNREACHABLE)
    assert str(tmp_path / "missing" / "lotor.db") in store.fault.strerror
    assert len(caplog.messages) == 1
    await store.close()


@looped
async def test_a_directory_in_the_place_of_the_file_leaves_a_store_in_memory(tmp_path):
    for directory in (Path("/"), tmp_path):
        store = await opened(directory)
        assert (store.file, store.fault.fault) == (None, Fault.UNREACHABLE)
        assert "directory" in store.fault.strerror
        await store.close()


@looped
async def test_nobody_else_could_put_another_file_there(tmp_path, caplog):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    store = await opened(tmp_path / "open" / "lotor.db")
    assert store.fault.fault is Fault.UNREACHABLE
    assert "others could put another file" in caplog.text
    await store.close()
    (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere.db")
    store = await opened(tmp_path / "link.db")
    assert store.fault.fault is Fault.UNREACHABLE
    await store.close()
    assert not (tmp_path / "elsewhere.db").exists()
    os.mkfifo(tmp_path / "pipe.db")
    store = await opened(tmp_path / "pipe.db")
    assert store.fault.fault is Fault.UNREACHABLE
    await store.close()


@looped
async def test_a_store_that_nobody_wants_on_disk_has_no_fault(caplog):
    store = await opened(None)
    await store.run(put("10.0.0.1"))
    assert await store.run(names) == ["10.0.0.1"]
    assert (store.file, store.fault) == (None, None)
    assert not caplog.messages
    await store.close()


@looped
async def test_whoever_looks_holds_nobody_up_who_writes(file):
    store = await opened(file)
    await store.run(put("10.0.0.1"))
    looking = read(file)
    looking.execute("BEGIN")
    assert names(looking) == ["10.0.0.1"]
    await store.run(put("10.0.0.2"))
    assert names(looking) == ["10.0.0.1"]
    with pytest.raises(sqlite3.OperationalError):
        put("10.0.0.3")(looking)
    looking.close()
    await store.close()


@looped
async def test_after_the_end_nothing_is_taken(file):
    store = await opened(file)
    await store.close()
    assert not file.with_name("lotor.db-wal").exists()


@looped
async def test_a_disk_that_is_silent_is_told_once_and_its_end_too(file, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "lotor.store")
    store = await opened(file)
    monkeypatch.setattr("lotor.store.store.PATIENCE", 0.01)
    assert store.patience == 0.01
    hold = threading.Event()
    waiting = [asyncio.create_task(store.run(lambda _: hold.wait(60))) for _ in range(2)]
    await until(lambda: store.fault is not None)
    assert store.fault.fault is Fault.SILENT
    assert store.patience == 0
    hold.set()
    assert await asyncio.gather(*waiting) == [True, True]
    assert (store.fault, store.patience) == (None, 0.01)
    assert ["does not answer" in each for each in caplog.messages] == [True, False]
    await store.close()


@looped
async def test_a_disk_that_is_silent_keeps_no_program_from_ending(file, monkeypatch):
    monkeypatch.setattr("lotor.store.store.PATIENCE", 0.01)
    store = await opened(file)
    hold = threading.Event()
    waiting = asyncio.create_task(store.run(lambda _: hold.wait(60)))
    await asyncio.sleep(0)
    await store.close()
    hold.set()
    await waiting


def garble(file, *statements):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()


@pytest.mark.parametrize(
    "garbled",
    [
        "address = '10.0.0.256'",
        "address = CAST(X'31ff' AS TEXT)",
        "address = X'31302e302e302e32'",
        "user = X'00ff'",
        "turn = 'x'",
        "turn = 9223372036854775807",
        "turn = 1.5",
    ],
)
@looped
async def test_a_garbled_address_takes_no_other_one_along(file, caplog, garbled):
    store = await opened(file)
    every = [addresses.Held(IPv4Address(f"10.0.0.{n}"), f"user{n}", held=True) for n in (1, 2, 3)]
    await store.run(lambda connection: addresses.write(connection, every))
    await store.close()
    garble(file, f"UPDATE addresses SET {garbled} WHERE address = '10.0.0.2'")
    store = await opened(file)
    others = [("user1", IPv4Address("10.0.0.1")), ("user3", IPv4Address("10.0.0.3"))]
    assert await store.run(addresses.load) == others
    assert "1 row of addresses cannot be read: forgotten" in caplog.messages
    await store.run(lambda connection: addresses.write(connection, every[1:2]))
    assert await store.run(addresses.load) == [*others, ("user2", IPv4Address("10.0.0.2"))]
    assert len(caplog.messages) == 1
    await store.close()


@looped
async def test_a_user_whose_name_is_garbled_is_somebody_else(file):
    store = await opened(file)
    await store.run(lambda connection: addresses.write(connection, [addresses.Held(ONE, "user1", held=True)]))
    await store.close()
    garble(file, "UPDATE addresses SET user = CAST(X'75ff' AS TEXT)")
    store = await opened(file)
    assert await store.run(addresses.load) == [("u\N{REPLACEMENT CHARACTER}", ONE)]
    await store.close()


@pytest.mark.parametrize(
    "garbled",
    [
        "subject = '10.0.0.1/99'",
        "subject = CAST(X'31ff' AS TEXT)",
        "subject = ''",
        "kind = 'netwerk'",
        "since = 'then'",
        "until = X'00'",
        "why = X'00'",
    ],
)
@looped
async def test_a_garbled_ban_takes_no_other_one_along(file, caplog, garbled):
    store = await opened(file)
    every = [bans.Change(Ban(subject, True, 1.0, 2.0, "by hand"), True) for subject in ("10.0.0.1", "10.0.0.2")]
    await store.run(lambda connection: bans.write(connection, every))
    await store.close()
    garble(file, f"UPDATE bans SET {garbled} WHERE subject = '10.0.0.1'")
    store = await opened(file)
    for _ in range(2):
        assert [each.subject for each in await store.run(bans.load)] == ["10.0.0.2"]
    assert caplog.messages == ["1 row of bans cannot be read: forgotten, see lotor ban list"]
    await store.close()


class Late:
    """A store whose directory comes to be when the test says so."""

    def __init__(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lotor.store.store.AGAIN_S", 0.0)
        self.file = tmp_path / "late" / "lotor.db"
        self.store, self.back = Store(self.file), asyncio.Event()
        self.store.follow(self.back.set)

    async def there(self):
        async with asyncio.timeout(60):
            await self.back.wait()


@looped
async def test_a_file_that_can_be_used_later_gets_what_was_kept_in_memory(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "lotor.store")
    late = Late(tmp_path, monkeypatch)
    await late.store.open()
    every = [addresses.Held(IPv4Address(f"10.0.0.{n}"), f"user{n}", held=n == 1) for n in (3, 1, 2)]
    await late.store.run(lambda connection: addresses.write(connection, every))
    ban = Ban("10.0.0.9", True, 1.0, 2.0, "by hand")
    await late.store.run(lambda connection: bans.write(connection, [bans.Change(ban, True)]))
    await late.store.run(lambda connection: sessions.write(connection, [sessions.Session(*"abcde", 1.0)]))
    late.file.parent.mkdir()
    await late.there()
    assert (late.store.file, late.store.fault) == (late.file, None)
    await late.store.close()
    after = await opened(late.file)
    assert [user for user, _ in await after.run(addresses.load)] == ["user3", "user2", "user1"]
    assert await after.run(bans.load) == [ban]
    assert [each.id for each in await after.run(lambda c: list(sessions.find(c, sessions.Wanted())))] == ["a"]
    await after.close()
    assert caplog.messages[0].endswith("what it should keep is kept in memory until it can be used")
    assert caplog.messages[1:] == [f"the store {late.file} is used now, with 5 rows that were kept in memory"]


@looped
async def test_what_an_earlier_program_left_in_that_file_ends_first_and_stands_before(tmp_path, monkeypatch):
    late = Late(tmp_path, monkeypatch)
    late.file.parent.mkdir()
    former = await opened(late.file)
    account = Account("old-1", "alice", Peer(ONE, 500), (), 1.0)
    record = Record(Status.START, 1.0, account)
    await former.run(account_rows.begun("radius", record, account_rows.present()))
    old = addresses.Held(ONE, "bob", held=True), addresses.Held(IPv4Address("10.0.0.2"), "carol", held=False)
    await former.run(lambda connection: addresses.write(connection, old))
    await former.run(lambda connection: sessions.write(connection, [sessions.Session("old-1", *"bcde", 1.0)]))
    await late.store.open()  # the other one has it
    new = replace(record, account=replace(account, id="new-1"))
    await late.store.run(account_rows.begun("radius", new, account_rows.present()))
    (waiting,) = await late.store.run(account_rows.first("radius", 9, account_rows.present()))
    await late.store.run(lambda connection: addresses.write(connection, [addresses.Held(ONE, "dave", held=True)]))
    await former.close()
    await late.there()
    told = await late.store.run(account_rows.first("radius", 9, account_rows.present()))
    order = [("old-1", Status.START), ("old-1", Status.STOP), ("new-1", Status.START)]
    assert [(each.id, each.record.status) for each in told] == order
    assert told[2].number == waiting.number, "its keeper's answer comes under this number"
    assert await late.store.run(lambda c: c.execute("SELECT id FROM accounts_open").fetchall()) == [("new-1",)]
    (past,) = await late.store.run(lambda connection: list(sessions.find(connection, sessions.Wanted())))
    assert past.why == "gateway-died"
    assert await late.store.run(addresses.load) == [("carol", IPv4Address("10.0.0.2")), ("dave", ONE)]
    await late.store.close()


def disk_full():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@looped
@pytest.mark.parametrize("fault", [disk_full(), OverflowError("Python int too large to convert to SQLite INTEGER")])
async def test_a_file_that_does_not_take_them_leaves_them_in_memory(tmp_path, monkeypatch, caplog, fault):
    late = Late(tmp_path, monkeypatch)
    await late.store.open()
    await late.store.run(put("10.0.0.1"))
    tried = threading.Event()

    def full(_memory, _file):
        tried.set()
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr("lotor.store.database.move", full)
        late.file.parent.mkdir()
        assert await asyncio.to_thread(tried.wait, 60)
        assert await late.store.run(names) == ["10.0.0.1"]
    await late.there()
    assert await late.store.run(names) == ["10.0.0.1"]
    await late.store.close()
    assert ("internal error" in caplog.text) is isinstance(fault, OverflowError)


@looped
async def test_a_garbled_turn_in_that_file_keeps_nobody_from_going_over(tmp_path, monkeypatch):
    late = Late(tmp_path, monkeypatch)
    late.file.parent.mkdir()
    former = await opened(late.file)
    await former.run(
        lambda connection: connection.execute("INSERT INTO addresses VALUES ('x', 'y', ?, 0)", (2**63 - 1,))
    )
    await late.store.open()  # the other one has it
    await late.store.run(put("10.0.0.1"))
    await former.close()
    await late.there()
    assert await late.store.run(addresses.load) == [("alice", ONE)]
    await late.store.close()


@looped
async def test_a_file_that_is_tried_in_vain_is_no_new_beginning(tmp_path, monkeypatch):
    """At one whoever has rows writes all of them again."""
    late = Late(tmp_path, monkeypatch)
    await late.store.open()
    before, tries = late.store.beginnings, []
    taken = database.take
    monkeypatch.setattr(database, "take", lambda file: tries.append(file) or taken(file))
    async with asyncio.timeout(60):
        while len(tries) < 3:
            await late.store.run(names)
    assert late.store.beginnings == before
    late.file.parent.mkdir()
    await late.there()
    assert late.store.beginnings == before + 1
    await late.store.close()
