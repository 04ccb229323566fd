"""Messages that a key signs for people and devices: PKCS#7 (RFC 5652) around their content."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from lotor.crypto.certificates import Certificate
from lotor.crypto.private.keypair import KeyPair


def signed_message(content: bytes, chain: Sequence[Certificate], key: KeyPair) -> bytes:
    """`content` with a signature of the first certificate's key around it, DER; the whole chain goes along.
    `ValueError` for a key that is neither RSA nor one of ECDSA."""
    private = key.handle
    if not isinstance(private, RSAPrivateKey | EllipticCurvePrivateKey):
        raise ValueError("a profile is signed with an RSA key, or with one of ECDSA")  # noqa: TRY004 - a bad file
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(chain[0].handle, private, SHA256())
    for certificate in chain[1:]:
        builder = builder.add_certificate(certificate.handle)
    return builder.sign(Encoding.DER, [PKCS7Options.Binary])
