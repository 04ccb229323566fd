"""One connection to a server of a directory: opened, made private, asked one thing at a time, each within its time.

What goes wrong is a `DirectoryError`; a connection on which that happened, or whose question was cancelled, is of no
use any more. Nothing blocks: names are looked up aside, TLS runs in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import ssl
from collections.abc import AsyncIterator, Callable

from lotor.config.servers import LdapServer
from lotor.ldap import ber, messages
from lotor.ldap.ber import BerError
from lotor.ldap.messages import Entry, Message, Result, Search
from lotor.ldap.trust import Trust
from lotor.model.frozen import frozen
from lotor.model.secret import Secret
from lotor.names.whereabouts import Whereabouts

LONGEST_MESSAGE = 256 * 1024
"""Octets: an entry with the few attributes that a login asks for, or a group's name."""
MOST_REFERENCES = 16
"""References and other answers without meaning, within one search."""
FIRST_NUMBER = 1
_BEFORE_THE_END = frozenset({messages.ENTRY, messages.REFERENCE, messages.INTERMEDIATE})


class DirectoryError(OSError):
    """The directory, or the way to it, is at fault; the text says how."""


@frozen
class Found:
    """What a search brought. `referred`: whether the server named others, which nobody asks."""

    entries: tuple[Entry, ...]
    result: Result
    referred: bool


@frozen
class Way:
    """How a server is reached. `trust` None: in clear. `seconds`: how long an answer may take. `place`: where it is."""

    server: LdapServer
    trust: Trust | None
    seconds: float
    place: Whereabouts


class Connection:
    """For one user at a time. `open` makes one."""

    def __init__(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._way = way
        self._reader, self._writer = reader, writer
        self._number = FIRST_NUMBER
        self._clear: asyncio.StreamWriter | None = None  # kept below TLS: a writer that nobody has closes its socket

    @classmethod
    async def open(cls, way: Way) -> Connection:
        """Encrypted, where the way says so. Raises `DirectoryError`."""
        connection: Connection | None = None
        try:
            async with _within(way, "no connection"):
                context = await way.trust.context() if way.trust is not None else None
                connection = cls(way, *await _reached(way, context if way.server.secure else None))
                if context is not None and not way.server.secure:
                    await connection._make_private(context)
                return connection
        except BaseException:
            if connection is not None:
                connection.close()
            raise

    async def bind(self, name: bytes, password: Secret) -> Result:
        """An empty password would be an unauthenticated bind (RFC 4513 §5.1.2): it is never sent. Raises
        `DirectoryError`."""
        if not password:
            raise DirectoryError("an empty password is not sent to a directory")
        async with _within(self._way, "no answer"):
            await self._send(lambda number: messages.bind(number, name, password))
            return await self._result(messages.BOUND)

    async def search(self, wanted: Search) -> Found:
        """At most `wanted.size` entries are taken. Raises `DirectoryError`."""
        entries: list[Entry] = []
        others = 0
        async with _within(self._way, "no answer"):
            await self._send(lambda number: messages.search(number, wanted))
            while (message := await self._next()).op in _BEFORE_THE_END:
                if isinstance(message.what, Entry):
                    entries.append(message.what)
                else:
                    others += 1
                if len(entries) > wanted.size or others > MOST_REFERENCES:
                    raise DirectoryError("it answers more than it was asked for")
        return Found(tuple(entries), _end(message, messages.DONE), referred=others > 0)

    @property
    def usable(self) -> bool:
        """Whether the other end has closed it, as far as that is known here."""
        return not self._reader.at_eof() and not self._writer.is_closing() and self._reader.exception() is None

    def close(self) -> None:
        """With a word to the server, where that goes at once."""
        with contextlib.suppress(OSError, RuntimeError):
            if not self._writer.is_closing():
                self._writer.write(messages.unbind(self._number + 1))
                self._writer.close()
                if self._writer.transport.get_write_buffer_size():
                    self.abort()

    def abort(self) -> None:
        """What was not sent yet stays unsent."""
        self._writer.transport.abort()

    async def _make_private(self, context: ssl.SSLContext) -> None:
        """StartTLS (RFC 4511 §4.14). What came in clear behind the answer is dropped: whoever slipped it in would speak
        as if inside TLS."""
        await self._send(messages.start_tls)
        result = await self._result(messages.EXTENDED)
        if result.code:
            raise DirectoryError(f"it does not begin TLS (result {result.code})")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport = await loop.start_tls(
            self._writer.transport, protocol, context, server_hostname=self._way.server.host
        )
        if transport is None:
            raise DirectoryError("it closed the connection when TLS began")
        protocol.connection_made(transport)
        self._clear = self._writer
        self._reader, self._writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _send(self, request: Callable[[int], bytes]) -> None:
        self._number += 1
        self._writer.write(request(self._number))
        await self._writer.drain()

    async def _result(self, op: int) -> Result:
        return _end(await self._next(), op)

    async def _next(self) -> Message:
        """The next message that answers our question. A notice without a question says that the server closes
        (RFC 4511 §4.4.1)."""
        message = messages.parse(await self._octets())
        if message.number != self._number:
            raise DirectoryError("it answers a question of nobody" if message.number else "it closes the connection")
        if message.op not in messages.ANSWERS:
            raise DirectoryError("it sends what is no answer")
        return message

    async def _octets(self) -> bytes:
        head = await self._reader.readexactly(2)
        while (found := ber.span(head)) is None:
            head += await self._reader.readexactly(1)
        if found[1] > LONGEST_MESSAGE:
            raise DirectoryError(f"it sends a message of {found[1]} octets")
        return head + await self._reader.readexactly(found[1])


async def _reached(way: Way, context: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """At the first address that takes a connection. One that is silent leaves time for the others. Raises `OSError`."""
    addresses, server = await way.place.addresses(), way.server
    fault = OSError(errno.EHOSTUNREACH, "no address")
    for address in addresses:
        try:
            async with asyncio.timeout(way.seconds / len(addresses)):
                name = server.host if context is not None else None
                return await asyncio.open_connection(address, server.port, ssl=context, server_hostname=name)
        except OSError as error:
            fault = error
    raise fault


def _end(message: Message, op: int) -> Result:
    if message.op != op or not isinstance(message.what, Result):
        raise DirectoryError("it answers another question than was asked")
    return message.what


@contextlib.asynccontextmanager
async def _within(way: Way, silence: str) -> AsyncIterator[None]:
    """Turns everything that can go wrong into `DirectoryError`, and leaves cancelling alone."""
    try:
        async with asyncio.timeout(way.seconds):
            yield
    except TimeoutError:
        raise DirectoryError(f"{silence} within {way.seconds:g} seconds") from None
    except DirectoryError:
        raise
    except BerError as fault:
        raise DirectoryError(f"what it sends is no LDAP: {fault}") from None
    except asyncio.IncompleteReadError:
        raise DirectoryError("it closed the connection in the middle of an answer") from None
    except ssl.SSLCertVerificationError as fault:
        raise DirectoryError(f"its certificate is refused: {fault.verify_message}") from None
    except ssl.SSLError as fault:
        raise DirectoryError(f"TLS does not come about: {fault.reason or fault}") from None
    except OSError as fault:
        raise DirectoryError(_words(fault)) from None


def _words(fault: OSError) -> str:
    """The system's own, where asyncio has others."""
    told = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else fault.strerror or str(fault)
    return told or "the connection broke"
