"""Sessions of the past: what is kept of them, of those that nobody ended, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import sqlite3
import threading
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from click.testing import CliRunner

from looped import looped
from lotor.cli.history import history
from lotor.cli.past_rows import row
from lotor.daemon.exits import StartError
from lotor.model.kinds import Kind
from lotor.model.network import Peer
from lotor.model.text import clean
from lotor.ports.accounting import LONGEST_MACHINE, Account, Usage
from lotor.store import Store, sessions
from lotor.store.opening import read
from lotor.store.sessions import Wanted, find, write
from lotor.warden.history import History
from paired import gateway, settings

NOON = 1_790_000_000.0
DAY = 86400.0


class Wall:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


def account(id_, user="alice", began=NOON, client="strongSwan"):
    source, inside = Peer(IPv4Address("198.51.100.7"), 4500), (IPv4Address("10.99.99.1"),)
    return Account(id_, user, source, inside, began, client=client)


async def kept(file, wall, days=90):
    store = Store(file)
    await store.open()
    past = History(store, wall)
    await past.recall(Kind.GATEWAY_DIED)
    await past.obey(settings(f"history_days {days};" + gateway()))
    return past, store


async def ended(past, store):
    await past.settle()
    await store.close()


async def rows(store, **wanted):
    return await store.run(lambda connection: list(find(connection, Wanted(**wanted))))


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "lotor.db"


@looped
async def test_a_session_is_kept_from_its_start_on(file):
    wall = Wall()
    past, store = await kept(file, wall)
    await past.start(account("a-1"))
    await past.settle()
    (up,) = await rows(store)
    assert (up.user, up.source, up.inside, up.client, up.ended) == (
        "alice",
        "198.51.100.7",
        "10.99.99.1",
        "strongSwan",
        None,
    )
    await past.interim(account("a-1"), Usage(60, 1, 2, 3, 4))
    wall.now += 120
    await past.stop(account("a-1"), Usage(120, 10, 20, 30, 40), Kind.LOGGED_OUT)
    await past.settle()
    (over,) = await rows(store)
    assert (over.seconds, over.octets_in, over.octets_out, over.packets_in, over.packets_out) == (120, 10, 20, 30, 40)
    assert (over.ended, over.why) == (NOON + 120, Kind.LOGGED_OUT.value)
    await ended(past, store)


@looped
async def test_the_device_that_proved_itself_before_its_user_is_kept_and_shown(file, tmp_path):
    """As clean text, and not longer than any name."""
    wall = Wall()
    past, store = await kept(file, wall)
    machines = ("laptop-7.example.net", "", "\x1b[2J" + "m" * 500)
    for number, machine in enumerate(machines):
        await past.start(replace(account(f"a-{number}", began=NOON + number), machine=machine))
    await past.settle()
    found = await rows(store)
    assert [each.machine for each in found[:2]] == list(machines[:2])
    assert found[2].machine == clean(machines[2], longest=LONGEST_MACHINE)
    assert "\x1b" not in found[2].machine
    await ended(past, store)
    (tmp_path / "racoon.conf").write_text(f'store "{file}";\n')
    lines = [json.loads(each) for each in told(tmp_path / "racoon.conf", "--json").splitlines()]
    assert [each["machine"] for each in lines] == [each.machine for each in found]
    assert row(found[0])[8] == "strongSwan, device laptop-7.example.net"
    assert row(found[1])[8] == "strongSwan"


@looped
async def test_what_a_killed_gateway_left_ends_at_the_next_start_with_what_was_known(file):
    past, store = await kept(file, Wall())
    await past.start(account("a-1"))
    await past.interim(account("a-1"), Usage(60, 1, 2, 3, 4))
    await ended(past, store)
    past, store = await kept(file, Wall(NOON + 5000))
    (lost,) = await rows(store)
    assert (lost.ended, lost.seconds, lost.octets_in, lost.why) == (NOON + 60, 60, 1, Kind.GATEWAY_DIED.value)
    await ended(past, store)


@looped
async def test_sessions_of_a_dead_daemon_end_and_those_of_another_one_last(file):
    wall = Wall()
    past, store = await kept(file, wall)
    for id_ in ("a-1", "a-2", "b-1"):
        await past.start(account(id_))
    wall.now += 30
    await past.leave("a-", Kind.DAEMON_DIED)
    await past.stop(account("a-1"), Usage(40), Kind.LOGGED_OUT)
    await past.settle()
    assert sorted((each.id, each.ended, each.why) for each in await rows(store)) == [
        ("a-1", NOON + 30, Kind.DAEMON_DIED.value),
        ("a-2", NOON + 30, Kind.DAEMON_DIED.value),
        ("b-1", None, ""),
    ]
    assert list(past._open) == ["b-1"]
    await ended(past, store)


@looped
async def test_a_clock_that_is_set_back_ends_no_session_before_it_began(file):
    wall = Wall()
    past, store = await kept(file, wall)
    await past.start(account("a-1"))
    wall.now -= 9 * DAY
    await past.stop(account("a-1"), Usage(40), Kind.LOGGED_OUT)
    await past.settle()
    assert [each.ended for each in await rows(store)] == [NOON]
    await ended(past, store)


async def filled(file, wall, days):
    past, store = await kept(file, Wall())
    for number in range(10):
        began = NOON - number * 10 * DAY
        past._wall = Wall(began + 60)
        await past.start(account(f"a-{number}", began=began))
        await past.stop(account(f"a-{number}", began=began), Usage(60), Kind.LOGGED_OUT)
    await ended(past, store)
    past, store = await kept(file, wall, days)
    found = [each.id for each in await rows(store)]
    await ended(past, store)
    return found


@looped
async def test_old_sessions_are_forgotten(file):
    assert await filled(file, Wall(NOON + 100), 35) == ["a-0", "a-1", "a-2", "a-3"]


@looped
async def test_a_clock_that_is_years_ahead_forgets_no_more(file):
    assert await filled(file, Wall(NOON + 9000 * DAY), 35) == ["a-0", "a-1", "a-2", "a-3"]


@looped
async def test_without_days_nothing_is_kept(file):
    assert await filled(file, Wall(NOON + 61), 0) == []
    past, store = await kept(file, Wall(), 0)
    await past.start(account("a-1"))
    await past.stop(account("a-1"), Usage(1), Kind.LOGGED_OUT)
    await past.settle()
    assert await rows(store) == []
    await ended(past, store)


@looped
async def test_rows_are_a_bounded_number(file, monkeypatch):
    monkeypatch.setattr(sessions, "MOST", 20)
    past, store = await kept(file, Wall())
    for number in range(50):
        await past.start(account(f"a-{number}"))
        await past.settle()
    assert [each.id for each in await rows(store)] == [f"a-{number}" for number in range(30, 50)]
    await ended(past, store)


@pytest.fixture
def past(tmp_path, file, monkeypatch):
    """A store with three sessions, and a configuration that names it."""
    monkeypatch.setenv("TZ", "UTC")

    @looped
    async def fill():
        store = Store(file)
        await store.open()
        every = [
            sessions.Session("a-1", "alice", "198.51.100.7", "10.99.99.1", "strongSwan", NOON, NOON + 60, 60, 10, 20),
            sessions.Session("a-2", "=HYPERLINK()", "2001:db8::7", "10.99.99.2,fd00::2", "", NOON + 100, NOON + 200),
            sessions.Session("a-3", "alice", "198.51.100.9", "10.99.99.1", "Windows", NOON + 300),
        ]
        await store.run(lambda connection: write(connection, every))
        await store.close()

    fill()
    configuration = tmp_path / "racoon.conf"
    configuration.write_text(f'store "{file}";\n')
    return configuration


def told(configuration, *words):
    done = CliRunner().invoke(history, ["-f", str(configuration), *words], catch_exceptions=False)
    return done.output


def test_the_table_fits_eighty_columns(past, monkeypatch):
    monkeypatch.setattr("lotor.cli.history.columns", lambda: 80)
    lines = told(past).splitlines()
    assert len(lines) == 4
    assert all(len(each) <= 80 for each in lines)
    assert "(is up)" in lines[-1]
    for word in ("user", "began", "lasted", "ended by"):
        assert word in lines[0]


def test_csv_and_json_have_all_of_it(past):
    table = list(csv.DictReader(io.StringIO(told(past, "--csv"))))
    assert [each["user"] for each in table] == ["alice", "'=HYPERLINK()", "alice"]
    lines = [json.loads(each) for each in told(past, "--json").splitlines()]
    assert [each["ended"] is None for each in lines] == [False, False, True]
    assert lines[0]["began"] == "2026-09-21T14:13:20Z"


def test_some_are_asked_for(past):
    def ids(*words):
        return [json.loads(each)["id"] for each in told(past, "--json", *words).splitlines()]

    assert ids("--user", "alice") == ["a-1", "a-3"]
    assert ids("--last", "2") == ["a-2", "a-3"]
    assert ids("--since", "2026-09-21T14:15:30") == ["a-2", "a-3"]
    assert ids("--until", "2026-09-21T14:14") == ["a-1"]
    assert ids("--since", "1m") == ["a-3"]
    assert "no session is known" in told(past, "--user", "nobody")
    assert "is no moment" in told(past, "--since", "yesterday")


@pytest.mark.parametrize(("text", "said"), [("store none;", "store none"), ('store "/nowhere/x.db";', "No such file")])
def test_where_nothing_is_kept_that_is_said(tmp_path, text, said):
    (tmp_path / "racoon.conf").write_text(text + "\n")
    with pytest.raises(StartError, match=said):
        told(tmp_path / "racoon.conf")


@pytest.mark.parametrize(
    ("made", "said"), [("", "no such table"), ("PRAGMA user_version = 99", "written by a newer lotor")]
)
def test_a_file_with_other_tables_is_told(past, file, made, said):
    file.unlink()
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE another (thing)")
    other.execute(made)
    other.close()
    with pytest.raises(StartError, match=said):
        told(past)


def test_a_table_that_cannot_be_read_has_no_first_line(tmp_path):
    (tmp_path / "racoon.conf").write_text('store "/nowhere/x.db";\n')
    done = CliRunner().invoke(history, ["-f", str(tmp_path / "racoon.conf"), "--csv"])
    assert isinstance(done.exception, StartError)
    assert done.stdout == ""


def test_one_form_is_asked_for(past):
    done = CliRunner().invoke(history, ["-f", str(past), "--csv", "--json"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--csv or --json" in done.stderr


def test_who_may_not_read_it_is_told(past, monkeypatch):
    def shut(_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.stat", shut)
    monkeypatch.setattr("lotor.cli.history._store", lambda _: Path("/var/lib/lotor/lotor.db"))
    with pytest.raises(StartError, match=r"lotor\.db cannot be opened \(Permission denied\)"):
        told(past)


@looped
async def test_a_disk_that_is_silent_holds_no_reload_up(file, monkeypatch):
    past, store = await kept(file, Wall())
    monkeypatch.setattr("lotor.store.store.PATIENCE", 0.01)
    hold = threading.Event()
    held = asyncio.create_task(store.run(lambda _: hold.wait(60)))
    await asyncio.sleep(0)
    await past.obey(settings("history_days 3;" + gateway()))
    await past.start(account("5f3a-1"))
    await past.settle()
    monkeypatch.setattr("lotor.store.store.PATIENCE", 60.0)
    hold.set()
    await held
    assert [each.id for each in await rows(store)] == ["5f3a-1"]
    await ended(past, store)


def test_a_reader_that_rests_keeps_no_state_of_the_file(file, past, monkeypatch):
    """`lotor history | less`: what is written meanwhile is taken over, and the file beside it does not grow."""
    monkeypatch.setattr(sessions, "AT_ONCE", 2)
    reader, writer = read(file), sqlite3.connect(file, isolation_level=None)
    found = find(reader, Wanted())
    assert next(found).id == "a-1"
    write(writer, [sessions.Session(f"b-{n}", "bob", "192.0.2.1", "10.99.99.9", "", NOON + n) for n in range(5)])
    busy, _, left = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, left) == (0, 0)
    assert [each.id for each in found] == ["a-2", "a-3", "b-0", "b-1", "b-2", "b-3", "b-4"]
    assert [each.id for each in find(reader, Wanted(last=3))] == ["b-2", "b-3", "b-4"]
    assert [each.id for each in find(reader, Wanted(last=1))] == ["b-4"]
    reader.close()
    writer.close()


@pytest.mark.parametrize(
    "garbled", ["began = 'then'", "began = 1e300", "ended = X'00'", "user = X'00'", "octets_in = 'x'"]
)
@looped
async def test_a_garbled_session_takes_no_other_one_along(file, past, garbled):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE sessions SET {garbled} WHERE id = 'a-2'")
        connection.commit()
    done = CliRunner().invoke(history, ["-f", str(past), "--json"], catch_exceptions=False)
    assert [json.loads(each)["id"] for each in done.stdout.splitlines()] == ["a-1", "a-3"]
    assert done.stderr == f"1 row of {file} cannot be read\n"
    await ended(*await kept(file, Wall(NOON + 400)))
