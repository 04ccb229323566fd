"""Proposals for an SA pair of IKEv2: which one is chosen, which answer is taken, and why none fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.errors import PolicyRefusal
from lotor.ike.v2.choose_esp import Wishes, accepted, chosen
from lotor.model.algorithms import Cipher, EspSuite, Group, Integrity
from lotor.model.reasons.proposals import Misfit
from lotor.wire.v2.association import MOST_PROPOSALS, Proposal, SecurityAssociation, Transform
from lotor.wire.v2.numbers import NotifyType, Protocol, TransformType
from lotor.wire.v2.proposals import Offer, esp_proposals

CBC = EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256)
SMALL = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256)
OLD = EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA1)
GCM = EspSuite(Cipher.AES_GCM_16, 256, None)
SPI, OURS = b"\x11\x22\x33\x44", b"\x55\x66\x77\x88"
FIRST = Wishes((GCM, CBC), first=True)


def offered(*suites, **more) -> SecurityAssociation:
    return esp_proposals(suites, SPI, **more)


def test_our_preference_counts():
    found = chosen(FIRST, offered(CBC, GCM))
    assert (found.choice.suite, found.choice.spi, found.choice.esn) == (GCM, SPI, False)


def test_the_answer_repeats_the_number_and_nothing_that_was_not_chosen():
    sa = offered(CBC, GCM)
    sa = SecurityAssociation(tuple(replace(each, number=each.number + 2) for each in sa.proposals))
    (answer,) = chosen(FIRST, sa).answer(OURS).proposals
    assert (answer.number, answer.spi) == (4, OURS)
    assert accepted(FIRST, SecurityAssociation((answer,))).suite == GCM


def test_key_exchanges_count_for_later_pairs_only():
    sa = offered(CBC, groups=(Group.ECP256, Group.MODP2048))
    assert chosen(FIRST, sa).choice.group is None
    later = Wishes((CBC,), (Group.MODP2048, None))
    assert chosen(later, sa).choice.group is Group.MODP2048
    assert chosen(later, offered(CBC)).choice.group is None


def test_extended_sequence_numbers_where_both_can():
    both = Wishes((CBC,), esn=(True, False))
    assert chosen(both, offered(CBC, esn=(False, True))).choice.esn
    assert not chosen(both, offered(CBC)).choice.esn
    assert not chosen(FIRST, offered(CBC, esn=(False, True))).choice.esn


def refused(wishes: Wishes, sa: SecurityAssociation) -> str:
    with pytest.raises(PolicyRefusal) as caught:
        chosen(wishes, sa)
    assert caught.value.notify == NotifyType.NO_PROPOSAL_CHOSEN
    return caught.value.reason.misfit


@pytest.mark.parametrize(
    ("sa", "misfit"),
    [
        (SecurityAssociation(()), "nothing-offered"),
        (offered(EspSuite(Cipher.CHACHA20_POLY1305, 0, None)), "cipher"),
        (offered(SMALL), "key-length"),
        (offered(OLD), "integrity"),
        (offered(CBC, esn=(True,)), "sequence-numbers"),
        (SecurityAssociation((replace(offered(CBC).proposals[0], protocol=Protocol.AH),)), "ah"),
        (SecurityAssociation((replace(offered(CBC).proposals[0], spi=b"\0\0\0\7"),)), "spi"),
        (SecurityAssociation((Proposal(1, Protocol.ESP, SPI, (Transform(1, 99),)),)), "unknown-algorithm"),
    ],
)
def test_why_nothing_fits(sa, misfit):
    assert refused(Wishes((CBC,), first=True), sa) == misfit


def test_a_wrong_group_is_named():
    wishes = Wishes((CBC,), (Group.ECP384,))
    assert refused(wishes, offered(CBC, groups=(Group.MODP2048,))) == "pfs-group"


def test_many_offers_are_told_in_few_words():
    suites = [EspSuite(Cipher.CAMELLIA_CBC, bits, each) for bits in (128, 192, 256) for each in Integrity]
    sa = SecurityAssociation(
        tuple(
            Proposal(number, Protocol.ESP, SPI, offered(each).proposals[0].transforms)
            for number, each in enumerate(suites, 1)
        )
    )
    with pytest.raises(PolicyRefusal) as caught:
        chosen(FIRST, sa)
    assert "and 11 more" in caught.value.reason.offered


@pytest.mark.parametrize(
    "answer",
    [
        SecurityAssociation(()),
        offered(GCM, CBC),
        offered(OLD),
        offered(CBC, groups=(Group.MODP2048,)),
        offered(CBC, esn=(True,)),
        offered(CBC, esn=(True, False)),
    ],
)
def test_an_answer_that_was_not_offered(answer):
    with pytest.raises(PolicyRefusal) as caught:
        accepted(FIRST, answer)
    assert caught.value.reason.misfit == "not-among-offers"


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_a_hostile_list_is_looked_at_once_for_wishes_that_are_alike(monkeypatch):
    """A peer that is logged in may ask as often as it is answered."""
    looks, honest = [], Offer._esp_picks
    monkeypatch.setattr(Offer, "_esp_picks", lambda *asked, esn: looks.append(asked) or honest(*asked, esn=esn))
    groups = (None, Group.CURVE25519, Group.ECP256, Group.ECP384, Group.MODP2048, Group.MODP3072)
    wishes = Wishes((CBC, SMALL, OLD), groups, esn=(True, False))
    (wide,) = offered(CBC, groups=groups).proposals
    spoiled = (*wide.transforms, Transform.of(TransformType.PRF, 5), Transform.of(TransformType.ENCRYPTION, 12, 128))
    row = replace(wide, transforms=(*spoiled, Transform.of(TransformType.INTEGRITY, 2)))
    assert refused(wishes, SecurityAssociation((row,) * MOST_PROPOSALS)) == Misfit.SEQUENCE_NUMBERS.word
    assert len(looks) == MOST_PROPOSALS * len(groups) * 2
