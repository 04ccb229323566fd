"""A user's last address over a restart of the gateway, and what the disk has to do with a lease."""

import asyncio
import logging
import sqlite3
import threading
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from looped import looped
from lotor.auth import UserError, UserFile
from lotor.auth.facts import Facts
from lotor.crypto.passwords import Cost
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.secret import Secret
from lotor.store import Fault, Store
from lotor.store.addresses import MOST, Held, load, write
from lotor.warden.fixed import FixedAddresses
from lotor.warden.pool_routes import PoolRoutes
from lotor.warden.remembering import RememberedLeases
from paired import gateway, settings
from scripted import RecordingRoutes


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "lotor.db"


class Gateway:
    """Leases as a warden has them, on a store. `crash` leaves everything as a killed one does."""

    def __init__(self, file, mode_cfg="") -> None:
        self.store = Store(file)
        self.pool = PoolRoutes(RecordingRoutes())
        self.leases = RememberedLeases(self.pool, self.store, FixedAddresses(self.pool.fix))
        self.settings = settings(gateway() + f"mode_cfg {{ network4 10.99.99.1; {mode_cfg} }}")
        self.sessions = 0

    async def __aenter__(self):
        await self.store.open()
        await self.pool.adapt(self.settings)
        self.leases.fixed.obey(self.settings)
        await self.leases.recall(self.pool)
        return self

    async def __aexit__(self, *_):
        await self.leases.settle()
        await self.store.close()

    async def login(self, user, grants=NO_GRANTS):
        self.sessions += 1
        lease = await self.leases.acquire(self.sessions, user, grants)
        return str(lease.address) if not isinstance(lease, Failure) else lease.reason.kind.value

    async def logout(self, session):
        await self.leases.release(session)


@looped
async def test_a_user_gets_the_last_address_again_after_a_restart(file):
    async with Gateway(file) as first:
        assert [await first.login(user) for user in ("alice", "bob", "carol")] == [f"10.99.99.{n}" for n in (1, 2, 3)]
        await first.logout(2)
    async with Gateway(file) as second:
        assert [await second.login(user) for user in ("carol", "bob", "alice")] == [f"10.99.99.{n}" for n in (3, 2, 1)]


@looped
async def test_after_a_restart_too_a_stranger_gets_what_has_been_free_the_longest(file):
    async with Gateway(file, "pool_size 4;") as first:
        for user in ("alice", "bob", "carol", "dave"):
            await first.login(user)
        for session in (3, 1, 2):
            await first.logout(session)
    async with Gateway(file, "pool_size 4;") as second:
        assert [await second.login(f"stranger{n}") for n in range(4)] == [f"10.99.99.{n}" for n in (3, 1, 2, 4)]
        assert await second.login("one too many") == "pool-exhausted"


@looped
async def test_a_clock_that_is_set_back_changes_no_order(file, monkeypatch):
    async with Gateway(file, "pool_size 2;") as first:
        await first.login("alice")
        await first.login("bob")
        await first.logout(2)
        monkeypatch.setattr("time.time", lambda: 0.0)
        await first.logout(1)
    async with Gateway(file, "pool_size 2;") as second:
        assert await second.login("stranger") == "10.99.99.2"


@looped
async def test_what_was_held_when_a_gateway_was_killed_is_its_users_and_free_since_then(file):
    async with Gateway(file, "pool_size 3;") as killed:
        for user in ("alice", "bob", "carol"):
            await killed.login(user)
        await killed.logout(2)
        await killed.leases.settle()
        copy = file.with_name("as-it-was.db")
        await killed.store.run(lambda _: None)
        with sqlite3.connect(file) as there, sqlite3.connect(copy) as here:
            there.backup(here)
    for _ in range(2):  # killed again before anybody came
        async with Gateway(copy, "pool_size 3;") as after:
            assert await after.store.run(load) == [
                ("bob", IPv4Address("10.99.99.2")),
                ("alice", IPv4Address("10.99.99.1")),
                ("carol", IPv4Address("10.99.99.3")),
            ]
    async with Gateway(copy, "pool_size 3;") as after:
        assert [await after.login(user) for user in ("carol", "stranger", "alice")] == [
            f"10.99.99.{n}" for n in (3, 2, 1)
        ]


@looped
async def test_no_lease_waits_for_the_disk(file):
    async with Gateway(file) as serving:
        hold = threading.Event()
        held = asyncio.create_task(serving.store.run(lambda _: hold.wait(60)))
        assert [await serving.login(f"user{n}") for n in range(50)] == [f"10.99.99.{n}" for n in range(1, 51)]
        for session in range(1, 26):
            await serving.logout(session)
        assert not held.done()
        hold.set()
        await serving.leases.settle()
        rows = await serving.store.run(
            lambda connection: connection.execute("SELECT sum(held) FROM addresses").fetchone()
        )
        assert rows == (25,)


@looped
async def test_what_a_full_disk_did_not_take_is_written_once_it_can(file, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "lotor.store")
    monkeypatch.setattr("lotor.store.behind.PAUSE", 0.0)
    async with Gateway(file) as serving:
        full = True

        def failing(connection, changes):
            if full:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            write(connection, changes)

        serving.leases._behind._write = failing
        assert await serving.login("alice") == "10.99.99.1"
        while serving.store.fault is None:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        assert serving.store.fault.fault is Fault.FULL
        assert await serving.login("bob") == "10.99.99.2"
        full = False
    assert ["disk is full" in each for each in caplog.messages] == [True, False]
    async with Gateway(file) as after:
        assert [await after.login(user) for user in ("bob", "alice")] == ["10.99.99.2", "10.99.99.1"]


@looped
async def test_a_new_file_in_the_place_of_a_broken_one_learns_who_is_there(file):
    async with Gateway(file) as serving:
        await serving.login("alice")
        await serving.leases.settle()
        serving.store._database.beginnings += 1
        await serving.store.run(lambda connection: connection.execute("DELETE FROM addresses"))
        await serving.login("bob")
        await serving.leases.settle()
        assert await serving.store.run(load) == [
            ("alice", IPv4Address("10.99.99.1")),
            ("bob", IPv4Address("10.99.99.2")),
        ]


@looped
async def test_the_lowest_free_address_is_given_where_the_administrator_wants_it(file):
    async with Gateway(file, "address_policy lowest;") as serving:
        for user in ("alice", "bob", "carol"):
            await serving.login(user)
        for session in (3, 1):
            await serving.logout(session)
        assert [await serving.login(user) for user in ("carol", "stranger", "dave")] == [
            f"10.99.99.{n}" for n in (1, 3, 4)
        ]
    async with Gateway(file, "address_policy lowest;") as after:
        assert await after.login("dave") == "10.99.99.1"


@looped
async def test_a_reserved_address_is_given_to_whom_it_is_granted_only(file):
    async with Gateway(file, "pool_size 4; reserve 10.99.99.1, 10.99.99.3;") as serving:
        assert [await serving.login(f"user{n}") for n in range(3)] == ["10.99.99.2", "10.99.99.4", "pool-exhausted"]
        grants = Grants(address=IPv4Address("10.99.99.3"))
        assert await serving.login("carol", grants) == "10.99.99.3"
        assert await serving.login("dave", grants) == "grant-in-use"
        serving.pool.fix(frozenset({IPv4Address("10.99.99.2")}))
        await serving.logout(1)
        assert await serving.login("user0") == "pool-exhausted"
        serving.pool.fix(frozenset())
        assert await serving.login("user0") == "10.99.99.2"


@looped
async def test_the_address_of_one_of_lotors_own_users_is_given_to_nobody_else(file, tmp_path):
    users = UserFile(tmp_path / "users", Cost(memory=64, passes=1, lanes=1))
    users.add("alice", Secret(b"alicepass"), Facts(address=IPv4Address("10.99.99.1")))
    async with Gateway(file, f'pool_size 3; auth_source local; users "{users.path}";') as serving:
        assert await serving.login("bob") == "10.99.99.2"
        assert await serving.login("alice", Grants(address=IPv4Address("10.99.99.1"))) == "10.99.99.1"
        users.add("carol", Secret(b"carolpass"), Facts(address=IPv4Address("10.99.99.3")))
        assert await serving.login("dave") == "pool-exhausted"
        users.remove("carol")
        assert await serving.login("dave") == "10.99.99.3"


@looped
async def test_who_comes_while_the_file_of_users_is_read_waits_for_it(file, tmp_path):
    users = UserFile(tmp_path / "users", Cost(memory=64, passes=1, lanes=1))
    users.add("alice", Secret(b"alicepass"), Facts(address=IPv4Address("10.99.99.1")))
    async with Gateway(file, f'pool_size 3; auth_source local; users "{users.path}";') as serving:
        given = await asyncio.gather(serving.login("bob"), serving.login("carol"), serving.login("dave"))
        assert given == ["10.99.99.2", "10.99.99.3", "pool-exhausted"]


@looped
async def test_a_file_of_users_that_can_be_read_again_counts_again(file, tmp_path, monkeypatch):
    users = UserFile(tmp_path / "users", Cost(memory=64, passes=1, lanes=1))
    users.add("alice", Secret(b"alicepass"), Facts(address=IPv4Address("10.99.99.1")))

    def unreadable(_):
        raise UserError("no")

    async with Gateway(file, f'pool_size 3; auth_source local; users "{users.path}";') as serving:
        with monkeypatch.context() as patch:
            patch.setattr(UserFile, "list", unreadable)
            assert await serving.login("bob") == "10.99.99.1"
        await serving.logout(1)
        assert await serving.login("bob") == "10.99.99.2"


@looped
async def test_rows_are_a_bounded_number(file):
    store = Store(file)
    await store.open()
    every = [Held(IPv4Address(0x0A000000 + n), f"user{n}", held=False) for n in range(MOST + 10)]
    await store.run(lambda connection: write(connection, every))
    known = await store.run(load)
    assert (len(known), known[0]) == (MOST, ("user10", IPv4Address(0x0A00000A)))
    await store.close()


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_hundred_thousand_come_and_go_and_no_lease_is_lost_or_doubled(tmp_path, on_disk):
    async def scenario():
        file = tmp_path / "lotor.db" if on_disk else None
        async with Gateway(file, "pool_size 500;") as serving:
            held: dict[int, str] = {}
            given: set[str] = set()
            for number in range(1, 100_001):
                address = await serving.login(f"user{number * 7919 % 700}")
                assert address not in given
                given.add(address)
                held[number] = address
                if len(held) > 400:
                    leaving = next(iter(held))
                    await serving.logout(leaving)
                    given.discard(held.pop(leaving))
                if number % 1000 == 0:
                    await asyncio.sleep(0)
            assert len(given) == len(held) == len(serving.pool._pools) == len(serving.leases._held)
            for each in held:
                await serving.logout(each)
            assert (len(serving.pool._pools), len(serving.leases._held)) == (0, 0)
            await serving.leases.settle()
            assert await serving.store.run(rows) == ((500, 0) if on_disk else (0, None))
            assert not serving.leases._behind._pending
            assert serving.leases._behind.lost == 0

    asyncio.run(scenario())


POOLS = 'pool_size 200; granted_network 10.97.0.0/24; pool "staff" { network4 10.98.0.1; pool_size 150; }'


def wish(number):
    """Of a hundred users each: a pool without a name, the staff's, a fixed address of that one, one from elsewhere."""
    user, kind = number * 7919 % 400, number % 4
    granted = (
        NO_GRANTS,
        Grants(pool="staff"),
        Grants(address=IPv4Address("10.98.0.1") + 100 + user % 40),
        Grants(address=IPv4Address("10.97.0.1") + user % 60),
    )
    return f"user{user}", granted[kind]


@pytest.mark.parametrize("policy", ["sticky", "lowest"])
def test_twenty_thousand_with_pools_and_grants_leave_nothing_behind(policy):
    """Who may not have what was granted, since somebody has it, has nothing: and nothing stays of him."""

    async def scenario():
        async with Gateway(None, f"{POOLS} address_policy {policy};") as serving:
            held: dict[int, str] = {}
            refused = 0
            for number in range(1, 20_001):
                address = await serving.login(*wish(number))
                if address == "grant-in-use":
                    refused += 1
                else:
                    held[number] = address
                if len(held) > 250:
                    await serving.logout(next(iter(held)))
                    del held[next(iter(held))]
                if number % 1000 == 0:
                    assert len(set(held.values())) == len(held) == len(serving.pool._pools)
                    await asyncio.sleep(0)
            assert refused > 1000
            for each in held:
                await serving.logout(each)
            pools = serving.pool._pools
            tables = (serving.leases._held, pools._of, pools._outside, pools._owners, pools._lent6)
            beside = (serving.pool._stray, serving.pool._reached)
            assert [len(each) for each in (*tables, *beside)] == [0] * 7
            assert [list(each.leases()) for each in pools.pools.values()] == [[], []]
            fresh = [await serving.login(f"stranger{n}") for n in range(201)]
            assert len(set(fresh[:200])) == 200
            assert fresh[200] == "pool-exhausted"

    asyncio.run(scenario())


def rows(connection):
    return connection.execute("SELECT count(*), sum(held) FROM addresses").fetchone()
