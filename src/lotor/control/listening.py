"""The file of the administrator's socket: made with its final owner and mode, and taken away again by who made it."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import socket
import stat
from pathlib import Path

from lotor.config.privsep import account, group
from lotor.files.places import make_open
from lotor.model.frozen import frozen

log = logging.getLogger(__name__)

BACKLOG = 64
EVERYBODY = 0o777


@frozen
class Address:
    """`adminsock`: names or numbers of owner and group."""

    path: Path
    owner: str = "root"
    group: str = "root"
    mode: int = 0o600


class Listener:
    """A listening socket that never waits. `OSError` with a sentence when it cannot be made."""

    def __init__(self, address: Address) -> None:
        self._address, self._path = address, address.path
        self.socket = listen(address)
        self._inode = self._made()

    def mend(self) -> bool:
        """Whether another process that had the socket, too, had shut it down, which cannot be taken back: there is
        another one now, under the same number. Raises `OSError`."""
        looked = select.poll()
        looked.register(self.socket, select.POLLRDHUP)
        if not looked.poll(0):
            return False
        with listen(self._address) as other:
            os.dup2(other.fileno(), self.socket.fileno(), inheritable=False)
        self._inode = self._made()
        return True

    def _made(self) -> tuple[int, int]:
        made = self._path.lstat()
        return made.st_dev, made.st_ino

    def close(self) -> None:
        """Removes the file if it is still ours."""
        self.socket.close()
        with contextlib.suppress(OSError):
            now = self._path.lstat()
            if (now.st_dev, now.st_ino) == self._inode:
                self._path.unlink()


def listen(address: Address) -> socket.socket:
    """A listening socket at `address`, made with its final owner, group and mode before anyone can connect."""
    path = address.path
    owner, members = _owner(address.owner), _group(address.group)
    _make_room(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _bind(listener, address)
        os.chown(path, owner, members, follow_symlinks=False)
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
    if not path.parent.is_dir():
        make_open(path.parent)
        log.info("made the directory %s for the control socket", path.parent)
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
    if (found := account(name)) is None:
        raise OSError(errno.EINVAL, f"adminsock: there is no user {name}")
    return found[0]


def _group(name: str) -> int:
    if (found := group(name)) is None:
        raise OSError(errno.EINVAL, f"adminsock: there is no group {name}")
    return found
