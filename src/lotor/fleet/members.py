"""A gateway as one of the fleet: it joins, is heard of, and leaves; who else is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from lotor.fleet import answers
from lotor.fleet.answers import unfit
from lotor.fleet.connecting import Connection
from lotor.fleet.connections import Connections, Work
from lotor.fleet.faults import TABLES_GONE, state_of
from lotor.fleet.migrations import migrate
from lotor.fleet.procedures import ALIVE
from lotor.ports.fleet import GatewayState, Member, News, RefusedError, Sign

T = TypeVar("T")

MOST_GATEWAYS = 1000
_JOIN = "SELECT * FROM lotor.join($1, $2, $3, $4, $5)"
_LEAVE = "SELECT lotor.leave($1, $2)"
_GATEWAYS = f"""SELECT g.name, greatest(extract(epoch FROM clock_timestamp() - g.heard), 0)::double precision, {ALIVE},
    (SELECT count(*) FROM lotor.sessions s WHERE s.gateway = g.name AND s.run = g.run AND s.ended IS NULL)
    FROM lotor.gateways g ORDER BY g.name LIMIT {MOST_GATEWAYS}"""  # noqa: S608 - a text of ours


class Members:
    """`tell` hears where others may have taken what this gateway holds, or have its place."""

    def __init__(self, connections: Connections, member: Member, tell: Callable[[News], None]) -> None:
        self._connections = connections
        self._member = member
        self._tell = tell
        self._joined = self._ever = False
        self._joining: asyncio.Task[None] | None = None

    async def run(self, work: Work[T], *, again: bool = True) -> T:
        """As `Connections.run`, once the tables are there and this gateway has joined. Raises `RefusedError`, too."""
        if not self._joined:
            await self.join()

        async def noticed(connection: Connection) -> T:
            try:
                return await work(connection)
            except Exception as error:
                if state_of(error) in TABLES_GONE:
                    self._joined = False
                raise

        return await self._connections.run(noticed, again=again)

    async def join(self) -> None:
        """At most once at a time, however many ask."""
        if self._joining is None or self._joining.done():
            self._joining = asyncio.get_running_loop().create_task(self._join())
            self._joining.add_done_callback(_seen)  # also where nobody waits for it any more
        await asyncio.shield(self._joining)

    async def beat(self) -> None:
        await self.run(self._beat)

    async def leave(self) -> None:
        await self.run(lambda it: it.execute(_LEAVE, self._member.name, self._member.run))

    async def all(self) -> tuple[GatewayState, ...]:
        async def looked(connection: Connection) -> tuple[GatewayState, ...]:
            rows = answers.rows(await connection.fetch(_GATEWAYS), MOST_GATEWAYS)
            return tuple(
                GatewayState(
                    answers.text(row[0]), answers.seconds(row[1]), answers.flag(row[2]), answers.number(row[3])
                )
                for row in rows
            )

        return await self.run(looked)

    def close(self) -> None:
        if self._joining is not None:
            self._joining.cancel()

    def forget(self) -> None:
        """The database does not know this gateway, or not as it was: it joins with the next call."""
        self._joined = False

    async def _join(self) -> None:
        async def joined(connection: Connection) -> None:
            await migrate(connection)
            await self._beat(connection)

        await self._connections.run(joined)
        self._joined = True

    async def _beat(self, connection: Connection) -> None:
        member = self._member
        row = await connection.fetchrow(_JOIN, member.name, member.seat, member.run, member.lease, not self._ever)
        state, wait = answers.text(row[0]), answers.seconds(row[1])
        if state in {"taken", "replaced"} and self._ever:
            self._tell(News(Sign.REPLACED))
        if state == "taken":
            raise RefusedError(
                f"another gateway of the fleet has the name {member.name}: give each gateway its own fleet_name; if "
                f"this one has taken its place, start it again in {wait:.0f} seconds"
            )
        if state == "replaced":
            raise RefusedError(f"another lotor has taken the place of this one in the fleet, as {member.name}")
        if state not in {"new", "alive", "lapsed"}:
            raise unfit("whether this gateway is one of the fleet")
        if state == "lapsed" or (state == "new" and self._ever):
            self._tell(News(Sign.JOINED))
        self._ever = True


def _seen(joining: asyncio.Task[None]) -> None:
    if not joining.cancelled():
        joining.exception()
