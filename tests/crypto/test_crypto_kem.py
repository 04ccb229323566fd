"""ML-KEM as a key exchange of IKEv2: both ends agree, and what is no key or no ciphertext is refused."""

from __future__ import annotations

import pytest

from lotor.crypto.groups import answering_pair, check_public, key_pair
from lotor.model.algorithms import KEMS, Group

SIZES = {Group.MLKEM768: (1184, 1088), Group.MLKEM1024: (1568, 1568)}
every_kem = pytest.mark.parametrize("group", sorted(KEMS), ids=lambda group: group.name)


@every_kem
def test_both_ends_agree(group):
    ours = key_pair(group)
    theirs = answering_pair(group, ours.public)
    shared = ours.agree(theirs.public)
    assert shared == theirs.agree(ours.public)
    assert len(shared) == 32
    assert (len(ours.public), len(theirs.public)) == SIZES[group]
    assert (ours.group, theirs.group) == (group, group)


@every_kem
def test_each_answer_is_another(group):
    ours = key_pair(group)
    one, other = answering_pair(group, ours.public), answering_pair(group, ours.public)
    assert one.public != other.public
    assert ours.agree(one.public) != ours.agree(other.public)


@every_kem
def test_a_known_seed_gives_a_known_pair(group):
    assert key_pair(group, 5).public == key_pair(group, 5).public != key_pair(group, 6).public


@every_kem
def test_an_answer_is_for_one_key_only(group):
    answer = answering_pair(group, key_pair(group).public)
    with pytest.raises(ValueError, match="another key"):
        answer.agree(key_pair(group).public)


@every_kem
@pytest.mark.parametrize("size", [0, 1, 32, 1087, 1183, 1185, 2000])
def test_values_of_another_length_are_refused(group, size):
    with pytest.raises(ValueError, match=f"not {size}"):
        check_public(group, bytes(size))
    with pytest.raises(ValueError, match=f"not {size}"):
        answering_pair(group, bytes(size))
    with pytest.raises(ValueError, match=f"not {size}"):
        key_pair(group).agree(bytes(size))


@every_kem
def test_numbers_beyond_the_modulus_are_no_key(group):
    good = key_pair(group).public
    check_public(group, good)
    with pytest.raises(ValueError, match="is none"):
        check_public(group, b"\xff" * 384 + good[384:])


@every_kem
def test_a_ciphertext_that_was_made_up_gives_a_secret_that_nobody_knows(group):
    ours = key_pair(group)
    made_up = bytes(SIZES[group][1])
    assert ours.agree(made_up) not in (key_pair(group).agree(made_up), bytes(32))


@every_kem
def test_a_pair_does_not_print_its_secret(group):
    ours = key_pair(group)
    assert repr(ours) == f"KemKeyPair({group.name})"
    assert repr(answering_pair(group, ours.public)) == f"KemAnswer({group.name})"


@pytest.mark.parametrize("group", [Group.MODP1024, Group.ECP256, Group.CURVE25519])
def test_the_responder_of_diffie_hellman_has_a_pair_as_any_other(group):
    ours = key_pair(group)
    theirs = answering_pair(group, ours.public)
    assert ours.agree(theirs.public) == theirs.agree(ours.public)
