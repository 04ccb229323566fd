"""Rows of sessions: who was connected when, from where, by which client, how much went through, and why it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lotor.model.frozen import frozen

if TYPE_CHECKING:
    import sqlite3

MOST = 200_000
"""Sessions of the past; the oldest is forgotten first, whatever its age."""

AT_ONCE = 500
"""Sessions that are read in one go: whoever reads slowly (`lotor history | less`) keeps no state of the file for
himself, or what is written beside it could not be taken over, and would grow."""
DAY = 86400
LAST = 253_402_300_799
"""The end of the year 9999, in seconds since 1970."""


@frozen
class Session:
    """`began` and `ended` in seconds since 1970, `ended` None: it lasts; octets and packets `in` from the client. `why`
    is a kind of docs/reasons.md. `ike`: the major version, 0: not known; `suite`: its algorithms; `resumed`:
    1 where a ticket brought the client back without a login; `machine`: the device that proved itself before the user
    did, empty where none had to."""

    id: str
    user: str
    source: str
    inside: str
    client: str
    began: float
    ended: float | None = None
    seconds: int = 0
    octets_in: int = 0
    octets_out: int = 0
    packets_in: int = 0
    packets_out: int = 0
    why: str = ""
    ike: int = 0
    suite: str = ""
    resumed: int = 0
    machine: str = ""


@frozen
class Wanted:
    """`user` empty: everybody's; sessions that were up at some time between `since` and `until`, seconds since 1970;
    the `last` so many of them. `ike`: by this version of IKE alone."""

    user: str = ""
    since: float | None = None
    until: float | None = None
    last: int = MOST
    ike: int | None = None


COLUMNS = (
    "id",
    "user",
    "source",
    "inside",
    "client",
    "began",
    "ended",
    "seconds",
    "octets_in",
    "octets_out",
    "packets_in",
    "packets_out",
    "why",
    "ike",
    "suite",
    "resumed",
    "machine",
)
_LATER = COLUMNS[6:]
"""What changes once a session has begun."""
_WRITE = (
    f"INSERT INTO sessions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - names of ours
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{each} = excluded.{each}' for each in _LATER)}, untold = 1"
)
_SOUND = " AND ".join(
    (
        *(
            f"typeof({each}) = 'text'"
            for each in ("id", "user", "source", "inside", "client", "why", "suite", "machine")
        ),
        *(f"typeof({each}) = 'integer'" for each in (*COLUMNS[7:12], "ike", "resumed")),
        f"typeof(began) = 'real' AND began BETWEEN 0 AND {LAST}",
        f"(ended IS NULL OR typeof(ended) = 'real' AND ended BETWEEN 0 AND {LAST})",
    )
)
"""Of a row that a disk has not garbled."""


def write(connection: sqlite3.Connection, changes: Iterable[Session]) -> None:
    for each in changes:
        connection.execute(_WRITE, [getattr(each, name) for name in COLUMNS])
    connection.execute("DELETE FROM sessions WHERE number <= (SELECT max(number) FROM sessions) - ?", (MOST,))


def end_lost(connection: sqlite3.Connection, why: str) -> int:
    """Sessions that an earlier program left without an end get one: what was last known of them. Returns how many."""
    lost = "UPDATE sessions SET ended = began + seconds, why = ? WHERE ended IS NULL"
    return connection.execute(lost, (why,)).rowcount


def untold(connection: sqlite3.Connection, after: int, most: int) -> list[tuple[int, Session]]:
    """Of those that have ended, and that the database of a fleet does not have, the first behind this number."""
    rows = connection.execute(
        f"SELECT number, {', '.join(COLUMNS)} FROM sessions WHERE untold AND ended IS NOT NULL AND number > ? "  # noqa: S608 - as above
        f"AND {_SOUND} ORDER BY number LIMIT ?",
        (after, most),
    )
    return [(number, Session(*row)) for number, *row in rows]


def mark_told(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """The database of a fleet has these as they are here."""
    connection.executemany(
        "UPDATE sessions SET untold = 0 WHERE id = ? AND ended IS NOT NULL", [(each,) for each in ids]
    )


def forget(connection: sqlite3.Connection, now: float, age: float) -> int:
    """Sessions that ended longer ago than `age` go; seconds. Where a clock was set far ahead the newest session says
    what time it may be. Returns how many."""
    newest = connection.execute(f"SELECT max(began) FROM sessions WHERE {_SOUND}").fetchone()[0]  # noqa: S608 - words of ours
    if newest is None:
        return 0
    before = min(now, newest + DAY) - age
    return connection.execute("DELETE FROM sessions WHERE ended < ?", (before,)).rowcount


def find(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[Session]:
    """The oldest first, page by page; without rows that cannot be read (`unread`)."""
    where, values = _conditions(wanted)
    first = f"SELECT min(number) FROM (SELECT number FROM sessions WHERE {where} ORDER BY number DESC LIMIT ?)"  # noqa: S608 - as above
    behind = connection.execute(first, [*values, wanted.last]).fetchone()[0]
    page = f"SELECT number, {', '.join(COLUMNS)} FROM sessions WHERE {where} AND number >= ? ORDER BY number LIMIT ?"  # noqa: S608 - as above
    while behind is not None:
        rows = connection.execute(page, [*values, behind, AT_ONCE]).fetchall()
        yield from (Session(*row) for _, *row in rows)
        behind = rows[-1][0] + 1 if len(rows) == AT_ONCE else None


def unread(connection: sqlite3.Connection) -> int:
    """How many rows cannot be read."""
    return int(connection.execute(f"SELECT count(*) FROM sessions WHERE NOT ({_SOUND})").fetchone()[0])  # noqa: S608 - as above


def _conditions(wanted: Wanted) -> tuple[str, list[object]]:
    conditions, values = [_SOUND], list[object]()
    for condition, value in (
        ("user = ?", wanted.user or None),
        ("(ended IS NULL OR ended >= ?)", wanted.since),
        ("began <= ?", wanted.until),
        ("ike = ?", wanted.ike),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    return " AND ".join(conditions), values
