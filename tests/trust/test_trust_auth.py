"""AUTH of IKEv2 is judged: keys of every kind, schemes, and the identity that a peer shows."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from keys import certificate_lab as lab
from lotor.crypto.certificates import IKE_INTERMEDIATE
from lotor.crypto.signatures import schemes_of, sign
from lotor.model.algorithms import SignatureScheme
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import PeerProof, Trusted, Untrusted
from lotor.model.policy import Side
from trust.conftest import ADDRESS

OCTETS = b"octets of AUTH"
NAME = "vpn.example.net"
OWN = Identity(IdKind.FQDN, NAME.encode())
KEYS = {
    "rsa": lab.key("v2"),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
SIGNED = [(kind, scheme) for kind, key in KEYS.items() for scheme in schemes_of(key)]


def holder_of(ca, private, **wish) -> lab.Holder:
    return lab.issue(ca, private=private, **{"dns": (NAME,), "addresses": (ADDRESS,), **wish})


def proof(holder: lab.Holder, scheme: SignatureScheme | None = None, **changes) -> PeerProof:
    """A gateway's; signed by `scheme`, or the key's usual one."""
    scheme = scheme or schemes_of(holder.private)[0]
    fields = {
        "remote": "gw",
        "chain": (holder.der,),
        "identity": OWN,
        "signed": OCTETS,
        "address": ip_address(ADDRESS),
        "host": NAME,
        "scheme": scheme,
        "signature": sign(holder.private, scheme, OCTETS),
    }
    return PeerProof(**{**fields, **changes})


def judged(engine, ca, holder, scheme=None, rules=None, **changes):
    return engine.store(ca, **(rules or {})).judge(proof(holder, scheme, **changes))


@pytest.mark.parametrize(("kind", "scheme"), SIGNED)
def test_every_key_proves_by_every_scheme(client, ca, kind, scheme):
    holder = holder_of(ca, KEYS[kind])
    assert isinstance(judged(client, ca, holder, scheme), Trusted)
    verdict = judged(client, ca, holder, scheme, signed=OCTETS + b"\0")
    assert "signature does not fit" in verdict.reason.text


@pytest.mark.parametrize(("kind", "scheme"), SIGNED)
def test_a_signature_counts_under_its_own_scheme_alone(client, ca, kind, scheme):
    """But of method 1 any hash counts."""
    holder, store = holder_of(ca, KEYS[kind]), client.store(ca)
    signature = sign(KEYS[kind], scheme, OCTETS)
    others = set(SignatureScheme) - {scheme, SignatureScheme.RSA_SHA1}
    verdicts = [store.judge(named(holder, scheme=each, signature=signature)) for each in others]
    assert {type(each) for each in verdicts} == {Untrusted}


def named(holder, **claimed) -> PeerProof:
    """A signature under the name of any scheme."""
    return PeerProof("gw", (holder.der,), OWN, OCTETS, address=ip_address(ADDRESS), host=NAME, **claimed)


def test_a_signature_of_another_key_is_refused(client, ca):
    holder = holder_of(ca, KEYS["p256"])
    other = sign(ec.generate_private_key(ec.SECP256R1()), SignatureScheme.ECDSA_SHA256, OCTETS)
    assert isinstance(judged(client, ca, holder, signature=other), Untrusted)


@pytest.mark.parametrize(
    ("private", "words"),
    [
        (rsa.generate_private_key(65537, 1024), "1024 bits, which is too weak"),
        (rsa.generate_private_key(3, 2048), "exponent 3"),
    ],
)
def test_weak_rsa_keys_are_refused_as_in_ikev1(client, ca, private, words):
    assert words in judged(client, ca, holder_of(ca, private)).reason.text


def test_keys_that_nobody_computes_with_are_told(client, ca):
    holder = holder_of(ca, ed448.Ed448PrivateKey.generate())
    claimed = {"signature": b"s" * 114, "scheme": SignatureScheme.ED25519}
    verdict = client.store(ca).judge(named(holder, **claimed))
    assert "neither RSA nor ECDSA nor Ed25519" in verdict.reason.text
    curve = holder_of(ca, ec.generate_private_key(ec.SECP256K1()))
    verdict = client.store(ca).judge(named(curve, signature=b"s" * 70, scheme=SignatureScheme.ECDSA_SHA256))
    assert "secp256k1" in verdict.reason.text


# --- the gateway's name and its IDr ----------------------------------------------------------------------------------

SHOWN = {
    "the name that was dialled": OWN,
    "another name of the certificate": Identity(IdKind.FQDN, b"gw.example.net"),
    "its address": Identity(IdKind.IPV4_ADDR, ip_address(ADDRESS).packed),
    "a person's": Identity(IdKind.USER_FQDN, b"vpn@example.net"),
}


@pytest.mark.parametrize("shown", SHOWN)
def test_identities_that_the_certificate_vouches_for(client, ca, shown):
    holder = holder_of(ca, KEYS["p256"], dns=(NAME, "gw.example.net"), emails=("vpn@example.net",))
    assert isinstance(judged(client, ca, holder, identity=SHOWN[shown]), Trusted)
    subject = Identity(IdKind.DER_ASN1_DN, holder.subject)
    assert isinstance(judged(client, ca, holder, identity=subject), Trusted)


NOT_SHOWN = {
    "another name": Identity(IdKind.FQDN, b"evil.example.net"),
    "an inner address": Identity(IdKind.IPV4_ADDR, bytes([10, 0, 0, 1])),
    "another subject": Identity(IdKind.DER_ASN1_DN, b"\x30\0"),
    "a key id": Identity(IdKind.KEY_ID, NAME.encode()),
    "nothing": Identity(IdKind.FQDN, b""),
    "an unknown kind": Identity(201, NAME.encode()),
}


@pytest.mark.parametrize("shown", NOT_SHOWN)
def test_identities_that_nobody_vouches_for(client, ca, shown):
    holder = holder_of(ca, KEYS["p256"])
    verdict = judged(client, ca, holder, identity=NOT_SHOWN[shown])
    assert isinstance(verdict, Untrusted)
    assert isinstance(
        judged(client, ca, holder, identity=NOT_SHOWN[shown], rules={"verify_identifier": False}), Trusted
    )


def test_a_wildcard_vouches_for_the_name_that_it_covers(client, ca):
    holder = holder_of(ca, KEYS["rsa"], dns=("*.example.net",))
    assert isinstance(judged(client, ca, holder), Trusted)
    deeper = Identity(IdKind.FQDN, b"a.vpn.example.net")
    assert isinstance(judged(client, ca, holder, identity=deeper), Untrusted)


def test_the_certificate_names_who_was_meant_whatever_it_shows(client, ca):
    """Of a gateway of the same authority that passes itself off for the dialled one."""
    holder = holder_of(ca, KEYS["p256"], dns=("other.example.net",), addresses=())
    for shown in (OWN, Identity(IdKind.FQDN, b"other.example.net")):
        assert isinstance(judged(client, ca, holder, identity=shown), Untrusted)
    assert isinstance(judged(client, ca, holder, identity=shown, host="other.example.net"), Trusted)


def test_a_key_id_counts_where_the_configuration_names_it(client, ca):
    holder, shown = holder_of(ca, KEYS["p256"]), Identity(IdKind.KEY_ID, b"branch")
    rules = {"verify_identifier": True, "peers_identifiers": (IdentityPattern(IdKind.KEY_ID, "branch"),)}
    assert isinstance(judged(client, ca, holder, identity=shown, rules=rules), Trusted)
    other = {**rules, "peers_identifiers": (IdentityPattern(IdKind.KEY_ID, "other"),)}
    assert isinstance(judged(client, ca, holder, identity=shown, rules=other), Untrusted)


@pytest.mark.parametrize(
    ("usages", "verdict"),
    [
        ((ExtendedKeyUsageOID.SERVER_AUTH,), Trusted),
        ((IKE_INTERMEDIATE,), Trusted),
        ((ExtendedKeyUsageOID.CLIENT_AUTH,), Untrusted),
        ((ExtendedKeyUsageOID.CODE_SIGNING,), Untrusted),
    ],
)
def test_a_gateway_has_the_usage_of_one(client, ca, usages, verdict):
    assert type(judged(client, ca, holder_of(ca, KEYS["ed25519"], usages=usages))) is verdict


def test_dates_and_authorities_count_as_in_ikev1(client, ca):
    late = holder_of(ca, KEYS["ed25519"], end=lab.NOW - (lab.Wish().end - lab.NOW) / 30)
    assert "expired" in judged(client, ca, late).reason.text
    stranger = holder_of(lab.authority("Other CA", "other"), KEYS["p384"])
    assert isinstance(judged(client, ca, stranger), Untrusted)


def test_a_pinned_certificate_needs_no_name(client, ca, tmp_path):
    holder = holder_of(ca, KEYS["ed25519"], dns=("other.example.net",))
    (tmp_path / "peer.crt").write_bytes(holder.pem)
    rules = {"peers_certfile": tmp_path / "peer.crt", "ecdsa": None}
    store = client.store(**rules)
    assert store.problems == ()
    assert isinstance(store.judge(proof(holder)), Trusted)
    assert isinstance(store.judge(proof(holder_of(ca, KEYS["p256"]))), Untrusted)


# --- a gateway judges clients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KEYS)
def test_a_client_is_who_its_certificate_vouches_for(judging_gateway, ca, kind):
    usages = (ExtendedKeyUsageOID.CLIENT_AUTH,)
    alice = holder_of(
        ca, KEYS[kind], subject="alice", dns=(), addresses=(), emails=("alice@example.net",), usages=usages
    )
    rules = {"side": Side.GATEWAY}
    claims = {"client": True, "host": None, "address": ip_address("198.51.100.1"), "rules": rules}
    for identity in (Identity(IdKind.USER_FQDN, b"alice@example.net"), Identity(IdKind.DER_ASN1_DN, alice.subject)):
        assert isinstance(judged(judging_gateway, ca, alice, identity=identity, **claims), Trusted)
    for identity in (Identity(IdKind.USER_FQDN, b"bob@example.net"), Identity(IdKind.IPV4_ADDR, bytes(4))):
        assert isinstance(judged(judging_gateway, ca, alice, identity=identity, **claims), Untrusted)
    gateway = holder_of(ca, KEYS[kind], usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
    assert "usage" in judged(judging_gateway, ca, gateway, **claims).reason.text


def test_in_tls_a_gateway_is_judged_as_in_ike(client, ca):
    """Its certificate names whom the person meant, and what the gateway calls itself (RFC 5998: only there)."""
    in_tls = {"in_tls": True, "scheme": None, "signed": b"", "signature": b""}
    holder = holder_of(ca, KEYS["p256"])
    assert isinstance(judged(client, ca, holder, **in_tls), Trusted)
    for wrong in (
        {"identity": Identity(IdKind.FQDN, b"evil.example.net")},
        {"host": "other.example.net"},
        {"chain": ()},
    ):
        assert isinstance(judged(client, ca, holder, **in_tls, **wrong), Untrusted), wrong
    stranger = holder_of(lab.authority("Foreign CA", "foreign"), KEYS["p256"])
    assert isinstance(judged(client, ca, stranger, **in_tls), Untrusted)


IN_TLS = {"in_tls": True, "scheme": None, "signed": b"", "signature": b""}
RADIUS = {"rules": {"server": "radius.example.net"}}


def test_in_tls_a_server_behind_the_gateway_needs_the_name_that_the_file_gives_it(client, ca, tmp_path):
    """Whatever the gateway is called, and whichever certificate of the gateway is pinned; in IKE it is no gateway."""
    radius = holder_of(ca, KEYS["p256"], dns=("radius.example.net",))
    assert isinstance(judged(client, ca, radius, **IN_TLS, **RADIUS), Trusted)
    refused = judged(client, ca, radius, **IN_TLS)
    assert refused.reason.text == "its certificate names radius.example.net, 192.0.2.50, not vpn.example.net"
    gateway = holder_of(ca, KEYS["p256"])
    refused = judged(client, ca, gateway, **IN_TLS, **RADIUS)
    assert refused.reason.text == "its certificate names vpn.example.net, 192.0.2.50, not radius.example.net"
    assert isinstance(judged(client, ca, radius, **RADIUS), Untrusted)
    assert isinstance(judged(client, ca, gateway, **RADIUS), Trusted)
    pinned = tmp_path / "pinned.crt"
    pinned.write_bytes(gateway.pem)
    rules = {"rules": {**RADIUS["rules"], "peers_certfile": pinned}}
    assert isinstance(judged(client, ca, radius, **IN_TLS, **rules), Trusted)
    assert isinstance(judged(client, ca, gateway, **IN_TLS, **rules), Untrusted)


@pytest.mark.parametrize("rules", [{}, {"verify_identifier": False}, {"verify_identifier": True}])
def test_in_tls_such_a_server_needs_an_authority_and_the_usage_of_one(client, ca, rules):
    wanted = {"rules": {**RADIUS["rules"], **rules}}
    named = {"dns": ("radius.example.net",)}
    stranger = holder_of(lab.authority("Foreign CA", "foreign"), KEYS["p256"], **named)
    assert isinstance(judged(client, ca, stranger, **IN_TLS, **wanted), Untrusted)
    assert isinstance(judged(client, ca, holder_of(ca, KEYS["p256"], **named), **IN_TLS, **wanted), Trusted)
    other = holder_of(ca, KEYS["p256"], dns=("evil.example.net",))
    assert isinstance(judged(client, ca, other, **IN_TLS, **wanted), Untrusted)
    persons = holder_of(ca, KEYS["p256"], **named, usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    if rules.get("verify_identifier") is not False:
        assert isinstance(judged(client, ca, persons, **IN_TLS, **wanted), Untrusted)
