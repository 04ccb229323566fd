"""Bare RSA signatures: those of recorded handshakes verify, and nothing that only looks like one does."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import recordings
from lotor.crypto.rsa import sign_bare, verify_bare
from lotor.wire.header import Header
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import Fragment, SignaturePayload

HASH = bytes(range(20))


@cache
def key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


@cache
def recorded_keys() -> tuple[rsa.RSAPrivateKey, ...]:
    """The keys of all recordings: one peer's key served in several."""
    moduli = {numbers["n"]: numbers for name in recordings.NAMES for numbers in recordings.rsa_numbers(name).values()}
    return tuple(private_key(numbers) for numbers in moduli.values())


def private_key(numbers: dict[str, int]) -> rsa.RSAPrivateKey:
    n, e, d, p, q = (numbers[part] for part in "nedpq")
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(e, n)).private_key()


def recorded_signatures(name: str) -> set[bytes]:
    found, pieces = set(), {}
    for message in recordings.messages():
        if message.recording != name:
            continue
        chain = parse_chain(Header.decode(message.raw).next_payload, message.plain or message.raw[28:])
        found.update(signature.data for signature in chain.all(SignaturePayload))
        for piece in chain.all(Fragment):
            pieces[piece.number] = piece.data
            whole = b"".join(pieces[number] for number in sorted(pieces))
            if piece.last and not whole[19]:
                found.update(s.data for s in parse_chain(whole[16], whole[28:]).all(SignaturePayload))
            pieces = {} if piece.last else pieces
    return found


SIGNED = [name for name in recordings.NAMES if recorded_signatures(name)]


def test_signatures_were_recorded():
    assert len(SIGNED) >= 12
    assert [len(recorded_signatures(name)) for name in SIGNED if name.startswith(("rsa", "xauthrsa"))] == [2, 2]


@pytest.mark.parametrize("name", SIGNED)
def test_recorded_signatures_verify_and_are_made_again(name):
    sa = recordings.load(name)["ike_sas"][0]
    hashed = [bytes.fromhex(sa["HASH_R"]), bytes.fromhex(sa["HASH_I"])]
    signatures = recorded_signatures(name)
    assert signatures
    for signature in signatures:
        [(private, octets)] = [
            (private, octets)
            for private in recorded_keys()
            for octets in hashed
            if verify_bare(private.public_key(), octets, signature)
        ]
        assert sign_bare(private, octets) == signature


@pytest.mark.parametrize("size", [16, 20, 32, 48, 64])
def test_every_hash_size_is_signed(size):
    octets = bytes(range(size))
    signature = sign_bare(key(), octets)
    assert len(signature) == 256
    assert verify_bare(key().public_key(), octets, signature)


@pytest.mark.parametrize("other", [b"", HASH[:10], HASH[:-1], HASH + b"\0", bytes(20), b"\0" + HASH])
def test_another_hash_does_not_verify(other):
    assert not verify_bare(key().public_key(), other, sign_bare(key(), HASH))
    if other:
        assert not verify_bare(key().public_key(), HASH, sign_bare(key(), other))


def test_another_key_does_not_verify():
    other = rsa.generate_private_key(65537, 2048)
    assert not verify_bare(key().public_key(), HASH, sign_bare(other, HASH))


def test_degenerate_signatures_do_not_verify():
    n = key().public_key().public_numbers().n
    good = sign_bare(key(), HASH)
    bad = [b"", bytes(256), b"\xff" * 256, n.to_bytes(256, "big"), (n - 1).to_bytes(256, "big"), bytes(255) + b"\1"]
    bad += [good[:-1], good + b"\0", b"\0" + good, b"\0" * 9 + good, good[::-1]]
    assert [verify_bare(key().public_key(), HASH, signature) for signature in bad] == [False] * len(bad)
    assert not verify_bare(key().public_key(), b"", sign_bare(key(), HASH))


def test_a_signature_with_digest_info_is_another_thing():
    with_info = key().sign(b"text", padding.PKCS1v15(), hashes.SHA1())
    digest = hashes.Hash(hashes.SHA1())
    digest.update(b"text")
    assert not verify_bare(key().public_key(), digest.finalize(), with_info)


def raw(message: bytes) -> bytes:
    """A signature over an encoded message of our own making."""
    numbers = key().private_numbers()
    return pow(int.from_bytes(message, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")


FILL = b"\xff" * (256 - 3 - 20)


def test_the_right_encoding_verifies():
    assert verify_bare(key().public_key(), HASH, raw(b"\0\1" + FILL + b"\0" + HASH))


@pytest.mark.parametrize(
    "encoded",
    [
        b"\0\2" + FILL + b"\0" + HASH,
        b"\0\0" + bytes(len(FILL)) + b"\0" + HASH,
        b"\1\1" + FILL + b"\0" + HASH,
        b"\0\1" + FILL[:-1] + b"\xfe\0" + HASH,
        b"\0\1" + FILL + b"\xff" + HASH,
        b"\0\1" + FILL[:-5] + b"\0" + HASH + b"12345",
        b"\0\1" + FILL[:8] + b"\0" + HASH + bytes(len(FILL) - 8),
        b"\0\1" + FILL[:-1] + b"\0\0" + HASH,
        b"\0\1\0" + HASH + bytes(len(FILL)),
        b"\0\1" + FILL + b"\0" + HASH[:-1] + b"\0",
    ],
)
def test_other_encodings_do_not_verify(encoded):
    assert len(encoded) == 256
    numbers = key().private_numbers().public_numbers
    if int.from_bytes(encoded, "big") < numbers.n:
        assert not verify_bare(key().public_key(), HASH, raw(encoded))


def test_a_cube_root_forgery_does_not_verify():
    small = key(2048, 3)
    prefix = b"\0\1" + b"\xff" * 8 + b"\0" + HASH
    target = int.from_bytes(prefix + b"\xff" * (256 - len(prefix)), "big")
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= target else (low, middle - 1)
    assert (low**3).to_bytes(256, "big").startswith(prefix)
    assert not verify_bare(small.public_key(), HASH, low.to_bytes(256, "big"))
    assert not verify_bare(small.public_key(), HASH, sign_bare(small, HASH))


def test_small_moduli_are_refused():
    enough = key(1024)
    assert verify_bare(enough.public_key(), HASH, sign_bare(enough, HASH))
    prime = enough.private_numbers().p
    weak = rsa.RSAPublicNumbers(65537, prime * 3).public_key()
    size = (weak.key_size + 7) // 8
    encoded = b"\0\1" + b"\xff" * (size - 3 - len(HASH)) + b"\0" + HASH
    signature = pow(int.from_bytes(encoded, "big"), pow(65537, -1, 2 * (prime - 1)), prime * 3).to_bytes(size, "big")
    assert weak.recover_data_from_signature(signature, padding.PKCS1v15(), None) == HASH
    assert not verify_bare(weak, HASH, signature)
