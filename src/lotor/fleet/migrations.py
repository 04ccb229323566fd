"""Bringing the tables to the version of this program, once, however many gateways start at a time."""

from __future__ import annotations

from lotor.fleet.answers import number
from lotor.fleet.connecting import Connection
from lotor.fleet.schema import LATEST, STEPS
from lotor.ports.fleet import RefusedError

LOCK = 0x6C6F746F72
"""Of the advisory locks of the database; whoever has it changes the tables."""
_THERE = "SELECT to_regclass('lotor.version') IS NOT NULL"
_VERSION = "SELECT coalesce(max(number), 0)::bigint FROM lotor.version"


async def migrate(connection: Connection) -> None:
    """The tables are as this version wants them. Raises `RefusedError` for those of a newer one, and nothing has
    changed; what asyncpg raises."""
    if await _found(connection) == LATEST:
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        found = await _found(connection)  # another gateway may have been here meanwhile
        if not found:
            await connection.execute("CREATE SCHEMA IF NOT EXISTS lotor")
            await connection.execute("CREATE TABLE IF NOT EXISTS lotor.version (number bigint PRIMARY KEY)")
    for step in range(found + 1, LATEST + 1):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            if await _found(connection) < step:
                for statement in STEPS[step]:
                    await connection.execute(statement)
                await connection.execute("INSERT INTO lotor.version VALUES ($1)", step)


async def _found(connection: Connection) -> int:
    """The version of the tables; 0: there are none."""
    if not await connection.fetchval(_THERE):
        return 0
    found = number(await connection.fetchval(_VERSION))
    if found > LATEST:
        raise RefusedError(
            f"the fleet's database has tables of version {found}, this lotor knows versions up to {LATEST}: "
            "bring this gateway to the version of the others"
        )
    return found
