"""Rows of bans: who may not log in until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lotor.model.ban import Ban

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Change:
    """A ban that there is from now on, or no more."""

    ban: Ban
    there: bool


def write(connection: sqlite3.Connection, changes: Iterable[Change]) -> None:
    for each in changes:
        kind, ban = _kind(each.ban), each.ban
        connection.execute("DELETE FROM bans WHERE kind = ? AND subject = ?", (kind, ban.subject))
        if each.there:
            row = kind, ban.subject, ban.since, ban.until, ban.why
            connection.execute("INSERT INTO bans (kind, subject, since, until, why) VALUES (?, ?, ?, ?, ?)", row)


def load(connection: sqlite3.Connection) -> list[Ban]:
    rows = connection.execute("SELECT kind, subject, since, until, why FROM bans ORDER BY since").fetchall()
    return [Ban(subject, kind == "network", since, until, why) for kind, subject, since, until, why in rows]


def _kind(ban: Ban) -> str:
    return "network" if ban.network else "login"
