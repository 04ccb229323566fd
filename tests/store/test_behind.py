"""Rows that are written behind an answer: their order, their bound, and what is said of those that are lost."""

import asyncio

from looped import looped
from lotor.store import Fault, StoreFault
from lotor.store import behind as store_behind
from lotor.store.behind import Behind
from lotor.store.store import Gathering


class Disk:
    """A store that takes nothing while it is `full`; `order` is what it has."""

    lasts, patience = True, 5.0

    def __init__(self):
        self.full, self.tried = False, 0
        self.gathering = Gathering()
        self.asked = asyncio.Event()
        self.order: dict[str, str] = {}

    async def run(self, transaction):
        self.tried += 1
        self.asked.set()
        await asyncio.sleep(0)
        if self.full:
            raise StoreFault(Fault.FULL, None)
        return transaction(self)


def write(disk, rows):
    if any(value is None for _, value in rows):
        raise LookupError
    for key, value in rows:
        disk.order.pop(key, None)
        disk.order[key] = value


def note(behind, *pairs):
    for key, value in pairs:
        behind.note(key, (key, value))


async def tried(disk):
    """Until it has refused at least once more."""
    before = disk.tried
    for _ in range(100):
        await asyncio.sleep(0)
    assert disk.tried > before


@looped
async def test_what_waited_is_written_in_the_order_of_the_newest_changes(monkeypatch):
    monkeypatch.setattr(store_behind, "PAUSE", 0.0)
    disk = Disk()
    behind = Behind(disk, "addresses", write)
    disk.full = True
    note(behind, ("a", "alice"), ("b", "bob"))
    await asyncio.sleep(0)
    note(behind, ("a", "carol"))
    await tried(disk)
    disk.full = False
    await behind.settle()
    assert list(disk.order.items()) == [("b", "bob"), ("a", "carol")]


@looped
async def test_rows_that_are_lost_have_one_line(monkeypatch, caplog):
    monkeypatch.setattr(store_behind, "PAUSE", 0.0)
    monkeypatch.setattr(store_behind, "MOST_PENDING", 2)
    disk = Disk()
    behind = Behind(disk, "addresses", write)
    disk.full = True
    note(behind, *((str(number), "alice") for number in range(2)))
    await asyncio.sleep(0)
    note(behind, *((str(number), "alice") for number in range(2, 5)))
    await tried(disk)
    note(behind, *((str(number), "alice") for number in range(5, 9)))
    await behind.settle()
    assert (len(behind._pending), behind.lost) == (2, 7)
    assert caplog.messages == [
        "addresses: 2 rows wait for the store already, the oldest are lost",
        "addresses: the store did not take 2 rows",
    ]


@looped
async def test_a_row_that_is_none_takes_no_other_along(caplog):
    disk = Disk()
    behind = Behind(disk, "addresses", write)
    note(behind, ("a", "alice"), ("b", None), ("c", "carol"))
    await behind.settle()
    assert (disk.order, behind.lost) == ({"a": "alice", "c": "carol"}, 1)
    assert caplog.messages == ["internal error: addresses: a row is lost: LookupError"]


@looped
async def test_rows_of_several_logins_are_gathered_for_one_transaction():
    """The end waits for no clock."""
    disk = Disk()
    behind = Behind(disk, "addresses", write, 3600.0)
    for number in range(5):
        note(behind, (f"{number}", "alice"))
        await asyncio.sleep(0)
    assert not disk.tried
    await behind.settle()
    assert (disk.tried, len(disk.order)) == (1, 5)
    note(behind, ("last", "bob"))
    await behind.settle()
    assert disk.order["last"] == "bob"


@looped
async def test_rows_of_two_tables_are_written_in_one_turn_when_the_first_are_due():
    disk = Disk()
    early, late = Behind(disk, "addresses", write, 0.001), Behind(disk, "history", write, 3600.0)
    note(early, ("a", "alice"))
    note(late, ("b", "bob"))
    await disk.asked.wait()
    assert disk.tried == 2
    note(late, ("c", "carol"))
    await late.settle()
    await early.settle()
    assert sorted(disk.order) == ["a", "b", "c"]


@looped
async def test_who_begins_by_itself_is_not_called_again():
    disk = Disk()
    other = asyncio.Event()
    disk.gathering.join(0.0, other.set)
    behind = Behind(disk, "addresses", write, 0.0001)
    note(behind, ("a", "alice"))
    await behind.settle()
    await other.wait()
    assert disk.tried == 1
