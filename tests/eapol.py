"""wpa_supplicant's eapol_test against lotor's own EAP: a RADIUS server, as small as it can be, around the gateway's
methods, so that a peer of another house says what it thinks of them and of their keys."""

from __future__ import annotations

import hmac
import os
import socket
import subprocess
import threading
from hashlib import md5
from pathlib import Path

from lotor.ike.v2.denied import Denied
from lotor.ike.v2.eap import gateway
from lotor.ike.v2.eap.talk import Proved
from lotor.ike.v2.message import Message
from lotor.ike.v2.story import Reply
from lotor.model.identity import Identity, IdKind
from lotor.wire.eap.packet import Code, Packet
from lotor.wire.header import Header
from lotor.wire.v2.chain import build_chain, parse_chain
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag
from lotor.wire.v2.payloads import Eap

SECRET = b"a secret of both"
REQUEST, ACCEPT, REJECT, CHALLENGE = 1, 2, 3, 11
STATE, VENDOR, EAP_MESSAGE, SIGNATURE = 24, 26, 79, 80
MICROSOFT, SEND_KEY, RECEIVE_KEY = 311, 16, 17


def message(session, octets: bytes) -> Message:
    chain = parse_chain(*build_chain((Eap(octets),)))
    header = Header(bytes(8), bytes(8), 0, ExchangeType.IKE_AUTH, Flag.INITIATOR, 1, version=VERSION)
    return Message(header, chain, session.path, protected=True)


class Login:
    """One conversation with the gateway's methods. `proved` at the end of a good one."""

    def __init__(self, end) -> None:
        self.end = end
        end.story = gateway.login(end.session, (), Identity(IdKind.KEY_ID, b""))
        self.proved: Proved | None = None

    def answer(self, octets: bytes) -> bytes:
        """The gateway's next packet. A client of RADIUS says its name unasked."""
        said = Packet.decode(octets)
        if self.end.questions or said.type != 1:
            return self._next(message(self.end.session, octets))
        asked = Packet.decode(self._next(None))
        return self._next(message(self.end.session, asked.response(said.data).encode()))

    def _next(self, heard) -> bytes:
        word = self.end.step(heard)
        if isinstance(word, Reply):
            return next(each.packet for each in word.payloads if isinstance(each, Eap))
        if isinstance(self.end.failed, Denied):
            return next(each.packet for each in self.end.failed.payloads if isinstance(each, Eap))
        if self.end.failed is not None:
            raise self.end.failed
        self.proved = self.end.result
        return self.proved.packet


def attribute(number: int, value: bytes) -> bytes:
    return bytes((number, len(value) + 2)) + value


def attributes(octets: bytes) -> list[tuple[int, bytes]]:
    found = []
    while octets:
        found.append((octets[0], octets[2 : octets[1]]))
        octets = octets[octets[1] :]
    return found


def hidden(key: bytes, asked: bytes, salt: bytes) -> bytes:
    """RFC 2548 §2.4.2."""
    plain, made = bytes((len(key),)) + key, b""
    plain += bytes(-len(plain) % 16)
    last = asked + salt
    for start in range(0, len(plain), 16):
        block = md5(SECRET + last).digest()
        last = bytes(one ^ other for one, other in zip(plain[start : start + 16], block, strict=True))
        made += last
    return salt + made


def keys_of(msk: bytes, asked: bytes) -> bytes:
    made = b""
    for salt, (number, key) in enumerate(((RECEIVE_KEY, msk[:32]), (SEND_KEY, msk[32:]))):
        value = hidden(key, asked, bytes((0x80, salt)))
        made += attribute(VENDOR, MICROSOFT.to_bytes(4, "big") + attribute(number, value))
    return made


class Server(threading.Thread):
    """Answers requests over loopback until `stop`."""

    def __init__(self, login: Login) -> None:
        super().__init__(daemon=True)
        self.login = login
        self.fault: Exception | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                request, there = self._socket.recvfrom(8192)
                if not request:
                    return
                self._socket.sendto(self._answered(request), there)
            except Exception as fault:  # noqa: BLE001 - the test tells it
                self.fault = fault
                return

    def stop(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
            waking.sendto(b"", ("127.0.0.1", self.port))
        self.join(5)
        self._socket.close()

    def _answered(self, request: bytes) -> bytes:
        asked = request[4:20]
        said = b"".join(value for number, value in attributes(request[20:]) if number == EAP_MESSAGE)
        packet = self.login.answer(said)
        kind = {Code.REQUEST: CHALLENGE, Code.SUCCESS: ACCEPT, Code.FAILURE: REJECT}[packet[0]]
        parts = b"".join(attribute(EAP_MESSAGE, packet[at : at + 253]) for at in range(0, len(packet), 253))
        parts += attribute(STATE, b"state") if kind == CHALLENGE else b""
        parts += keys_of(self.login.proved.msk.reveal(), asked) if self.login.proved else b""
        head = bytes((kind, request[1])) + (20 + len(parts) + 18).to_bytes(2, "big")
        unsigned = parts + attribute(SIGNATURE, bytes(16))
        signed = parts + attribute(SIGNATURE, hmac.digest(SECRET, head + asked + unsigned, "md5"))
        return head + md5(head + asked + signed + SECRET).digest() + signed


def spoken(end, directory: Path, *lines: str) -> tuple[str, Login]:
    """What eapol_test says of a login with these lines of its network block."""
    server = Server(Login(end))
    server.start()
    file = directory / f"network-{os.urandom(4).hex()}.conf"
    file.write_text("\n".join(("network={", "key_mgmt=IEEE8021X", "eapol_flags=0", *lines, "}")))
    address = ("-a", "127.0.0.1", "-p", str(server.port), "-s", SECRET.decode())
    done = subprocess.run(
        ["eapol_test", "-c", str(file), *address, "-t", "10", "-r", "0"], capture_output=True, text=True, check=False
    )
    server.stop()
    if server.fault is not None:
        raise server.fault
    return done.stdout, server.login
