"""Proposals of IKEv2 and suites: the octets that peers know, tolerance of order and number, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recordings_v2
from lotor.model.algorithms import AEADS, KEMS, KEY_LENGTHS, Cipher, EspSuite, Group, Hash, Ike2Suite, Integrity
from lotor.wire.errors import Malformed
from lotor.wire.v2.association import Attribute, Proposal, SecurityAssociation, Transform
from lotor.wire.v2.chain import build_chain, parse_chain
from lotor.wire.v2.proposals import (
    CIPHERS,
    EspChoice,
    chosen_esp,
    chosen_ike,
    esp_proposals,
    ike_proposals,
    ike_transforms,
    read_esp,
    read_ike,
)

SPI = b"spi!"
GCM = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.ECP256)
CBC = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.MODP2048)
ESP = EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256)
ESP_GCM = EspSuite(Cipher.AES_GCM_16, 256, None)
AES256 = Transform.of(1, 12, 256)


def ike(*transforms: tuple[int, int] | Transform, number: int = 1, protocol: int = 1, spi: bytes = b"") -> Proposal:
    """Of a pair of type and id, or a whole transform."""
    made = tuple(each if isinstance(each, Transform) else Transform(*each) for each in transforms)
    return Proposal(number, protocol, spi, made)


def esp(*transforms: tuple[int, int] | Transform, spi: bytes = SPI, number: int = 1) -> Proposal:
    return ike(*transforms, protocol=3, spi=spi, number=number)


GOOD = ((3, 12), (2, 5), (4, 14))


# suites of the model, built

aeads = st.sampled_from([Cipher.AES_GCM_16, Cipher.CHACHA20_POLY1305])
others = st.sampled_from([each for each in CIPHERS.values() if each not in AEADS])
exchanges = st.sampled_from([group for group in Group if group not in KEMS])


def protected(make, *more):
    """Suites of that class: a cipher with its key length and what fits it."""

    def sized(cipher, integrity):
        bits = st.sampled_from(KEY_LENGTHS.get(cipher, (0,)))
        return bits.flatmap(lambda bits: st.builds(make, st.just(cipher), st.just(bits), st.just(integrity), *more))

    return st.one_of(
        aeads.flatmap(lambda cipher: sized(cipher, None)),
        st.tuples(others, st.sampled_from(Integrity)).flatmap(lambda pair: sized(*pair)),
    )


esp_suites = protected(EspSuite)
additional = st.lists(st.sampled_from([Group.MLKEM768, Group.MLKEM1024]), max_size=2, unique=True).map(tuple)
ike_suites = protected(Ike2Suite, st.sampled_from(Hash), exchanges, additional)


@given(ike_suites, st.sampled_from([b"", b"8 octets"]))
def test_every_suite_of_ike_reads_back(suite, spi):
    association = ike_proposals((suite,), spi)
    first, octets = build_chain([association])
    read = parse_chain(first, octets).only(SecurityAssociation)
    assert read == association
    assert chosen_ike(read.proposals[0]) == suite
    assert read_ike(read.proposals[0]).has_ike(suite)


@given(esp_suites, st.none() | exchanges, st.booleans())
def test_every_suite_of_esp_reads_back(suite, group, esn):
    (proposal,) = esp_proposals((suite,), SPI, (group,), (esn,)).proposals
    assert chosen_esp(proposal) == EspChoice(suite, SPI, group, esn)
    assert read_esp(proposal).has_esp(suite, group, esn=esn)


def covered(association: SecurityAssociation) -> set[Ike2Suite]:
    """Every suite that can be chosen of it, by brute force."""
    found = set[Ike2Suite]()
    for proposal in association.proposals:
        offer = read_ike(proposal)
        combinations = [
            Ike2Suite(*sized, integrity, prf, group)
            for sized in offer.ciphers
            for integrity in offer.integrities or (None,)
            for prf in offer.prfs
            for group in offer.groups
        ]
        found |= {suite for suite in combinations if offer.has_ike(suite)}
    return found


@given(st.lists(ike_suites.map(lambda suite: replace(suite, more=())), min_size=1, max_size=8, unique=True))
def test_proposals_offer_those_suites_and_no_others(suites):
    association = ike_proposals(suites)
    assert covered(association) == set(suites)
    assert [each.number for each in association.proposals] == list(range(1, len(association.proposals) + 1))


def test_neighbours_that_differ_in_one_thing_are_one_proposal():
    groups = (Group.ECP256, Group.CURVE25519, Group.MODP2048)
    suites = [replace(CBC, key_bits=bits, group=group) for bits in (256, 128) for group in groups]
    (proposal,) = ike_proposals(suites).proposals
    assert read_ike(proposal).ciphers == ((Cipher.AES_CBC, 256), (Cipher.AES_CBC, 128))
    assert read_ike(proposal).groups == groups


def test_aeads_and_others_share_no_proposal():
    association = ike_proposals((GCM, replace(GCM, group=Group.MODP2048), CBC))
    assert [read_ike(each).integrities for each in association.proposals] == [(), (Integrity.HMAC_SHA256,)]


def test_the_octets_are_those_that_peers_know():
    (proposal,) = ike_proposals((CBC,)).proposals
    first, octets = build_chain([SecurityAssociation((proposal,))])
    assert octets == bytes.fromhex(
        "00000030 0000002c 01010004 0300000c 0100000c 800e0100 03000008 0300000c 03000008 02000005 00000008 0400000e"
    )
    assert first == 33


def test_an_sa_pair_with_a_choice_of_groups_and_numbers():
    (proposal,) = esp_proposals((ESP_GCM,), SPI, (Group.MODP2048, None), (True, False)).proposals
    assert [(each.type, each.id) for each in proposal.transforms] == [(1, 20), (4, 14), (4, 0), (5, 1), (5, 0)]


@pytest.mark.parametrize("cipher", [Cipher.TWOFISH_CBC, Cipher.IDEA_CBC])
def test_a_cipher_without_a_number_cannot_be_offered(cipher):
    with pytest.raises(ValueError, match=f"no number for {cipher.value}"):
        ike_transforms(replace(CBC, cipher=cipher))


# what is offered, read


def test_the_order_of_the_peer_is_kept_and_repetitions_are_not():
    offer = read_ike(ike(AES256, Transform.of(1, 12, 128), AES256, (4, 16), (4, 31), (2, 7), (2, 5), (3, 14), (3, 12)))
    assert offer.ciphers == ((Cipher.AES_CBC, 256), (Cipher.AES_CBC, 128))
    assert offer.prfs == (Hash.SHA512, Hash.SHA256)
    assert offer.integrities == (Integrity.HMAC_SHA512, Integrity.HMAC_SHA256)
    assert offer.groups == (Group.MODP4096, Group.CURVE25519)
    assert str(offer) == ("aes-256,aes-128/modp4096,curve25519/prf-sha512,prf-sha256/hmac_sha512,hmac_sha256")


@pytest.mark.parametrize("number", [0, 1, 3, 255])
def test_any_number_of_a_proposal_is_taken_and_said_back(number):
    """macOS begins with 3."""
    answer = read_ike(ike(AES256, *GOOD, number=number)).ike_answer(CBC, b"8 octets")
    assert (answer.number, answer.spi) == (number, b"8 octets")


def test_an_answer_has_one_transform_of_each_type_as_it_came():
    offered = ike((4, 19), (4, 14), (2, 7), (2, 5), Transform.of(1, 12, 128), AES256, (3, 2), (3, 12))
    answer = read_ike(offered).ike_answer(CBC, b"")
    assert [(each.type, each.id) for each in answer.transforms] == [(4, 14), (2, 5), (1, 12), (3, 12)]
    assert chosen_ike(answer) == CBC


def test_unknown_numbers_are_passed_over():
    """Android offers AES-CTR, XCBC and CMAC beside what is known."""
    odd = (Transform.of(1, 13, 256), (2, 4), (2, 8), (3, 5), (4, 1035))
    offer = read_ike(ike(*odd, AES256, *GOOD))
    assert [(each.type, each.id) for each in offer.unknown] == [(1, 13), (2, 4), (2, 8), (3, 5), (4, 1035)]
    assert offer.has_ike(CBC)
    assert str(offer).endswith("/unknown 1:13,2:4,2:8,3:5,4:1035")


def test_many_unknown_numbers_make_a_short_line():
    assert str(read_ike(ike(AES256, *GOOD, *((4, 1000 + each) for each in range(100))))).endswith(",92 more")


@pytest.mark.parametrize(
    "odd",
    [
        (AES256, *GOOD, (13, 1)),  # a type of transform that is not known
        (AES256, *GOOD, (255, 0)),
        (AES256, *GOOD, (6, 1035)),  # an additional exchange of which nothing is known
        (AES256, *GOOD, (5, 0)),  # sequence numbers in IKE
        (AES256, (3, 12), (2, 5), (4, 0)),
        (AES256, (3, 12), (2, 5), (4, 36)),  # a KEM as the only exchange
        (AES256, (3, 12), (2, 5)),
        (AES256, (3, 12), (4, 14)),
        (AES256, (2, 5), (4, 14)),
        (AES256, (3, 0), (2, 5), (4, 14)),  # nothing authenticates
        (*GOOD,),
        (),
    ],
)
def test_what_a_proposal_does_not_allow_is_not_chosen(odd):
    assert not read_ike(ike(*odd)).has_ike(CBC)


@pytest.mark.parametrize(
    "cipher",
    [
        Transform(1, 12),
        Transform.of(1, 12, 100),
        Transform.of(1, 12, 512),
        Transform(1, 12, (Attribute(14, b"\1\0"), Attribute(14, b"\1\0"))),
        Transform(1, 12, (Attribute(13, b"\1\0"),)),
        Transform(1, 12, (Attribute(14, b"\1\0"), Attribute(99, b"\0\0"))),
        Transform.of(1, 3, 192),
        Transform.of(1, 28, 256),
        Transform(1, 20),
        Transform.of(1, 11),
        Transform.of(1, 18, 256),
    ],
)
def test_a_wrong_key_length_is_no_cipher(cipher):
    offer = read_ike(ike(cipher, *GOOD))
    assert (offer.ciphers, offer.unknown) == ((), (cipher,))
    assert not offer.usable


@pytest.mark.parametrize(("number", "cipher"), [(7, Cipher.BLOWFISH_CBC), (6, Cipher.CAST_CBC)])
def test_these_ciphers_have_a_usual_key_length(number, cipher):
    assert read_ike(ike((1, number), *GOOD)).ciphers == ((cipher, 128),)


def test_other_transforms_have_no_attributes():
    odd = Transform(2, 5, (Attribute(14, b"\1\0"),))
    assert read_ike(ike(AES256, (3, 12), odd, (4, 14))).prfs == ()


@pytest.mark.parametrize("none", [(), ((3, 0),)])
def test_an_aead_goes_with_no_integrity_in_either_way_of_saying_so(none):
    answer = read_ike(ike(Transform.of(1, 20, 256), *none, (2, 5), (4, 19))).ike_answer(GCM, b"")
    assert chosen_ike(answer) == GCM
    assert [each.id for each in answer.transforms if each.type == 3] == [number for _, number in none]


def test_an_aead_beside_others_is_never_chosen_with_integrity():
    mixed = read_ike(ike(Transform.of(1, 20, 256), AES256, (3, 12), (2, 5), (4, 19), (4, 14)))
    assert not mixed.has_ike(GCM)
    assert mixed.has_ike(CBC)


@pytest.mark.parametrize(("protocol", "spi"), [(0, b""), (2, b""), (3, SPI), (1, SPI), (1, b"1234567"), (255, b"")])
def test_another_protocol_or_spi_is_not_for_ike(protocol, spi):
    assert not read_ike(ike(AES256, *GOOD, protocol=protocol, spi=spi)).has_ike(CBC)


# additional key exchanges


def hybrid(*more: Group) -> Ike2Suite:
    return replace(CBC, more=more)


@pytest.mark.parametrize(
    ("offered", "suite", "picked"),
    [
        (((6, 36), (6, 0)), hybrid(Group.MLKEM768), ((6, 36),)),
        (((6, 36), (6, 0)), CBC, ((6, 0),)),
        (((6, 36),), CBC, None),
        (((6, 0),), CBC, ((6, 0),)),
        (((6, 37), (7, 36), (6, 0)), hybrid(Group.MLKEM768), ((6, 0), (7, 36))),
        (((6, 37), (7, 36)), hybrid(Group.MLKEM1024, Group.MLKEM768), ((6, 37), (7, 36))),
        (((6, 36), (7, 37)), hybrid(Group.MLKEM1024, Group.MLKEM768), None),
        (((6, 36), (6, 0), (12, 31), (12, 0)), hybrid(Group.CURVE25519), ((6, 0), (12, 31))),
        ((), hybrid(Group.MLKEM768), None),
    ],
)
def test_additional_exchanges_find_their_place(offered, suite, picked):
    answer = read_ike(ike(AES256, *GOOD, *offered)).ike_answer(suite, b"")
    chosen = answer and tuple((each.type, each.id) for each in answer.transforms if each.type > 5)
    assert chosen == picked
    assert answer is None or chosen_ike(answer) == suite


def test_an_exchange_is_not_made_twice():
    with pytest.raises(Malformed, match="twice"):
        chosen_ike(ike(AES256, *GOOD, (6, 14)))


# what a peer chose


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (ike(AES256, *GOOD, (4, 19)), "two transforms"),
        (ike(AES256, AES256, *GOOD), "two transforms"),
        (ike(AES256, (3, 12), (2, 5), (4, 999)), "not offered"),
        (ike(AES256, *GOOD, (2, 8)), "not offered"),
        (ike(AES256, *GOOD, (13, 0)), "not offered"),
        (ike(AES256, *GOOD, protocol=2), "protocol 2"),
        (ike(AES256, *GOOD, spi=SPI), "not offered"),
        (ike(*GOOD), "without encryption"),
        (ike(AES256, (2, 5), (4, 14)), "nothing does"),
        (ike(Transform.of(1, 20, 256), *GOOD), "two things"),
        (ike(AES256, (3, 12), (4, 14)), "without a PRF"),
        (ike(AES256, (3, 12), (2, 5), (4, 0)), "key exchange"),
        (ike(AES256, (3, 12), (2, 5)), "key exchange"),
        (ike(AES256, *GOOD, (5, 0)), "sequence numbers"),
        (ike(), "without encryption"),
    ],
)
def test_a_choice_that_is_none_is_malformed(odd, what):
    with pytest.raises(Malformed, match=what):
        chosen_ike(odd)


ESP_GOOD = (AES256, (3, 12), (5, 0))


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (esp(*ESP_GOOD, (5, 1)), "two transforms"),
        (esp(AES256, (5, 0)), "nothing does"),
        (esp(Transform.of(1, 20, 256), (3, 12), (5, 0)), "two things"),
        (esp((1, 11), (3, 12), (5, 0)), "not offered"),  # no encryption at all
        (esp(*ESP_GOOD, (2, 5)), "PRF"),
        (esp(*ESP_GOOD, (6, 36)), "additional"),
        (esp(*ESP_GOOD, (5, 2)), "not offered"),
        (esp(*ESP_GOOD, spi=b""), "not offered"),
        (esp(*ESP_GOOD, spi=b"8 octets"), "not offered"),
        (esp(*ESP_GOOD, spi=b"\0\0\0\0"), "not offered"),
        (esp(*ESP_GOOD, spi=b"\0\0\0\xff"), "not offered"),
        (ike(*ESP_GOOD, protocol=2, spi=SPI), "protocol 2"),
    ],
)
def test_a_choice_for_an_sa_pair_that_is_none_is_malformed(odd, what):
    with pytest.raises(Malformed, match=what):
        chosen_esp(odd)


def test_a_choice_that_says_nothing_of_sequence_numbers_has_short_ones():
    assert chosen_esp(esp(AES256, (3, 12))) == EspChoice(ESP, SPI)


# SA pairs


def test_a_proposal_that_says_nothing_of_sequence_numbers_has_short_ones():
    offer = read_esp(esp(AES256, (3, 12)))
    assert offer.has_esp(ESP)
    assert not offer.has_esp(ESP, esn=True)


@pytest.mark.parametrize(
    ("offered", "plain", "pfs"),
    [((), True, False), (((4, 14),), False, True), (((4, 14), (4, 0)), True, True), (((4, 0),), True, False)],
)
def test_a_group_may_be_wanted_offered_or_left_out(offered, plain, pfs):
    offer = read_esp(esp(*ESP_GOOD, *offered))
    assert (offer.has_esp(ESP), offer.has_esp(ESP, Group.MODP2048)) == (plain, pfs)


@pytest.mark.parametrize("exchange", [(4, 14), (4, 999), (6, 36), (7, 999)])
def test_the_first_pair_has_no_exchange_of_its_own(exchange):
    offer = read_esp(esp(*ESP_GOOD, exchange), first=True)
    assert chosen_esp(offer.esp_answer(ESP, b"mine")) == EspChoice(ESP, b"mine")
    assert not read_esp(esp(*ESP_GOOD, exchange)).has_esp(ESP)


def test_a_proposal_of_ike_is_none_of_esp():
    assert not read_esp(ike(*ESP_GOOD)).has_esp(ESP)
    assert not read_ike(esp(AES256, *GOOD)).has_ike(CBC)
    assert not read_esp(esp(*ESP_GOOD)).has_ike(CBC)


# recordings


@pytest.mark.parametrize("name", recordings_v2.NAMES)
def test_the_choices_of_recorded_peers_are_understood(name):
    recording, compared = recordings_v2.load(name), 0
    known = [sorted(each["transforms"], key=str) for each in recording["ike_sas"] + recording["child_sas"]]
    for content in recordings_v2.contents():
        association = parse_chain(content.first, content.octets).first(SecurityAssociation)
        for proposal in association.proposals if association and content.recording == name else ():
            offer = read_ike(proposal) if proposal.protocol == 1 else read_esp(proposal)
            assert offer.usable
            if content.header.flags & 0x20:
                assert chosen_ike(proposal) if proposal.protocol == 1 else chosen_esp(proposal)
                assert sorted(([each.type, each.id, each.key_bits] for each in proposal.transforms), key=str) in known
                compared += 1
    assert compared > 0
