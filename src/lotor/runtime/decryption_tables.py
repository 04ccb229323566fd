"""Keys of IKE messages as lines of Wireshark's tables, which bear the names of its preferences."""

from __future__ import annotations

from lotor.ike.effects import Disclose, DiscloseSk
from lotor.model.algorithms import Cipher, Integrity

_INTEGRITIES = {
    None: "NONE [RFC4306]",
    Integrity.HMAC_SHA1: "HMAC_SHA1_96 [RFC2404]",
    Integrity.HMAC_SHA256: "HMAC_SHA2_256_128 [RFC4868]",
    Integrity.HMAC_SHA384: "HMAC_SHA2_384_192 [RFC4868]",
    Integrity.HMAC_SHA512: "HMAC_SHA2_512_256 [RFC4868]",
}
_CIPHERS = {
    Cipher.AES_CBC: "AES-CBC-{} [RFC3602]",
    Cipher.AES_GCM_16: "AES-GCM-{} with 16 octet ICV [RFC5282]",
    Cipher.TRIPLE_DES_CBC: "3DES [RFC2451]",
}
"""Wireshark has no ChaCha20 for IKE."""


def of_phase_1(secret: Disclose) -> str:
    """`ikev1_decryption_table`: the initiator's cookie and the key of its messages."""
    return f"{secret.cookie.hex()},{secret.key.reveal().hex()}\n"


def of_ike_sa(secret: DiscloseSk) -> str:
    """`ikev2_decryption_table`; empty where Wireshark knows no name of the algorithms."""
    cipher, integrity = _CIPHERS.get(secret.suite.cipher), _INTEGRITIES.get(secret.suite.integrity)
    if cipher is None or integrity is None:
        return ""
    ei, er, ai, ar = (each.reveal().hex() for each in secret.keys)
    spis = ",".join(each.hex() for each in secret.spis)
    return f'{spis},{ei},{er},"{cipher.format(secret.suite.key_bits)}",{ai},{ar},"{integrity}"\n'
