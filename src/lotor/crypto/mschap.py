"""MSCHAPv2 (RFC 2759) and its keys (RFC 3079): MD4, the NT hash, responses, authenticators, the MSK.

MD4 and DES are broken, and a challenge with its response can be tried against guesses: only inside of a proved tunnel.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from lotor.crypto.ciphers import cbc
from lotor.model.algorithms import Cipher
from lotor.model.eap import MSCHAP_CHALLENGE, MSK_OCTETS, without_domain
from lotor.model.secret import Secret

LONGEST_PASSWORD = 256
"""Characters (RFC 2759 §8.3)."""

_SIGNING = b"Magic server to client signing constant"
_MORE = b"Pad to make it do more than one iteration"
_MASTER = b"This is the MPPE Master Key"
_TO_SERVER = b"On the client side, this is the send key; on the server side, it is the receive key."
_TO_CLIENT = b"On the client side, this is the receive key; on the server side, it is the send key."
_PAD_1, _PAD_2 = bytes(40), b"\xf2" * 40
_KEY = 16
"""Octets of each of the two keys (RFC 3079 §3.3)."""


def nt_hash(password: str) -> Secret:
    """MD4 of the password in UTF-16 (RFC 2759 §8.3): as good as the password itself to whoever holds it. `ValueError`
    for more than 256 characters, and for what is no text of Unicode."""
    if len(password) > LONGEST_PASSWORD:
        raise ValueError(f"a password of MSCHAPv2 has at most {LONGEST_PASSWORD} characters")
    try:
        return Secret(md4(password.encode("utf-16-le")))
    except UnicodeEncodeError:
        raise ValueError("the password is no text of Unicode") from None


def challenge_hash(challenge: bytes, peer_challenge: bytes, user: str) -> bytes:
    """8 octets of both challenges and of the name, which may have a domain (RFC 2759 §8.2). `ValueError` for challenges
    of another size."""
    if len(challenge) != MSCHAP_CHALLENGE or len(peer_challenge) != MSCHAP_CHALLENGE:
        raise ValueError(f"a challenge of MSCHAPv2 has {MSCHAP_CHALLENGE} octets")
    return _sha1(peer_challenge, challenge, without_domain(user).encode())[:8]


def nt_response(password: Secret, challenge: bytes) -> bytes:
    """24 octets: the 8 of `challenge_hash`, encrypted with three parts of the NT hash (RFC 2759 §8.5)."""
    key = password.reveal() + bytes(5)
    return b"".join([_des(key[start : start + 7], challenge) for start in (0, 7, 14)])


def is_response(password: Secret, challenge: bytes, response: bytes) -> bool:
    """Whether it is the one of that NT hash, compared in constant time."""
    return hmac.compare_digest(nt_response(password, challenge), response)


def authenticator(password: Secret, challenge: bytes, response: bytes) -> bytes:
    """20 octets that show that this end knows the password, too; on the wire in hexadecimal (RFC 2759 §8.7)."""
    return _sha1(_sha1(md4(password.reveal()), response, _SIGNING), challenge, _MORE)


def is_authenticator(password: Secret, challenge: bytes, response: bytes, shown: bytes) -> bool:
    """Whether `shown` is what the other end must show for that response, compared in constant time."""
    return hmac.compare_digest(authenticator(password, challenge, response), shown)


def msk(password: Secret, response: bytes) -> Secret:
    """64 octets: the key of what the client sends, that of what the server sends (RFC 3079 §3), and zeros."""
    master = _sha1(md4(password.reveal()), response, _MASTER)[:_KEY]
    keys = [_sha1(master, _PAD_1, magic, _PAD_2)[:_KEY] for magic in (_TO_SERVER, _TO_CLIENT)]
    return Secret(b"".join(keys).ljust(MSK_OCTETS, b"\0"))


def _sha1(*parts: bytes) -> bytes:
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).digest()


def _des(key: bytes, block: bytes) -> bytes:
    """One block of DES under 7 octets of key, which 3DES is with the same key three times (RFC 2759 §8.6)."""
    number = int.from_bytes(key, "big")
    eight = bytes([(number >> shift & 0x7F) << 1 for shift in range(49, -1, -7)])
    return cbc(Cipher.TRIPLE_DES_CBC, eight * 3).encrypt(bytes(8), block)


_MASK = 0xFFFFFFFF
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_ROUND_1 = tuple(zip(range(16), (3, 7, 11, 19) * 4, strict=True))
_ROUND_2 = tuple(zip((0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13) * 4, strict=True))
_ROUND_3 = tuple(zip((0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15) * 4, strict=True))
"""The word and the shift of each step of a round (RFC 1320 §3.4)."""


def md4(octets: bytes) -> bytes:
    """RFC 1320; libraries have given it up."""
    padded = octets + b"\x80" + bytes((55 - len(octets)) % 64) + struct.pack("<Q", 8 * len(octets))
    state: tuple[int, ...] = _START
    for words in struct.iter_unpack("<16I", padded):
        mixed = _mix(state, words)
        state = tuple([(one + other) & _MASK for one, other in zip(state, mixed, strict=True)])
    return struct.pack("<4I", *state)


def _mix(state: tuple[int, ...], words: tuple[int, ...]) -> tuple[int, ...]:
    """F, G and H (RFC 1320 §3.4) stand in the rounds themselves: a call for each step would be most of the work."""
    a, b, c, d = state
    for word, shift in _ROUND_1:
        turned = (a + (b & c | ~b & d) + words[word]) & _MASK
        a, b, c, d = d, (turned << shift | turned >> 32 - shift) & _MASK, b, c
    for word, shift in _ROUND_2:
        turned = (a + (b & c | b & d | c & d) + words[word] + 0x5A827999) & _MASK
        a, b, c, d = d, (turned << shift | turned >> 32 - shift) & _MASK, b, c
    for word, shift in _ROUND_3:
        turned = (a + (b ^ c ^ d) + words[word] + 0x6ED9EBA1) & _MASK
        a, b, c, d = d, (turned << shift | turned >> 32 - shift) & _MASK, b, c
    return a, b, c, d
