"""MSCHAPv2 (RFC 2759) and its keys (RFC 3079): the NT hash, responses, authenticators, the MSK.

MD4 and DES are broken, and a challenge with its response can be tried against guesses: only inside of a proved tunnel.
"""

from __future__ import annotations

import hashlib
import hmac

from lotor import _native
from lotor.model.eap import MSCHAP_CHALLENGE, without_domain
from lotor.model.secret import Secret

LONGEST_PASSWORD = 256
"""Characters (RFC 2759 §8.3)."""


def nt_hash(password: str) -> Secret:
    """MD4 of the password in UTF-16 (RFC 2759 §8.3): as good as the password itself to whoever holds it. `ValueError`
    for more than 256 characters, and for what is no text of Unicode."""
    if len(password) > LONGEST_PASSWORD:
        raise ValueError(f"a password of MSCHAPv2 has at most {LONGEST_PASSWORD} characters")
    try:
        return Secret(_native.md4(password.encode("utf-16-le")))
    except UnicodeEncodeError:
        raise ValueError("the password is no text of Unicode") from None


def challenge_hash(challenge: bytes, peer_challenge: bytes, user: str) -> bytes:
    """8 octets of both challenges and of the name, which may have a domain (RFC 2759 §8.2). `ValueError` for challenges
    of another size."""
    if len(challenge) != MSCHAP_CHALLENGE or len(peer_challenge) != MSCHAP_CHALLENGE:
        raise ValueError(f"a challenge of MSCHAPv2 has {MSCHAP_CHALLENGE} octets")
    octets = peer_challenge + challenge + without_domain(user).encode()
    return hashlib.sha1(octets, usedforsecurity=False).digest()[:8]


def nt_response(password: Secret, challenge: bytes) -> bytes:
    """24 octets: the 8 of `challenge_hash`, encrypted with three parts of the NT hash (RFC 2759 §8.5)."""
    return _native.mschap_response(password.reveal(), challenge)


def is_response(password: Secret, challenge: bytes, response: bytes) -> bool:
    """Whether it is the one of that NT hash, compared in constant time."""
    return hmac.compare_digest(nt_response(password, challenge), response)


def authenticator(password: Secret, challenge: bytes, response: bytes) -> bytes:
    """20 octets that show that this end knows the password, too; on the wire in hexadecimal (RFC 2759 §8.7)."""
    return _native.mschap_authenticator(password.reveal(), challenge, response)


def is_authenticator(password: Secret, challenge: bytes, response: bytes, shown: bytes) -> bool:
    """Whether `shown` is what the other end must show for that response, compared in constant time."""
    return hmac.compare_digest(authenticator(password, challenge, response), shown)


def msk(password: Secret, response: bytes) -> Secret:
    """64 octets: the key of what the client sends, that of what the server sends (RFC 3079 §3), and zeros."""
    return Secret(_native.mschap_msk(password.reveal(), response))
