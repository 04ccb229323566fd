"""Proposals for an IKE SA: which one a gateway takes, why none fits, and what a hostile list costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.config.ikev2_policy import ACCEPTED
from lotor.ike.errors import PolicyRefusal
from lotor.ike.v2.choose import Offered, for_stranger
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Integrity
from lotor.model.policy import V2Policy
from lotor.model.reasons.proposals import Misfit
from lotor.wire.v2.association import MOST_PROPOSALS, MOST_TRANSFORMS, Proposal, SecurityAssociation, Transform
from lotor.wire.v2.numbers import Encryption, IntegrityNumber, PrfNumber, Protocol, TransformType
from lotor.wire.v2.proposals import Offer, ike_proposals
from peers.world import GATEWAY

GCM = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.ECP256)
CBC = Ike2Suite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256, Hash.SHA256, Group.ECP256)
KEM = replace(GCM, more=(Group.MLKEM768,))

AES_GCM = Transform.of(TransformType.ENCRYPTION, Encryption.AES_GCM_16, 256)
AES_CBC = Transform.of(TransformType.ENCRYPTION, Encryption.AES_CBC, 256)
SHA256 = Transform.of(TransformType.PRF, PrfNumber.HMAC_SHA256)
HMAC = Transform.of(TransformType.INTEGRITY, IntegrityNumber.HMAC_SHA256_128)
ECP256 = Transform.of(TransformType.KEY_EXCHANGE, Group.ECP256)
SHORT_NUMBERS = Transform.of(TransformType.SEQUENCE_NUMBERS, 0)


def chosen(wanted, association, *, group=Group.ECP256, intermediate=True):
    remote = replace(GATEWAY, versions=(1, 2), v2=V2Policy(tuple(wanted)))
    return for_stranger((remote,), Offered(association, group, intermediate))


def listed(*proposals) -> SecurityAssociation:
    rows = enumerate(proposals, 1)
    return SecurityAssociation(tuple(Proposal(number, Protocol.IKE, b"", tuple(row)) for number, row in rows))


def refused(wanted, association, **more) -> tuple[str, str]:
    with pytest.raises(PolicyRefusal) as caught:
        chosen(wanted, association, **more)
    return caught.value.reason.misfit, caught.value.reason.detail


def test_the_first_proposal_that_has_it_is_answered():
    association = listed([AES_CBC, SHA256, HMAC, ECP256], [AES_GCM, SHA256, ECP256], [AES_GCM, SHA256, ECP256])
    found = chosen((GCM, CBC), association)
    assert (found.suite, found.proposal.number) == (GCM, 2)


def test_the_group_of_the_peers_key_exchange_is_taken_before_others():
    suites = [replace(GCM, group=group) for group in (Group.CURVE25519, Group.ECP256)]
    assert chosen(suites, ike_proposals(suites)).suite.group is Group.ECP256
    assert chosen(suites, ike_proposals(suites), group=Group.MODP2048).suite.group is Group.CURVE25519


@pytest.mark.parametrize(
    ("suite", "misfit", "detail"),
    [
        (replace(GCM, cipher=Cipher.CHACHA20_POLY1305, key_bits=0), Misfit.CIPHER, "no chacha20_poly1305"),
        (replace(GCM, prf=Hash.SHA384), Misfit.HASH, "no prf-sha384"),
        (replace(CBC, integrity=Integrity.HMAC_SHA512), Misfit.INTEGRITY, "no hmac_sha512"),
        (replace(GCM, group=Group.ECP384), Misfit.GROUP, "no ecp384"),
        (replace(GCM, key_bits=128), Misfit.KEY_LENGTH, "aes_gcm_16 with other keys than 128 bits"),
        (KEM, Misfit.NOT_AMONG_OFFERS, "in parts only, not as one proposal"),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Misfit) else "",
)
def test_why_none_fits(suite, misfit, detail):
    association = listed([AES_GCM, SHA256, ECP256], [AES_CBC, SHA256, HMAC, ECP256])
    assert refused((suite,), association) == (misfit.word, detail)
    beside = replace(GCM, cipher=Cipher.CAMELLIA_CBC)
    assert refused((beside, suite), association)[0] == misfit.word, "what comes nearest is told"


def test_of_several_that_come_as_near_the_first_offer_counts():
    association = listed([AES_CBC, SHA256, HMAC, ECP256], [AES_GCM, SHA256, ECP256])
    wanted = (replace(GCM, group=Group.ECP521), replace(CBC, group=Group.ECP384))
    assert refused(wanted, association) == (Misfit.GROUP.word, "no ecp384")


def test_nothing_offered():
    assert refused((GCM,), listed()) == (Misfit.NOTHING_OFFERED.word, "")


def test_an_additional_key_exchange_without_the_exchange_for_it():
    assert chosen((KEM,), ike_proposals((KEM,))).suite == KEM
    assert refused((KEM,), ike_proposals((KEM,)), intermediate=False)[0] == Misfit.NOT_AMONG_OFFERS.word


# --- what it costs ---------------------------------------------------------------------------------------------------

WIDE = [AES_GCM, AES_CBC, SHA256, HMAC, ECP256]
HOSTILE = {
    "no group": [AES_GCM, AES_CBC, SHA256, HMAC],
    "numbers": [*WIDE, SHORT_NUMBERS],
    "an exchange that nobody wants": [*WIDE, Transform.of(TransformType.ADDITIONAL_KEY_EXCHANGE_1, Group.ECP521)],
}


@pytest.mark.parametrize("row", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_list_is_read_once(monkeypatch, row):
    """Anybody may send the longest list to a gateway that accepts a hundred suites: each proposal is looked at now and
    then, not for each suite."""
    looks, values, answer = [], Offer._values, Offer.ike_answer
    monkeypatch.setattr(Offer, "_values", lambda offer, kind: looks.append(kind) or values(offer, kind))
    monkeypatch.setattr(Offer, "ike_answer", lambda offer, *wanted: looks.append(wanted) or answer(offer, *wanted))
    filled = [*row, *[SHA256] * (MOST_TRANSFORMS // MOST_PROPOSALS - len(row))]
    refused(ACCEPTED, listed(*[filled] * MOST_PROPOSALS))
    assert len(ACCEPTED) > 100
    assert 0 < len(looks) <= 8 * MOST_PROPOSALS
