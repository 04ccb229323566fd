"""How the tables of the store came to be: numbered steps, each carried out once for a file, in one transaction. A step
that was released is never changed; what comes later is another step."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lotor.store.faults import Fault, StoreFault

STEPS: dict[int, tuple[str, ...]] = {
    1: (
        # Who had an address last. `turn` grows with each change: no clock says what came first.
        """CREATE TABLE addresses (
            address TEXT PRIMARY KEY,
            user TEXT NOT NULL,
            turn INTEGER NOT NULL,
            held INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX addresses_by_turn ON addresses (turn)",
        # A session from its tunnel on. `ended` is NULL while it lasts; `why` is a kind of docs/reasons.md.
        """CREATE TABLE sessions (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            user TEXT NOT NULL,
            source TEXT NOT NULL,
            inside TEXT NOT NULL,
            client TEXT NOT NULL,
            began REAL NOT NULL,
            ended REAL,
            seconds INTEGER NOT NULL DEFAULT 0,
            octets_in INTEGER NOT NULL DEFAULT 0,
            octets_out INTEGER NOT NULL DEFAULT 0,
            packets_in INTEGER NOT NULL DEFAULT 0,
            packets_out INTEGER NOT NULL DEFAULT 0,
            why TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE INDEX sessions_by_end ON sessions (ended)",
        "CREATE INDEX sessions_by_user ON sessions (user)",
        # Who may not log in until when (wall clock). `subject` is an address, a network or a login.
        """CREATE TABLE bans (
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            since REAL NOT NULL,
            until REAL NOT NULL,
            why TEXT NOT NULL,
            PRIMARY KEY (kind, subject)
        ) WITHOUT ROWID""",
    ),
    2: (
        # Sessions whose stop has not come, with what they had carried when they were heard of last.
        """CREATE TABLE accounts_open (
            id TEXT PRIMARY KEY,
            keeper TEXT NOT NULL,
            account TEXT NOT NULL,
            usage TEXT NOT NULL
        ) WITHOUT ROWID""",
        # Records that wait for their keeper. AUTOINCREMENT: no number is used twice, also after its record is gone.
        # `boot` and `ticks` say how long ago it was, whatever is done to the wall clock.
        """CREATE TABLE accounts_waiting (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            keeper TEXT NOT NULL,
            id TEXT NOT NULL,
            status INTEGER NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0,
            at REAL NOT NULL,
            boot TEXT NOT NULL,
            ticks REAL NOT NULL,
            record TEXT NOT NULL
        )""",
        "CREATE INDEX accounts_by_turn ON accounts_waiting (keeper, tries, number)",
        "CREATE INDEX accounts_by_session ON accounts_waiting (id)",
    ),
    3: (
        # Sessions that are open at PAM, with what their close needs. `id` is that of the account.
        """CREATE TABLE pam_sessions (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            user TEXT NOT NULL,
            host TEXT NOT NULL,
            service TEXT NOT NULL,
            variables TEXT NOT NULL
        )""",
    ),
    4: (
        # What the database of a fleet does not have yet: of sessions their end, of bans whether they are there. A ban
        # that was lifted stays with the moment of its beginning as its end, until that is told.
        "ALTER TABLE sessions ADD COLUMN untold INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE bans ADD COLUMN untold INTEGER NOT NULL DEFAULT 1",
        "CREATE INDEX sessions_untold ON sessions (number) WHERE untold",
    ),
    5: (
        # By which version of IKE a session came, and with which algorithms; 0 and empty: nobody wrote it down.
        "ALTER TABLE sessions ADD COLUMN ike INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE sessions ADD COLUMN suite TEXT NOT NULL DEFAULT ''",
    ),
    6: (
        # Whether a ticket brought the client back, without a login.
        "ALTER TABLE sessions ADD COLUMN resumed INTEGER NOT NULL DEFAULT 0",
    ),
    7: (
        # The device that proved itself before its user did.
        "ALTER TABLE sessions ADD COLUMN machine TEXT NOT NULL DEFAULT ''",
    ),
}
LATEST = max(STEPS)


def migrate(connection: sqlite3.Connection, file: Path | None) -> None:
    """The tables are as this version wants them. Raises `StoreFault` for those of a newer one, and nothing has changed;
    `sqlite3.Error`."""
    for number in range(demand_known(connection, file) + 1, LATEST + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in STEPS[number]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")


def demand_known(connection: sqlite3.Connection, file: Path | None) -> int:
    """The version of the tables. Raises `StoreFault` for those of a newer program; `sqlite3.Error`."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > LATEST:
        more = f": its tables have version {found}, this lotor knows versions up to {LATEST}"
        raise StoreFault(Fault.NEWER, file, more)
    return found
