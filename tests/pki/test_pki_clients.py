"""A gateway's certificate is judged as each kind of client judges it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from keys import certificate_lab as lab
from lotor.crypto.x509.received import parse_certificate
from lotor.pki.clients import judged, judged_together

AUTHORITY = lab.authority()
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
GOOD = {"dns": ("vpn.example.net",), "usages": SERVER}


def told(*names: str, more: int = 0, versions: tuple[int, ...] = (1,), **wish: object) -> set[tuple[str, bool, str]]:
    leaf = parse_certificate(lab.issue(AUTHORITY, **{**GOOD, **wish}).der)
    chain = (leaf, *([parse_certificate(AUTHORITY.der)] * more))
    return {(each.client, each.refuses, each.text) for each in judged(chain, names, lab.NOW, versions)}


def refused_by(found: set[tuple[str, bool, str]]) -> set[str]:
    return {client for client, refuses, _ in found if refuses}


def test_nobody_has_anything_against_a_good_one():
    assert told("vpn.example.net") == set()
    assert told() == set()
    assert told("office.example.net", dns=("*.example.net",)) == set()


@pytest.mark.parametrize(
    ("wish", "clients", "text"),
    [
        ({"usages": ()}, {"Apple", "Windows"}, "extended key usage does not say serverAuth"),
        ({"usages": (ExtendedKeyUsageOID.CLIENT_AUTH,)}, {"Apple", "Windows"}, "does not say serverAuth"),
        ({"dns": ()}, {"Apple"}, "the common name does not count"),
        ({"private": ec.generate_private_key(ec.SECP256R1())}, {"Apple", "vpnc"}, "the key is not RSA"),
        ({"private": ec.generate_private_key(ec.SECP521R1())}, {"Apple", "vpnc", "Windows"}, "P-256 or P-384"),
        ({"private": lab.key("short", 1024)}, {"Apple"}, "the key has 1024 bits: 2048 are needed"),
        ({"end": lab.NOW + timedelta(days=900)}, {"Apple"}, "valid for 930 days: more than 825 are refused"),
        ({"end": lab.NOW + timedelta(days=500)}, set(), "a public authority may give 398, your own more"),
        ({"end": lab.NOW + timedelta(days=29, hours=1)}, set(), "in 29 days: make a new one"),
        ({"end": lab.NOW - timedelta(days=1)}, {"everybody"}, "expired on"),
        ({"start": lab.NOW + timedelta(days=1)}, {"everybody"}, "is the clock right?"),
    ],
)
def test_what_clients_refuse(wish, clients, text):
    found = told(**wish)
    assert refused_by(found) == clients
    assert any(text in said for _, _, said in found)


def test_a_name_that_is_not_in_it():
    found = told("other.example.net")
    assert refused_by(found) == {"Apple", "Windows", "strongSwan"}
    assert {text for _, _, text in found} == {"other.example.net is not in it, as which the gateway is known here"}


def test_windows_wants_addresses_among_the_host_names():
    found = told("192.0.2.50", addresses=("192.0.2.50",))
    assert [(client, refuses) for client, refuses, _ in found] == [("Windows", False)]
    assert told("192.0.2.50", addresses=("192.0.2.50",), dns=("vpn.example.net", "192.0.2.50")) == set()


def test_vpnc_takes_one_certificate():
    assert {(client, refuses) for client, refuses, _ in told(more=1)} == {("vpnc", False)}


ELLIPTIC = {"private": ec.generate_private_key(ec.SECP256R1())}


@pytest.mark.parametrize(
    ("versions", "refused", "minded"),
    [((1,), {"Apple", "vpnc"}, set()), ((2, 1), {"vpnc"}, {"Apple"}), ((2,), set(), {"Apple"})],
)
def test_a_key_of_ecdsa_by_the_versions_of_ike(versions, refused, minded):
    """Apple's clients of IKEv2 take one where a profile says so."""
    found = told(versions=versions, **ELLIPTIC)
    assert refused_by(found) == refused
    assert {client for client, refuses, _ in found if not refuses} == minded


def test_android_comes_by_ikev2_and_vpnc_does_not():
    found = told("other.example.net", more=1, versions=(2,))
    assert refused_by(found) == {"Apple", "Windows", "Android", "strongSwan"}
    assert "vpnc" not in {client for client, _, _ in found}


def beside(*wishes: dict, versions: tuple[int, ...] = (1, 2)) -> list[tuple[str, bool, str]]:
    """Of several certificates in one block."""
    chains = [(parse_certificate(lab.issue(AUTHORITY, **{**GOOD, **wish}).der),) for wish in wishes]
    found = judged_together(chains, ("vpn.example.net",), lab.NOW, versions)
    return [(each.client, each.refuses, each.text) for each in found]


ELLIPTIC = {"private": ec.generate_private_key(ec.SECP256R1())}


def test_nobody_has_anything_against_a_curve_beside_rsa():
    assert beside({}, ELLIPTIC) == []
    assert beside(ELLIPTIC, {}, versions=(1,)) == []
    assert beside(ELLIPTIC) != []


def test_a_curve_before_rsa_is_for_profiles_to_know():
    assert [each[:2] for each in beside(ELLIPTIC, {}, versions=(2,))] == [("Apple", False)]


def test_what_is_wrong_with_either_is_told():
    found = beside({}, {**ELLIPTIC, "dns": ("other.example.net",)})
    assert {client for client, _, _ in found} == {"Apple", "Windows", "Android", "strongSwan"}
    assert beside({**ELLIPTIC, "end": lab.NOW - timedelta(days=1)}, {})[0][0] == "everybody"
    assert len(beside({"usages": ()}, {**ELLIPTIC, "usages": ()})) == 2
