"""What the gateway relies on in every engine that keeps account of sessions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest

from lotor.accounting.journal import JournalAccounting
from lotor.model.kinds import Kind
from lotor.model.network import Peer
from lotor.ports.accounting import Account, Usage
from scripted import RecordingAccounting

HERE = IPv4Address("198.51.100.7")
ALICE = Account("5f3a-1", "alice", Peer(HERE, 4500), (IPv4Address("10.99.99.3"),), 1764415800.4)
BOB = Account("5f3a-2", "bob", Peer(HERE, 4501), (IPv4Address("10.99.99.4"), IPv6Address("fd00:99::4")), 1764415801.0)
USAGE = Usage(3600, 1048576, 2097152, 900, 1800)
GONE = Kind.PEER_DELETED


class Journal:
    """The engine that writes lines, and what it took by its lines."""

    def __init__(self, caplog):
        self.engine, self.caplog = JournalAccounting(), caplog

    def taken(self):
        told = [record.getMessage().split(" ") for record in self.caplog.records if "accounting" in record.getMessage()]
        return [(words[1], words[2].removeprefix("id=")) for words in told]


class Recording:
    """The fake of the tests."""

    def __init__(self, _):
        self.engine = RecordingAccounting()

    def taken(self):
        return [(word, account.id) for word, account, *_ in self.engine.told]


ENGINES = {"journal": Journal, "recording": Recording}


@pytest.fixture(params=ENGINES)
def kept(request, caplog):
    caplog.set_level(logging.INFO, "lotor")
    return ENGINES[request.param](caplog)


def test_it_takes_an_account_from_start_to_stop_in_order(kept):
    async def play():
        await kept.engine.start(ALICE)
        await kept.engine.interim(ALICE, USAGE)
        await kept.engine.stop(ALICE, USAGE, GONE)

    asyncio.run(play())
    assert kept.taken() == [(word, "5f3a-1") for word in ("start", "interim", "stop")]


def test_accounts_of_many_sessions_are_told_apart(kept):
    async def play():
        await asyncio.gather(kept.engine.start(ALICE), kept.engine.start(BOB))
        await asyncio.gather(kept.engine.stop(BOB, USAGE, GONE), kept.engine.stop(ALICE, USAGE, GONE))

    asyncio.run(play())
    assert sorted(kept.taken()) == [("start", "5f3a-1"), ("start", "5f3a-2"), ("stop", "5f3a-1"), ("stop", "5f3a-2")]


def test_a_stop_is_taken_without_a_start_before_it(kept):
    """The start was lost on its way to an engine that is far away."""
    asyncio.run(kept.engine.stop(ALICE, USAGE, GONE))
    assert kept.taken() == [("stop", "5f3a-1")]


def test_a_call_that_is_cancelled_takes_nothing_by_halves(kept):
    async def play():
        asked = asyncio.ensure_future(kept.engine.stop(ALICE, USAGE, GONE))
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked
        await kept.engine.stop(BOB, USAGE, GONE)

    asyncio.run(play())
    assert kept.taken() == [("stop", "5f3a-2")]


# --- the lines of the journal ----------------------------------------------------------------------------------------


def lines(caplog, *steps):
    caplog.set_level(logging.INFO, "lotor")

    async def play():
        for step in steps:
            await step

    asyncio.run(play())
    return [record.getMessage() for record in caplog.records]


def test_the_lines_have_the_form_that_the_documentation_tells(caplog):
    journal = JournalAccounting()
    steps = (journal.start(ALICE), journal.interim(ALICE, USAGE), journal.stop(ALICE, USAGE, Kind.DEAD_PEER))
    told = lines(caplog, *steps)
    account = 'id=5f3a-1 user="alice" source=198.51.100.7:4500 inside=10.99.99.3 began=2025-11-29T11:30:00Z'
    usage = "seconds=3600 octets_in=1048576 octets_out=2097152 packets_in=900 packets_out=1800"
    assert told == [
        f"accounting start {account}",
        f"accounting interim {account} {usage}",
        f"accounting stop {account} {usage} reason=dead-peer",
    ]


def test_addresses_of_both_versions_networks_groups_and_class_are_told(caplog):
    journal = JournalAccounting()
    brought = Account("1-2", "c", BOB.source, (IPv4Network("10.1.0.0/16"),), 0.0)
    granted = Account("1-3", "d", BOB.source, (), 0.0, frozenset({"staff", "admins"}), (b"\x00gold", b"b"))
    told = lines(caplog, journal.start(BOB), journal.start(brought), journal.start(granted))
    assert "inside=10.99.99.4,fd00:99::4 " in told[0]
    assert "inside=10.1.0.0/16 " in told[1]
    assert told[2].endswith(' inside= began=1970-01-01T00:00:00Z groups="admins,staff" class=00676f6c64,62')


def test_no_name_of_a_peer_adds_a_word_or_a_line(caplog):
    rogue = Account("1-4", 'x" reason=logged-out\nroot \x1b[2J\u202e', BOB.source, (), 0.0)
    (told,) = lines(caplog, JournalAccounting().start(rogue))
    assert 'user="x\\" reason=logged-out?root ?[2J?" source=' in told
    assert "\n" not in told
