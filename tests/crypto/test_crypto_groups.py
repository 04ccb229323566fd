"""MODP groups: the primes, the agreement of recorded handshakes, and refusals of bad public values."""

from __future__ import annotations

import pytest
from scapy.layers.tls.crypto import groups as scapy_groups

import recordings
from lotor.crypto.groups import key_pair
from lotor.crypto.modp import GROUPS, octets, prime
from lotor.model.algorithms import Group


@pytest.mark.parametrize("group", GROUPS)
def test_the_primes_are_those_that_others_wrote_down(group):
    theirs = getattr(scapy_groups, group.name.lower())
    assert prime(group) == theirs.m
    assert theirs.g == 2
    assert prime(group).bit_length() == 8 * octets(group) == int(group.name[4:])


@pytest.mark.parametrize("group", [group for group in GROUPS if octets(group) <= 512])
def test_the_primes_are_safe_primes(group):
    half = (prime(group) - 1) // 2
    assert pow(3, half - 1, half) == 1
    assert pow(3, prime(group) - 1, prime(group)) == 1


@pytest.mark.parametrize("name", recordings.NAMES)
def test_recorded_handshakes_agree(name):
    sas = recordings.load(name)["ike_sas"]
    assert sas
    for sa in sas:
        group = Group(sa["attributes"]["GROUP"])
        publics = [bytes.fromhex(sa[f"ke_{side}"]) for side in "ir"]
        pairs = [key_pair(group, int(sa[f"dh_private_{side}"], 16)) for side in "ir"]
        assert [pair.public for pair in pairs] == publics
        assert pairs[0].agree(publics[1]).hex() == sa["gxy"]
        assert pairs[1].agree(publics[0]).hex() == sa["gxy"]


@pytest.mark.parametrize("group", GROUPS)
def test_fresh_pairs_agree(group):
    ours, theirs = key_pair(group), key_pair(group)
    assert ours.public != theirs.public
    assert len(ours.public) == octets(group)
    assert ours.agree(theirs.public) == theirs.agree(ours.public)


def test_fresh_exponents_are_as_long_as_the_group_is_strong_and_differ():
    exponents = {key_pair(Group.MODP2048)._private for _ in range(20)}
    assert len(exponents) == 20
    assert {len(exponent) for exponent in exponents} == {40}


@pytest.mark.parametrize("group", GROUPS)
def test_the_native_exponentiation_is_the_one_of_the_interpreter(group):
    ours, theirs = key_pair(group), key_pair(group)
    private, public = (int.from_bytes(octets, "big") for octets in (ours._private, theirs.public))
    assert ours.public == pow(2, private, prime(group)).to_bytes(octets(group), "big")
    assert ours.agree(theirs.public) == pow(public, private, prime(group)).to_bytes(octets(group), "big")


def test_a_known_exponent_may_be_longer_than_ours():
    private = prime(Group.MODP1024) - 2
    assert key_pair(Group.MODP1024, private).public == pow(2, private, prime(Group.MODP1024)).to_bytes(128, "big")


def test_short_values_are_padded():
    pair = key_pair(Group.MODP1024, 5)
    assert pair.public == bytes(127) + b"\x20"
    assert pair.agree(bytes(127) + b"\2") == bytes(127) + b"\x20"


@pytest.mark.parametrize("group", [Group.MODP1024, Group.MODP2048])
def test_values_outside_2_to_p_minus_2_are_refused(group):
    pair, size, p = key_pair(group), octets(group), prime(group)
    for value in (0, 1, p - 1, p, p + 1, 2 ** (8 * size) - 1):
        with pytest.raises(ValueError, match=r"not in 2\.\.p-2"):
            pair.agree(value.to_bytes(size, "big"))
    assert pair.agree((p - 2).to_bytes(size, "big"))


@pytest.mark.parametrize("size", [0, 1, 127, 129, 256, 60000])
def test_values_of_another_length_are_refused(size):
    with pytest.raises(ValueError, match=f"has 128 octets, not {size}"):
        key_pair(Group.MODP1024).agree(b"\2" * size)


@pytest.mark.parametrize("private", [-1, 0, 1, prime(Group.MODP1024) - 1, prime(Group.MODP1024)])
def test_private_exponents_outside_the_range_are_refused(private):
    with pytest.raises(ValueError, match="private exponent"):
        key_pair(Group.MODP1024, private)


def test_a_pair_does_not_print_its_exponent():
    assert repr(key_pair(Group.MODP1024, 0xABCDEF)) == "ModpKeyPair(MODP1024)"
