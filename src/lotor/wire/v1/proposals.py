"""Transforms of phase 1 and 2 as suites of the model and back; unknown numbers stay visible and make no suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, IntEnum
from functools import lru_cache
from typing import NamedTuple, TypeVar

from lotor.model.algorithms import (
    AEADS,
    KEY_LENGTHS,
    USUAL_BITS,
    AuthMethod,
    Cipher,
    Compression,
    Curve,
    EspSuite,
    Group,
    Hash,
    IkeSuite,
    Integrity,
)
from lotor.model.frozen import frozen
from lotor.wire.v1.association import Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import (
    EncapsulationMode,
    EspAttribute,
    EspIntegrity,
    EspTransform,
    IkeAttribute,
    IkeAuthMethod,
    IkeEncryption,
    IkeHash,
    IkeTransform,
    IpcompTransform,
    LifeType,
    name_of,
)
from lotor.wire.v1.readings import Meanings, Reading

DEFAULT_LIFETIME = 28800
"""Seconds, where a transform names none (RFC 2407 §4.5)."""

IKE_CIPHERS: Mapping[int, Cipher] = {
    IkeEncryption.IDEA_CBC: Cipher.IDEA_CBC,
    IkeEncryption.BLOWFISH_CBC: Cipher.BLOWFISH_CBC,
    IkeEncryption.TRIPLE_DES_CBC: Cipher.TRIPLE_DES_CBC,
    IkeEncryption.CAST_CBC: Cipher.CAST_CBC,
    IkeEncryption.AES_CBC: Cipher.AES_CBC,
    IkeEncryption.CAMELLIA_CBC: Cipher.CAMELLIA_CBC,
}
IKE_HASHES: Mapping[int, Hash] = {
    IkeHash.MD5: Hash.MD5,
    IkeHash.SHA1: Hash.SHA1,
    IkeHash.SHA256: Hash.SHA256,
    IkeHash.SHA384: Hash.SHA384,
    IkeHash.SHA512: Hash.SHA512,
}
IKE_METHODS: Mapping[int, AuthMethod] = {
    IkeAuthMethod.PRE_SHARED_KEY: AuthMethod.PSK,
    IkeAuthMethod.RSA_SIGNATURE: AuthMethod.RSA,
    IkeAuthMethod.ECDSA_256: AuthMethod.ECDSA,
    IkeAuthMethod.ECDSA_384: AuthMethod.ECDSA,
    IkeAuthMethod.ECDSA_521: AuthMethod.ECDSA,
    IkeAuthMethod.HYBRID_INIT_RSA: AuthMethod.HYBRID_RSA,
    IkeAuthMethod.XAUTH_INIT_PRE_SHARED: AuthMethod.XAUTH_PSK,
    IkeAuthMethod.XAUTH_INIT_RSA: AuthMethod.XAUTH_RSA,
}
"""The initiator's numbers only: they stand on the wire in both directions."""
IKE_CURVES: Mapping[int, Curve] = {
    IkeAuthMethod.ECDSA_256: Curve.P256,
    IkeAuthMethod.ECDSA_384: Curve.P384,
    IkeAuthMethod.ECDSA_521: Curve.P521,
}
"""A method of ECDSA names the curve as well (RFC 4754 §4)."""
ESP_CIPHERS: Mapping[int, Cipher] = {
    EspTransform.TRIPLE_DES: Cipher.TRIPLE_DES_CBC,
    EspTransform.CAST: Cipher.CAST_CBC,
    EspTransform.BLOWFISH: Cipher.BLOWFISH_CBC,
    EspTransform.AES_CBC: Cipher.AES_CBC,
    EspTransform.AES_GCM_16: Cipher.AES_GCM_16,
    EspTransform.CAMELLIA: Cipher.CAMELLIA_CBC,
    EspTransform.CHACHA20_POLY1305: Cipher.CHACHA20_POLY1305,
    EspTransform.TWOFISH: Cipher.TWOFISH_CBC,
}
ESP_INTEGRITIES: Mapping[int, Integrity] = {
    EspIntegrity.HMAC_MD5: Integrity.HMAC_MD5,
    EspIntegrity.HMAC_SHA1: Integrity.HMAC_SHA1,
    EspIntegrity.HMAC_SHA256: Integrity.HMAC_SHA256,
    EspIntegrity.HMAC_SHA384: Integrity.HMAC_SHA384,
    EspIntegrity.HMAC_SHA512: Integrity.HMAC_SHA512,
}
_GROUPS: Mapping[int, Group] = {int(group): group for group in Group}
COMPRESSIONS: Mapping[int, Compression] = {IpcompTransform.DEFLATE: Compression.DEFLATE}
_IKE = Meanings.of(
    IkeAttribute.ENCRYPTION,
    IkeAttribute.HASH,
    IkeAttribute.AUTH_METHOD,
    IkeAttribute.GROUP,
    IkeAttribute.KEY_LENGTH,
    life=(IkeAttribute.LIFE_TYPE, IkeAttribute.LIFE_DURATION),
    key_length=IkeAttribute.KEY_LENGTH,
)
_ESP_LIFE = (EspAttribute.LIFE_TYPE, EspAttribute.LIFE_DURATION)
_ESP = Meanings.of(
    EspAttribute.GROUP,
    EspAttribute.ENCAPSULATION,
    EspAttribute.AUTH,
    EspAttribute.KEY_LENGTH,
    life=_ESP_LIFE,
    key_length=EspAttribute.KEY_LENGTH,
)
_IPCOMP = Meanings.of(
    EspAttribute.GROUP, EspAttribute.ENCAPSULATION, life=_ESP_LIFE, key_length=EspAttribute.KEY_LENGTH
)

_KEY_IKE = int(IkeTransform.KEY_IKE)

E = TypeVar("E", bound=Enum)


class IkeWords(NamedTuple):
    """The algorithms of a phase-1 transform as numbers, None where it names none. `key_bits` 0: none named."""

    encryption: int | None
    key_bits: int
    hash: int | None
    group: int | None
    method: int | None

    def suite(self, lifetime: int) -> IkeSuite | None:
        """In words of the model; None when a number is missing or not one of them. An absent AES key length is 128."""
        cipher, hashing = IKE_CIPHERS.get(self.encryption or 0), IKE_HASHES.get(self.hash or 0)
        method, group = IKE_METHODS.get(self.method or 0), _GROUPS.get(self.group or 0)
        if cipher is None or hashing is None or method is None or group is None:
            return None
        key_bits = _key_bits(cipher, self.key_bits)
        if key_bits is None:
            return None
        return IkeSuite(cipher, key_bits, hashing, group, method, lifetime, IKE_CURVES.get(self.method or 0))

    def __str__(self) -> str:
        """Like `aes-256/sha1/modp2048/hybrid_rsa` or `…/ecdsasig-p256`. Unknown values show their number, missing ones
        `-`. Computed when it is read."""
        return _ike_text(self)


@frozen
class IkeOffer:
    """A phase-1 transform. Lifetimes in seconds and in kilobytes, within their bounds, None where it names none."""

    words: IkeWords
    lifetime_seconds: int | None
    lifetime_kilobytes: int | None
    transform: Transform
    understood: bool

    @property
    def lifetime(self) -> int:
        """Seconds; 8 hours where none are named."""
        return DEFAULT_LIFETIME if self.lifetime_seconds is None else self.lifetime_seconds

    @property
    def usable(self) -> bool:
        """Every attribute is understood (see `Reading`), it lives at all, and it is one of ISAKMP."""
        return self.understood and self.lifetime_seconds != 0 and self.transform.id == _KEY_IKE

    def suite(self) -> IkeSuite | None:
        """What is offered in words of the model; None when that is not possible."""
        return self.words.suite(self.lifetime) if self.usable else None

    def __str__(self) -> str:
        return str(self.words)


@lru_cache(256)
def _ike_text(words: IkeWords) -> str:
    """Clients of one kind say the same again and again."""
    cipher = _word(IKE_CIPHERS, IkeEncryption, words.encryption) + _size(words.key_bits)
    group = "-" if words.group is None else _group_word(words.group)
    hashing, method = _word(IKE_HASHES, IkeHash, words.hash), _word(IKE_METHODS, IkeAuthMethod, words.method)
    curve = IKE_CURVES.get(words.method or 0)
    return f"{cipher}/{hashing}/{group}/{method}" + (f"-{curve.value}" if curve else "")


@frozen
class EspOffer:
    """A phase-2 transform of ESP as numbers, None where it names none."""

    transform_id: int
    key_bits: int
    integrity: int | None
    group: int | None
    encapsulation: int | None
    lifetime_seconds: int | None
    lifetime_kilobytes: int | None
    transform: Transform
    understood: bool

    def suite(self) -> EspSuite | None:
        """What is offered in words of the model; None when that is not possible, and always when nothing or two things
        would authenticate. Group, encapsulation and lifetime are for policy to judge."""
        cipher = ESP_CIPHERS.get(self.transform_id)
        integrity = ESP_INTEGRITIES.get(self.integrity or 0)
        key_bits = _key_bits(cipher, self.key_bits)
        if cipher is None or key_bits is None or not self.understood:
            return None
        if cipher in AEADS:
            return EspSuite(cipher, key_bits, None) if self.integrity is None else None
        return EspSuite(cipher, key_bits, integrity) if integrity else None

    def __str__(self) -> str:
        """Like `aes-256/hmac_sha1/modp2048/udp_tunnel`; what has no name shows its number."""
        parts = [_word(ESP_CIPHERS, EspTransform, self.transform_id) + _size(self.key_bits)]
        if self.integrity is not None:
            parts.append(_word(ESP_INTEGRITIES, EspIntegrity, self.integrity))
        if self.group is not None:
            parts.append(_group_word(self.group))
        parts.append(_word({}, EncapsulationMode, self.encapsulation))
        return "/".join(parts)


@frozen
class IpcompOffer:
    """A phase-2 transform of IPComp as numbers; `encapsulation` None where it names none."""

    transform_id: int
    encapsulation: int | None
    transform: Transform
    understood: bool

    def algorithm(self) -> Compression | None:
        """None for another one than ours, and where an attribute is not understood (a dictionary size, for one)."""
        return COMPRESSIONS.get(self.transform_id) if self.understood else None

    def __str__(self) -> str:
        """Like `deflate`."""
        return _word(COMPRESSIONS, IpcompTransform, self.transform_id)


def ike_transform(number: int, suite: IkeSuite, *, auth: int | None = None) -> Transform:
    """A phase-1 transform; `auth` in place of the method's own number."""
    method = _method_number(suite) if auth is None else auth
    keys = [Attribute.integer(IkeAttribute.KEY_LENGTH, suite.key_bits)] if suite.key_bits else []
    attributes = (
        Attribute.integer(IkeAttribute.ENCRYPTION, _number(IKE_CIPHERS, suite.cipher)),
        *keys,
        Attribute.integer(IkeAttribute.HASH, _number(IKE_HASHES, suite.hash)),
        Attribute.integer(IkeAttribute.GROUP, suite.group),
        Attribute.integer(IkeAttribute.AUTH_METHOD, method),
        Attribute.integer(IkeAttribute.LIFE_TYPE, LifeType.SECONDS),
        Attribute.integer(IkeAttribute.LIFE_DURATION, suite.lifetime),
    )
    return Transform(number, IkeTransform.KEY_IKE, attributes)


def _method_number(suite: IkeSuite) -> int:
    return _number(IKE_CURVES, suite.curve) if suite.curve else _number(IKE_METHODS, suite.method)


def read_ike(transform: Transform) -> IkeOffer:
    read = Reading(transform.attributes, _IKE)
    encryption, hashing, method, group, bits = map(read.numbers.get, _IKE.order)
    words = IkeWords(encryption, bits or 0, hashing, group, method)
    return IkeOffer(
        words,
        read.seconds,
        read.kilobytes,
        transform,
        read.understood,
    )


def with_lifetime(transform: Transform, seconds: int) -> Transform:
    """A phase-1 transform with another lifetime, everything else as it came."""
    kept, unit = list[Attribute](), 0
    for attribute in transform.attributes:
        unit = attribute.number if attribute.type == IkeAttribute.LIFE_TYPE else unit
        if unit != LifeType.SECONDS or attribute.type not in (_IKE.life_type, _IKE.life_duration):
            kept.append(attribute)
    life = (
        Attribute.tv(IkeAttribute.LIFE_TYPE, LifeType.SECONDS),
        Attribute.integer(IkeAttribute.LIFE_DURATION, seconds),
    )
    return replace(transform, attributes=(*kept, *life))


def esp_transform(number: int, suite: EspSuite, *, group: Group | None, encapsulation: int, lifetime: int) -> Transform:
    """A phase-2 transform of ESP; `lifetime` in seconds."""
    attributes = []
    if suite.key_bits:
        attributes.append(Attribute.integer(EspAttribute.KEY_LENGTH, suite.key_bits))
    if suite.integrity:
        attributes.append(Attribute.integer(EspAttribute.AUTH, _number(ESP_INTEGRITIES, suite.integrity)))
    attributes += _how(group, encapsulation, lifetime)
    return Transform(number, _number(ESP_CIPHERS, suite.cipher), tuple(attributes))


def with_volume(transform: Transform, kilobytes: int | None) -> Transform:
    """A phase-2 transform that ends by volume, too."""
    if kilobytes is None:
        return transform
    unit = Attribute.integer(EspAttribute.LIFE_TYPE, LifeType.KILOBYTES)
    volume = Attribute.integer(EspAttribute.LIFE_DURATION, kilobytes)
    return replace(transform, attributes=(*transform.attributes, unit, volume))


def _how(group: Group | None, encapsulation: int, lifetime: int) -> tuple[Attribute, ...]:
    """The attributes that every protocol of phase 2 has; `lifetime` in seconds."""
    groups = (Attribute.integer(EspAttribute.GROUP, group),) if group else ()
    return (
        *groups,
        Attribute.integer(EspAttribute.ENCAPSULATION, encapsulation),
        Attribute.integer(EspAttribute.LIFE_TYPE, LifeType.SECONDS),
        Attribute.integer(EspAttribute.LIFE_DURATION, lifetime),
    )


def ipcomp_transform(
    number: int, algorithm: Compression, *, group: Group | None, encapsulation: int, lifetime: int
) -> Transform:
    """A phase-2 transform of IPComp; `lifetime` in seconds."""
    return Transform(number, _number(COMPRESSIONS, algorithm), _how(group, encapsulation, lifetime))


def read_esp(transform: Transform) -> EspOffer:
    read = Reading(transform.attributes, _ESP)
    numbers = read.numbers
    return EspOffer(
        transform.id,
        numbers.get(EspAttribute.KEY_LENGTH) or 0,
        numbers.get(EspAttribute.AUTH),
        numbers.get(EspAttribute.GROUP),
        numbers.get(EspAttribute.ENCAPSULATION),
        read.seconds,
        read.kilobytes,
        transform,
        read.understood,
    )


def read_ipcomp(transform: Transform) -> IpcompOffer:
    read = Reading(transform.attributes, _IPCOMP)
    return IpcompOffer(transform.id, read.numbers.get(EspAttribute.ENCAPSULATION), transform, read.understood)


def ah_text(transform: Transform) -> str:
    """A phase-2 transform of AH, which nobody here can use, like `ah/hmac_sha1/tunnel`."""
    numbers = Reading(transform.attributes, _ESP).numbers
    integrity = _word(ESP_INTEGRITIES, EspIntegrity, numbers.get(EspAttribute.AUTH))
    return f"ah/{integrity}/{_word({}, EncapsulationMode, numbers.get(EspAttribute.ENCAPSULATION))}"


def _key_bits(cipher: Cipher | None, named: int) -> int | None:
    """The key length that a suite has, None where the named one does not fit the cipher."""
    if cipher is None:
        return None
    if cipher not in KEY_LENGTHS:
        return None if named else 0
    bits = named or USUAL_BITS
    return bits if bits in KEY_LENGTHS[cipher] else None


def _number(numbers: Mapping[int, E], word: E) -> int:
    return next(number for number, value in numbers.items() if value is word)


def _word(words: Mapping[int, Enum], registry: type[IntEnum], number: int | None) -> str:
    if number is None:
        return "-"
    return str(words[number].value) if number in words else name_of(registry, number).lower()


def _group_word(group: int) -> str:
    return name_of(Group, group).lower() if group in _GROUPS else f"group{group}"


def _size(key_bits: int) -> str:
    return f"-{key_bits}" if key_bits else ""
