"""The sockets of port 500: those open to everybody, and those that a reload leaves to the sessions that use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from lotor.model.network import Address, Path, Peer

Receive = Callable[[bytes, Path], None]


class Door(Protocol):
    """`runtime.sockets.IsakmpSocket`."""

    local: Peer

    def start(self, receive: Receive) -> None: ...
    def close(self) -> None: ...
    def serves(self, local: Peer) -> bool: ...
    def transmit(self, data: bytes, path: Path) -> None: ...


class Doors:
    """`paths` are those of the sessions that live: a door that is to be shut stays until none of them uses it, and
    lets nobody else in meanwhile."""

    def __init__(self, doors: Iterable[Door], paths: Callable[[], Iterable[Path]]) -> None:
        self._open = list(doors)
        self._leaving: list[Door] = []
        self._paths = paths
        self._receive: Receive | None = None

    @property
    def open(self) -> tuple[Door, ...]:
        return tuple(self._open)

    def start(self, receive: Receive) -> None:
        self._receive = receive
        for door in self._open:
            door.start(receive)

    def close(self) -> None:
        for door in (*self._open, *self._leaving):
            door.close()

    def replace(self, doors: Iterable[Door]) -> None:
        """From now on these are open. Those of before that are among them stay as they are."""
        before, self._open = self._open, list(doors)
        for door in self._open:
            if door not in before and self._receive is not None:
                door.start(self._receive)
        self._leaving += [door for door in before if door not in self._open]
        for door in self._leaving:
            door.start(self._only_known)
        self.tidy()

    def tidy(self) -> None:
        """Close what no session uses any more."""
        if not self._leaving:
            return  # nearly always: whoever ends must not cost a walk along all others
        used = {path.local for path in self._paths() if not path.floated}
        needed = {each for each in used if not any(door.serves(each) for door in self._open)}
        for door in [each for each in self._leaving if not any(map(each.serves, needed))]:
            self._leaving.remove(door)
            door.close()

    def transmit(self, data: bytes, path: Path) -> None:
        """`OSError` when no door has the path's local end."""
        for door in (*self._open, *self._leaving):
            if door.serves(path.local):
                door.transmit(data, path)
                return
        raise OSError(f"no socket listens at {path.local}")

    def towards(self, address: Address) -> Peer:
        """The local end for a connection that begins at one of our addresses; `OSError` when no door is there."""
        for door in self._open:
            if door.serves(Peer(address, door.local.port)):
                return Peer(address, door.local.port)
        raise OSError(f"no socket listens at {address}: see listen {{ isakmp }}")

    def _only_known(self, data: bytes, path: Path) -> None:
        known = any(each.remote.address == path.remote.address for each in self._paths())
        if known and self._receive is not None:
            self._receive(data, path)
