"""Rows of bans: who may not log in until when."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lotor.model.ban import LONGEST_SUBJECT, Ban, network_of
from lotor.model.frozen import frozen
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)


@frozen
class Change:
    """A ban that there is from now on, or no more. `untold`: the database of a fleet does not know it yet."""

    ban: Ban
    there: bool
    untold: bool = False


def write(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    for each in changes:
        kind, ban = _kind(each.ban), each.ban
        connection.execute("DELETE FROM bans WHERE kind = ? AND subject = ?", (kind, ban.subject))
        if each.there or each.untold:
            until = ban.until if each.there else ban.since
            row = kind, ban.subject, ban.since, until, ban.why, each.untold
            connection.execute(
                "INSERT INTO bans (kind, subject, since, until, why, untold) VALUES (?, ?, ?, ?, ?, ?)", row
            )


def load(connection: sqlite3.Connection) -> list[Ban]:
    """A row that cannot be read takes no other one along: it is removed, and said."""
    if garbled := _removed_garbled(connection):
        log.error("%s of bans cannot be read: forgotten, see lotor ban list", quantity(garbled, "row"))
    rows = connection.execute("SELECT kind, subject, since, until, why FROM bans ORDER BY since").fetchall()
    return [Ban(subject, kind == "network", since, until, why) for kind, subject, since, until, why in rows]


def untold(connection: sqlite3.Connection) -> list[Change]:
    """What the database of a fleet does not know yet."""
    rows = connection.execute(
        "SELECT kind, subject, since, until, why FROM bans WHERE untold ORDER BY since"
    ).fetchall()
    return [
        Change(Ban(subject, kind == "network", since, until, why), there=until > since, untold=True)
        for kind, subject, since, until, why in rows
    ]


def _kind(ban: Ban) -> str:
    return "network" if ban.network else "login"


def _removed_garbled(connection: sqlite3.Connection) -> int:
    """How many there were. SQLite gives no text that is no UTF-8, hence octets."""
    connection.create_function("is_subject", 2, _is_subject)
    sound = (
        "is_subject(CAST(kind AS BLOB), CAST(subject AS BLOB)) "
        "AND typeof(kind) = 'text' AND typeof(subject) = 'text' AND typeof(since) = 'real' "
        "AND typeof(until) = 'real' AND typeof(why) = 'text'"
    )
    return connection.execute(f"DELETE FROM bans WHERE NOT ({sound})").rowcount  # noqa: S608 - words of ours


def _is_subject(kind: bytes, octets: bytes) -> bool:
    try:
        subject = octets.decode()
        if kind == b"network":
            network_of(subject)
    except ValueError:
        return False
    return kind in {b"network", b"login"} and 0 < len(subject) <= LONGEST_SUBJECT
