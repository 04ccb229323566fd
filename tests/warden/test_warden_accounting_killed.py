"""`kill -9` at each step of a record, from the daemon's word to its keeper's answer: none is lost, and none is told
twice but where the answer came and could not be noted any more."""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lotor.config.settings import Accounting
from lotor.ports.accounting import Usage
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden.accounting import Accounts
from lotor.warden.delivery import SIDE_BY_SIDE
from ports.test_ports_accounting import ALICE, GONE


def note(file: Path, line: Any) -> None:
    """On the disk when it returns."""
    with file.open("a") as out:
        out.write(json.dumps(line) + "\n")
        out.flush()
        os.fsync(out.fileno())


class Books:
    """A keeper whose memory no kill reaches."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "told"

    async def take(self, record):
        await asyncio.sleep(0)
        note(self.file, [record.account.id if record.account else "", record.status.name, record.at, record.delay])


class NotedSpool(Spool):
    """It says outside which records it had removed when it was killed."""

    def __init__(self, store, file: Path) -> None:
        super().__init__(store)
        self.file = file
        self.records: dict[int, list[Any]] = {}

    async def first(self, keeper, most):
        found = await super().first(keeper, most)
        self.records |= {each.number: [each.id, each.record.status.name, each.record.at] for each in found}
        return found

    async def taken(self, numbers):
        numbers = tuple(numbers)
        await super().taken(numbers)
        for each in numbers:
            note(self.file, self.records[each])


def dying(function: Callable[..., Any], when: str, count: int) -> Callable[..., Any]:
    """Kills this process at that call of a function, or behind it."""
    left = [count]

    def die(moment: str) -> None:
        left[0] -= moment == when
        if moment == when and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(function)
    def call(*arguments, **named):
        die("before")
        result = function(*arguments, **named)
        die("behind")
        return result

    @functools.wraps(function)
    async def wait(*arguments, **named):
        die("before")
        result = await function(*arguments, **named)
        die("behind")
        return result

    return wait if asyncio.iscoroutinefunction(function) else call


def patch(place: str, when: str, count: int) -> None:
    module, _, name = place.partition(":")
    *owners, last = name.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    setattr(owner, last, dying(getattr(owner, last), when, count))


async def session(directory: Path, accounts: Accounts, key: str, number: int) -> None:
    account = replace(ALICE, id=f"{key}-{number}")
    await accounts.start(account)
    note(directory / "began", account.id)
    await accounts.interim(account, Usage(1, 100 * number))
    if number % 3:
        await accounts.stop(account, Usage(2, 200 * number), GONE)


async def gateway(directory: Path, key: str) -> None:
    store = Store(directory / "lotor.db")
    await store.open()
    accounts = Accounts(NotedSpool(store, directory / f"noted {key}"), {Accounting.RADIUS: Books(directory)})
    await accounts.open()
    accounts.use(SimpleNamespace(accounting=Accounting.RADIUS))
    await asyncio.gather(*(session(directory, accounts, key, number) for number in range(1, 7)))
    await asyncio.sleep(0.02)
    await asyncio.gather(*(session(directory, accounts, key, number) for number in range(7, 10)))
    await accounts.close()
    await store.close()


def run(directory: Path, key: str, *place: Any) -> int:
    """A gateway in a process of its own; how that ended."""
    child = os.fork()
    if child == 0:
        try:
            if place:
                patch(*place)
            asyncio.run(gateway(directory, key))
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def lines(directory: Path, name: str) -> list[Any]:
    file = directory / name
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


HERE = f"{__name__}:Books.take"
PLACES = [
    ("lotor.store.account_rows:_put", "before", 1),
    ("lotor.store.account_rows:_put", "behind", 1),
    ("lotor.store.account_rows:_put", "behind", 9),
    ("lotor.store.spool:_all_done", "behind", 1),
    ("lotor.store.spool:_all_done", "behind", 2),
    ("lotor.store.database:Database._carried_out", "behind", 2),
    ("lotor.store.database:Database._carried_out", "behind", 3),
    ("lotor.store.database:Database._carried_out", "behind", 6),
    ("lotor.store.spool:Spool.end", "behind", 1),
    ("lotor.store.spool:Spool.first", "behind", 2),
    (HERE, "before", 1),
    (HERE, "behind", 1),
    (HERE, "behind", 5),
    ("lotor.store.spool:Spool.taken", "before", 1),
    ("lotor.store.spool:Spool.taken", "behind", 1),
    ("lotor.store.spool:Spool.taken", "behind", 2),
    ("lotor.warden.accounting:Accounts.close", "before", 1),
    ("lotor.store.spool:Spool.settle", "before", 1),
]


@pytest.mark.parametrize(("place", "when", "count"), PLACES)
def test_a_gateway_that_is_killed_loses_no_record_and_doubles_none(tmp_path, place, when, count):
    assert run(tmp_path, "aaaa", place, when, count) == -signal.SIGKILL
    assert run(tmp_path, "bbbb") == 0
    told = lines(tmp_path, "told")
    times = Counter((session, status, at) for session, status, at, _ in told)
    distinct = Counter((session, status) for session, status, _ in times)
    for session in lines(tmp_path, "began"):
        assert distinct[session, "START"] == distinct[session, "STOP"] == 1
        order = [status for each, status, *_ in told if each == session]
        assert order.index("START") < order.index("STOP")
    assert max(distinct[session, "STOP"] for session, _ in distinct if session) == 1
    twice = {each for each, number in times.items() if number > 1}
    assert twice.isdisjoint(map(tuple, lines(tmp_path, "noted aaaa")))
    assert len({session for session, *_ in twice}) <= SIDE_BY_SIDE
    assert distinct["", "ON"] in (1, 2)
    assert distinct["", "OFF"] in (1, 2)
