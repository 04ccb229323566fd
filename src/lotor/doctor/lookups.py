"""Name lookups of this host, and single questions to name servers: what comes back, within a bounded time."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import struct
from collections.abc import Iterable
from enum import Enum
from ipaddress import ip_address

from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.names.aside import aside

PATIENCE = 4.0
"""Seconds for the lookup of a name: a resolver that is silent is asked twice by most libraries, each time for five."""
SERVER_PATIENCE = 1.0
ATTEMPTS = 2
DNS_PORT = 53
_HEADER = struct.Struct("!HHHHHH")
"""RFC 1035 §4.1.1: ticket, flags, numbers of questions, answers, authorities, others."""
_RECURSE, _NS, _INTERNET = 0x0100, 2, 1


@frozen
class Lookup:
    """What this host knows of a name. `fault`: why nothing came."""

    name: str
    addresses: tuple[Address, ...] = ()
    fault: str = ""


class Reply(Enum):
    ANSWERS = "answers"
    SILENT = "does not answer"
    CLOSED = "has no name server"
    UNREACHABLE = "is not reached"


async def lookup(name: str) -> Lookup:
    try:
        async with asyncio.timeout(PATIENCE):
            found = await aside(lambda: socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM))
    except TimeoutError:
        return Lookup(name, fault=f"no answer within {PATIENCE:g} s")
    except (OSError, UnicodeError) as error:
        return Lookup(name, fault=getattr(error, "strerror", None) or "not a host name")
    return Lookup(name, tuple(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)))


async def lookups(names: Iterable[str]) -> tuple[Lookup, ...]:
    return tuple(await asyncio.gather(*map(lookup, names)))


async def ask(server: Address) -> Reply:
    """A question for the name servers of the root, which every name server answers somehow."""
    return await aside(lambda: _ask(server))


def _ask(server: Address) -> Reply:
    ticket = secrets.randbits(16)
    question = _HEADER.pack(ticket, _RECURSE, 1, 0, 0, 0) + b"\0" + struct.pack("!HH", _NS, _INTERNET)
    family = socket.AF_INET6 if server.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(SERVER_PATIENCE)
            asking.connect((str(server), DNS_PORT))
            return _answered(asking, question, ticket)
    except OSError as error:
        return Reply.CLOSED if error.errno == errno.ECONNREFUSED else Reply.UNREACHABLE


def _answered(asking: socket.socket, question: bytes, ticket: int) -> Reply:
    for _ in range(ATTEMPTS):
        asking.send(question)
        try:
            octets = asking.recv(4096)
        except TimeoutError:
            continue
        if octets[:2] == ticket.to_bytes(2, "big"):
            return Reply.ANSWERS
    return Reply.SILENT
