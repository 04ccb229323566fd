"""Users of a fleet as the warden shares them: when it looks, and what it does while the database is away."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from looped import looped
from lotor.auth.userlines import LocalUser
from lotor.auth.users import UserFile
from lotor.ports.fleet import News, Sign, UserLine
from lotor.warden.shared_users import SharedUsers
from paired import gateway, settings


class Table:
    """The users of a fleet in memory. `away`: a sentence, and whoever asks gets it as a fault."""

    def __init__(self) -> None:
        self.rows: dict[str, UserLine] = {}
        self.version, self.away, self.fails = 0, "", 0
        self.asked: list[int] = []

    async def users(self, after):
        self._there()
        self.asked.append(after)
        rows = sorted((each for each in self.rows.values() if each.version > after), key=lambda each: each.version)
        return tuple(rows[:2])

    async def write_user(self, name, sealed, version):
        self._there()
        if self.fails:
            self.fails -= 1
            raise OSError(110, "it did not answer in time")
        present = self.rows.get(name)
        if (present.version if present is not None else 0) != version:
            return None
        self.version += 1
        self.rows[name] = UserLine(name, sealed, self.version)
        return self.version

    def _there(self):
        if self.away:
            raise OSError(110, self.away)


class At:
    """A gateway with its files in a directory of its own."""

    def __init__(self, base, name, table, key="ab" * 32):
        self.directory = base / name
        self.directory.mkdir()
        self.key = self.directory / "fleet.key"
        if key:
            self.key.write_text(key)
            self.key.chmod(0o600)
        self.file = UserFile(self.directory / "users")
        self.shared = SharedUsers(table, name, self.directory / "fleet-users")
        self.shared.obey(self.settings())

    def settings(self, source="local"):
        mode_cfg = f'mode_cfg {{ network4 10.99.99.1; auth_source {source}; users "{self.file.path}"; }}'
        return settings(f'fleet_key "{self.key}";' + gateway() + mode_cfg)

    def add(self, *names):
        self.file.put_all(lambda _: tuple(LocalUser(name, "hash") for name in names))

    @property
    def users(self):
        return [each.name for each in self.file.list()]


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr("lotor.warden.shared_users.RETRY", 0.0)
    return Table()


@looped
async def test_users_cross_when_their_file_changes_and_when_the_fleet_says_so(tmp_path, table):
    one, two = At(tmp_path, "gw1", table), At(tmp_path, "gw2", table)
    one.add("alice", "bob", "carol", "dora", "emil")
    await one.shared.look()
    await two.shared.look()
    assert two.users == one.users
    one.shared.hear(News(Sign.USERS))
    await one.shared.look()
    two.file.remove("bob")
    await two.shared.look()
    asked = len(table.asked)
    await one.shared.look()
    assert "bob" in one.users, "nobody told it yet"
    one.shared.hear(News(Sign.USERS))
    await one.shared.look()
    assert "bob" not in one.users
    assert table.asked[asked:], "and then it asked for what is new only"
    assert 0 not in table.asked[asked:]


@looped
async def test_it_looks_by_itself_and_at_once_when_it_hears_of_users(tmp_path, table, monkeypatch):
    monkeypatch.setattr("lotor.warden.shared_users.LOOK", 3600.0)
    one, two = At(tmp_path, "gw1", table), At(tmp_path, "gw2", table)
    one.add("alice")
    running = asyncio.create_task(two.shared.run())
    await one.shared.look()
    two.shared.hear(News(Sign.USERS))
    async with asyncio.timeout(60):
        while two.users != ["alice"]:  # noqa: ASYNC110 - the file has no event
            await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@looped
async def test_without_a_key_nothing_crosses_and_one_line_says_what_to_do(tmp_path, table, caplog):
    one = At(tmp_path, "gw1", table, key="")
    one.add("alice")
    for _ in range(3):
        await one.shared.look()
    assert table.rows == {}
    (line,) = caplog.messages
    assert f"{one.key} does not exist: make one with `(umask 077; openssl rand -hex 32 >{one.key})`" in line
    one.key.write_text("cd" * 32)
    one.key.chmod(0o600)
    await one.shared.look()
    assert list(table.rows) == ["alice"]


@looped
async def test_who_has_no_users_of_its_own_shares_none(tmp_path, table):
    one = At(tmp_path, "gw1", table)
    one.add("alice")
    one.shared.obey(one.settings("system"))
    await one.shared.look()
    assert table.asked == []
    one.shared.obey(one.settings())
    await one.shared.look()
    assert list(table.rows) == ["alice"]


@looped
async def test_a_database_that_is_away_is_said_once_and_what_changed_crosses_later(tmp_path, table, caplog):
    one, two = At(tmp_path, "gw1", table), At(tmp_path, "gw2", table)
    one.add("alice")
    await one.shared.look()
    await two.shared.look()
    table.away = "the database is away"
    one.add("bob")
    for _ in range(3):
        await one.shared.look()
    assert caplog.messages == ["lotor's own users are not shared with the fleet at present: the database is away"]
    assert one.users == ["alice", "bob"]
    table.away = ""
    one.shared.hear(News(Sign.JOINED))
    await one.shared.look()
    two.shared.hear(News(Sign.USERS))
    await two.shared.look()
    assert two.users == ["alice", "bob"]


@looped
async def test_a_database_that_was_emptied_is_filled_also_when_it_fails_half_way(tmp_path, table):
    one = At(tmp_path, "gw1", table)
    one.add("alice", "bob", "carol")
    await one.shared.look()
    table.rows, table.fails = {}, 1
    one.shared.hear(News(Sign.JOINED))
    await one.shared.look()
    await one.shared.look()
    assert sorted(table.rows) == ["alice", "bob", "carol"]
    assert one.users == ["alice", "bob", "carol"]


@looped
async def test_a_fleet_that_never_ends_to_tell_is_left(tmp_path, table, monkeypatch, caplog):
    monkeypatch.setattr("lotor.warden.shared_users.MOST_LINES", 10)

    async def users(after):
        return tuple(UserLine(f"user{number}", b"x", number) for number in range(after + 1, after + 3))

    table.users = users
    one = At(tmp_path, "gw1", table)
    await one.shared.look()
    assert "the fleet has more than 10 users" in caplog.text


@looped
async def test_a_reload_reads_the_key_anew(tmp_path, table, caplog):
    one, two = At(tmp_path, "gw1", table), At(tmp_path, "gw2", table)
    one.add("alice")
    await one.shared.look()
    table.rows = {}
    for each in (one, two):
        each.key.write_text("ef" * 32)
        each.shared.obey(each.settings())
        await each.shared.look()
    assert two.users == ["alice"]
    assert caplog.text == ""


@looped
async def test_the_fleet_is_asked_now_and_then_also_where_nobody_heard_of_a_change(tmp_path, table, monkeypatch):
    one, two = At(tmp_path, "gw1", table), At(tmp_path, "gw2", table)
    await two.shared.look()
    one.add("alice")
    await one.shared.look()
    await two.shared.look()
    assert two.users == []
    monkeypatch.setattr("lotor.warden.shared_users.POLL", 0.0)
    await two.shared.look()
    assert two.users == ["alice"]
