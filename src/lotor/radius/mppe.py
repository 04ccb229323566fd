"""The keys that come with a yes (MS-MPPE-Send-Key and -Recv-Key, RFC 2548 §2.4), as the Master Session Key of EAP."""

from __future__ import annotations

import hashlib

from lotor.model.eap import MSK_OCTETS
from lotor.model.secret import Secret
from lotor.radius.eap import UnfitError
from lotor.radius.numbers import Microsoft, Vendor
from lotor.radius.packets import Reply, Veil

SALT, BLOCK = 2, 16
"""Octets before what is hidden, and of a block of it."""
LENGTHS = frozenset({16, 32})
"""Octets of one key: those of MSCHAPv2, and those of methods with TLS."""


def msk(reply: Reply) -> Secret:
    """64 octets; empty where the server gives no keys, since its method makes none. Raises `UnfitError`."""
    found = [_key(reply, each) for each in (Microsoft.MPPE_RECV_KEY, Microsoft.MPPE_SEND_KEY)]
    keys = [each for each in found if each is not None]
    if not keys:
        return Secret(b"")
    if len(keys) < len(found):
        raise UnfitError("one of two keys")
    if len(keys[0]) != len(keys[1]) or len(keys[0]) not in LENGTHS:
        raise UnfitError("keys of another length, or hidden with another secret")
    return Secret(b"".join(keys).ljust(MSK_OCTETS, b"\0"))


def _key(reply: Reply, which: Microsoft) -> bytes | None:
    """None where there is none. Raises `UnfitError`."""
    values = [value for number, value in reply.of_vendor(Vendor.MICROSOFT) if number == which]
    if not values:
        return None
    if len(values) > 1:
        raise UnfitError("a key twice")
    return _shown(values[0], reply.veil)


def _shown(value: bytes, veil: Veil | None) -> bytes:
    """RFC 2548 §2.4.2: a length, the key, and zeros, under MD5 of the secret, the Request Authenticator and a salt."""
    salt, hidden = value[:SALT], value[SALT:]
    if veil is None or not hidden or len(hidden) % BLOCK or not salt[0] & 0x80:
        raise UnfitError("a key that nobody hid")
    shown, last = b"", veil.authenticator + salt
    for start in range(0, len(hidden), BLOCK):
        block = hidden[start : start + BLOCK]
        mask = hashlib.md5(veil.secret.reveal() + last, usedforsecurity=False).digest()
        shown += bytes(one ^ other for one, other in zip(block, mask, strict=True))
        last = block
    length, key = shown[0], shown[1:]
    if length > len(key) or any(key[length:]) or len(key) - length >= BLOCK:
        raise UnfitError("a key hidden with another secret")
    return key[:length]
