"""Signatures in AUTH payloads: methods 1, 9 to 11 and 14 as schemes and signatures, and back (RFC 7296 §3.8, RFC 4754,
RFC 7427, RFC 8420).

Everywhere else a signature is one as in method 14: that of ECDSA is a DER sequence of r and s.
"""

from __future__ import annotations

from itertools import product

from lotor.model.algorithms import SignatureScheme
from lotor.wire.errors import Malformed
from lotor.wire.v2.numbers import AuthMethodNumber
from lotor.wire.v2.payloads import Authentication

LONGEST_SIGNATURE = 2048
"""Octets: those of an RSA key of 16,384 bits."""

CLASSIC = {
    SignatureScheme.RSA_SHA1: AuthMethodNumber.RSA,
    SignatureScheme.ECDSA_SHA256: AuthMethodNumber.ECDSA_256,
    SignatureScheme.ECDSA_SHA384: AuthMethodNumber.ECDSA_384,
    SignatureScheme.ECDSA_SHA512: AuthMethodNumber.ECDSA_521,
}
"""The methods of before RFC 7427; those of ECDSA are for the curve that goes with the hash."""
_SCHEMES = {number: scheme for scheme, number in CLASSIC.items()}
_NUMBERS = {AuthMethodNumber.ECDSA_256: 32, AuthMethodNumber.ECDSA_384: 48, AuthMethodNumber.ECDSA_521: 66}
"""Octets of r, and of s (RFC 4754 §7)."""


def is_signature(method: int) -> bool:
    """Whether AUTH of that method is a signature, and not made with a shared key."""
    return method in _SCHEMES or method == AuthMethodNumber.DIGITAL_SIGNATURE


def authentication(scheme: SignatureScheme, signature: bytes, *, classic: bool = False) -> Authentication:
    """`classic`: by the scheme's method of `CLASSIC`, for peers that do not know RFC 7427. `ValueError` where it has
    none, or where the signature does not fit it."""
    if not classic:
        identifier = _IDENTIFIERS[scheme][0]
        return Authentication(AuthMethodNumber.DIGITAL_SIGNATURE, bytes([len(identifier)]) + identifier + signature)
    if scheme not in CLASSIC:
        raise ValueError(f"{scheme.value} needs RFC 7427")
    method = CLASSIC[scheme]
    return Authentication(method, _plain(signature, _NUMBERS[method]) if method in _NUMBERS else signature)


def read_signature(payload: Authentication) -> tuple[SignatureScheme, bytes]:
    """Of method 1 the scheme is `RSA_SHA1`, whatever hash the signature names inside. `Malformed` for a method that is
    no signature, and for an algorithm that no scheme has."""
    if len(payload.data) > LONGEST_SIGNATURE:
        raise Malformed(f"a signature of {len(payload.data)} octets, more than {LONGEST_SIGNATURE}")
    if payload.method == AuthMethodNumber.DIGITAL_SIGNATURE:
        return _read_announced(payload.data)
    if payload.method not in _SCHEMES:
        raise Malformed(f"authentication by method {payload.method} is no signature")
    method = AuthMethodNumber(payload.method)
    return _SCHEMES[method], _sequence(payload.data, _NUMBERS[method]) if method in _NUMBERS else payload.data


def _read_announced(data: bytes) -> tuple[SignatureScheme, bytes]:
    """RFC 7427 §3: length and AlgorithmIdentifier, then the signature."""
    size = data[0] + 1 if data else 1
    scheme = _BY_IDENTIFIER.get(data[1:size])
    if scheme is None:
        raise Malformed("a signature by an algorithm that is unknown, or too weak")
    return scheme, data[size:]


# --- r and s: side by side, or a DER sequence of two numbers (RFC 3279 §2.2.3) ---------------------------------------


def _sequence(plain: bytes, size: int) -> bytes:
    if len(plain) != 2 * size:
        raise Malformed(f"r and s have {len(plain)} octets, not {2 * size}")
    numbers = [_number(int.from_bytes(half, "big")) for half in (plain[:size], plain[size:])]
    return _tagged(0x30, b"".join(numbers))


def _number(value: int) -> bytes:
    return _tagged(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, size] if size < 0x80 else [tag, 0x81, size]) + content


def _plain(sequence: bytes, size: int) -> bytes:
    """Of our own signature, or one that a library checked. `ValueError`."""
    head = 3 if sequence[1:2] == b"\x81" else 2
    r, rest = _take_number(sequence[head:])
    s, rest = _take_number(rest)
    if max(r, s) < 1 << 8 * size:
        plain = b"".join([each.to_bytes(size, "big") for each in (r, s)])
        if not rest and _sequence(plain, size) == sequence:
            return plain
    raise ValueError(f"a signature of ECDSA is a sequence of two numbers of {size} octets")


def _take_number(octets: bytes) -> tuple[int, bytes]:
    size = octets[1] if len(octets) > 1 else 0
    return int.from_bytes(octets[2 : 2 + size], "big"), octets[2 + size :]


# --- AlgorithmIdentifiers (RFC 7427 appendix A, RFC 4055, RFC 8420) ------------------------------------------

_NULL = b"\5\0"
_MGF1 = bytes.fromhex("06092a864886f70d010108")
_PSS = bytes.fromhex("06092a864886f70d01010a")
_RSA = bytes.fromhex("06092a864886f70d0101")
_ECDSA = bytes.fromhex("06082a8648ce3d0403")
_ED25519 = bytes.fromhex("06032b6570")
_HASH = bytes.fromhex("06096086480165030402")


def _of_hash(last: int, parameters: bytes) -> bytes:
    return _tagged(0x30, _HASH + bytes([last]) + parameters)


def _pss(last: int, salt: int, own: bytes, inner: bytes) -> bytes:
    """With all parameters, and a salt as long as the hash; those of each of the two hashes are NULL or nothing (RFC
    4055 §2.1)."""
    fields = (_of_hash(last, own), _tagged(0x30, _MGF1 + _of_hash(last, inner)), _number(salt))
    named = b"".join([_tagged(0xA0 + place, each) for place, each in enumerate(fields)])
    return _tagged(0x30, _PSS + _tagged(0x30, named))


def _with_optional_null(identifier: bytes) -> tuple[bytes, ...]:
    return _tagged(0x30, identifier + _NULL), _tagged(0x30, identifier)


def _all_pss(last: int, salt: int) -> tuple[bytes, ...]:
    return tuple(_pss(last, salt, own, inner) for own, inner in product((_NULL, b""), repeat=2))


_IDENTIFIERS: dict[SignatureScheme, tuple[bytes, ...]] = {
    SignatureScheme.RSA_SHA256: _with_optional_null(_RSA + b"\x0b"),
    SignatureScheme.RSA_SHA384: _with_optional_null(_RSA + b"\x0c"),
    SignatureScheme.RSA_SHA512: _with_optional_null(_RSA + b"\x0d"),
    SignatureScheme.RSA_PSS_SHA256: _all_pss(1, 32),
    SignatureScheme.RSA_PSS_SHA384: _all_pss(2, 48),
    SignatureScheme.RSA_PSS_SHA512: _all_pss(3, 64),
    SignatureScheme.ECDSA_SHA256: _with_optional_null(_ECDSA + b"\2")[::-1],
    SignatureScheme.ECDSA_SHA384: _with_optional_null(_ECDSA + b"\3")[::-1],
    SignatureScheme.ECDSA_SHA512: _with_optional_null(_ECDSA + b"\4")[::-1],
    SignatureScheme.ED25519: (_tagged(0x30, _ED25519),),
}
"""The first of each is the one that is sent. SHA-1 has none: only peers that know nothing else may use it."""
_BY_IDENTIFIER = {each: scheme for scheme, identifiers in _IDENTIFIERS.items() for each in identifiers}
