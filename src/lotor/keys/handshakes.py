"""Signs handshakes of TLS 1.3 for a process that has no key, and nothing else.

What a server signs there begins with 64 blanks and a sentence of its own (RFC 8446 §4.4.3), as nothing does that IKE
signs: whoever owns the process cannot have the key prove a gateway to anybody's IKE. What TLS 1.2 signs has no such
mark, and is refused.
"""

from __future__ import annotations

from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.signatures import PLAIN
from lotor.crypto.tls import KEYS, SCHEMES, TlsKey
from lotor.model.policy import Side
from lotor.ports.tls_signatures import is_newer


def tls_key(key: KeyPair) -> TlsKey:
    """What TLS has to know of it."""
    return KEYS[key.schemes[0]]


def signed_handshake(key: KeyPair, scheme: int, message: bytes) -> bytes | None:
    """None for what is no CertificateVerify of a server, and for a scheme that the key or TLS 1.3 does not have."""
    wanted = SCHEMES.get(scheme)
    if wanted is None or wanted in PLAIN or not is_newer(message, Side.GATEWAY):
        return None
    try:
        return key.sign_by(wanted, message)
    except ValueError:
        return None
