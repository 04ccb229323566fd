"""The socket itself: who may reach it, how many at once, and the reading of request lines."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import sys
from typing import Any

from lotor.control.conversation import Conversation
from lotor.control.listening import Address, Listener
from lotor.control.messages import LONGEST_REQUEST, Failed, encode
from lotor.control.peer import credentials
from lotor.control.service import Credential, Service
from lotor.control.turns import Turns

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
SHARE = 32
"""Connections of one user id. Root has the whole room, and another user's place where it is full."""
REFUSING_SECONDS = 0.5
SO_PEERGROUPS = 59
"""Linux 4.13: the supplementary groups of the caller, each a `gid_t`. Python has no name for it."""
MOST_GROUPS = 256
"""As many as Python's `getsockopt` has room for."""
ROOT = 0
KEEPS_NAME: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""asyncio would take away a name that others still answer to."""
FULL = "too many commands are under way at the daemon's socket: end some of yours, or try again later"


class ControlServer:
    """Listens from `start` to `stop`, at an address or at a socket that somebody with rights made listen there; None
    for no place at all. `OSError` with a sentence when the socket cannot be made."""

    def __init__(self, place: Address | socket.socket | None, service: Service) -> None:
        self._place = place
        self._service = service
        self._server: asyncio.Server | None = None
        self._own: Listener | None = None
        self._open: dict[Conversation, asyncio.Task[None]] = {}
        self._turns = Turns()
        self._refusing = 0
        self._joined: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        listener = self._place
        if isinstance(listener, Address):
            self._own = Listener(listener)
            listener = self._own.socket
        if listener is not None:
            self._server = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=LONGEST_REQUEST, **KEEPS_NAME
            )

    async def join(self, caller: socket.socket) -> None:
        """Serves a caller who came with a connection of his own."""
        caller.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=caller, limit=LONGEST_REQUEST)
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._joined.add(task)
        task.add_done_callback(self._joined.discard)

    async def stop(self) -> None:
        """Closes every connection, and removes the socket file that it made."""
        if self._server is not None:
            self._server.close()
        if self._open:
            await asyncio.gather(*(each.goodbye() for each in self._open))
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._server = None
        if self._own is not None:
            self._own.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = _credential(writer)
        conversation = Conversation(self._service, self._turns, caller, (reader, writer))
        task = asyncio.current_task()
        if task is None or not self._room(caller.uid):
            await self._refuse(reader, writer)
            return
        self._open[conversation] = task
        try:
            await conversation.run()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the caller went away, or we close
        finally:
            self._open.pop(conversation, None)
            conversation.cut()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says why; a connection that is closed before its request was read would lose the answer."""
        if self._refusing < SHARE:
            self._refusing += 1
            with contextlib.suppress(ConnectionError, TimeoutError):
                writer.write(encode(Failed(FULL)))
                async with asyncio.timeout(REFUSING_SECONDS):
                    await reader.read(LONGEST_REQUEST)
            self._refusing -= 1
        writer.transport.abort()

    def _room(self, uid: int) -> bool:
        """Whether one more of that user fits; the oldest connection that waits for nothing makes room. Root takes the
        place of another user, even of one that waits for something."""
        own = [each for each in self._open if each.credential.uid == uid]
        if uid != ROOT and len(own) >= SHARE:
            return self._leave(own, uid)
        if len(self._open) < MOST_CONNECTIONS:
            return True
        others = [each for each in self._open if each.credential.uid != ROOT]
        return self._leave(list(self._open), uid) or (uid == ROOT and self._end(others))

    def _leave(self, places: list[Conversation], uid: int) -> bool:
        """Ends the oldest connection that waits for nothing."""
        if self._end([each for each in places if not each.busy]):
            return True
        log.warning("control socket: %d requests are under way; a further one of uid %d was refused", len(places), uid)
        return False

    def _end(self, places: list[Conversation]) -> bool:
        if places:
            self._open.pop(places[0]).cancel()
        return bool(places)


def _credential(writer: asyncio.StreamWriter) -> Credential:
    connection = writer.get_extra_info("socket")
    pid, uid, gid = credentials(connection)
    return Credential(pid, uid, gid, _groups(connection) | {gid})


def _groups(connection: socket.socket) -> frozenset[int]:
    """Empty where the kernel does not tell: then only the group that the caller has effectively counts."""
    try:
        told = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MOST_GROUPS * 4)
    except OSError:
        return frozenset()
    return frozenset(number for (number,) in struct.iter_unpack("=I", told))
