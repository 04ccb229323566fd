"""A client's end of EAP, as small as it can be: MSCHAPv2, TTLS with PAP, GTC; without any of lotor's own EAP."""

from __future__ import annotations

import hmac
import os
import ssl
from pathlib import Path

from lotor.crypto import mschap

IDENTITY, NAK, GTC, TTLS, MSCHAPV2 = 1, 3, 6, 21, 26
LENGTH, MORE = 0x80, 0x40
PIECE = 600
"""Octets of TLS in one packet."""


def packet(code: int, number: int, data: bytes = b"") -> bytes:
    return bytes((code, number)) + (4 + len(data)).to_bytes(2) + data


def identity(user: str, number: int = 0) -> bytes:
    """What a gateway has of the client before a server is asked."""
    return packet(2, number, bytes((IDENTITY,)) + user.encode())


class Mschapv2:
    """draft-kamath-pppext-eap-mschapv2-02. `tries`: passwords, one after the other, while the server lets it."""

    kind = MSCHAPV2

    def __init__(self, user: str, *tries: str) -> None:
        self.user, self.tries = user, list(tries)
        self.msk = b""
        self.failed = ""

    def answer(self, data: bytes) -> bytes:
        match data[0]:
            case 1:
                return self._response(data[1], data[5:21])
            case 3:
                shown = bytes.fromhex(data[6:46].decode())
                assert mschap.is_authenticator(self._hash, self._challenge, self._sent, shown)
                self.msk = mschap.msk(self._hash, self._sent).reveal()
                return b"\x03"
            case 4:
                self.failed = data[4:].decode()
                if "R=1" in self.failed and self.tries:
                    return self._response(data[1] + 1 & 0xFF, bytes.fromhex(self.failed.split("C=")[1][:32]))
                return b"\x04"
        raise AssertionError(data)

    def _response(self, number: int, challenge: bytes) -> bytes:
        peers, self._hash = os.urandom(16), mschap.nt_hash(self.tries.pop(0))
        self._challenge = mschap.challenge_hash(challenge, peers, self.user)
        self._sent = mschap.nt_response(self._hash, self._challenge)
        value = peers + bytes(8) + self._sent + b"\0"
        body = bytes((len(value),)) + value + self.user.encode()
        return bytes((2, number)) + (4 + len(body)).to_bytes(2) + body


class Gtc:
    """RFC 3748 §5.6."""

    kind = GTC
    msk = b""

    def __init__(self, password: str) -> None:
        self.password = password

    def answer(self, data: bytes) -> bytes:
        del data
        return self.password.encode()


class TtlsPap:
    """RFC 5281, TLS 1.2, a user name and a password inside."""

    kind = TTLS

    def __init__(self, authority: Path, user: str, password: str) -> None:
        self.user, self.password = user, password
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.load_verify_locations(authority)
        self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256")
        self._secrets = authority.with_name(f"keys-{os.urandom(4).hex()}")
        self._context.keylog_filename = str(self._secrets)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._in, self._out, server_hostname="radius.example.net")
        self._come = self._go = b""
        self._all_come = b""
        self.pieces = 0
        self.done = False

    def answer(self, data: bytes) -> bytes:
        flags, rest = data[0], data[5:] if data[0] & LENGTH else data[1:]
        self._come += rest
        self.pieces += 1
        if flags & MORE:
            return b"\0"
        if self._go:
            return self._piece()
        self._all_come += self._come
        self._in.write(self._come)
        self._come = b""
        self._step()
        self._go = self._out.read()
        return self._piece(first=True)

    @property
    def msk(self) -> bytes:
        """RFC 5281 §8: 64 octets of what TLS 1.2 exports (RFC 5705)."""
        line = next(each for each in self._secrets.read_text().splitlines() if each.startswith("CLIENT_RANDOM"))
        client, master = (bytes.fromhex(each) for each in line.split()[1:])
        server = self._all_come[11:43]
        seed, made = b"ttls keying material" + client + server, b""
        last = seed
        while len(made) < 64:
            last = hmac.digest(master, last, "sha256")
            made += hmac.digest(master, last + seed, "sha256")
        return made[:64]

    def _step(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        if not self.done:
            self.done = True
            secret = self.password.encode()
            self._tls.write(_avp(1, self.user.encode()) + _avp(2, secret + bytes(-len(secret) % 16)))

    def _piece(self, *, first: bool = False) -> bytes:
        piece, self._go = self._go[:PIECE], self._go[PIECE:]
        flags = (MORE if self._go else 0) | (LENGTH if first and self._go else 0)
        length = (len(piece) + len(self._go)).to_bytes(4) if flags & LENGTH else b""
        return bytes((flags,)) + length + piece


def _avp(number: int, value: bytes) -> bytes:
    """RFC 5281 §10.1, mandatory."""
    return number.to_bytes(4) + b"\x40" + (8 + len(value)).to_bytes(3) + value + bytes(-len(value) % 4)


def answer(method: Mschapv2 | Gtc | TtlsPap, request: bytes) -> bytes:
    """The response to a request: of the method, or a wish for it."""
    assert request[0] == 1
    assert len(request) == int.from_bytes(request[2:4])
    if request[4] != method.kind:
        return packet(2, request[1], bytes((NAK, method.kind)))
    return packet(2, request[1], bytes((method.kind,)) + method.answer(request[5:]))
