"""After a reload away from `accounting radius` its server hears the rest: of sessions that began for it, and what
waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from looped import looped
from lotor.backends.engines import engines_of
from lotor.config.back_ends import back_ends_of
from lotor.config.settings import Accounting, Radius, RadiusServer
from lotor.model.secret import Secret
from lotor.ports.accounting import Status
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden import owing
from lotor.warden.accounting import Accounts
from lotor.warden.owing import Owing
from paired import gateway, settings
from ports.test_ports_accounting import ALICE, GONE, USAGE
from warden.test_warden_delivery import Far

PLAIN = settings(gateway() + "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }")
SERVER = RadiusServer("192.0.2.7", 1813, Secret("sesame"))
OTHER = RadiusServer("192.0.2.8", 1813, Secret("open"))
NAMED = Radius((), (SERVER,), 3, 3)


def keeping(kind=Accounting.RADIUS, radius=NAMED):
    return replace(PLAIN, mode_cfg=replace(PLAIN.mode_cfg, accounting=kind), radius=radius)


NOBODY = keeping(Accounting.NONE, None)


class BackEnds:
    """`used` are the servers of accounts after each `use`; None where there are none."""

    def __init__(self):
        self.used, self.fault = [], None

    async def use(self, wanted, member=None, owed=None):
        if self.fault is not None:
            raise self.fault
        made = back_ends_of(wanted, member, owed)
        self.used.append(made.radius.acct if made is not None and made.accounts else None)


class Stage:
    """A warden's accounts, whose server takes records or refuses them."""

    async def __aenter__(self):
        self.store, self.far, self.back_ends = Store(None), Far(), BackEnds()
        await self.store.open()
        self.accounts = Accounts(Spool(self.store), {Accounting.RADIUS: self.far})
        await self.accounts.open()
        self.looks, self.looked = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.turn = asyncio.Lock()
        self.owing = Owing(self.accounts, self.back_ends, self.turn, self.pause)
        return self

    async def __aexit__(self, *exc_info):
        self.owing.stop()
        self.far.refuses = lambda _: None
        await self.accounts.close()
        await self.store.close()

    async def pause(self, seconds):
        assert seconds == owing.LOOK
        self.looked.release()
        await self.looks.acquire()

    async def use(self, wanted):
        """As a reload does."""
        async with self.turn:
            await self.owing.use(wanted)
            self.accounts.use(wanted.mode_cfg)

    async def until(self, wanted):
        async with asyncio.timeout(60):
            while not wanted():
                self.looks.release()
                await asyncio.sleep(0.001)


@looped
async def test_a_session_that_began_for_a_server_ends_for_it_and_then_nobody_is_asked():
    async with Stage() as stage:
        await stage.use(keeping())
        await stage.accounts.start(ALICE)
        await stage.use(NOBODY)
        for _ in range(2):
            await stage.looked.acquire()
            stage.looks.release()
        assert stage.back_ends.used == [(SERVER,), (SERVER,)]
        await stage.accounts.stop(ALICE, USAGE, GONE)
        await stage.until(lambda: len(stage.back_ends.used) == 3)
        assert stage.back_ends.used[2] is None
        assert {status for status, _ in stage.far.took} == {"ON", "START", "OFF", "STOP"}
        assert stage.far.took[-1] == ("STOP", ALICE.id)


@looped
async def test_records_that_wait_for_a_silent_server_go_when_it_is_back():
    async with Stage() as stage:
        stage.far.refuses = lambda record: OSError(5, "silent")
        await stage.use(keeping())
        await stage.accounts.start(ALICE)
        await stage.accounts.stop(ALICE, USAGE, GONE)
        await stage.use(NOBODY)
        await stage.looked.acquire()
        assert await stage.accounts.owes(Accounting.RADIUS)
        stage.far.refuses = lambda _: None
        await stage.until(lambda: len(stage.back_ends.used) == 3)
        assert not await stage.accounts.owes(Accounting.RADIUS)
        assert ("STOP", ALICE.id) in stage.far.took


@looped
async def test_a_server_that_stays_away_is_given_up_in_the_end(monkeypatch, caplog):
    monkeypatch.setattr(owing, "LONGEST", 3 * owing.LOOK)
    async with Stage() as stage:
        stage.far.refuses = lambda record: OSError(5, "silent")
        await stage.use(keeping())
        await stage.use(NOBODY)
        await stage.until(lambda: len(stage.back_ends.used) == 3)
        assert stage.back_ends.used[2] is None
        assert "its servers are not asked any more" in caplog.text
        assert await stage.accounts.owes(Accounting.RADIUS)


@looped
async def test_a_secret_that_was_taken_out_is_kept_only_as_long_as_it_is_needed(monkeypatch):
    async with Stage() as stage:
        await stage.use(keeping())
        await stage.accounts.start(ALICE)
        await stage.use(NOBODY)
        assert stage.owing._servers is NAMED
        await stage.accounts.stop(ALICE, USAGE, GONE)
        await stage.until(lambda: len(stage.back_ends.used) == 3)
        assert stage.owing._servers is None
        monkeypatch.setattr(owing, "LONGEST", 0.0)
        stage.far.refuses = lambda record: OSError(5, "silent")
        for each in (keeping(), NOBODY):
            await stage.use(each)
        await stage.until(lambda: len(stage.back_ends.used) == 6)
        assert await stage.accounts.owes(Accounting.RADIUS)
        await stage.use(NOBODY)
        assert (stage.back_ends.used[5:], stage.owing._servers) == ([None, None], None), "it is not named again"


@looped
async def test_a_server_that_is_named_without_being_asked_hears_the_rest():
    """Also after a restart, behind which nobody knows who was asked before."""
    async with Stage() as stage:
        await Spool(stage.store).tell("radius", Status.OFF)
        await stage.use(keeping(Accounting.NONE, replace(NAMED, acct=(OTHER,))))
        await stage.until(lambda: len(stage.back_ends.used) == 2)
        assert stage.back_ends.used == [(OTHER,), None]


@looped
async def test_where_nothing_waits_nobody_is_asked():
    async with Stage() as stage:
        for _ in range(2):
            await stage.use(keeping(Accounting.NONE))
        assert stage.back_ends.used == [None, None]


@looped
async def test_a_reload_that_is_refused_leaves_what_was():
    async with Stage() as stage:
        await stage.use(keeping())
        stage.back_ends.fault = OSError(5, "no")
        with pytest.raises(OSError, match="no"):
            await stage.owing.use(NOBODY)
        stage.back_ends.fault = None
        await stage.use(NOBODY)
        assert stage.back_ends.used == [(SERVER,), (SERVER,)]


@looped
async def test_a_reload_back_goes_on_at_once():
    async with Stage() as stage:
        await stage.use(keeping())
        await stage.accounts.start(ALICE)
        await stage.use(NOBODY)
        await stage.looked.acquire()
        await stage.use(keeping())
        stage.looks.release()
        await stage.accounts.stop(ALICE, USAGE, GONE)
        async with asyncio.timeout(60):
            while await stage.accounts.owes(Accounting.RADIUS):  # noqa: ASYNC110 - the keeper is the test's
                await asyncio.sleep(0.001)
        assert stage.back_ends.used == [(SERVER,)] * 3


def test_a_server_that_is_owed_something_judges_nobody_and_demands_nothing():
    owed = replace(NAMED, auth=(OTHER,), nas_identifier="gw")
    alone = back_ends_of(NOBODY, owed=owed)
    assert (alone.logins, alone.accounts, alone.radius.auth, alone.radius.acct) == (None, True, (), (SERVER,))
    assert (alone.radius.nas_identifier, alone.serves) == ("gw", ("accounts by RADIUS",))
    assert back_ends_of(NOBODY) is None


@looped
async def test_its_engine_is_made_and_no_other():
    engines = engines_of(back_ends_of(NOBODY, owed=replace(NAMED, auth=(OTHER,))))
    assert engines.accounts is not None
    assert not engines.logins
    for close in engines.close:
        if (closing := close()) is not None:
            await closing
