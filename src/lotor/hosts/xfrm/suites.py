"""How the kernel calls the algorithms of SAs, and the attributes that bring them with their keys."""

from __future__ import annotations

from lotor.hosts.xfrm.shapes import ALGORITHM, AUTHENTICATED, AUTHENTICATING, Of
from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity
from lotor.model.child import DirectionKeys

CIPHERS = {
    Cipher.AES_CBC: "cbc(aes)",
    Cipher.TRIPLE_DES_CBC: "cbc(des3_ede)",
    Cipher.CAMELLIA_CBC: "cbc(camellia)",
    Cipher.BLOWFISH_CBC: "cbc(blowfish)",
    Cipher.CAST_CBC: "cbc(cast5)",
    Cipher.TWOFISH_CBC: "cbc(twofish)",
}
AEADS = {
    Cipher.AES_GCM_16: "rfc4106(gcm(aes))",
    Cipher.CHACHA20_POLY1305: "rfc7539esp(chacha20,poly1305)",
}
"""Their keys have the salt behind them."""
TAG_BITS = 128
INTEGRITIES = {
    Integrity.HMAC_MD5: ("hmac(md5)", 96),
    Integrity.HMAC_SHA1: ("hmac(sha1)", 96),
    Integrity.HMAC_SHA256: ("hmac(sha256)", 128),
    Integrity.HMAC_SHA384: ("hmac(sha384)", 192),
    Integrity.HMAC_SHA512: ("hmac(sha512)", 256),
}
"""Name, and bits that are sent. They are always said: of SHA-256 some kernels mean 96, as an old draft did."""
COMPRESSIONS = {Compression.DEFLATE: "deflate"}


def algorithms(suite: EspSuite, keys: DirectionKeys) -> dict[int, bytes]:
    """The attributes of an ESP SA."""
    key = keys.encryption.reveal()
    if suite.cipher in AEADS:
        head = AUTHENTICATED.write(name=AEADS[suite.cipher].encode(), bits=8 * len(key), tag=TAG_BITS)
        return {Of.AEAD: head + key}
    head = ALGORITHM.write(name=CIPHERS[suite.cipher].encode(), bits=8 * len(key))
    return {Of.CRYPT: head + key} | _integrity(suite.integrity, keys.integrity.reveal())


def _integrity(integrity: Integrity | None, key: bytes) -> dict[int, bytes]:
    if integrity is None:
        return {}
    name, bits = INTEGRITIES[integrity]
    return {Of.AUTHENTICATION: AUTHENTICATING.write(name=name.encode(), bits=8 * len(key), truncated=bits) + key}


def compression(algorithm: Compression) -> dict[int, bytes]:
    """The attribute of an IPComp SA."""
    return {Of.COMP: ALGORITHM.write(name=COMPRESSIONS[algorithm].encode())}
