"""The first words of a command to a process of its own that listens for it: a task, the socket, and what belongs to the
task."""

from __future__ import annotations

import socket
from typing import TypeVar

from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.frames import Frame, Kind, receive, send

Task = TypeVar("Task")
Part = TypeVar("Part")


def tell(line: socket.socket, task: object, listening: socket.socket, parts: tuple[object, ...] = ()) -> None:
    """By the command, before anything else on this line. `OSError` where it cannot be sent."""
    line.setblocking(True)
    send(line, Frame(Kind.REQUEST, 0, 0, encode(type(task), task), (listening.fileno(),)))
    for each in parts:
        send(line, Frame(Kind.REQUEST, 0, 0, encode(type(each), each)))
    line.setblocking(False)


def heard(line: socket.socket, kind: type[Task]) -> tuple[Task, socket.socket]:
    """By the process. Raises `Malformed`, and `Ended`."""
    first = _received(line)
    task = decode(kind, first.body)
    if len(first.descriptors) != 1:
        first.close()
        raise Malformed("a task comes with the socket that listens")
    return task, socket.socket(fileno=first.descriptors[0])


def parts(line: socket.socket, kind: type[Part], count: int) -> list[Part]:
    """Of a task that says how many there are. Raises as `heard` does."""
    return [decode(kind, _received(line).body) for _ in range(count)]


def _received(line: socket.socket) -> Frame:
    line.setblocking(True)
    try:
        return receive(line)
    finally:
        line.setblocking(False)
