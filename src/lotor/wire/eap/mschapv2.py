"""EAP-MSCHAPv2: its requests and responses (draft-kamath-pppext-eap-mschapv2; RFC 2759 §3-8).

The length in each of them (MS-Length) is written right and not looked at: some servers count otherwise, and the packet
of EAP around it has a length of its own.
"""

from __future__ import annotations

import re
import struct
from dataclasses import field
from enum import IntEnum
from typing import TypeAlias

from lotor.model.eap import MSCHAP_AUTHENTICATOR, MSCHAP_CHALLENGE, MSCHAP_RESPONSE
from lotor.model.frozen import frozen
from lotor.model.text import clean
from lotor.wire.eap.packet import name_of
from lotor.wire.errors import Malformed

LONGEST_NAME = 256
LONGEST_MESSAGE = 512
"""Octets of what a server says of success or failure."""
_VERSION = 3
"""Of failures: the version of MS-CHAP whose password changes they speak of (RFC 2759 §6)."""
_HEAD = struct.Struct("!BBH")
_RESPONSE = struct.Struct("!16s8x24sB")


class OpCode(IntEnum):
    CHALLENGE = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4
    CHANGE_PASSWORD = 7


class Error(IntEnum):
    """The numbers of a failure (RFC 2759 §6)."""

    RESTRICTED_LOGON_HOURS = 646
    ACCOUNT_DISABLED = 647
    PASSWORD_EXPIRED = 648
    NO_DIALIN_PERMISSION = 649
    AUTHENTICATION_FAILURE = 691
    CHANGING_PASSWORD = 709


@frozen
class Challenge:
    """`name` is the server's."""

    identifier: int
    challenge: bytes
    name: bytes = b""


@frozen
class Response:
    """`name` as the client wrote it, a domain before it included."""

    identifier: int
    peer_challenge: bytes
    response: bytes = field(repr=False)
    name: bytes
    flags: int = 0

    @property
    def user(self) -> str:
        """`Malformed` unless it is a name as an identity of EAP is."""
        return name_of(self.name, "name in a response of MSCHAPv2")


@frozen
class Success:
    """`authenticator`: 20 octets that prove the server's knowledge of the password; `message` is for people."""

    identifier: int
    authenticator: bytes = field(repr=False)
    message: str = ""


@frozen
class Failure:
    """`error` may be an `Error`. `retry`: another response to `challenge` may follow, which is empty where the server
    names none."""

    identifier: int
    error: int
    retry: bool = False
    challenge: bytes = b""
    message: str = ""


@frozen
class Acknowledged:
    """The client's answer to `Success`, or `Failure`."""

    success: bool


@frozen
class Other:
    """Another operation, as the change of a password, which is not spoken here."""

    operation: int


Request: TypeAlias = Challenge | Success | Failure | Other
Answer: TypeAlias = Response | Acknowledged | Other


def decode_request(data: bytes) -> Request:
    """What a server says. `Malformed`: cut off, sizes that are not those of MSCHAPv2, texts without what must be in
    them."""
    operation, identifier, body = _split(data)
    match operation:
        case OpCode.CHALLENGE:
            challenge, name = _valued(body, MSCHAP_CHALLENGE, "challenge")
            return Challenge(identifier, challenge, name)
        case OpCode.SUCCESS:
            return _success(identifier, body)
        case OpCode.FAILURE:
            return _failure(identifier, body)
    return Other(operation)


def decode_answer(data: bytes) -> Answer:
    """What a client says; `Malformed` as for requests. Behind the octet that acknowledges nothing counts."""
    if data[:1] in {bytes([OpCode.SUCCESS]), bytes([OpCode.FAILURE])}:
        return Acknowledged(data[0] == OpCode.SUCCESS)
    operation, identifier, body = _split(data)
    if operation != OpCode.RESPONSE:
        return Other(operation)
    value, name = _valued(body, _RESPONSE.size, "response")
    peer_challenge, response, flags = _RESPONSE.unpack(value)
    return Response(identifier, peer_challenge, response, name, flags)


def _split(data: bytes) -> tuple[int, int, bytes]:
    if len(data) < _HEAD.size:
        raise Malformed(f"MSCHAPv2 needs {_HEAD.size} octets, {len(data)} are there")
    operation, identifier, _ = _HEAD.unpack_from(data)
    return operation, identifier, data[_HEAD.size :]


def _valued(body: bytes, size: int, what: str) -> tuple[bytes, bytes]:
    """A value behind its size, and the name behind the value."""
    if not body or body[0] != size or len(body) < 1 + size:
        raise Malformed(f"{what} of MSCHAPv2 has {len(body)} octets and says {body[:1].hex() or 'nothing'}, not {size}")
    if len(body) > 1 + size + LONGEST_NAME:
        raise Malformed(f"name of {len(body) - 1 - size} octets behind the {what}; {LONGEST_NAME} are the most")
    return body[1 : 1 + size], body[1 + size :]


_SUCCESS = re.compile(rb"S=([0-9A-Fa-f]{40})(?: *M=(.*))?\0*", re.DOTALL)
_FAILURE = re.compile(
    rb"E=([0-9]{1,10})(?: R=([01]))?(?: C=([0-9A-Fa-f]{32}))?(?: V=[0-9]{1,10})?(?: *M=(.*))?\0*", re.DOTALL
)


def _found(pattern: re.Pattern[bytes], body: bytes, what: str) -> re.Match[bytes]:
    if len(body) > LONGEST_MESSAGE:
        raise Malformed(f"{what} of MSCHAPv2 of {len(body)} octets; {LONGEST_MESSAGE} are the most")
    found = pattern.fullmatch(body)
    if found is None:
        raise Malformed(f"{what} of MSCHAPv2 does not say what it must")
    return found


def _success(identifier: int, body: bytes) -> Success:
    authenticator, message = _found(_SUCCESS, body, "success").groups()
    return Success(identifier, bytes.fromhex(authenticator.decode()), _message(message))


def _failure(identifier: int, body: bytes) -> Failure:
    error, retry, challenge, message = _found(_FAILURE, body, "failure").groups()
    renewed = bytes.fromhex(challenge.decode()) if challenge else b""
    return Failure(identifier, int(error), retry == b"1", renewed, _message(message))


def _message(octets: bytes | None) -> str:
    """Fit to be shown."""
    return clean((octets or b"").rstrip(b"\0"))


def encode(value: Challenge | Response | Success | Failure | Acknowledged) -> bytes:
    """The data of a packet of EAP. `ValueError`: values of a wrong size."""
    match value:
        case Challenge():
            return _framed(OpCode.CHALLENGE, value.identifier, _sized(value.challenge, MSCHAP_CHALLENGE) + value.name)
        case Response():
            return _framed(OpCode.RESPONSE, value.identifier, _responding(value) + value.name)
        case Success():
            return _framed(OpCode.SUCCESS, value.identifier, success_text(value.authenticator, value.message))
        case Failure():
            return _framed(OpCode.FAILURE, value.identifier, _failure_text(value))
    return bytes([OpCode.SUCCESS if value.success else OpCode.FAILURE])


def _framed(operation: OpCode, identifier: int, body: bytes) -> bytes:
    return _HEAD.pack(operation, identifier, _HEAD.size + len(body)) + body


def _sized(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError(f"a value of {len(value)} octets, not {size}")
    return bytes([size]) + value


def _responding(value: Response) -> bytes:
    if len(value.peer_challenge) != MSCHAP_CHALLENGE or len(value.response) != MSCHAP_RESPONSE:
        raise ValueError(f"a response has a challenge of {MSCHAP_CHALLENGE} octets and {MSCHAP_RESPONSE} of its own")
    return bytes([_RESPONSE.size]) + _RESPONSE.pack(value.peer_challenge, value.response, value.flags)


def success_text(authenticator: bytes, message: str = "") -> bytes:
    """What proves the server to the client (RFC 2759 §5)."""
    if len(authenticator) != MSCHAP_AUTHENTICATOR:
        raise ValueError(f"an authenticator has {MSCHAP_AUTHENTICATOR} octets, not {len(authenticator)}")
    return f"S={authenticator.hex().upper()} M={message}".encode()


def _failure_text(value: Failure) -> bytes:
    """RFC 2759 §6: the client reads all parts in this order, so that a challenge is always there."""
    challenge = value.challenge or bytes(MSCHAP_CHALLENGE)
    if len(challenge) != MSCHAP_CHALLENGE:
        raise ValueError(f"a challenge has {MSCHAP_CHALLENGE} octets, not {len(challenge)}")
    retry = int(value.retry)
    return f"E={value.error} R={retry} C={challenge.hex().upper()} V={_VERSION} M={value.message}".encode()
