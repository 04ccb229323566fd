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
from lotor.control.messages import LONGEST_REQUEST
from lotor.control.service import Credential, Service
from lotor.files.places import make_open

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
BACKLOG = 64
UCRED = struct.Struct("=3i")
EVERYBODY = 0o777


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
        conversation = Conversation(self._service, _credential(writer), reader, writer)
        task = asyncio.current_task()
        if task is None or not self._room():
            writer.close()
            return
        self._open[conversation] = task
        try:
            await conversation.run()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the caller went away, or we close
        finally:
            self._open.pop(conversation, None)
            writer.close()

    def _room(self) -> bool:
        """Whether one more fits; the oldest connection that waits for nothing makes room."""
        if len(self._open) < MOST_CONNECTIONS:
            return True
        idle = next((each for each in self._open if not each.busy), None)
        if idle is None:
            log.warning("control socket: %d requests are under way; a further connection was closed", len(self._open))
            return False
        self._open.pop(idle).cancel()
        return True


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
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)
    return Credential(*UCRED.unpack(raw))
