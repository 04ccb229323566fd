"""`accounting pam`: a session of PAM for each session, opened once and closed once, whatever dies in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from looped import looped
from lotor.auth.pam import SessionError
from lotor.config.settings import Accounting
from lotor.ports.accounting import Record, Status
from lotor.store import Fault, Store, StoreFault, pam_sessions
from lotor.store.pam_sessions import PamSession
from lotor.store.spool import Spool
from lotor.warden.accounting import Accounts
from lotor.warden.keepers import PamKeeper
from ports.test_ports_accounting import ALICE, GONE, USAGE

LEFT = (b"TICKET=42", b"RAW=\xff")


class Host:
    """PAM, by what was asked of it. `refuses` says why it does not do that."""

    def __init__(self):
        self.asked = []
        self.refuses = lambda *_: None

    def __call__(self, service):
        async def done(task, user, host, variables=()):
            await asyncio.sleep(0)
            self.asked.append((task, service, user, host, variables))
            if (why := self.refuses(task, user)) is not None:
                raise SessionError(why)
            return LEFT

        async def opened(user, host):
            return await done("open", user, host)

        async def closed(user, host, variables):
            await done("close", user, host, variables)

        return SimpleNamespace(open=opened, close=closed)

    def tasks(self):
        return [task for task, *_ in self.asked]


class Stage:
    """A gateway with `accounting pam`, on a store in memory or in `file`."""

    def __init__(self, host, file=None, service="racoon"):
        self.host, self.service, self.store = host, service, Store(file)
        self.keeper = PamKeeper(self.store, lambda: self.service, host)

    async def __aenter__(self):
        await self.store.open()
        self.spool = Spool(self.store)
        self.accounts = Accounts(self.spool, {Accounting.PAM: self.keeper})
        await self.accounts.open()
        self.accounts.use(SimpleNamespace(accounting=Accounting.PAM))
        return self

    async def __aexit__(self, *exc_info):
        await self.accounts.close()
        await self.store.close()

    async def told(self):
        """Nothing waits any more."""
        async with asyncio.timeout(60):
            while await self.accounts.backlog():  # noqa: ASYNC110 - the store is the test's
                await asyncio.sleep(0.001)

    async def kept(self):
        query = "SELECT id FROM pam_sessions ORDER BY number"
        return [row[0] for row in await self.store.run(lambda connection: connection.execute(query).fetchall())]


START, STOP = Record(Status.START, 1.0, ALICE), Record(Status.STOP, 2.0, ALICE, USAGE, GONE)


@looped
async def test_a_session_is_opened_and_closed_with_what_the_modules_left():
    async with Stage(host := Host()) as stage:
        await stage.accounts.start(ALICE)
        await stage.accounts.interim(ALICE, USAGE)
        await stage.told()
        assert await stage.kept() == [ALICE.id]
        await stage.accounts.stop(ALICE, USAGE, GONE)
        await stage.told()
        assert host.asked == [
            ("open", "racoon", "alice", "198.51.100.7", ()),
            ("close", "racoon", "alice", "198.51.100.7", LEFT),
        ]
        assert await stage.kept() == []


@looped
async def test_a_session_is_closed_by_the_service_that_opened_it():
    async with Stage(host := Host()) as stage:
        await stage.keeper.take(START)
        stage.service = None
        await stage.keeper.take(STOP)
        assert [service for _, service, *_ in host.asked] == ["racoon", "racoon"]


@looped
async def test_a_gateway_that_was_killed_closes_what_it_had_open(tmp_path):
    """With the variables that were kept, and by the former service."""
    killed = Stage(host := Host(), tmp_path / "lotor.db")
    await killed.__aenter__()
    await killed.accounts.start(ALICE)
    await killed.told()
    for each in killed.accounts._deliveries.values():
        await each.stop()
    await killed.store.close()
    async with Stage(host, tmp_path / "lotor.db", "another") as stage:
        await stage.told()
        assert host.asked[1:] == [("close", "racoon", "alice", "198.51.100.7", LEFT)]
        assert await stage.kept() == []


@looped
async def test_a_record_that_comes_again_opens_and_closes_nothing_more():
    async with Stage(host := Host()) as stage:
        for each in (START, START, STOP, STOP):
            await stage.keeper.take(each)
        assert host.tasks() == ["open", "close"]


@pytest.mark.parametrize("task", ["open", "close"])
@looped
async def test_what_modules_refuse_or_hang_in_costs_its_own_record(caplog, task):
    async with Stage(host := Host()) as stage:
        host.refuses = lambda asked, user: "it hangs\n" if (asked, user) == (task, "alice") else None
        bob = replace(ALICE, id="5f3a-9", user="bob")
        for each in (ALICE, bob):
            await stage.accounts.start(each)
            await stage.accounts.stop(each, USAGE, GONE)
        await stage.told()
        assert [each[0] for each in host.asked if each[2] == "bob"] == ["open", "close"]
        assert [each[0] for each in host.asked if each[2] == "alice"] == ["open", "close"][: 1 + (task == "close")]
        assert await stage.kept() == []
    (line,) = [each for each in caplog.messages if "alice" in each and "accounting pam" in each]
    assert (
        line == f"accounting pam: the session {ALICE.id} of alice was not {task.replace('close', 'clos')}ed: it hangs?"
    )


@looped
async def test_names_that_pam_cannot_be_told_of_have_no_session():
    """C ends a name at a NUL: `root\\0` would be root."""
    async with Stage(host := Host()) as stage:
        for user in ("", "root\0x", "root\0", "a\nb", "\udc80", "u" * 2000):
            await stage.keeper.take(replace(START, account=replace(ALICE, user=user)))
        for status in (Status.ON, Status.OFF):
            await stage.keeper.take(Record(status, 1.0))
        assert host.asked == []


@looped
async def test_a_session_that_cannot_be_noted_is_closed_and_opened_later(monkeypatch):
    async with Stage(host := Host()) as stage:
        run = stage.store.run

        async def full(transaction):
            if transaction.__qualname__.startswith("keep."):
                raise StoreFault(Fault.FULL, None)
            return await run(transaction)

        monkeypatch.setattr(stage.store, "run", full)
        with pytest.raises(StoreFault):
            await stage.keeper.take(START)
        assert host.asked[1] == ("close", "racoon", "alice", "198.51.100.7", LEFT)
        monkeypatch.undo()
        await stage.keeper.take(START)
        assert host.tasks() == ["open", "close", "open"]


@looped
async def test_what_nobody_closes_any_more_is_forgotten(monkeypatch):
    monkeypatch.setattr(pam_sessions, "TIDIED_EVERY", 2)
    async with Stage(Host()) as stage:
        await stage.accounts.start(ALICE)
        await stage.told()
        for number in range(2, 8):
            await stage.keeper.take(replace(START, account=replace(ALICE, id=f"5f3a-{number}")))
        assert await stage.kept() == [ALICE.id, "5f3a-7"]


@looped
async def test_variables_that_a_disk_garbled_are_none():
    async with Stage(Host()) as stage:
        await stage.store.run(pam_sessions.keep(PamSession("5f3a-1", "alice", "198.51.100.7", "racoon", LEFT)))
        await stage.store.run(lambda connection: connection.execute("UPDATE pam_sessions SET variables = '[3'"))
        assert (await stage.store.run(pam_sessions.find("5f3a-1"))).variables == ()
