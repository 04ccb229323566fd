"""The socket itself: who may reach it, how many at once, and the reading of request lines."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import logging
import os
import pwd
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from lotor.control.conversation import Conversation
from lotor.control.messages import LONGEST_REQUEST, Failed, encode
from lotor.control.service import Credential, Service
from lotor.control.turns import Turns
from lotor.files.places import make_open

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
SHARE = 32
"""Connections of one user id. Root has the whole room, and another user's place where it is full."""
REFUSING_SECONDS = 0.5
BACKLOG = 64
UCRED = struct.Struct("=3i")
SO_PEERGROUPS = 59
"""Linux 4.13: the supplementary groups of the caller, each a `gid_t`. Python has no name for it."""
MOST_GROUPS = 256
"""As many as Python's `getsockopt` has room for."""
EVERYBODY = 0o777
ROOT = 0
FULL = "too many commands are under way at the daemon's socket: end some of yours, or try again later"


@dataclass(frozen=True, slots=True)
class Address:
    """`adminsock`: names or numbers of owner and group."""

    path: Path
    owner: str = "root"
    group: str = "root"
    mode: int = 0o600


class ControlServer:
    """Listens from `start` to `stop`. `OSError` with a sentence when the socket cannot be made."""

    def __init__(self, address: Address, service: Service) -> None:
        self._address = address
        self._service = service
        self._server: asyncio.Server | None = None
        self._inode: tuple[int, int] | None = None
        self._open: dict[Conversation, asyncio.Task[None]] = {}
        self._turns = Turns()
        self._refusing = 0

    async def start(self) -> None:
        listener = listen(self._address)
        made = self._address.path.lstat()
        self._inode = (made.st_dev, made.st_ino)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LONGEST_REQUEST)

    async def stop(self) -> None:
        """Closes every connection and removes the socket file if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        if self._open:
            await asyncio.gather(*(each.goodbye() for each in self._open))
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._server = None
        with contextlib.suppress(OSError):
            now = self._address.path.lstat()
            if (now.st_dev, now.st_ino) == self._inode:
                self._address.path.unlink()

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


def listen(address: Address) -> socket.socket:
    """A listening socket at `address`, made with its final owner, group and mode before anyone can connect."""
    path = address.path
    owner, group = _owner(address.owner), _group(address.group)
    _make_room(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _bind(listener, address)
        os.chown(path, owner, group, follow_symlinks=False)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot make the control socket {path}: {error.strerror}") from error
    return listener


def _bind(listener: socket.socket, address: Address) -> None:
    before = os.umask(EVERYBODY & ~address.mode)
    try:
        listener.bind(str(address.path))
    finally:
        os.umask(before)


def _make_room(path: Path) -> None:
    """Removes a stale socket of ours; makes the directory. Anything else in the place is a refusal."""
    make_open(path.parent)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, f"{path} is not a socket: move it away, or set adminsock to another path")
    if _alive(path):
        raise OSError(errno.EADDRINUSE, f"another daemon answers at {path}: stop it, or set adminsock to another path")
    path.unlink()


def _alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError as error:
            raise OSError(error.errno, f"{path} exists and is not ours: {error.strerror}; remove it") from error
        return True


def _owner(name: str) -> int:
    try:
        return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise OSError(errno.EINVAL, f"adminsock: there is no user {name}") from None


def _group(name: str) -> int:
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise OSError(errno.EINVAL, f"adminsock: there is no group {name}") from None


def _credential(writer: asyncio.StreamWriter) -> Credential:
    connection = writer.get_extra_info("socket")
    pid, uid, gid = UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    return Credential(pid, uid, gid, _groups(connection) | {gid})


def _groups(connection: socket.socket) -> frozenset[int]:
    """Empty where the kernel does not tell: then only the group that the caller has effectively counts."""
    try:
        told = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MOST_GROUPS * 4)
    except OSError:
        return frozenset()
    return frozenset(number for (number,) in struct.iter_unpack("=I", told))
