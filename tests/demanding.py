"""A RADIUS server that demands something of sessions, by the book (RFC 5176) and not by the code under test."""

from __future__ import annotations

import hashlib
import hmac

from lotor.radius.structure import framed

SECRET = b"AskingSecret"
DISCONNECT, ACK, NAK, COA, COA_ACK, COA_NAK = range(40, 46)
USER, NAS_IP, FRAMED, STATE, CLASS, SESSION_TIMEOUT, IDLE_TIMEOUT = 1, 4, 8, 24, 25, 27, 28
CALLING, CALLED, NAS_ID, PROXY, SESSION_ID, TIMESTAMP, SIGNED, INTERIM, CAUSE = 31, 30, 32, 33, 44, 55, 80, 85, 101


def attribute(number: int, value: bytes) -> bytes:
    return bytes((number, len(value) + 2)) + value


def request(*attributes: bytes, code=DISCONNECT, secret=SECRET, signed=True, number=7) -> bytes:
    """By the book (RFC 5176 §2.3, §3.4), and not by the code under test."""
    body = b"".join(attributes) + (attribute(SIGNED, bytes(16)) if signed else b"")
    head = bytes((code, number)) + (20 + len(body)).to_bytes(2)
    if signed:
        body = body[:-16] + hmac.digest(secret, head + bytes(16) + body, "md5")
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body


def checked(answer: bytes, asked: bytes, secret=SECRET):
    """Code and attributes without the signature, both authenticators of which are right."""
    frame = framed(answer)
    head, body = answer[:4], answer[20:]
    assert hashlib.md5(head + asked[4:20] + body + secret).digest() == answer[4:20]
    assert body[:2] == bytes((SIGNED, 18))
    assert hmac.digest(secret, head + asked[4:20] + body[:2] + bytes(16) + body[18:], "md5") == body[2:18]
    assert frame.identifier == asked[1]
    return frame.code, frame.attributes[1:]


def cause(number: int):
    return ((CAUSE, number.to_bytes(4)),)
