"""What stands inside the TLS of EAP-TTLS: attribute-value pairs, and the logins they make (RFC 5281 §10-11)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import field
from enum import IntEnum

from lotor.model.eap import MSCHAP_CHALLENGE, MSCHAP_RESPONSE
from lotor.model.frozen import frozen
from lotor.model.secret import Secret
from lotor.wire.eap.packet import name_of
from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor

MOST_AVPS = 32
LONGEST_AVPS = 1 << 14
"""Octets of all of them: one record of TLS."""
LONGEST_PASSWORD = 1024
"""Octets, with the zeros that hide its length."""
MICROSOFT = 311
_VENDOR, _MANDATORY = 0x80, 0x40
_HEAD = struct.Struct("!II")
_RESPONSE = struct.Struct("!BB16s8x24s")
_ALIGN = 4
_HIDING = 16
"""Octets to whose multiple a password is filled up; an empty one, too, for an AVP without anything is dropped."""


class AvpCode(IntEnum):
    USER_NAME = 1
    USER_PASSWORD = 2
    REPLY_MESSAGE = 18
    EAP_MESSAGE = 79


class MicrosoftCode(IntEnum):
    """Of vendor 311 (RFC 2548)."""

    MS_CHAP_ERROR = 2
    MS_CHAP_CHALLENGE = 11
    MS_CHAP2_RESPONSE = 25
    MS_CHAP2_SUCCESS = 26


@frozen
class Avp:
    """`mandatory`: who does not know it must give up (RFC 5281 §10.1)."""

    code: int
    data: bytes = field(repr=False)
    vendor: int = 0
    mandatory: bool = True


def encode_avps(avps: Iterable[Avp]) -> bytes:
    """`ValueError` when one is too long."""
    return b"".join(map(_encode, avps))


def _encode(avp: Avp) -> bytes:
    vendor = avp.vendor.to_bytes(4, "big") if avp.vendor else b""
    length = _HEAD.size + len(vendor) + len(avp.data)
    if length > LONGEST_AVPS:
        raise ValueError(f"an AVP of {length} octets is longer than {LONGEST_AVPS}")
    flags = (_VENDOR if avp.vendor else 0) | (_MANDATORY if avp.mandatory else 0)
    return _HEAD.pack(avp.code, flags << 24 | length) + vendor + avp.data + bytes(-length % _ALIGN)


def decode_avps(octets: bytes) -> tuple[Avp, ...]:
    """`Malformed`: too many or too long, a length below the header's own or beyond the end. The last one may lack the
    zeros behind it."""
    if len(octets) > LONGEST_AVPS:
        raise Malformed(f"AVPs of {len(octets)} octets; {LONGEST_AVPS} are the most")
    cursor, found = Cursor(octets), list[Avp]()
    while cursor.left:
        if len(found) == MOST_AVPS:
            raise Malformed(f"more than {MOST_AVPS} AVPs")
        found.append(_decode(cursor))
    return tuple(found)


def _decode(cursor: Cursor) -> Avp:
    code, word = _HEAD.unpack(cursor.take(_HEAD.size, "an AVP"))
    flags, length, vendor = word >> 24, word & 0xFFFFFF, 0
    left = length - _HEAD.size
    if flags & _VENDOR:
        left -= 4
        vendor = int.from_bytes(cursor.take(4, "vendor of an AVP"), "big")
    if left < 0:
        raise Malformed(f"an AVP says length {length}, below its own header")
    data = cursor.take(left, "an AVP")
    cursor.take(min(-length % _ALIGN, cursor.left), "padding of an AVP")
    return Avp(code, data, vendor, bool(flags & _MANDATORY))


@frozen
class PapLogin:
    user: str
    password: Secret


@frozen
class MschapLogin:
    """`challenge` and `identifier` must be those that TLS gives both ends (RFC 5281 §11.2.4); the caller must see to
    that."""

    user: str
    identifier: int
    challenge: bytes
    peer_challenge: bytes
    response: bytes = field(repr=False)


@frozen
class InnerEap:
    """One packet of another method inside, from however many AVPs."""

    packet: bytes = field(repr=False)


Login = PapLogin | MschapLogin | InnerEap
_Key = tuple[int, int]
_USER, _PASSWORD, _EAP = (0, AvpCode.USER_NAME), (0, AvpCode.USER_PASSWORD), (0, AvpCode.EAP_MESSAGE)
_CHALLENGE, _ANSWER = (MICROSOFT, MicrosoftCode.MS_CHAP_CHALLENGE), (MICROSOFT, MicrosoftCode.MS_CHAP2_RESPONSE)
_KNOWN = frozenset({_USER, _PASSWORD, _EAP, _CHALLENGE, _ANSWER})


def login_of(avps: Iterable[Avp]) -> Login:
    """How a client logs in. `Malformed`: not in exactly one way, a value of a wrong size, an AVP twice that is there
    once, or a mandatory one that is not known."""
    found = dict[_Key, list[bytes]]()
    for avp in avps:
        key = (avp.vendor, avp.code)
        if key in _KNOWN:
            found.setdefault(key, []).append(avp.data)
        elif avp.mandatory:
            raise Malformed(f"AVP {avp.code} of vendor {avp.vendor} is mandatory and not known")
    match frozenset(found):
        case keys if keys == {_EAP}:
            return InnerEap(b"".join(found[_EAP]))
        case keys if keys == {_USER, _PASSWORD}:
            return PapLogin(_user(found), _password(_single(found, _PASSWORD)))
        case keys if keys == {_USER, _CHALLENGE, _ANSWER}:
            return _mschap(found)
    raise Malformed("AVPs that are no login by a password, by MSCHAPv2 or by EAP")


def asked_within(octets: bytes) -> bytes:
    """The packet of EAP that a server says inside; empty where it has only words for the person, which may stand beside
    one as well (RFC 5281 §11.2.5), and are left out. `Malformed` as for logins."""
    avps = [each for each in decode_avps(octets) if (each.vendor, each.code) != (0, AvpCode.REPLY_MESSAGE)]
    if not avps:
        return b""
    found = login_of(avps)
    if not isinstance(found, InnerEap):
        raise Malformed("what the gateway says inside of TTLS is no EAP")
    return found.packet


def _single(found: dict[_Key, list[bytes]], key: _Key) -> bytes:
    if len(found[key]) != 1:
        raise Malformed(f"AVP {key[1]} is there {len(found[key])} times")
    return found[key][0]


def _user(found: dict[_Key, list[bytes]]) -> str:
    return name_of(_single(found, _USER), "name of a user")


def _password(data: bytes) -> Secret:
    """Without the zeros that fill it up (RFC 5281 §11.2.5)."""
    if len(data) > LONGEST_PASSWORD:
        raise Malformed(f"a password of {len(data)} octets; {LONGEST_PASSWORD} are the most")
    return Secret(data.rstrip(b"\0"))


def _mschap(found: dict[_Key, list[bytes]]) -> MschapLogin:
    challenge, answer = _single(found, _CHALLENGE), _single(found, _ANSWER)
    if len(challenge) != MSCHAP_CHALLENGE or len(answer) != _RESPONSE.size:
        raise Malformed(f"a challenge of {len(challenge)} octets, and a response of {len(answer)}, are not MSCHAPv2's")
    identifier, _, peer_challenge, response = _RESPONSE.unpack(answer)
    return MschapLogin(_user(found), identifier, challenge, peer_challenge, response)


def login_avps(login: Login) -> tuple[Avp, ...]:
    """The AVPs of a login. The length of a password is hidden by zeros. `ValueError`: values of a wrong size, or a
    password that zeros end, or that nobody takes."""
    match login:
        case InnerEap():
            return (Avp(AvpCode.EAP_MESSAGE, login.packet),)
        case PapLogin():
            password = login.password.reveal()
            if len(password) > LONGEST_PASSWORD or password.endswith(b"\0"):
                raise ValueError(f"the password has more than {LONGEST_PASSWORD} octets, or ends with one that is zero")
            filled = password + bytes(-len(password) % _HIDING or (0 if password else _HIDING))
            return Avp(AvpCode.USER_NAME, login.user.encode()), Avp(AvpCode.USER_PASSWORD, filled)
    if len(login.challenge) != MSCHAP_CHALLENGE or len(login.response) != MSCHAP_RESPONSE:
        raise ValueError(f"MSCHAPv2 has a challenge of {MSCHAP_CHALLENGE} octets and a response of {MSCHAP_RESPONSE}")
    answer = _RESPONSE.pack(login.identifier, 0, login.peer_challenge, login.response)
    return (
        Avp(AvpCode.USER_NAME, login.user.encode()),
        Avp(MicrosoftCode.MS_CHAP_CHALLENGE, login.challenge, MICROSOFT),
        Avp(MicrosoftCode.MS_CHAP2_RESPONSE, answer, MICROSOFT),
    )
