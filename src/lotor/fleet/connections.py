"""A few connections that are kept: each call borrows one, within a bounded time, and a doubtful one is thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from lotor.config.servers import FleetSettings
from lotor.fleet.connecting import Connection
from lotor.fleet.faults import COLLISIONS, UnfitAnswerError, state_of, told

T = TypeVar("T")

MOST = 4
"""Connections of a gateway beside the one that listens."""
MOST_WAITING = 256
"""Calls at a time: more would wait longer than anybody does."""
PATIENCE = 6.0
"""Seconds for a call: waiting for a connection, making one, asking. A little more than the server takes for a
statement, so that what it did not do in time is its own word, and the connection stays."""
TRIES = 3
"""Of one call whose transactions ran into others, or that met a connection which the server had ended."""

Work = Callable[[Connection], Awaitable[T]]


class Connecting(Protocol):
    settings: FleetSettings

    async def connect(self) -> Connection: ...


class Connections:
    """Raises `OSError` as `faults.told` says it, and nothing else."""

    def __init__(self, way: Connecting, patience: float = PATIENCE) -> None:
        self._way = way
        self._patience = patience
        self._idle: list[Connection] = []
        self._places = asyncio.Semaphore(MOST)
        self._waiting = 0
        self._closed = False

    async def run(self, work: Work[T], *, again: bool = True) -> T:
        """What `work` makes of a connection. `again`: nothing is spoilt where it is carried out twice."""
        if self._closed:
            raise OSError("the fleet's database is not asked any more: this gateway ends")
        if self._waiting >= MOST_WAITING:
            raise OSError(f"the fleet's database has {MOST_WAITING} questions to answer: no more are asked now")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience), self._places:
                return await self._tried(work, again=again)
        except Exception as error:  # noqa: BLE001 - a server can make asyncpg raise anything
            raise told(error, self._way.settings) from None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Nobody is waited for."""
        self._closed = True
        self.drop()

    def drop(self) -> None:
        """The next calls make connections anew."""
        while self._idle:
            self._idle.pop().terminate()

    async def _tried(self, work: Work[T], *, again: bool) -> T:
        for left in range(TRIES - 1, -1, -1):
            connection = self._kept()
            fresh = connection is None
            if connection is None:
                connection = await self._way.connect()
            try:
                return await self._lent(connection, work)
            except Exception as error:
                stale = again and not fresh and connection.is_closed()
                if not left or not (stale or state_of(error) in COLLISIONS):
                    raise
        raise OSError("nobody tried")

    async def _lent(self, connection: Connection, work: Work[T]) -> T:
        """Back among the idle ones where it is fit: whatever ended otherwise than by a word of the server leaves
        it in a state that nobody knows."""
        fit = False
        try:
            done = await work(connection)
            fit = True
        except UnfitAnswerError:
            raise
        except Exception as error:
            fit = bool(state_of(error)) and not connection.is_in_transaction()
            raise
        else:
            return done
        finally:
            if fit and not self._closed and not connection.is_closed():
                self._idle.append(connection)
            else:
                connection.terminate()
                self._forget_closed()

    def _kept(self) -> Connection | None:
        self._forget_closed()
        return self._idle.pop() if self._idle else None

    def _forget_closed(self) -> None:
        """Others of a server that ended one have ended, too, mostly."""
        self._idle = [each for each in self._idle if not each.is_closed()]
