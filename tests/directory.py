"""A directory that says what a test wants, on a port of loopback: honest, lying, slow, or gone in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from lotor.config.servers import Ldap, LdapServer
from lotor.ldap import ber, messages
from lotor.ldap.ber import Reader
from lotor.model.login import LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret

BASE = "dc=example,dc=net"
SERVICE, SERVICE_PASSWORD = f"cn=lotor,{BASE}", "service password"
ANNA = f"uid=anna,{BASE}"
CLOSE = b""
"""In place of an answer: the connection ends."""


@dataclass(frozen=True)
class Asked:
    """A request as the server reads it. `name` of a bind or the base of a search; `value` its password or the value
    that is searched."""

    number: int
    op: int
    name: bytes = b""
    attribute: str = ""
    value: bytes = b""
    wanted: tuple[str, ...] = ()
    scope: int = 0
    size: int = 0


Answer = Callable[[Asked], Sequence[bytes] | Awaitable[Sequence[bytes]]]


def read(data: bytes) -> Asked:
    outer = Reader(Reader(data).take(ber.SEQUENCE))
    number, (op, content) = outer.number(), outer.any()
    reader = Reader(content)
    if op == messages.BIND:
        assert reader.number() == 3
        return Asked(number, op, reader.take(ber.OCTETS), value=reader.take(messages.SIMPLE))
    if op != messages.SEARCH:
        return Asked(number, op)
    base, scope, aliases = reader.take(ber.OCTETS), reader.number(ber.ENUMERATED), reader.number(ber.ENUMERATED)
    size, _, _ = reader.number(), reader.number(), reader.take(ber.BOOLEAN)
    equal, listed = Reader(reader.take(messages.EQUAL)), Reader(reader.take(ber.SEQUENCE))
    attribute, value, wanted = equal.take(ber.OCTETS).decode(), equal.take(ber.OCTETS), []
    while listed.tag is not None:
        wanted.append(listed.take(ber.OCTETS).decode())
    assert (aliases, reader.tag, equal.tag) == (0, None, None)
    return Asked(number, op, base, attribute, value, tuple(wanted), scope, size)


def said(asked: Asked, op: int, *content: bytes, controls: bytes = b"") -> bytes:
    return ber.element(ber.SEQUENCE, ber.integer(asked.number), ber.element(op, *content), controls)


def result(asked: Asked, code: int = 0, message: str = "", op: int | None = None, controls: bytes = b"") -> bytes:
    answers = {messages.BIND: messages.BOUND, messages.SEARCH: messages.DONE, messages.EXTEND: messages.EXTENDED}
    content = ber.integer(code, ber.ENUMERATED), ber.octets(b""), ber.octets(message.encode())
    return said(asked, op or answers[asked.op], *content, controls=controls)


def entry(asked: Asked, name: str | bytes, **attributes: Sequence[bytes]) -> bytes:
    listed = [
        ber.element(
            ber.SEQUENCE, ber.octets(key.replace("_", "-").encode()), ber.element(ber.SET, *map(ber.octets, values))
        )
        for key, values in attributes.items()
    ]
    dn = name if isinstance(name, bytes) else name.encode()
    return said(asked, messages.ENTRY, ber.octets(dn), ber.element(ber.SEQUENCE, *listed))


def reference(asked: Asked, url: bytes = b"ldap://elsewhere.example/") -> bytes:
    return said(asked, messages.REFERENCE, ber.octets(url))


def policy(*words: bytes) -> bytes:
    value = ber.octets(ber.element(ber.SEQUENCE, *words))
    control = ber.element(ber.SEQUENCE, ber.octets(messages.PASSWORD_POLICY), value)
    return ber.element(messages.CONTROLS, control)


def honest(**people: bytes) -> Answer:
    """Who knows some users and their passwords; entries are `uid=NAME,dc=example,dc=net`."""
    passwords = {f"uid={name},{BASE}".encode(): password for name, password in people.items()}
    passwords[SERVICE.encode()] = SERVICE_PASSWORD.encode()

    def answer(asked: Asked) -> Sequence[bytes]:
        if asked.op == messages.BIND:
            return [result(asked, 0 if passwords.get(asked.name) == asked.value else 49)]
        found = [name for name in people if name.encode() == asked.value.lower() and asked.attribute == "uid"]
        return [*(entry(asked, f"uid={name},{BASE}", uid=[name.encode()]) for name in found), result(asked)]

    return answer


@dataclass
class Directory:
    """`asked` of all connections; `connections`: how many came, `most` how many were open at a time."""

    answer: Answer
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def server(self) -> LdapServer:
        return LdapServer("127.0.0.1", self.port)

    def of(self, op: int) -> list[Asked]:
        return [each for each in self.asked if each.op == op]

    def cut(self) -> None:
        """Every connection ends."""
        for each in self.writers:
            each.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        self.writers.append(writer)
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(2)
        while (found := ber.span(head)) is None:
            head += await reader.readexactly(1)
        asked = read(head + await reader.readexactly(found[1]))
        self.asked.append(asked)
        if asked.op == messages.UNBIND:
            raise ConnectionResetError
        answers = self.answer(asked)
        for each in answers if isinstance(answers, Sequence) else await answers:
            if each == CLOSE:
                raise ConnectionResetError
            writer.write(each)
            await writer.drain()


@asynccontextmanager
async def directory(answer: Answer) -> AsyncIterator[Directory]:
    made = Directory(answer)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.cut()


def settings(*servers: LdapServer, **others: Any) -> Ldap:
    usual = {
        "version": 3,
        "debug": 0,
        "timeout": 5,
        "uri": servers,
        "host": "localhost",
        "port": 389,
        "base": BASE,
        "subtree": True,
        "bind_dn": SERVICE,
        "bind_pw": Secret(SERVICE_PASSWORD.encode()),
        "attr_user": "uid",
        "attr_addr": "racoon-address",
        "attr_mask": "racoon-netmask",
        "attr_group": "cn",
        "attr_member": "member",
        "tls": False,
    }
    return Ldap(**{**usual, **others})


def attempt(user: str, password: str = "secret") -> LoginAttempt:
    source = Peer(IPv4Address("192.0.2.9"), 500)
    return LoginAttempt(user, ((Field.PASSWORD, Secret(password.encode())),), source)
