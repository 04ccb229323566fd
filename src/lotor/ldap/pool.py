"""Connections that are kept for the next login: a bounded number, each used by one login at a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from lotor.ldap.connection import Connection, DirectoryError, Way
from lotor.ldap.servers import Server, Servers
from lotor.model.frozen import frozen

T = TypeVar("T")

MOST = 8
"""Connections at a time: a directory answers within milliseconds, so that some hundred logins a second go through."""
MOST_WAITING = 512
"""Logins that wait for a connection; more would wait longer than their clients do."""
IDLE = 60.0
"""Seconds that an unused connection is kept: shorter than firewalls and servers forget."""

LONGEST_LIFE = 300.0
"""Seconds after which a connection is not kept even if it is used: the first server is taken again when it is back."""

SLOW = 15.0
"""Seconds that one login may be at one server: one that takes longer counts as failed when the login is cut off. It is
half of what a login has, so that the next one gets to another server."""

Work = Callable[[Connection], Awaitable[T]]
Prepare = Callable[[Connection], Awaitable[None]]
Open = Callable[[Way], Awaitable[Connection]]


class CrowdedError(Exception):
    """More logins wait than could be answered in a useful time: `waiting` of them."""

    def __init__(self, waiting: int) -> None:
        super().__init__(waiting)
        self.waiting = waiting


@frozen
class _Kept:
    """`opened` and `since`, when it was last used, in seconds of the monotonic clock."""

    connection: Connection
    server: Server
    opened: float
    since: float = 0.0


async def nothing(connection: Connection) -> None:
    """The preparation of a connection that needs none."""
    del connection


class Pool:
    """Belongs to one event loop. `prepare` is done to each new connection: to bind as who searches."""

    def __init__(
        self, servers: Servers, prepare: Prepare = nothing, *, most: int = MOST, make: Open = Connection.open
    ) -> None:
        self._servers = servers
        self._prepare = prepare
        self._make = make
        self._places = asyncio.Semaphore(most)
        self._waiting = 0
        self._kept: list[_Kept] = []
        self._closed = False
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def kept(self) -> int:
        return len(self._kept)

    async def run(self, work: Work[T]) -> T:
        """What `work` returns of a connection: a kept one, else a new one to the first server that does. A kept one may
        have died unnoticed, with all others to its server, and a server may fail: then `work` is done again with a new
        one. Raises `CrowdedError`, and `DirectoryError` with what became of every server."""
        async with self._place():
            if (kept := self._take()) is not None:
                try:
                    with self._watched(kept.server):
                        return await self._use(kept, work)
                except DirectoryError:
                    self._drop(lambda each: each.server is kept.server)
            return await self._anew(work)

    async def close(self) -> None:
        """What is under way ends as it would; nothing is kept after that."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for each in self._kept:
            each.connection.close()
        self._kept.clear()

    async def _anew(self, work: Work[T]) -> T:
        faults = []
        for server in self._servers.line():
            try:
                with self._watched(server):
                    result = await self._at(server, work)
            except DirectoryError as fault:
                self._servers.failed(server, fault)
                faults.append(f"{server.name}: {fault}")
            else:
                server.answered()
                return result
        raise DirectoryError(f"no LDAP server answers as it should ({'; '.join(faults)})")

    async def _at(self, server: Server, work: Work[T]) -> T:
        connection = await self._make(server.way)
        try:
            await self._prepare(connection)
        except BaseException:
            connection.abort()
            raise
        return await self._use(_Kept(connection, server, time.monotonic()), work)

    async def _use(self, kept: _Kept, work: Work[T]) -> T:
        """Whatever cuts the work off leaves a connection on which an answer may still come: it is not kept."""
        try:
            result = await work(kept.connection)
        except BaseException:
            kept.connection.abort()
            raise
        self._keep(replace(kept, since=time.monotonic()))
        return result

    @contextlib.contextmanager
    def _watched(self, server: Server) -> Iterator[None]:
        """A login that is cut off here, after its time, would find the same server again."""
        began = time.monotonic()
        try:
            yield
        except asyncio.CancelledError:
            if time.monotonic() - began >= min(SLOW, server.way.seconds):
                self._servers.failed(server, DirectoryError("it is too slow for a login"))
            raise

    def _take(self) -> _Kept | None:
        """The one that was used last, so that the others get idle. None to a server that is left alone."""
        self._drop(lambda each: not each.connection.usable or not self._servers.lives(each.server))
        return self._kept.pop() if self._kept else None

    def _drop(self, those: Callable[[_Kept], bool]) -> None:
        for each in [each for each in self._kept if those(each)]:
            self._kept.remove(each)
            each.connection.close()

    def _keep(self, kept: _Kept) -> None:
        if self._closed or not kept.connection.usable or kept.since - kept.opened > LONGEST_LIFE:
            kept.connection.close()
            return
        self._kept.append(kept)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE, self._swept)

    def _swept(self) -> None:
        """Connections that nobody used for a while are closed."""
        line = time.monotonic() - IDLE
        self._drop(lambda each: each.since <= line or not each.connection.usable)
        again = asyncio.get_running_loop().call_later(IDLE / 4, self._swept) if self._kept else None
        self._sweep = again

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= MOST_WAITING:
            raise CrowdedError(self._waiting)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()
