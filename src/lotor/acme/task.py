"""What the process that speaks with an authority is told by the command that starts it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum

from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.frames import Frame, Kind, receive, send


class Challenge(Enum):
    """How a host proves that names lead to it: RFC 8555 §8.3, RFC 8737."""

    HTTP = "http-01"
    TLS = "tls-alpn-01"


@dataclass(frozen=True, slots=True)
class Task:
    """`identity`: whom to become (`Identity.word`). `server`: the URL of the authority's directory; `root`: a file with
    who vouches for it, empty for those that this host trusts. `requests`: for each certificate a CSR in DER.
    `thumbprint` of the account's key (RFC 7638). `patience`: seconds for each step of a request to the authority,
    `seconds` for everything."""

    identity: str
    server: str
    root: str
    contacts: tuple[str, ...]
    names: tuple[str, ...]
    requests: tuple[bytes, ...]
    challenge: Challenge
    thumbprint: str
    patience: float
    seconds: float


def tell(line: socket.socket, task: Task, listening: socket.socket) -> None:
    """By the command, before anything else on this line. `OSError` where it cannot be sent."""
    line.setblocking(True)
    send(line, Frame(Kind.REQUEST, 0, 0, encode(Task, task), (listening.fileno(),)))
    line.setblocking(False)


def heard(line: socket.socket) -> tuple[Task, socket.socket]:
    """By the process. Raises `Malformed`, and `Ended`."""
    line.setblocking(True)
    first = receive(line)
    task = decode(Task, first.body)
    if len(first.descriptors) != 1:
        first.close()
        raise Malformed("a task comes with the socket that listens")
    line.setblocking(False)
    return task, socket.socket(fileno=first.descriptors[0])
