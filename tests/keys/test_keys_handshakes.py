"""Signatures for a process without a key: of handshakes of TLS 1.3, and of nothing else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.tls import TlsKey
from lotor.keys.handshakes import signed_handshake, tls_key

CONTEXT = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
MESSAGE = CONTEXT + bytes(32)


def test_it_signs_what_proves_a_server():
    signature = signed_handshake(KeyPair(RSA), 0x0804, MESSAGE)
    RSA.public_key().verify(signature, MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    P256.public_key().verify(signed_handshake(KeyPair(P256), 0x0403, MESSAGE), MESSAGE, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        (0x0804, b""),
        (0x0804, b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + bytes(32)),
        (0x0804, CONTEXT + bytes(20)),
        (0x0804, CONTEXT + bytes(200)),
        (0x0804, bytes(64) + b"\3\0\x1d\x20" + bytes(32)),  # ServerKeyExchange of TLS 1.2
        (0x0804, bytes(28) + bytes(300)),  # as IKE signs
        (0x0401, MESSAGE),  # PKCS#1 v1.5
        (0x0403, MESSAGE),  # another kind of key
        (0, MESSAGE),
    ],
)
def test_it_signs_nothing_that_is_no_handshake(scheme, message):
    assert signed_handshake(KeyPair(RSA), scheme, message) is None


def test_kinds_of_keys():
    kinds = {tls_key(KeyPair(key)) for key in (RSA, P256, ed25519.Ed25519PrivateKey.generate())}
    assert kinds == {TlsKey.RSA, TlsKey.P256, TlsKey.ED25519}
