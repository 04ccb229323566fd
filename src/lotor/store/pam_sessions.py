"""The rows of sessions that are open at PAM: what their close needs, which may come in another life of the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from lotor.model.frozen import frozen

if TYPE_CHECKING:
    import sqlite3

TIDIED_EVERY = 256
"""Sessions that are opened: those that nobody will close any more are forgotten."""


@frozen
class PamSession:
    """`id` is that of its account. `variables`: NAME=VALUE each, what the modules left when it was opened."""

    id: str
    user: str
    host: str
    service: str
    variables: tuple[bytes, ...]


def keep(session: PamSession) -> Callable[[sqlite3.Connection], None]:
    """It is open."""

    def change(connection: sqlite3.Connection) -> None:
        left = json.dumps([each.hex() for each in session.variables])
        number = connection.execute(
            "INSERT OR REPLACE INTO pam_sessions (id, user, host, service, variables) VALUES (?, ?, ?, ?, ?)",
            (session.id, session.user, session.host, session.service, left),
        ).lastrowid
        if number is not None and number % TIDIED_EVERY == 0:
            _tidy(connection)

    return change


def find(number: str) -> Callable[[sqlite3.Connection], PamSession | None]:
    """By the id of its account. What cannot be read is closed without variables."""

    def look(connection: sqlite3.Connection) -> PamSession | None:
        query = "SELECT user, host, service, variables FROM pam_sessions WHERE id = ?"
        found = connection.execute(query, (number,)).fetchone()
        if found is None:
            return None
        user, host, service, left = found
        return PamSession(number, user, host, service, _variables(left))

    return look


def forget(number: str) -> Callable[[sqlite3.Connection], None]:
    """It is closed."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM pam_sessions WHERE id = ?", (number,))

    return change


def _tidy(connection: sqlite3.Connection) -> None:
    """Those of sessions that have no stop, neither one that will come nor one that waits. The others are as many as
    accounts at most."""
    known = "SELECT id FROM accounts_open UNION SELECT id FROM accounts_waiting"
    connection.execute(f"DELETE FROM pam_sessions WHERE id NOT IN ({known})")  # noqa: S608 - words of ours


def _variables(text: str) -> tuple[bytes, ...]:
    try:
        return tuple(bytes.fromhex(each) for each in json.loads(text))
    except (ValueError, TypeError):
        return ()
