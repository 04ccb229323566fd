"""Disconnect- and CoA-Requests proved to be a server's, and what answers them (RFC 5176 §2.3, §3)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator

from lotor.model.secret import Secret
from lotor.radius.numbers import Attribute, Code
from lotor.radius.packets import AUTHENTICATOR, NotProvedError
from lotor.radius.structure import HEADER, LARGEST, Frame

REQUESTS = frozenset({Code.DISCONNECT_REQUEST, Code.COA_REQUEST})
WINDOW = 300.0
"""Seconds by which Event-Timestamp may differ from this host's clock (RFC 5176 §6.3)."""
_BEFORE = HEADER - AUTHENTICATOR
_NOTHING = bytes(AUTHENTICATOR)


class UnsignedRequestError(NotProvedError):
    """The request has no Message-Authenticator: MD5 over the secret alone proves who sent it."""


class OutOfTimeError(NotProvedError):
    """It was sent long ago, or one of the two clocks is wrong."""


def prove(frame: Frame, secret: Secret, wall: float, *, signed: bool) -> None:
    """Raises `NotProvedError` for what nobody with the `secret` has sent just now (`wall`: seconds since 1970).
    `signed`: one without Message-Authenticator is none."""
    if frame.code not in REQUESTS:
        raise NotProvedError(f"it is no Disconnect- or CoA-Request (code {frame.code})")
    octets, shared = frame.octets, secret.reveal()
    zeroed = octets[:_BEFORE] + _NOTHING + octets[HEADER:]
    right = hmac.compare_digest(_md5(zeroed + shared), octets[_BEFORE:HEADER])
    if not right or not _is_signed_well(zeroed, shared):
        raise NotProvedError("its authenticators are wrong: is the secret the same at both ends?")
    if signed and not any(number == Attribute.MESSAGE_AUTHENTICATOR for number, _ in frame.attributes):
        raise UnsignedRequestError("it has no Message-Authenticator")
    _prove_time(frame, wall)


def respond(frame: Frame, code: Code, attributes: Iterable[tuple[int, bytes]], secret: Secret) -> bytes:
    """The answer, signed. Proxy-State goes back as it came (RFC 5176 §3.1), and gives way to what has to be said where
    there is no room for it."""
    shared, asked = secret.reveal(), frame.octets[_BEFORE:HEADER]
    states = [(number, value) for number, value in frame.attributes if number == Attribute.PROXY_STATE]
    said = ((Attribute.MESSAGE_AUTHENTICATOR, _NOTHING), *attributes)
    body = _written(said)
    if len(body + _written(states)) <= LARGEST - HEADER:
        body += _written(states)
    head = bytes((code, frame.identifier)) + (HEADER + len(body)).to_bytes(2)
    signature = hmac.digest(shared, head + asked + body, "md5")
    body = body[:2] + signature + body[2 + AUTHENTICATOR :]
    return head + _md5(head + asked + body + shared) + body


def _written(attributes: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(bytes((number, len(value) + 2)) + value for number, value in attributes)


def _prove_time(frame: Frame, wall: float) -> None:
    """Of a request that says when it was sent."""
    for number, value in frame.attributes:
        if number != Attribute.EVENT_TIMESTAMP:
            continue
        if len(value) != 4:
            raise NotProvedError("its Event-Timestamp is none")
        if abs(wall - int.from_bytes(value)) > WINDOW:
            raise OutOfTimeError("it was sent at another time: are the clocks of both ends right?")


def _is_signed_well(zeroed: bytes, secret: bytes) -> bool:
    """Each Message-Authenticator is right, where there is one; two are none."""
    places = list(_signatures(zeroed))
    if not places:
        return True
    at = places[0]
    if len(places) > 1 or zeroed[at - 1] != AUTHENTICATOR + 2:
        return False
    unsigned = zeroed[:at] + _NOTHING + zeroed[at + AUTHENTICATOR :]
    return hmac.compare_digest(hmac.digest(secret, unsigned, "md5"), zeroed[at : at + AUTHENTICATOR])


def _signatures(octets: bytes) -> Iterator[int]:
    """Where the values of Message-Authenticators begin; the lengths of the attributes fit."""
    at = HEADER
    while at < len(octets):
        if octets[at] == Attribute.MESSAGE_AUTHENTICATOR:
            yield at + 2
        at += octets[at + 1]


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()
