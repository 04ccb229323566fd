"""Rows that were kept in memory go over into a file that can be used again, in one transaction, behind what it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lotor.model.kinds import Kind
from lotor.store import account_rows, sessions
from lotor.store.addresses import LAST_TURN

if TYPE_CHECKING:
    import sqlite3

FIRST_NUMBER_MS = 1000
"""Numbers of records in memory are milliseconds since 1970 and more, which no file has come to by counting: one that is
under way to its keeper has the same number in the file."""
_NUMBERED = ("accounts_waiting", "pam_sessions")


def count_apart(memory: sqlite3.Connection, now: float) -> None:
    """Before the first row of a memory that stands for a file. `now` in seconds since 1970."""
    for table in _NUMBERED:
        memory.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        memory.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, int(now * FIRST_NUMBER_MS)))


def move(memory: sqlite3.Connection, file: sqlite3.Connection) -> int:
    """What the program before left in the file ends first, as at a start. Returns how many rows went over. In a
    transaction of `file`; `sqlite3.Error`, and nothing of it is there."""
    _end_former(file)
    return sum(
        (
            _addresses(memory, file),
            _put(file, "bans", _rows(memory, "bans", "*")),
            _sessions(memory, file),
            _put(file, "accounts_open", _rows(memory, "accounts_open", "*")),
            _put(file, "accounts_waiting", _rows(memory, "accounts_waiting", "*")),
            _put(file, "pam_sessions", _rows(memory, "pam_sessions", "*")),
        )
    )


def _end_former(file: sqlite3.Connection) -> None:
    file.execute("UPDATE addresses SET held = 0")
    sessions.end_lost(file, Kind.GATEWAY_DIED.value)
    account_rows.left(None, Kind.GATEWAY_DIED, account_rows.present())(file)


def _addresses(memory: sqlite3.Connection, file: sqlite3.Connection) -> int:
    """They are the newest, in their order."""
    sound = "typeof(turn) = 'integer' AND turn BETWEEN 0 AND ?"
    last = file.execute(f"SELECT coalesce(max(turn), 0) FROM addresses WHERE {sound}", (LAST_TURN,)).fetchone()[0]  # noqa: S608 - words of ours
    rows = [
        (address, user, turn, held)
        for turn, (address, user, held) in enumerate(
            memory.execute("SELECT address, user, held FROM addresses ORDER BY turn"), last + 1
        )
    ]
    return _put(file, "addresses", rows)


def _sessions(memory: sqlite3.Connection, file: sqlite3.Connection) -> int:
    """In their order, numbered by the file."""
    columns = ", ".join(sessions.COLUMNS)
    rows = memory.execute(f"SELECT {columns} FROM sessions ORDER BY number").fetchall()  # noqa: S608 - words of ours
    return _put(file, "sessions", rows, sessions.COLUMNS)


def _rows(memory: sqlite3.Connection, table: str, columns: str) -> list[tuple[object, ...]]:
    return memory.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()  # noqa: S608 - words of ours


def _put(file: sqlite3.Connection, table: str, rows: Sequence[tuple[object, ...]], columns: Sequence[str] = ()) -> int:
    """Over those of the same key. `columns`: which ones, where it is not all of them."""
    if rows:
        into = f"{table} ({', '.join(columns)})" if columns else table
        marks = ", ".join("?" * len(rows[0]))
        file.executemany(f"INSERT OR REPLACE INTO {into} VALUES ({marks})", rows)  # noqa: S608 - as above
    return len(rows)
