"""Which signature is made for which peer, and which of a peer's is taken."""

from __future__ import annotations

import pytest

from lotor.ike.v2.sa import Abilities
from lotor.ike.v2.schemes import chosen, claimed, proof
from lotor.model.algorithms import SignatureScheme
from lotor.wire.errors import Malformed
from lotor.wire.v2.payloads import Authentication

S = SignatureScheme
RSA = (S.RSA_SHA256, S.RSA_SHA384, S.RSA_PSS_SHA256, S.RSA_SHA1)
P384 = (S.ECDSA_SHA384, S.ECDSA_SHA512, S.ECDSA_SHA256)
OLD, ABLE = Abilities(), Abilities(schemes=frozenset({S.RSA_SHA384, S.ECDSA_SHA384, S.RSA_PSS_SHA256}))


@pytest.mark.parametrize(
    ("own", "abilities", "expected"),
    [
        (RSA, OLD, S.RSA_SHA1),
        (RSA, ABLE, S.RSA_SHA384),
        (P384, OLD, S.ECDSA_SHA384),
        (P384, ABLE, S.ECDSA_SHA384),
        ((S.ED25519,), OLD, None),
        ((S.ED25519,), ABLE, None),
        ((), OLD, None),
        (RSA, Abilities(schemes=frozenset()), None),
    ],
)
def test_our_scheme_is_the_first_that_the_peer_reads(own, abilities, expected):
    assert chosen(own, abilities) is expected


def test_proofs_have_the_form_that_the_peer_knows():
    assert proof(S.RSA_SHA1, b"s", OLD) == Authentication(1, b"s")
    assert proof(S.RSA_SHA384, b"s", ABLE).method == 14


def test_sha1_counts_from_peers_that_know_nothing_else():
    assert claimed(Authentication(1, b"s"), OLD) == (S.RSA_SHA1, b"s")
    assert claimed(Authentication(1, b"s"), ABLE) == (S.RSA_SHA256, b"s")
    assert claimed(proof(S.RSA_SHA384, b"s", ABLE), OLD) == (S.RSA_SHA384, b"s")
    with pytest.raises(Malformed):
        claimed(Authentication(2, b"s"), OLD)
