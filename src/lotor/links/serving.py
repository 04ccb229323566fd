"""Serves a site over HTTPS to whoever comes: TLS over memory, one request a connection, and nothing without a bound."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from lotor.crypto.tls import TlsEnd, TlsIdentity
from lotor.links.requests import END, MOST_HEAD, BadRequest, Request, Status, parsed
from lotor.links.site import Answer, Site, place, plain
from lotor.model.frozen import frozen
from lotor.privsep.budget import Budget
from lotor.privsep.linking import Visit

PIECE = 16_384
"""Octets of a record of TLS, and of what is read at once."""
MOST_RECEIVED = 65_536
"""Octets of a connection before its request is there, those of TLS itself among them."""
MOST_PLACES = 1024
"""Addresses whose connections are counted, some hundred octets each."""
MOST_IGNORED = 16
"""Pieces that are read and thrown away behind an answer, so that closing the connection does not take it back."""


@frozen
class Limits:
    """`connections` at a time, and `of_one` address; whoever comes when all places are taken gets that of the one who
    came first of those that were shown nothing yet. `new` connections at once, and another one each `pause` seconds;
    `new_of_one` address, and another one each `pause_of_one`. `asking`: seconds for handshake and request; `whole`: for
    all of it."""

    connections: int = 64
    of_one: int = 8
    new: int = 64
    pause: float = 0.05
    new_of_one: int = 24
    pause_of_one: float = 0.5
    asking: float = 10.0
    whole: float = 60.0


class Fault(Exception):  # noqa: N818 - what the peer did
    """Nothing more can come of this connection."""


class Visitor:
    """One connection."""

    def __init__(self, transport: asyncio.Transport, address: str) -> None:
        self.transport, self.address, self.place = transport, address, place(address)
        self.since = asyncio.get_running_loop().time()
        self.shown = False


class Serving:
    """Serves until the site is over, or the link too old. `tell` hears of a visit before it is answered."""

    def __init__(
        self,
        site: Site,
        identity: TlsIdentity,
        policy: str,
        tell: Callable[[Visit], Awaitable[None]],
        limits: Limits = Limits(),
    ) -> None:
        self._site, self._identity, self._policy, self._tell = site, identity, policy, tell
        self.limits = limits
        self._budget = Budget(limits.new, limits.pause)
        self._budgets: dict[str, Budget] = {}
        self._visitors: set[Visitor] = set()

    @contextlib.asynccontextmanager
    async def at(self, listening: socket.socket) -> AsyncIterator[None]:
        """Within, whoever comes is served."""
        server = await asyncio.start_server(self._come, sock=listening, limit=PIECE)
        try:
            yield
        finally:
            server.close()
            for each in self._visitors:
                each.transport.abort()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = cast("asyncio.Transport", writer.transport)
        peer = writer.get_extra_info("peername")
        if not peer or not self._admits(place(peer[0])):
            transport.abort()
            return
        visitor = Visitor(transport, plain(peer[0]))
        self._visitors.add(visitor)
        try:
            async with asyncio.timeout(self.limits.whole):
                await self._serve(visitor, reader, writer)
        except (TimeoutError, OSError, ValueError, Fault):
            pass  # ValueError: the tunnel has ended
        finally:
            self._visitors.discard(visitor)
            transport.abort()

    def _admits(self, where: str) -> bool:
        """What one address does too often takes nothing from the others."""
        now = asyncio.get_running_loop().time()
        if sum(each.place == where for each in self._visitors) >= self.limits.of_one:
            return False
        if not self._budget_of(where).take(now) or not self._budget.take(now):
            return False
        if len(self._visitors) < self.limits.connections:
            return True
        waiting = [each for each in self._visitors if not each.shown]
        if not waiting:
            return False
        longest = min(waiting, key=lambda each: each.since)
        self._visitors.discard(longest)
        longest.transport.abort()
        return True

    def _budget_of(self, where: str) -> Budget:
        """Of the addresses that came last."""
        budget = self._budgets.pop(where, None) or Budget(self.limits.new_of_one, self.limits.pause_of_one)
        self._budgets[where] = budget
        if len(self._budgets) > MOST_PLACES:
            del self._budgets[next(iter(self._budgets))]
        return budget

    async def _serve(self, visitor: Visitor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = TlsEnd.server(self._identity, asks=False)
        async with asyncio.timeout(self.limits.asking):
            request = await _asked(end, reader, writer)
        answer = self._site.answer(request, visitor.address, asyncio.get_running_loop().time())
        visitor.shown = answer.status is Status.OK
        if answer.told is not None:
            await self._tell(answer.told)
        octets = written(answer, self._policy)
        for start in range(0, len(octets), PIECE):
            writer.write(end.send(octets[start : start + PIECE]))
            await writer.drain()
        writer.write_eof()
        for _ in range(MOST_IGNORED):
            if not await reader.read(PIECE):
                break


async def _asked(end: TlsEnd, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | BadRequest:
    """The first request; what a client sends behind it is not looked at. Raises `Fault` where none comes."""
    head, received, stands = b"", 0, False
    while END not in head:
        octets = await reader.read(PIECE)
        received += len(octets)
        if not octets or received > MOST_RECEIVED:
            raise Fault
        step = end.step(octets) if stands else await asyncio.to_thread(end.step, octets)
        writer.write(step.out)
        await writer.drain()
        if step.fault:
            raise Fault
        head, stands = head + step.inside, step.stands
        if len(head) > MOST_HEAD and END not in head[:MOST_HEAD]:
            return BadRequest(Status.FIELDS_TOO_LARGE)
    try:
        return parsed(head.split(END, 1)[0])
    except BadRequest as fault:
        return fault


PHRASES = {
    Status.OK: "OK",
    Status.BAD_REQUEST: "Bad Request",
    Status.NOT_FOUND: "Not Found",
    Status.METHOD_NOT_ALLOWED: "Method Not Allowed",
    Status.GONE: "Gone",
    Status.FIELDS_TOO_LARGE: "Request Header Fields Too Large",
}


def written(answer: Answer, policy: str) -> bytes:
    """With the fields that every answer has: `policy` is what a browser may load and do (CSP)."""
    fields = (
        ("Content-Type", answer.media),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", policy),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Robots-Tag", "noindex, nofollow"),
        ("Connection", "close"),
        *answer.fields,
    )
    lines = [f"HTTP/1.1 {answer.status.value} {PHRASES[answer.status]}", *(f"{name}: {text}" for name, text in fields)]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if answer.head_only else answer.body)
