"""Signs handshakes of TLS 1.3 for a process that has no key, and nothing else.

What a server signs there begins with 64 blanks and a sentence of its own (RFC 8446 §4.4.3), as nothing does that IKE
signs: whoever owns the process cannot have the key prove a gateway to anybody's IKE. What TLS 1.2 signs has no such
mark, and is refused.
"""

from __future__ import annotations

from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.tls import TlsKey
from lotor.model.algorithms import Curve, SignatureScheme

BLANKS = b" " * 64
CONTEXT = BLANKS + b"TLS 1.3, server CertificateVerify\0"
HASH_OCTETS = frozenset({32, 48})
"""Of the transcript: SHA-256 and SHA-384 are those of the cipher suites (§B.4)."""
SCHEMES = {
    0x0403: SignatureScheme.ECDSA_SHA256,
    0x0503: SignatureScheme.ECDSA_SHA384,
    0x0603: SignatureScheme.ECDSA_SHA512,
    0x0804: SignatureScheme.RSA_PSS_SHA256,
    0x0805: SignatureScheme.RSA_PSS_SHA384,
    0x0806: SignatureScheme.RSA_PSS_SHA512,
    0x0807: SignatureScheme.ED25519,
}
"""By their numbers (§4.2.3)."""
OF_CURVES = {Curve.P256: TlsKey.P256, Curve.P384: TlsKey.P384, Curve.P521: TlsKey.P521}


def tls_key(key: KeyPair) -> TlsKey:
    """What TLS has to know of it."""
    if key.curve is not None:
        return OF_CURVES[key.curve]
    return TlsKey.RSA if key.enciphers else TlsKey.ED25519


def signed_handshake(key: KeyPair, scheme: int, message: bytes) -> bytes | None:
    """None for what is no CertificateVerify of a server, and for a scheme that the key does not make."""
    if scheme not in SCHEMES or not message.startswith(CONTEXT) or len(message) - len(CONTEXT) not in HASH_OCTETS:
        return None
    try:
        return key.sign_by(SCHEMES[scheme], message)
    except ValueError:
        return None
