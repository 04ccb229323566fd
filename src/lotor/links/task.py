"""What the process of a link is told by the command that starts it: everything that it can ever show."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from enum import Enum

from lotor.crypto.tls import TlsKey
from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.frames import Frame, Kind, receive, send


class Shows(Enum):
    """What a document is for. A FILE counts, as the first fetch; what is BESIDE it goes with it."""

    PAGE = "page"
    FILE = "file"
    BESIDE = "beside"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Document:
    """`path` is below the token, without a slash in front. `device` is the word of `lotor profile --for`, empty on the
    page that asks which one it is. `name`: of a file, for people. `media`: its type (RFC 9110 §8.3); `keep`: the
    browser saves it, where it would show it otherwise."""

    path: str
    shows: Shows
    device: str
    media: str
    body: bytes = field(repr=False)
    name: str = ""
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """`identity`: whom to become (`Identity.word`). `host`: its name in the link.
    `chain`: certificates of the gateway, leaf first, DER, whose private key is elsewhere. `seconds`: so long the link
    lives. `documents` follow, one message each; the listening socket comes with this one."""

    identity: str
    host: str
    token: str = field(repr=False)
    chain: tuple[bytes, ...]
    key: TlsKey
    policy: str
    seconds: float
    documents: int


def tell(line: socket.socket, task: Task, documents: list[Document], listening: socket.socket) -> None:
    """By the command, before anything else on this line. `OSError` where it cannot be sent."""
    line.setblocking(True)
    send(line, Frame(Kind.REQUEST, 0, 0, encode(Task, task), (listening.fileno(),)))
    for each in documents:
        send(line, Frame(Kind.REQUEST, 0, 0, encode(Document, each)))
    line.setblocking(False)


def heard(line: socket.socket) -> tuple[Task, list[Document], socket.socket]:
    """By the process. Raises `Malformed`, and `Ended`."""
    line.setblocking(True)
    first = receive(line)
    task = decode(Task, first.body)
    if len(first.descriptors) != 1:
        first.close()
        raise Malformed("a task comes with the socket that listens")
    documents = [decode(Document, receive(line).body) for _ in range(task.documents)]
    line.setblocking(False)
    return task, documents, socket.socket(fileno=first.descriptors[0])
