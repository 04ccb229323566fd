"""Names of the algorithms, as every room uses them. Numbers on the wire are in `wire`, primitives in `crypto`."""

from __future__ import annotations

from enum import Enum, IntEnum

from lotor.model.frozen import frozen


class Cipher(Enum):
    """Encryption of ISAKMP messages (CBC, but not Twofish) and of ESP (but not IDEA). Those of `AEADS` authenticate by
    themselves."""

    AES_CBC = "aes"
    TRIPLE_DES_CBC = "3des"
    CAMELLIA_CBC = "camellia"
    BLOWFISH_CBC = "blowfish"
    CAST_CBC = "cast128"
    TWOFISH_CBC = "twofish"
    IDEA_CBC = "idea"
    AES_GCM_16 = "aes_gcm_16"
    CHACHA20_POLY1305 = "chacha20_poly1305"


AEADS = frozenset({Cipher.AES_GCM_16, Cipher.CHACHA20_POLY1305})

SHORT_BLOCKS = frozenset({Cipher.TRIPLE_DES_CBC, Cipher.BLOWFISH_CBC, Cipher.CAST_CBC, Cipher.IDEA_CBC})
"""Ciphers with blocks of 64 bits, which repeat in long connections (Sweet32, CVE-2016-2183)."""

SHORT_BLOCK_VOLUME = 4 << 20
"""Kilobytes under one key of such a cipher: 2^29 blocks, of which two are the same with a chance of 1 in 128."""

_LARGE = (128, 192, 256)
KEY_LENGTHS: dict[Cipher, tuple[int, ...]] = {
    Cipher.AES_CBC: _LARGE,
    Cipher.AES_GCM_16: _LARGE,
    Cipher.CAMELLIA_CBC: _LARGE,
    Cipher.TWOFISH_CBC: _LARGE,
    Cipher.BLOWFISH_CBC: tuple(range(40, 449, 8)),
    Cipher.CAST_CBC: tuple(range(40, 129, 8)),
}
"""Bits, for ciphers whose keys differ in length; the others have no key length attribute (RFC 2451, RFC 7634 §3)."""

USUAL_BITS = 128
"""The key length where none is named."""


class Hash(Enum):
    """Hash of phase 1; its HMAC is the PRF (RFC 2409 §4)."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Integrity(Enum):
    """Integrity of ESP. Truncation: 96 bits for MD5 and SHA-1, half of the hash for SHA-2 (RFC 4868)."""

    HMAC_MD5 = "hmac_md5"
    HMAC_SHA1 = "hmac_sha1"
    HMAC_SHA256 = "hmac_sha256"
    HMAC_SHA384 = "hmac_sha384"
    HMAC_SHA512 = "hmac_sha512"


class Group(IntEnum):
    """Diffie-Hellman groups by their IANA number."""

    MODP1024 = 2
    MODP1536 = 5
    MODP2048 = 14
    MODP3072 = 15
    MODP4096 = 16
    MODP6144 = 17
    MODP8192 = 18
    ECP256 = 19
    ECP384 = 20
    ECP521 = 21
    CURVE25519 = 31
    MLKEM768 = 36
    MLKEM1024 = 37


KEMS = frozenset({Group.MLKEM768, Group.MLKEM1024})
"""Key encapsulation, not Diffie-Hellman: only IKEv2 has it, and only as an additional key exchange (RFC 9370)."""


class AuthMethod(Enum):
    """Phase-1 authentication as the configuration names it, without the side (RFC 2409, RFC 4754, draft hybrid, draft
    XAUTH)."""

    ECDSA = "ecdsasig"
    HYBRID_RSA = "hybrid_rsa"
    PSK = "pre_shared_key"
    RSA = "rsasig"
    XAUTH_PSK = "xauth_psk"
    XAUTH_RSA = "xauth_rsa"

    def signs(self, *, initiator: bool) -> bool:
        """Whether that side proves itself by a certificate and a signature."""
        meaning = _MEANINGS[self]
        return meaning.initiator_signs if initiator else meaning.responder_signs

    @property
    def login(self) -> bool:
        """Whether XAUTH follows: the initiator is admitted by a login."""
        return _MEANINGS[self].login

    @property
    def pre_shared_key(self) -> bool:
        """Whether both sides prove that they hold a shared key, and neither signs."""
        return not (self.signs(initiator=True) or self.signs(initiator=False))

    @property
    def hybrid(self) -> bool:
        """Whether phase 1 proves the responder alone, and only the login says who the initiator is."""
        return self.signs(initiator=False) and not self.signs(initiator=True)

    @property
    def personal(self) -> bool:
        """Whether the method says who a client is. A shared key alone only proves membership of a group."""
        return self.login or self.signs(initiator=True)

    @property
    def client_proves(self) -> Proving | None:
        """How a client proves itself over IKEv2 where this is its method of IKEv1; None for one that has it prove
        itself twice, by a key and a login."""
        if self.login:
            return Proving.EAP if self.hybrid else None
        return Proving.SHARED_KEY if self.pre_shared_key else Proving.CERTIFICATE

    @property
    def certificate_key(self) -> KeyKind | None:
        """The kind of the keys that sign; None for a method without signatures."""
        return _MEANINGS[self].key


class KeyKind(Enum):
    """Of a certificate's key."""

    RSA = "RSA"
    ECDSA = "ECDSA"


@frozen
class _Meaning:
    initiator_signs: bool
    responder_signs: bool
    login: bool
    key: KeyKind | None


_MEANINGS = {
    # method:                       initiator, responder sign, login follows, key
    AuthMethod.ECDSA: _Meaning(True, True, False, KeyKind.ECDSA),
    AuthMethod.HYBRID_RSA: _Meaning(False, True, True, KeyKind.RSA),
    AuthMethod.PSK: _Meaning(False, False, False, None),
    AuthMethod.RSA: _Meaning(True, True, False, KeyKind.RSA),
    AuthMethod.XAUTH_PSK: _Meaning(False, False, True, None),
    AuthMethod.XAUTH_RSA: _Meaning(True, True, True, KeyKind.RSA),
}


class Curve(Enum):
    """Curves of ECDSA keys (RFC 4754): each has a number of its own on the wire and goes with one hash."""

    P256 = "p256"
    P384 = "p384"
    P521 = "p521"


SIGNATURE_HASHES = {Curve.P256: Hash.SHA256, Curve.P384: Hash.SHA384, Curve.P521: Hash.SHA512}
"""The hash of HASH_I and HASH_R under a signature of ECDSA, whatever phase 1's is (RFC 2409 §5.1, RFC 4754 §3)."""


class Compression(Enum):
    """IPComp algorithms (RFC 3173)."""

    DEFLATE = "deflate"


@frozen
class IkeSuite:
    """One phase-1 transform. `key_bits` is 0 for a cipher of fixed key length; `lifetime` in seconds. `curve` is
    that of the signatures, None exactly when the method is not ECDSA."""

    cipher: Cipher
    key_bits: int
    hash: Hash
    group: Group
    method: AuthMethod
    lifetime: int
    curve: Curve | None = None

    def __str__(self) -> str:
        size = f"-{self.key_bits}" if self.key_bits else ""
        return f"{self.cipher.value}{size}/{self.hash.value}/{self.group.name.lower()}"


@frozen
class EspSuite:
    """What protects one SA pair. `key_bits` is 0 for a cipher of fixed key length; `integrity` is None exactly with a
    cipher of `AEADS`."""

    cipher: Cipher
    key_bits: int
    integrity: Integrity | None

    def __str__(self) -> str:
        size = f"-{self.key_bits}" if self.key_bits else ""
        return f"{self.cipher.value}{size}" + (f"/{self.integrity.value}" if self.integrity else "")


@frozen
class Ike2Suite:
    """What protects an SA of IKEv2. `key_bits` is 0 for a cipher of fixed key length; `integrity` is None exactly with
    a cipher of `AEADS`; the PRF is the HMAC of `prf`. `more`: the additional key exchanges, in the order in which they
    are made (RFC 9370)."""

    cipher: Cipher
    key_bits: int
    integrity: Integrity | None
    prf: Hash
    group: Group
    more: tuple[Group, ...] = ()

    def __str__(self) -> str:
        size = f"-{self.key_bits}" if self.key_bits else ""
        groups = "+".join(group.name.lower() for group in (self.group, *self.more))
        integrity = f"/{self.integrity.value}" if self.integrity else ""
        return f"{self.cipher.value}{size}{integrity}/prf-{self.prf.value}/{groups}"


class SignatureScheme(Enum):
    """How a signature of IKEv2 is made: the hash is of the signed octets (RFC 7296 §3.8, RFC 7427, RFC 8420). `*_SHA1`
    and the plain ECDSA ones are also methods 1 and 9 to 11, whose encoding differs."""

    RSA_SHA1 = "rsa-sha1"
    RSA_SHA256 = "rsa-sha256"
    RSA_SHA384 = "rsa-sha384"
    RSA_SHA512 = "rsa-sha512"
    RSA_PSS_SHA256 = "rsa-pss-sha256"
    RSA_PSS_SHA384 = "rsa-pss-sha384"
    RSA_PSS_SHA512 = "rsa-pss-sha512"
    ECDSA_SHA256 = "ecdsa-sha256"
    ECDSA_SHA384 = "ecdsa-sha384"
    ECDSA_SHA512 = "ecdsa-sha512"
    ED25519 = "ed25519"


class EapMethod(Enum):
    """Methods of EAP by which a person logs in, by the words of the configuration (RFC 3748). `RADIUS` is none: what
    the client sends goes to the server as it is (RFC 3579)."""

    MSCHAPV2 = "mschapv2"
    GTC = "gtc"
    TLS = "tls"
    TTLS = "ttls"
    PEAP = "peap"
    RADIUS = "radius"


class Within(Enum):
    """What a client says inside of EAP-TTLS, by the words of the configuration. There it chooses, and nothing is agreed
    on (RFC 5281 §11.2)."""

    EAP = "eap"
    PAP = "pap"


ON_TLS = frozenset({EapMethod.TLS, EapMethod.TTLS, EapMethod.PEAP})
"""Methods in which the gateway proves itself once more, by a certificate inside of EAP."""


PROVES_BOTH = frozenset({EapMethod.TLS, EapMethod.TTLS})
"""Methods that prove the gateway as well, make a key, and give nobody anything to guess a password by (RFC 5998 §4).
PEAP is none: nothing ties what is inside to its tunnel."""


class Proving(Enum):
    """How one end proves itself in IKEv2, by the words of the configuration."""

    CERTIFICATE = "pubkey"
    SHARED_KEY = "psk"
    EAP = "eap"
    CERTIFICATE_THEN_EAP = "pubkey then eap"
    SHARED_KEY_THEN_EAP = "psk then eap"

    @property
    def first(self) -> Proving:
        """The first proof: of two (RFC 4739) that of the device."""
        return _FIRST.get(self, self)

    @property
    def login(self) -> bool:
        """Whether a person logs in."""
        return self is Proving.EAP or self.twice

    @property
    def twice(self) -> bool:
        """Whether the device is proved first, then the person (RFC 4739)."""
        return self in _FIRST

    @property
    def then_eap(self) -> Proving:
        """With a login behind it."""
        return next((way for way, first in _FIRST.items() if first is self), self)


_FIRST = {
    Proving.CERTIFICATE_THEN_EAP: Proving.CERTIFICATE,
    Proving.SHARED_KEY_THEN_EAP: Proving.SHARED_KEY,
}
