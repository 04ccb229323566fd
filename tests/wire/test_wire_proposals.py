"""Transforms and suites: the octets that real peers know, tolerance of order and form, and what makes no suite."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.model.algorithms import AuthMethod, Cipher, Compression, Curve, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.wire.v1.association import Transform
from lotor.wire.v1.attributes import Attribute, encode_attributes
from lotor.wire.v1.numbers import EncapsulationMode
from lotor.wire.v1.proposals import (
    ah_text,
    esp_transform,
    ike_transform,
    ipcomp_transform,
    read_esp,
    read_ike,
    read_ipcomp,
)
from lotor.wire.v1.readings import LARGEST_VOLUME, LEAST_LIFETIME, LEAST_VOLUME, LONGEST_LIFETIME

HYBRID = IkeSuite(Cipher.AES_CBC, 256, Hash.SHA1, Group.MODP2048, AuthMethod.HYBRID_RSA, 28800)
ESP = EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA1)


def tv(number: int, value: int) -> Attribute:
    return Attribute.tv(number, value)


def ike(*attributes: Attribute, number: int = 1) -> Transform:
    return Transform(0, number, attributes)


GOOD = (tv(14, 256), tv(1, 7), tv(2, 2), tv(4, 14), tv(3, 64221), tv(11, 1), Attribute.tlv(12, b"\0\x20\xc4\x9b"))


def test_a_phase_1_transform_has_the_order_that_peers_expect():
    transform = ike_transform(1, HYBRID)
    assert (transform.number, transform.id) == (1, 1)
    assert encode_attributes(transform.attributes) == bytes.fromhex(
        "80010007 800e0100 80020002 8004000e 8003fadd 800b0001 800c7080"
    )


def test_3des_has_no_key_length_and_a_long_lifetime_is_long():
    suite = IkeSuite(Cipher.TRIPLE_DES_CBC, 0, Hash.MD5, Group.MODP1024, AuthMethod.PSK, 2147483)
    assert encode_attributes(ike_transform(2, suite).attributes) == bytes.fromhex(
        "80010005 80020001 80040002 80030001 800b0001 000c0004 0020c49b"
    )


@pytest.mark.parametrize(
    ("method", "number"),
    [
        (AuthMethod.PSK, 1),
        (AuthMethod.RSA, 3),
        (AuthMethod.HYBRID_RSA, 64221),
        (AuthMethod.XAUTH_PSK, 65001),
        (AuthMethod.XAUTH_RSA, 65005),
    ],
)
def test_methods_have_the_initiators_number(method, number):
    suite = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA256, Group.MODP2048, method, 3600)
    assert read_ike(ike_transform(1, suite)).words.method == number
    assert read_ike(ike_transform(1, suite, auth=64222)).words.method == 64222


@pytest.mark.parametrize(("number", "curve"), [(9, Curve.P256), (10, Curve.P384), (11, Curve.P521)])
def test_each_curve_of_ecdsa_has_a_number(number, curve):
    suite = replace(HYBRID, method=AuthMethod.ECDSA, curve=curve)
    offer = read_ike(ike_transform(1, suite))
    assert (offer.words.method, offer.suite()) == (number, suite)
    assert str(offer) == f"aes-256/sha1/modp2048/ecdsasig-{curve.value}"


@pytest.mark.parametrize("method", [8, 12, 64222, 65002, 65006, 2, 4, 5, 0, 7])
def test_other_methods_make_no_suite(method):
    assert read_ike(ike_transform(1, HYBRID, auth=method)).suite() is None


ike_suites = st.builds(
    IkeSuite,
    st.just(Cipher.AES_CBC),
    st.sampled_from([128, 192, 256]),
    st.sampled_from(Hash),
    st.sampled_from(Group),
    st.sampled_from([method for method in AuthMethod if method is not AuthMethod.ECDSA]),
    st.integers(LEAST_LIFETIME, LONGEST_LIFETIME),
)
ike_suites |= st.builds(
    lambda suite, curve: replace(suite, method=AuthMethod.ECDSA, curve=curve), ike_suites, st.sampled_from(Curve)
)


@given(ike_suites, st.integers(0, 255))
def test_every_phase_1_suite_reads_back(suite, number):
    assert read_ike(ike_transform(number, suite)).suite() == suite


@pytest.mark.parametrize("order", [GOOD, (*GOOD[::-1][2:], GOOD[5], GOOD[6]), GOOD[5:] + GOOD[:5]])
def test_attributes_may_come_in_any_order(order):
    offer = read_ike(ike(*order))
    assert offer.suite() == IkeSuite(Cipher.AES_CBC, 256, Hash.SHA1, Group.MODP2048, AuthMethod.HYBRID_RSA, 2147483)
    assert str(offer) == "aes-256/sha1/modp2048/hybrid_rsa"


def test_long_form_serves_any_attribute():
    assert read_ike(ike(*(Attribute.tlv(a.type, b"\0\0" + a.data) for a in GOOD))).suite() is not None


def without(*types: int) -> tuple[Attribute, ...]:
    return tuple(attribute for attribute in GOOD if attribute.type not in types)


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_an_offer_without_an_algorithm_is_no_suite(missing):
    assert read_ike(ike(*without(missing))).suite() is None


def test_an_absent_lifetime_is_eight_hours_and_an_absent_key_length_128():
    offer = read_ike(ike(*without(11, 12, 14)))
    assert (offer.lifetime_seconds, offer.words.key_bits) == (None, 0)
    assert (offer.suite().lifetime, offer.suite().key_bits) == (28800, 128)


@pytest.mark.parametrize(
    "odd",
    [
        (*without(1), tv(1, 0)),
        (*without(1), tv(1, 1)),
        (*without(1), tv(1, 5)),  # 3DES with a key length
        (*without(14), tv(14, 100)),
        (*without(14), tv(14, 512)),
        (*without(4), tv(4, 1)),
        (*without(2), tv(2, 3)),
        (*GOOD, tv(13, 1)),
        (*GOOD, tv(16384, 1)),
        (*GOOD, tv(2, 4)),
        (*GOOD, tv(14, 256)),
        (*without(12), tv(12, 0)),
        (*without(1), Attribute.tlv(1, b"\x01" * 5000)),
    ],
)
def test_what_is_not_understood_is_no_suite(odd):
    offer = read_ike(ike(*odd))
    assert offer.suite() is None
    assert len(str(offer)) < 100


def test_another_transform_id_is_no_suite():
    assert read_ike(ike(*GOOD, number=2)).suite() is None


def test_offers_that_no_one_here_speaks_are_named_for_people():
    des = ike(tv(1, 1), tv(2, 1), tv(4, 1), tv(3, 65001))
    assert str(read_ike(des)) == "des_cbc/md5/group1/xauth_psk"
    assert str(read_ike(ike(tv(1, 99), tv(14, 40)))) == "99-40/-/-/-"


def test_lifetimes_follow_their_life_type():
    offer = read_ike(ike(tv(11, 2), tv(12, 2000), tv(11, 1), tv(12, 600), tv(11, 3), tv(12, 5)))
    assert (offer.lifetime_seconds, offer.lifetime_kilobytes) == (600, 2000)
    assert read_ike(ike(tv(12, 600))).lifetime_seconds is None


@pytest.mark.parametrize(
    "twice",
    [
        (*GOOD, tv(11, 1), tv(12, 600)),
        (*GOOD, tv(12, 600)),
        (*GOOD, tv(11, 1)),
        (*GOOD, tv(11, 2), tv(12, 2000), tv(12, 2000)),
        (*GOOD, tv(11, 2), tv(12, 2000), tv(11, 2), tv(12, 3000)),
    ],
)
def test_h4_a_lifetime_that_stands_twice_is_no_suite(twice):
    assert read_ike(ike(*GOOD, tv(11, 2), tv(12, 2000))).suite() is not None
    assert read_ike(ike(*twice)).suite() is None


def test_h4_a_key_length_of_zero_is_no_suite():
    assert read_ike(ike(*without(14))).suite() is not None
    assert read_ike(ike(*without(14), tv(14, 0))).suite() is None
    assert read_esp(esp(12, tv(5, 2))).suite() is not None
    assert read_esp(esp(12, tv(6, 0), tv(5, 2))).suite() is None


@pytest.mark.parametrize(
    ("named", "read"),
    [(1, LEAST_LIFETIME), (29, LEAST_LIFETIME), (30, 30), (2**32 - 1, 2**32 - 1), (2**40, LONGEST_LIFETIME)],
)
def test_f16_lifetimes_are_read_within_their_bounds(named, read):
    life = Attribute.integer(12, named)
    assert read_ike(ike(*without(12), life)).lifetime_seconds == read
    assert read_esp(esp(12, tv(5, 2), tv(1, 1), Attribute.integer(2, named))).lifetime_seconds == read


@pytest.mark.parametrize(
    ("named", "read"), [(0, None), (1, LEAST_VOLUME), (2000, 2000), (2**40, LARGEST_VOLUME), (2**80, LARGEST_VOLUME)]
)
def test_f16_volumes_are_read_within_their_bounds_and_none_is_no_limit(named, read):
    volume = Attribute.tlv(2, named.to_bytes(12, "big"))
    assert read_esp(esp(12, tv(5, 2), tv(1, 2), volume)).lifetime_kilobytes == read


# -- phase 2 ----------------------------------------------------------------------------------------------------------


def test_a_phase_2_transform_has_the_order_that_peers_expect():
    transform = esp_transform(1, ESP, group=Group.MODP2048, encapsulation=EncapsulationMode.UDP_TUNNEL, lifetime=28800)
    assert (transform.number, transform.id) == (1, 12)
    assert encode_attributes(transform.attributes) == bytes.fromhex(
        "80060100 80050002 8003000e 80040003 80010001 80027080"
    )


def test_aeads_stand_without_integrity_and_chacha_without_key_length():
    def octets(suite: EspSuite) -> tuple[int, bytes]:
        transform = esp_transform(1, suite, group=None, encapsulation=EncapsulationMode.TUNNEL, lifetime=3600)
        return transform.id, encode_attributes(transform.attributes)

    life = "80040001 80010001 80020e10"
    assert octets(EspSuite(Cipher.AES_GCM_16, 256, None)) == (20, bytes.fromhex(f"80060100 {life}"))
    assert octets(EspSuite(Cipher.CHACHA20_POLY1305, 0, None)) == (28, bytes.fromhex(life))


@pytest.mark.parametrize(("group", "number"), [("ECP256", 19), ("ECP384", 20), ("ECP521", 21), ("CURVE25519", 31)])
def test_groups_over_curves_have_their_numbers(group, number):
    suite = IkeSuite(Cipher.AES_CBC, 128, Hash.SHA256, Group[group], AuthMethod.PSK, 3600)
    assert read_ike(ike_transform(1, suite)).words.group == number
    transform = esp_transform(1, ESP, group=Group[group], encapsulation=EncapsulationMode.TUNNEL, lifetime=3600)
    assert str(read_esp(transform)) == f"aes-256/hmac_sha1/{group.lower()}/tunnel"


esp_suites = st.one_of(
    st.builds(EspSuite, st.just(Cipher.AES_CBC), st.sampled_from([128, 192, 256]), st.sampled_from(Integrity)),
    st.builds(EspSuite, st.just(Cipher.TRIPLE_DES_CBC), st.just(0), st.sampled_from(Integrity)),
    st.builds(EspSuite, st.just(Cipher.AES_GCM_16), st.sampled_from([128, 192, 256]), st.none()),
    st.just(EspSuite(Cipher.CHACHA20_POLY1305, 0, None)),
)


@given(
    esp_suites,
    st.none() | st.sampled_from(Group),
    st.sampled_from(EncapsulationMode),
    st.integers(LEAST_LIFETIME, LONGEST_LIFETIME),
)
def test_every_phase_2_suite_reads_back(suite, group, encapsulation, lifetime):
    offer = read_esp(esp_transform(7, suite, group=group, encapsulation=encapsulation, lifetime=lifetime))
    assert offer.suite() == suite
    assert (offer.group, offer.encapsulation, offer.lifetime_seconds) == (group, encapsulation, lifetime)


def esp(number: int, *attributes: Attribute) -> Transform:
    return Transform(0, number, attributes)


def test_esp_aes_without_a_key_length_is_128():
    assert read_esp(esp(12, tv(4, 1), tv(5, 2))).suite() == EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)


@pytest.mark.parametrize(
    "transform",
    [
        esp(11, tv(5, 2)),  # NULL encrypts nothing
        esp(12),  # no integrity
        esp(12, tv(5, 3)),
        esp(12, tv(5, 0)),
        esp(20, tv(6, 256), tv(5, 2)),  # GCM brings its own
        esp(20, tv(6, 64)),
        esp(28, tv(6, 256)),  # it has one key length only
        esp(28, tv(5, 2)),
        esp(3, tv(6, 192), tv(5, 2)),
        esp(12, tv(5, 2), tv(5, 5)),
        esp(12, tv(5, 2), tv(3, 2), tv(3, 14)),
        esp(12, tv(5, 2), tv(11, 1)),
        esp(2, tv(5, 1)),
        esp(249, tv(5, 1)),
    ],
)
def test_what_does_not_protect_is_no_suite(transform):
    assert read_esp(transform).suite() is None


def test_phase_2_offers_have_words():
    assert str(read_esp(esp(12, tv(6, 256), tv(5, 2), tv(3, 14), tv(4, 3)))) == "aes-256/hmac_sha1/modp2048/udp_tunnel"
    assert str(read_esp(esp(20, tv(6, 128), tv(4, 61443)))) == "aes_gcm_16-128/draft_udp_tunnel"
    assert str(read_esp(esp(11, tv(5, 99)))) == "null/99/-"


# -- IPComp and AH ----------------------------------------------------------------------------------------------------


def test_a_transform_of_ipcomp_reads_back():
    """The octets that strongSwan sends, but for the lifetime."""
    transform = ipcomp_transform(1, Compression.DEFLATE, group=None, encapsulation=3, lifetime=3600)
    assert (transform.id, encode_attributes(transform.attributes).hex()) == (2, "800400038001000180020e10")
    offer = read_ipcomp(transform)
    assert (offer.algorithm(), offer.encapsulation, str(offer)) == (Compression.DEFLATE, 3, "deflate")


@pytest.mark.parametrize("odd", [(8, 1), (9, 1), (5, 2), (6, 128), (99, 1)])
def test_ipcomp_with_more_than_is_understood_is_not_taken(odd):
    transform = ipcomp_transform(1, Compression.DEFLATE, group=Group.MODP2048, encapsulation=1, lifetime=3600)
    assert read_ipcomp(transform).algorithm() is Compression.DEFLATE
    assert read_ipcomp(replace(transform, attributes=(*transform.attributes, tv(*odd)))).algorithm() is None


def test_other_algorithms_of_ipcomp_have_names_only():
    for number, name in ((1, "oui"), (3, "lzs"), (9, "9")):
        offer = read_ipcomp(Transform(1, number, ()))
        assert (offer.algorithm(), str(offer)) == (None, name)


def test_ah_reads_for_people():
    assert ah_text(Transform(1, 3, (tv(5, 2), tv(4, 1)))) == "ah/hmac_sha1/tunnel"
    assert ah_text(Transform(1, 3, ())) == "ah/-/-"
