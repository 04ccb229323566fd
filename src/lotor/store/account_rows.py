"""The rows of accounting: records that wait for their keeper, and sessions whose stop has not come yet.

Each change of a session is one transaction: a record is in the store together with what it means for the open sessions,
or neither is. A record goes when its keeper has answered for it, and not before.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.ports.accounting import Account, Record, Status, Usage
from lotor.store.account_forms import account_of, account_text, record_of, record_text, usage_of, usage_text

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)

MOST_WAITING = 65_536
"""Records. Each has 4 KiB at most (`privsep.accounting`): a store grows to 256 MiB by them, and seldom to 30."""
GIVE_WAY = 256
"""Records between start and stop that give way at a time."""
NOTHING = Usage(0)
THE_GATEWAY = ""
"""In the place of a session's id, for records of the whole gateway."""


@frozen
class Instant:
    """A moment by the wall clock, and by a clock that nobody sets, which counts from the host's start `boot` on."""

    wall: float
    boot: str
    ticks: float

    def since(self, wall: float, boot: str, ticks: float) -> int:
        """Whole seconds. By the wall clock only where the host was started anew meanwhile."""
        return max(0, int(self.ticks - ticks if boot and boot == self.boot else self.wall - wall))


def present() -> Instant:
    return Instant(time.time(), _boot(), time.clock_gettime(time.CLOCK_BOOTTIME))


@frozen
class Waiting:
    """A record with its number. `id`: whose records keep their order; `tries`: how often it alone was not taken."""

    number: int
    id: str
    tries: int
    record: Record


@frozen
class Backlog:
    """What waits for one keeper. `since`: how many seconds the oldest record has waited; 0 where there is none."""

    records: int = 0
    since: int = 0


Change: TypeAlias = "Callable[[sqlite3.Connection], bool]"
"""Whether there was room for the record; what it means for the open sessions is in the store all the same."""


def begun(keeper: str, record: Record, now: Instant) -> Change:
    """A session is up."""

    def change(connection: sqlite3.Connection) -> bool:
        account = _account(record)
        row = (account.id, keeper, account_text(account), usage_text(NOTHING))
        connection.execute("INSERT OR REPLACE INTO accounts_open VALUES (?, ?, ?, ?)", row)
        return _put(connection, keeper, record, now)

    return change


def went_on(record: Record, now: Instant) -> Change:
    """What a session has carried so far. Nothing is done of one that is not open."""

    def change(connection: sqlite3.Connection) -> bool:
        number = _account(record).id
        found = _keeper(connection, number)
        if found is None:
            return True
        row = (usage_text(record.usage or NOTHING), account_text(_account(record)), number)
        connection.execute("UPDATE accounts_open SET usage = ?, account = ? WHERE id = ?", row)
        return _put(connection, found, record, now)

    return change


def ended(keeper: str, record: Record, now: Instant) -> Change:
    """A session is over: told to the keeper that heard of its start, else to `keeper`."""

    def change(connection: sqlite3.Connection) -> bool:
        account = _account(record)
        found = _keeper(connection, account.id) or keeper
        connection.execute("DELETE FROM accounts_open WHERE id = ?", (account.id,))
        return _put(connection, found, record, now)

    return change


def told(keeper: str, record: Record, now: Instant) -> Change:
    """Of the whole gateway."""
    return lambda connection: _put(connection, keeper, record, now)


def left(
    beginning: str | None, why: Kind, now: Instant, lived: Callable[[Account], int] | None = None
) -> Callable[[sqlite3.Connection], list[Record]]:
    """Every session that is still open ends now, in one transaction; those whose ids begin so, or all. `lived`: how
    long a session was up, where that is known better than by what it told last. Returns the stops."""

    def change(connection: sqlite3.Connection) -> list[Record]:
        rows = connection.execute("SELECT id, keeper, account, usage FROM accounts_open ORDER BY id").fetchall()
        stops = []
        for number, keeper, text, figures in rows:
            if beginning is not None and not str(number).startswith(beginning):
                continue
            connection.execute("DELETE FROM accounts_open WHERE id = ?", (number,))
            try:
                account, usage = account_of(text), usage_of(figures)
            except (ValueError, TypeError):
                log.error("the account of session %s cannot be read: it has no stop", number)  # noqa: TRY400
                continue
            stop = Record(Status.STOP, now.wall, account, _lasting(usage, account, lived), why)
            _put(connection, keeper, stop, now)
            stops.append(stop)
        return stops

    return change


def first(keeper: str, most: int, now: Instant) -> Callable[[sqlite3.Connection], list[Waiting]]:
    """What is to be told first, the oldest in front; what cannot be read any more is removed, and said."""

    def change(connection: sqlite3.Connection) -> list[Waiting]:
        query = (
            "SELECT number, id, status, tries, at, boot, ticks, record FROM accounts_waiting "
            "WHERE keeper = ? ORDER BY tries, number LIMIT ?"
        )
        found = []
        for number, session, status, tries, at, boot, ticks, text in connection.execute(query, (keeper, most)):
            try:
                record = record_of(status, at, now.since(at, boot, ticks), text)
            except (ValueError, TypeError, OverflowError):
                log.error("accounting record %d cannot be read: it is lost", number)  # noqa: TRY400
                connection.execute("DELETE FROM accounts_waiting WHERE number = ?", (number,))
                continue
            found.append(Waiting(number, session, tries, record))
        return found

    return change


def taken(numbers: Iterable[int]) -> Change:
    """The keeper has them."""
    return _each("DELETE FROM accounts_waiting WHERE number = ?", numbers)


def passed_over(sessions: Iterable[str]) -> Change:
    """The keeper took others, and not these: they have their turn behind all others, in their order."""
    return _each("UPDATE accounts_waiting SET tries = tries + 1 WHERE id = ?", sessions)


def backlog(keeper: str, now: Instant) -> Callable[[sqlite3.Connection], Backlog]:
    def look(connection: sqlite3.Connection) -> Backlog:
        records = connection.execute("SELECT count(*) FROM accounts_waiting WHERE keeper = ?", (keeper,)).fetchone()[0]
        oldest = connection.execute(
            "SELECT at, boot, ticks FROM accounts_waiting WHERE keeper = ? AND typeof(at) = 'real' "
            "AND typeof(ticks) = 'real' ORDER BY number LIMIT 1",
            (keeper,),
        ).fetchone()
        return Backlog(records, now.since(*oldest) if oldest is not None else 0)

    return look


def _put(connection: sqlite3.Connection, keeper: str, record: Record, now: Instant) -> bool:
    if not _make_room(connection):
        return False
    number = record.account.id if record.account is not None else THE_GATEWAY
    behind = connection.execute("SELECT max(tries) FROM accounts_waiting WHERE id = ?", (number,)).fetchone()[0]
    row = (keeper, number, record.status.value, behind or 0, record.at, now.boot, now.ticks, record_text(record))
    connection.execute(
        "INSERT INTO accounts_waiting (keeper, id, status, tries, at, boot, ticks, record) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    return True


def _make_room(connection: sqlite3.Connection) -> bool:
    """Of a store that is full the oldest records between a start and a stop give way: what comes later says more."""
    low, high = connection.execute("SELECT min(number), max(number) FROM accounts_waiting").fetchone()
    if low is None or high - low + 1 < MOST_WAITING or _count(connection) < MOST_WAITING:
        return True
    oldest = "SELECT number FROM accounts_waiting WHERE status = ? ORDER BY number LIMIT ?"
    row = (Status.INTERIM.value, GIVE_WAY)
    gone = connection.execute(f"DELETE FROM accounts_waiting WHERE number IN ({oldest})", row).rowcount  # noqa: S608
    if gone:
        log.error("%d accounting records between start and stop give way: %d wait already", gone, MOST_WAITING)
    return gone > 0


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM accounts_waiting").fetchone()[0])


def _keeper(connection: sqlite3.Connection, number: str) -> str | None:
    """That of a session that is open."""
    found = connection.execute("SELECT keeper FROM accounts_open WHERE id = ?", (number,)).fetchone()
    return str(found[0]) if found is not None else None


def _account(record: Record) -> Account:
    if record.account is None:
        raise ValueError("a record of the whole gateway")
    return record.account


def _lasting(usage: Usage, account: Account, lived: Callable[[Account], int] | None) -> Usage:
    if lived is None:
        return usage
    figures = (usage.octets_in, usage.octets_out, usage.packets_in, usage.packets_out)
    return Usage(max(usage.seconds, lived(account)), *figures)


def _each(statement: str, values: Iterable[int | str]) -> Change:
    rows = [(each,) for each in values]

    def change(connection: sqlite3.Connection) -> bool:
        connection.executemany(statement, rows)
        return True

    return change


def _boot() -> str:
    """Which start of the host this is; empty where the kernel does not say."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""
