"""Rows of inner addresses: who had each of them last, and in which order they were given back."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from lotor.model.frozen import frozen
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)

MOST = 65_536
"""Addresses that are remembered; the one that was free the longest is forgotten first."""
LAST_TURN = 1 << 62
"""No gateway comes so far, and there is room behind it."""


@frozen
class Held:
    """An address and its last user, who has it now or (`held` False) gave it back."""

    address: IPv4Address
    user: str
    held: bool


def write(connection: sqlite3.Connection, changes: Iterable[Held]) -> None:
    """In the order in which they came about: no clock is asked, since clocks are set."""
    turn = _last_turn(connection)
    for turn, each in enumerate(changes, turn + 1):  # noqa: B020 - it counts on
        connection.execute(
            "INSERT OR REPLACE INTO addresses (address, user, turn, held) VALUES (?, ?, ?, ?)",
            (str(each.address), each.user, turn, each.held),
        )
    connection.execute(
        "DELETE FROM addresses WHERE turn <= (SELECT turn FROM addresses ORDER BY turn DESC LIMIT 1 OFFSET ?)", (MOST,)
    )


def load(connection: sqlite3.Connection) -> list[tuple[str, IPv4Address]]:
    """Users with their addresses, the longest free one first. What was held when the last program ended has been free
    since now. A row that cannot be read takes no other one along: it is removed, and said."""
    if garbled := _removed_garbled(connection):
        log.error("%s of addresses cannot be read: forgotten", quantity(garbled, "row"))
    held = connection.execute("SELECT address FROM addresses WHERE held ORDER BY turn").fetchall()
    for turn, (address,) in enumerate(held, _last_turn(connection) + 1):
        connection.execute("UPDATE addresses SET held = 0, turn = ? WHERE address = ?", (turn, address))
    rows = connection.execute("SELECT user, address FROM addresses ORDER BY turn").fetchall()
    return [(user, IPv4Address(address)) for user, address in rows]


def _last_turn(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT coalesce(max(turn), 0) FROM addresses").fetchone()[0]  # type: ignore[no-any-return]


def _removed_garbled(connection: sqlite3.Connection) -> int:
    """How many there were. SQLite gives no text that is no UTF-8, hence octets."""
    connection.create_function("is_address", 1, _is_address)
    sound = (
        "is_address(CAST(address AS BLOB)) AND typeof(address) = 'text' AND typeof(user) = 'text' "
        "AND typeof(turn) = 'integer' AND turn BETWEEN 0 AND ?"
    )
    return connection.execute(f"DELETE FROM addresses WHERE NOT ({sound})", (LAST_TURN,)).rowcount  # noqa: S608 - words of ours


def _is_address(octets: bytes) -> bool:
    try:
        return str(IPv4Address(octets.decode("ascii"))) == octets.decode("ascii")
    except ValueError:
        return False
