"""Values between two processes: there and back, and what is no value of the wanted type."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.model.algorithms import Curve, Hash
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure, Feigned, PhaseOneHash, PskRequest, Signature
from lotor.model.reasons.local import NoPrivateKey, NoSharedKey
from lotor.model.secret import Secret
from lotor.privsep.codec import MOST_ITEMS, Malformed, decode, encode, form_of
from lotor.privsep.frames import MOST_OCTETS
from lotor.privsep.signing import DERIVE_SKEYID, SIGN, Signing
from lotor.privsep.verb import Verb
from lotor.privsep.verbs import VERBS

IDENTITY = Identity(IdKind.USER_FQDN, b"alice@example.net", 17, 500)
HASH = PhaseOneHash(Hash.SHA1, Secret(b"hidden"), (b"x" * 128, b"r" * 128), (bytes(8), bytes(8)), b"SA", b"ID")
VALUES = [
    (Curve, Curve.P384),
    (bool, True),
    (int, -5),
    (str, "grüße"),
    (tuple[int, ...], (1, 2, 3)),
    (Signing, Signing("r", HASH)),
    (tuple[int, str], (1, "two")),
    (PskRequest, PskRequest("r", IDENTITY, IPv4Address("192.0.2.1"), Hash.SHA1, b"n", aggressive=True)),
    (PskRequest, PskRequest("r", None, IPv6Address("2001:db8::1"), Hash.SHA512, b"n", host="vpn.example.net")),
    (Secret | Feigned | Failure, Secret(b"skeyid")),
    (Secret | Feigned | Failure, Feigned(Secret(b"skeyid"), NoSharedKey("psk.txt", "alice"))),
    (Signature | Failure, Failure(NoPrivateKey("r"))),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=str)
def test_there_and_back(kind, value):
    assert decode(kind, encode(kind, value)) == value


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=str)
def test_no_part_and_nothing_longer_is_a_value(kind, value):
    octets = encode(kind, value)
    for length in range(len(octets)):
        with pytest.raises(Malformed):
            decode(kind, octets[:length])
    with pytest.raises(Malformed, match="1 octets too many"):
        decode(kind, octets + b"\0")


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
@given(octets=st.binary(max_size=200))
def test_any_octets_are_one_value_or_none(verb, octets):
    for kind in (verb.request, verb.answer):
        try:
            value = decode(kind, octets)
        except Malformed:
            continue
        assert encode(kind, value) == octets


@pytest.mark.parametrize(
    ("kind", "octets", "text"),
    [
        (bool, b"\2", "neither yes nor no"),
        (str, b"\0\0\0\1\xff", "no UTF-8"),
        (bytes, b"\xff\xff\xff\xff", "4294967295 octets are announced, 0 are there"),
        (Signature | Failure, b"\2", "there are 2 kinds"),
        (Hash, b"\x63", "there is no Hash number 99"),
        (tuple[bool, ...], b"\xff\xff\xff\xff", "4294967295 items"),
    ],
)
def test_what_is_wrong_is_told(kind, octets, text):
    with pytest.raises(Malformed, match=text):
        decode(kind, octets)


def test_a_value_of_another_type_does_not_leave():
    for kind, value in [
        (int, True),
        (str, b""),
        (Signature | Failure, Secret(b"")),
        (bytes, bytearray()),
        (int, 2**63),
    ]:
        with pytest.raises(TypeError):
            encode(kind, value)
    with pytest.raises(TypeError):
        encode(tuple[int, ...], tuple(range(MOST_ITEMS + 1)))


@pytest.mark.parametrize("kind", [object, dict, list[int], set, float, type, "str"])
def test_a_type_without_a_form_cannot_be_declared(kind):
    with pytest.raises(TypeError):
        form_of(kind)

    @dataclass(frozen=True)
    class Holder:
        inside: object

    with pytest.raises(TypeError):
        Verb(9, "nine", Holder, bool, 10, 10)


def test_a_verb_that_no_message_carries_cannot_be_declared():
    with pytest.raises(ValueError, match="nine"):
        Verb(9, "nine", bool, bool, MOST_OCTETS + 1, 10)


def test_the_largest_requests_of_phase_1_fit():
    made_of = PhaseOneHash(
        Hash.SHA512, Secret(bytes(64)), (bytes(1024),) * 2, (bytes(8),) * 2, bytes(8192), bytes(1024)
    )
    largest = Signing("r" * 255, made_of)
    assert len(encode(Signing, largest)) <= SIGN.most_request
    identity = Identity(IdKind.KEY_ID, bytes(1024))
    asked = PskRequest("r" * 255, identity, IPv6Address("::1"), Hash.SHA1, bytes(512), host="h" * 255)
    assert len(encode(PskRequest, asked)) <= DERIVE_SKEYID.most_request


def test_no_secret_is_in_what_goes_wrong():
    octets = encode(Signing, Signing("r", HASH))
    with pytest.raises(Malformed) as caught:
        decode(Signing, octets[:-1])
    assert "hidden" not in repr(caught.value.__context__) + str(caught.value)
