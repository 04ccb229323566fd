"""A RADIUS server that does what a test says."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

import vacant
from lotor.config.settings import Radius, RadiusServer
from lotor.model.login import LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.radius.structure import pairs

SECRET = b"MyDirtySecret"
ACCEPT, REJECT, ACCOUNTED, CHALLENGE = 2, 3, 5, 11


@dataclass
class Asked:
    """A request as a server sees it."""

    octets: bytes
    source: tuple[str, int]
    secret: bytes

    @property
    def code(self) -> int:
        return self.octets[0]

    @property
    def identifier(self) -> int:
        return self.octets[1]

    @property
    def authenticator(self) -> bytes:
        return self.octets[4:20]

    @property
    def attributes(self):
        return pairs(self.octets[20:])

    def first(self, number):
        return next((value for each, value in self.attributes if each == number), None)

    @property
    def password(self) -> bytes:
        """RFC 2865 §5.2, by the book and not by the library under test."""
        hidden, last, shown = self.first(2), self.authenticator, b""
        for start in range(0, len(hidden), 16):
            block = hidden[start : start + 16]
            mask = hashlib.md5(self.secret + last).digest()
            shown += bytes(a ^ b for a, b in zip(block, mask, strict=True))
            last = block
        return shown.rstrip(b"\0")

    @property
    def signed(self) -> bool:
        """The first attribute is a right Message-Authenticator."""
        if self.octets[20:22] != b"\x50\x12":
            return False
        zeroed = self.octets[:22] + bytes(16) + self.octets[38:]
        return hmac.digest(self.secret, zeroed, "md5") == self.octets[22:38]


def attribute(number: int, value: bytes) -> bytes:
    return bytes((number, len(value) + 2)) + value


def vendor(enterprise: int, number: int, value: bytes) -> bytes:
    return attribute(26, enterprise.to_bytes(4) + attribute(number, value))


def answer(asked: Asked, code: int, *attributes: bytes, **lies) -> bytes:
    """An honest answer, but for `identifier`, `secret`, `signed` (False: no Message-Authenticator), `signature` (its
    octets)."""
    secret, identifier = lies.get("secret", asked.secret), lies.get("identifier", asked.identifier)
    signed = lies.get("signed", asked.code == 1)
    body = (attribute(80, bytes(16)) if signed else b"") + b"".join(attributes)
    head = bytes((code, identifier)) + (20 + len(body)).to_bytes(2)
    if signed:
        signature = lies.get("signature") or hmac.digest(secret, head + asked.authenticator + body, "md5")
        body = attribute(80, signature) + body[18:]
    return head + hashlib.md5(head + asked.authenticator + body + secret).digest() + body


@dataclass
class Scripted(asyncio.DatagramProtocol):
    """`script` gets each request and returns the datagrams to send back; `asked` has the requests."""

    script: Callable[[Asked], list[bytes]]
    secret: bytes = SECRET
    asked: list[Asked] = field(default_factory=list)

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        asked = Asked(data, addr, self.secret)
        self.asked.append(asked)
        for each in self.script(asked):
            self.transport.sendto(each, addr)

    async def start(self, host="127.0.0.1"):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self.host, self.port = self.transport.get_extra_info("sockname")[:2]
        return self

    def setting(self, **changes):
        return RadiusServer(self.host, self.port, Secret(self.secret), **changes)


def accepting(*attributes: bytes):
    return lambda asked: [answer(asked, ACCEPT, *attributes)]


def silent(_asked: Asked) -> list[bytes]:
    return []


def closed_port() -> int:
    """One on loopback where nobody listens."""
    return vacant.port()


def settings(*servers: RadiusServer, **changes) -> Radius:
    return Radius(**{"auth": servers, "acct": (), "timeout": 3, "retries": 3, "nas_identifier": "gw", **changes})


def attempt(password: bytes = b"wonderland", user: str = "alice", **changes) -> LoginAttempt:
    answers = changes.pop("answers", ((Field.PASSWORD, Secret(password)),))
    return LoginAttempt(user, answers, Peer(IPv4Address("192.0.2.9"), 500), **changes)


def message(packet: bytes) -> bytes:
    return b"".join(attribute(79, packet[start : start + 253]) for start in range(0, len(packet), 253))


def hidden(asked: Asked, which: int, key: bytes, **lies) -> bytes:
    """RFC 2548 §2.4.2, by the book."""
    salt, length = lies.get("salt", bytes((0x80 | which, 7))), lies.get("length", len(key))
    plain = bytes((length,)) + key
    plain += lies.get("filler", b"\0") * (-len(plain) % 16)
    last, made = lies.get("secret", asked.secret), b""
    secret, last = last, asked.authenticator + salt
    for start in range(0, len(plain), 16):
        mask = hashlib.md5(secret + last).digest()
        last = bytes(a ^ b for a, b in zip(plain[start : start + 16], mask, strict=True))
        made += last
    return vendor(311, which, salt + made)
