"""What the warden keeps of bans: over a restart, and from a daemon that an intruder owns."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from looped import looped
from lotor.model.kinds import Kind
from lotor.model.login import LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.reasons.logins import WrongPassword
from lotor.privsep.recording import BAN, BANS, LIFT, MOST_IN_ANSWER, STORE_STATE, BanWish
from lotor.store import Store
from lotor.warden import recording
from lotor.warden.recording import CHANGES_AT_ONCE, KeptRecords, rows
from paired import gateway, settings


class Wrong:
    """A back end that knows nobody."""

    async def judge(self, attempt):
        return Refused(WrongPassword(attempt.user))

    async def abandon(self, conversation):
        pass


async def kept(file):
    store = Store(file)
    await store.open()
    records = KeptRecords(Wrong(), store)
    await records.recall()
    return records, store


async def ended(records, store):
    await records.settle()
    await store.close()


async def login(records, user="alice", source="198.51.100.7"):
    attempt = LoginAttempt(user, (), Peer(IPv4Address(source), 500))
    return (await records.logins.judge(attempt)).reason.kind


@looped
async def test_bans_outlive_a_restart_and_so_does_their_end(tmp_path, caplog):
    records, store = await kept(tmp_path / "lotor.db")
    mode_cfg = "mode_cfg { network4 10.99.99.1; auth_ban 2 10 min 1 hour; }"
    records.obey(settings(gateway() + mode_cfg))
    await records.ban("bob", 3600)
    await records.ban("carol", 3600)
    await records.lift("carol")
    assert [await login(records) for _ in range(3)] == [Kind.LOGIN_WRONG_PASSWORD] * 2 + [Kind.LOGIN_BANNED]
    assert "banned 198.51.100.7 for 3600 s: 2 wrong logins within 600 s" in caplog.messages
    await ended(records, store)
    records, store = await kept(tmp_path / "lotor.db")
    assert await login(records) is Kind.LOGIN_BANNED
    assert await login(records, "bob", "192.0.2.1") is Kind.LOGIN_BANNED
    assert await login(records, "carol", "192.0.2.1") is Kind.LOGIN_WRONG_PASSWORD
    await records.lift("198.51.100.7")
    await ended(records, store)
    records, store = await kept(tmp_path / "lotor.db")
    assert await login(records) is Kind.LOGIN_WRONG_PASSWORD
    await ended(records, store)


@looped
async def test_a_daemon_bans_and_lifts_no_faster_than_a_person(monkeypatch):
    records, store = await kept(None)
    monkeypatch.setattr(recording, "CHANGES_A_SECOND", 0.001)
    table = rows(records)
    for number in range(CHANGES_AT_ONCE // 2):
        await table[BAN.number](BanWish(f"user{number}", 60))
        await table[LIFT.number](f"user{number}")
    waiting = asyncio.create_task(table[LIFT.number]("alice"))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    await ended(records, store)


@looped
async def test_a_daemon_reads_bans_in_parts_and_writes_no_control_characters():
    records, store = await kept(None)
    for number in range(MOST_IN_ANSWER + 3):
        await records.ban(f"user{number}", 60)
    table = rows(records)
    parts = [len((await table[BANS.number](first)).value) for first in (0, MOST_IN_ANSWER, 10_000, -5)]
    assert parts == [MOST_IN_ANSWER, 3, 0, MOST_IN_ANSWER]
    for name in ("a\nb", "a\x1b[2J"):
        assert "control characters" in (await table[BAN.number](BanWish(name, 60))).value.sentence
    assert (await table[LIFT.number]("x" * 100_000)).value is False
    await ended(records, store)


@looped
async def test_the_state_of_the_store_names_its_file_and_its_fault(tmp_path):
    records, store = await kept(tmp_path / "lotor.db")
    state = (await rows(records)[STORE_STATE.number](None)).value
    assert (state.file, state.fault) == (str(tmp_path / "lotor.db"), "")
    await ended(records, store)
    records, store = await kept(tmp_path / "missing" / "lotor.db")
    state = (await rows(records)[STORE_STATE.number](None)).value
    assert state.file == ""
    assert str(tmp_path / "missing" / "lotor.db") in state.fault
    await ended(records, store)


@pytest.mark.parametrize("verb", [BANS, BAN, LIFT, STORE_STATE])
def test_few_of_these_questions_wait_at_a_time(verb):
    assert verb.most_asked <= 8


@looped
async def test_bans_of_a_file_that_can_be_used_later_are_in_force_then(tmp_path, monkeypatch):
    monkeypatch.setattr("lotor.store.store.AGAIN_S", 0.0)
    file = tmp_path / "lotor.db"
    records, store = await kept(file)
    for subject in ("198.51.100.7", "bob"):
        await records.ban(subject, 3600)
    await records.settle()
    late, second = await kept(file)  # the other one has it
    await late.ban("198.51.100.7", 60)
    assert await login(late, "bob", "192.0.2.1") is Kind.LOGIN_WRONG_PASSWORD
    await ended(records, store)
    async with asyncio.timeout(60):
        while await login(late, "bob", "192.0.2.1") is not Kind.LOGIN_BANNED:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    assert sorted(each.subject for each in await late.bans()) == ["198.51.100.7", "bob"]
    await late.lift("198.51.100.7")
    assert await login(late) is Kind.LOGIN_WRONG_PASSWORD
    await ended(late, second)
