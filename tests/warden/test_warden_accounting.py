"""Accounts of sessions at the warden: what a daemon may tell of, and what becomes of sessions that nobody ended."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest

from far import until
from looped import looped
from lotor.accounting.backlog import waits
from lotor.config.settings import Accounting
from lotor.model.kinds import Kind
from lotor.ports.accounting import Backlog, Status, Usage
from lotor.ports.orders import Whom
from lotor.privsep import accounting as verbs
from lotor.privsep.far_accounting import FarAccounting
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden import accounting
from lotor.warden.accounting import MOST_STARTS, Accounts, HeldAccounts
from paired import line
from ports.test_ports_accounting import ALICE, GONE, USAGE
from warden.test_warden_delivery import Far

KEY = "0123456789ab"
FIRST = replace(ALICE, id=f"{KEY}-1", accounting_classes=(b"gold",), groups=frozenset({"staff"}))


def wants(kind):
    return SimpleNamespace(accounting=kind)


class Stage:
    """Accounts over a store in memory, or in `file`; `far` keeps what is told by RADIUS."""

    def __init__(self, file=None, kind=Accounting.RADIUS):
        self.store, self.far, self.kind = Store(file), Far(), kind
        self.known = lambda user: user == "alice"

    async def __aenter__(self):
        await self.store.open()
        self.spool = Spool(self.store)
        self.accounts = Accounts(self.spool, {Accounting.RADIUS: self.far})
        await self.accounts.open()
        self.accounts.use(wants(self.kind))
        return self

    async def __aexit__(self, *exc_info):
        await self.accounts.close()
        await self.store.close()

    @asynccontextmanager
    async def daemon(self, key=KEY):
        """The far port of a daemon, whose end the warden hears of."""
        held = HeldAccounts(self.accounts, key, self.known)
        async with line(held.rows()) as (asker, lost):
            self.asker, self.lost = asker, lost
            yield FarAccounting(asker)
        await held.let_go()

    async def tried(self, number):
        """Until the keeper was asked so often."""
        async with asyncio.timeout(60):
            while len(self.far.asked) < number:  # noqa: ASYNC110 - the keeper is the test's
                await asyncio.sleep(0.001)

    async def told(self, number):
        """What the keeper has, once it has so many records."""
        async with asyncio.timeout(60):
            while len(self.far.took) < number:  # noqa: ASYNC110 - the keeper is the test's
                await asyncio.sleep(0.001)
        return self.far.took


@looped
async def test_a_session_is_told_of_with_all_that_its_daemon_said():
    async with Stage() as stage, stage.daemon() as far:
        await far.start(FIRST)
        await far.interim(FIRST, USAGE)
        await far.stop(FIRST, USAGE, GONE)
        assert await stage.told(4) == [("ON", ""), *((word, FIRST.id) for word in ("START", "INTERIM", "STOP"))]
        began = stage.far.asked[1].account
        assert replace(began, began=FIRST.began) == FIRST
        assert (stage.far.asked[3].usage, stage.far.asked[3].why) == (USAGE, GONE)
    assert stage.far.took[-1] == ("OFF", "")


@looped
async def test_nothing_is_told_where_nobody_wants_to_know():
    async with Stage(kind=Accounting.NONE) as stage, stage.daemon() as far:
        await far.start(FIRST)
        await far.interim(FIRST, USAGE)
        await far.stop(FIRST, USAGE, GONE)
        assert (await stage.spool.backlog("none")).records == 0
    assert stage.far.asked == []


@looped
async def test_a_session_stays_with_its_keeper_through_reloads():
    async with Stage() as stage, stage.daemon() as far:
        second = replace(FIRST, id=f"{KEY}-2")
        await far.start(FIRST)
        stage.accounts.use(wants(Accounting.NONE))
        await far.start(second)
        await far.stop(FIRST, USAGE, GONE)
        await far.stop(second, USAGE, GONE)
        stage.accounts.use(None)
        told = await stage.told(4)
        assert sorted(told) == sorted([("ON", ""), ("OFF", ""), ("START", FIRST.id), ("STOP", FIRST.id)])


@looped
async def test_nobody_hears_of_the_end_of_a_session_that_began_for_nobody():
    async with Stage(kind=Accounting.NONE) as stage, stage.daemon() as far:
        second = replace(FIRST, id=f"{KEY}-2")
        await far.start(FIRST)
        stage.accounts.use(wants(Accounting.RADIUS))
        await far.start(second)
        for each in (FIRST, second):
            await far.interim(each, USAGE)
            await far.stop(each, USAGE, GONE)
        told = await stage.told(4)
        assert told == [("ON", ""), *((word, second.id) for word in ("START", "INTERIM", "STOP"))]


@looped
async def test_a_session_whose_start_was_lost_has_its_stop(monkeypatch):
    monkeypatch.setattr("lotor.store.account_rows.MOST_WAITING", 1)
    async with Stage() as stage, stage.daemon() as far:
        stage.far.slow = asyncio.Event()
        await stage.tried(1)
        with pytest.raises(OSError, match="this one is lost"):
            await far.start(FIRST)
        stage.far.slow.set()
        await stage.told(1)
        async with asyncio.timeout(60):
            while await far.backlog():  # noqa: ASYNC110 - the store is the test's
                await asyncio.sleep(0.001)
        await far.stop(FIRST, USAGE, GONE)
        assert await stage.told(2) == [("ON", ""), ("STOP", FIRST.id)]


@looped
async def test_sessions_of_a_dead_daemon_end_and_those_of_another_go_on(caplog):
    async with Stage() as stage, stage.daemon("beefbeefbeef") as other:
        await other.start(replace(FIRST, id="beefbeefbeef-1"))
        async with stage.daemon() as far:
            await far.start(FIRST)
            await far.interim(FIRST, replace(USAGE, seconds=0))
        await stage.told(5)
        stop = stage.far.asked[-1]
        assert (stop.status, stop.account.id, stop.why) == (Status.STOP, FIRST.id, Kind.DAEMON_DIED)
        assert stop.usage.octets_in == USAGE.octets_in
        assert "1 session without an end" in caplog.text


@looped
async def test_the_end_of_a_dead_daemons_sessions_is_told_at_once():
    """Also where the keeper had everything, and nobody tells of another session."""
    async with Stage() as stage:
        async with stage.daemon() as far:
            await far.start(FIRST)
            await stage.told(2)
            await asyncio.wait_for(stage.accounts._deliveries[Accounting.RADIUS]._idle.wait(), 60)
        await stage.told(3)


@looped
async def test_sessions_that_a_killed_gateway_left_end_before_anything_else(tmp_path):
    file = tmp_path / "lotor.db"
    stage = Stage(file)
    stage.far.refuses = lambda _: OSError("away")
    async with stage, stage.daemon() as far:
        await far.start(FIRST)
        await far.interim(FIRST, USAGE)
        killed = tmp_path / "killed"  # the disk as it is at this moment
        shutil.copytree(tmp_path, killed)
    async with Stage(killed / file.name) as again:
        told = await again.told(5)
        assert told[:4] == [("ON", ""), *((word, FIRST.id) for word in ("START", "INTERIM", "STOP"))]
        stop = again.far.asked[3]
        assert (stop.why, stop.usage) == (Kind.GATEWAY_DIED, USAGE)


@looped
async def test_what_waits_and_since_when_nobody_takes_it_is_told():
    async with Stage() as stage, stage.daemon() as far:
        await stage.told(1)
        stage.far.refuses = lambda _: OSError("away")
        await far.start(FIRST)
        await until(lambda: stage.accounts._deliveries[Accounting.RADIUS].silent is not None)
        (told,) = await far.backlog()
        told = replace(told, seconds=0, silent=0)  # whole seconds, of which a busy machine makes some
        assert told == Backlog("radius", 1, 0, 0)
        assert waits(told).startswith("accounting radius: 1 record waits, the oldest for 0 seconds; nobody has taken")


# --- a daemon in an attacker's hands ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        {"id": "beefbeefbeef-1"},
        {"id": KEY},
        {"id": f"{KEY}-"},
        {"id": f"{KEY}-one"},
        {"id": f"{KEY}-{'1' * 60}"},
        {"user": "bob"},
        {"user": "x" * 1025},
        {"source": replace(ALICE.source, port=-1)},
    ],
)
@looped
async def test_an_owned_daemon_tells_of_its_own_sessions_only(lie, monkeypatch):
    async with Stage() as stage, stage.daemon() as far:
        with pytest.raises(OSError, match="refused"):
            await far.start(replace(FIRST, **lie))
        await far.start(FIRST)
        with pytest.raises(OSError, match="refused"):
            await far.start(FIRST)
        for number in ("beefbeefbeef-1", f"{KEY}-2"):
            other = replace(FIRST, id=number)
            with pytest.raises(OSError, match="refused"):
                await far.interim(other, USAGE)
            with pytest.raises(OSError, match="refused"):
                await far.stop(other, USAGE, GONE)
        assert {account for _, account in await stage.told(2)} == {"", FIRST.id}


@looped
async def test_an_owned_daemon_ends_a_session_once_and_carries_no_less_than_nothing():
    async with Stage() as stage, stage.daemon() as far:
        await far.start(FIRST)
        for less in ("seconds", "octets_in", "octets_out", "packets_in", "packets_out"):
            with pytest.raises(OSError, match="refused"):
                await far.stop(FIRST, replace(USAGE, **{less: -1}), GONE)
        await far.stop(FIRST, USAGE, GONE)
        for late in (far.interim(FIRST, USAGE), far.stop(FIRST, USAGE, GONE)):
            with pytest.raises(OSError, match="refused"):
                await late
        assert [word for word, _ in await stage.told(3)] == ["ON", "START", "STOP"]


@looped
async def test_an_owned_daemon_says_nothing_else_of_a_session_behind_its_start():
    """What is told of a session later is told of it as it began: only figures and an end cross the line."""
    async with Stage() as stage, stage.daemon() as far:
        await far.start(FIRST)
        await far.stop(replace(FIRST, user="bob", accounting_classes=(b"free",)), USAGE, GONE)
        await stage.told(3)
        assert {(each.account.user, each.account.accounting_classes) for each in stage.far.asked[1:]} == {
            ("alice", (b"gold",))
        }


@looped
@pytest.mark.parametrize(
    ("whom", "meant"),
    [
        (Whom(user="alice"), True),
        (Whom(user="bob"), False),
        (Whom(session=FIRST.id), True),
        (Whom(session="another-1"), False),
        (Whom(user="alice", source=FIRST.source.address, called=FIRST.called), True),
        (Whom(user="alice", source=IPv4Address("203.0.113.77")), False),
        (Whom(session=FIRST.id, source=IPv4Address("203.0.113.77")), True),  # it has moved
        (Whom(inside=FIRST.inside[0], called=IPv4Address("203.0.113.78")), True),
        (Whom(session="another-1", source=FIRST.source.address), False),
        (Whom(user="alice", inside=FIRST.inside[0]), True),
        (Whom(user="alice", inside=FIRST.inside[0], beside=(IPv4Address("10.99.99.250"),)), False),
        (Whom(port=accounting.port_of(FIRST.id)), True),
        (Whom(port=4711), False),
    ],
)
async def test_a_class_that_a_server_changed_is_told_from_then_on(whom, meant):
    async with Stage() as stage, stage.daemon() as far:
        await far.start(FIRST)
        await stage.told(2)
        stage.accounts.reclass(whom, (b"silver", b"x"))
        await far.interim(FIRST, USAGE)
        await far.stop(FIRST, USAGE, GONE)
        await stage.told(4)
        now = (b"silver", b"x") if meant else FIRST.accounting_classes
        assert [each.account.accounting_classes for each in stage.far.asked[1:]] == [(b"gold",), now, now]


@looped
async def test_a_class_that_a_server_changed_is_that_of_a_stop_behind_the_death_of_the_daemon():
    async with Stage() as stage:
        async with stage.daemon() as far:
            await far.start(FIRST)
            stage.accounts.reclass(Whom(user="alice"), (b"silver",))
            await far.interim(FIRST, USAGE)
        await stage.told(4)
        assert stage.far.asked[-1].account.accounting_classes == (b"silver",)


@looped
async def test_an_owned_daemon_begins_and_tells_no_more_than_sessions_do(monkeypatch):
    monkeypatch.setattr(accounting, "MOST_STARTS", 10)
    monkeypatch.setattr(accounting, "ANOTHER_START", 1e9)
    monkeypatch.setattr(accounting, "MOST_INTERIMS", 10)
    monkeypatch.setattr(accounting, "ANOTHER_INTERIM", 1e9)
    async with Stage() as stage, stage.daemon() as far:
        for number in range(10):
            await far.start(replace(FIRST, id=f"{KEY}-{number}"))
        with pytest.raises(OSError, match="refused"):
            await far.start(replace(FIRST, id=f"{KEY}-10"))
        for _ in range(10):
            await far.interim(replace(FIRST, id=f"{KEY}-0"), USAGE)
        with pytest.raises(OSError, match="too many sessions tell at once"):
            await far.interim(replace(FIRST, id=f"{KEY}-0"), USAGE)
        assert len(await stage.told(21)) == 21


@looped
async def test_an_owned_daemon_fills_no_disk(tmp_path, monkeypatch):
    """Its records are as many as may wait, however many sessions it makes up; what waited before stays."""
    monkeypatch.setattr("lotor.store.account_rows.MOST_WAITING", 20)
    stage = Stage(tmp_path / "lotor.db")
    stage.far.refuses = lambda _: OSError("away")
    async with stage, stage.daemon() as far:
        await far.start(FIRST)
        lost = 0
        for number in range(2, 100):
            try:
                await far.start(replace(FIRST, id=f"{KEY}-{number}", user="alice"))
            except OSError as error:
                lost += "20 accounting records wait already: this one is lost" in str(error)
        assert lost == 80
        waiting = await stage.spool.first("radius", 1000)
        assert [each.record.status for each in waiting][:2] == [Status.ON, Status.START]
        assert len(waiting) == 20


@looped
async def test_an_owned_daemon_has_no_more_accounts_open_than_sessions(monkeypatch):
    monkeypatch.setattr(accounting, "MOST_OPEN", 3)
    async with Stage() as stage, stage.daemon() as far:
        for number in range(3):
            await far.start(replace(FIRST, id=f"{KEY}-{number}"))
        with pytest.raises(OSError, match="3 sessions have an account, no more may"):
            await far.start(replace(FIRST, id=f"{KEY}-3"))


@looped
async def test_an_owned_daemon_sets_no_session_into_another_time():
    async with Stage() as stage, stage.daemon() as far:
        await far.start(replace(FIRST, began=1e300))
        await stage.told(2)
        assert abs(stage.far.asked[1].account.began - stage.far.asked[1].at) < 60


@looped
async def test_what_is_longer_than_any_account_is_said_and_asks_nobody():
    async with Stage() as stage, stage.daemon() as far:
        for long in ({"accounting_classes": (bytes(253),) * 40}, {"inside": FIRST.inside * 300}):
            with pytest.raises(OSError, match="longer than any"):
                await far.start(replace(FIRST, **long))
        assert await stage.told(1) == [("ON", "")]


def test_the_numbers_of_a_verb_are_of_this_room():
    assert [each.number for each in (verbs.START, verbs.INTERIM, verbs.STOP)] == [70, 71, 72]
    assert Usage(0) == Usage(0, 0, 0, 0, 0)
    assert MOST_STARTS
