"""A gateway judges clients: nobody was meant, so the certificate must vouch for the identity that is claimed."""

from __future__ import annotations

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from keys import certificate_lab as lab
from lotor.files.problems import Severity
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Trusted, Untrusted
from lotor.model.policy import Side
from lotor.trust import RemoteTrust, TrustStore
from trust.conftest import HASH_R

SUBJECT = "C=XX, O=Lab, CN=alice"


@pytest.fixture
def gateway(judging_gateway):
    return judging_gateway


@pytest.fixture(scope="session")
def alice(ca) -> lab.Holder:
    return lab.issue(ca, "alice", subject=SUBJECT, emails=("alice@example.net",), usages=lab.USER_ONLY)


def claims(kind: int, octets: bytes) -> dict:
    return {"identity": Identity(kind, octets)}


def patterns(*values: tuple[IdKind, str | None]) -> dict:
    return {"peers_identifiers": tuple(IdentityPattern(*one) for one in values)}


def test_by_the_subject(gateway, ca, alice):
    assert gateway.judge(alice, ca) == Trusted(SUBJECT)


@pytest.mark.parametrize("verify", [None, True])
@pytest.mark.parametrize(
    ("wish", "kind", "octets"),
    [
        ({"emails": ("alice@example.net",)}, IdKind.USER_FQDN, b"alice@example.net"),
        ({"dns": ("alice.example.net",)}, IdKind.FQDN, b"Alice.Example.net"),
        ({"addresses": ("10.0.0.5",)}, IdKind.IPV4_ADDR, bytes([10, 0, 0, 5])),
        ({"subject": "alice.example.net"}, IdKind.FQDN, b"alice.example.net"),
        ({"subject": "alice@example.net"}, IdKind.USER_FQDN, b"alice@example.net"),
        ({"subject": "10.0.0.5"}, IdKind.IPV4_ADDR, bytes([10, 0, 0, 5])),
    ],
)
def test_by_other_names(gateway, ca, wish, kind, octets, verify):
    holder = lab.issue(ca, "alice", **{"subject": "alice", **wish})
    assert isinstance(gateway.judge(holder, ca, proof=claims(kind, octets), verify_identifier=verify), Trusted)


@pytest.mark.parametrize("verify", [None, True])
@pytest.mark.parametrize(
    ("kind", "octets", "words"),
    [
        (IdKind.USER_FQDN, b"bob@example.net", "the client says it is user_fqdn bob@example.net, but"),
        (IdKind.FQDN, b"alice", "fqdn alice"),  # alternative names are there: the CN does not count
        (IdKind.FQDN, b"", "fqdn"),
        (IdKind.IPV4_ADDR, bytes([192, 168, 1, 5]), "address 192.168.1.5"),
        (IdKind.IPV4_ADDR, b"", "address of a wrong size"),
        (IdKind.IPV4_ADDR, bytes(5), "address of a wrong size"),
        (IdKind.DER_ASN1_DN, b"\x30\0", "asn1dn with another name than the certificate's"),
        (IdKind.KEY_ID, b"alice", "keyid tag alice"),
        (IdKind.IPV4_ADDR_SUBNET, bytes(8), "of kind 4"),
        (201, b"alice", "of kind 201"),
    ],
)
def test_who_the_certificate_does_not_vouch_for(gateway, ca, alice, kind, octets, words, verify):
    verdict = gateway.judge(alice, ca, proof=claims(kind, octets), verify_identifier=verify)
    assert isinstance(verdict, Untrusted)
    assert words in verdict.reason.text
    assert f"its certificate {SUBJECT} does not vouch for that: let it call itself" in verdict.reason.text


@pytest.mark.parametrize(
    ("wish", "kind", "octets"),
    [
        ({"subject": "."}, IdKind.FQDN, b""),
        ({"subject": "."}, IdKind.USER_FQDN, b"."),
        ({"subject": "None"}, IdKind.IPV4_ADDR, b""),
        ({"subject": "10.0.0.5", "dns": ("alice.example.net",)}, IdKind.IPV4_ADDR, bytes([10, 0, 0, 5])),
        ({"subject": "alice.example.net", "addresses": ("10.0.0.5",)}, IdKind.FQDN, b"alice.example.net"),
    ],
)
def test_names_that_only_look_alike(gateway, ca, wish, kind, octets):
    holder = lab.issue(ca, "alice", **wish)
    assert isinstance(gateway.judge(holder, ca, proof=claims(kind, octets)), Untrusted)


def test_another_users_identity(gateway, ca, alice):
    bob = lab.issue(ca, "bob", subject="C=XX, O=Lab, CN=bob")
    assert isinstance(gateway.judge(bob, ca, proof=claims(IdKind.DER_ASN1_DN, alice.subject)), Untrusted)


@pytest.mark.parametrize("kind", [IdKind.IPV4_ADDR, IdKind.KEY_ID])
def test_verify_identifier_off_accepts_what_clients_call_themselves(gateway, ca, alice, kind):
    verdict = gateway.judge(alice, ca, proof=claims(kind, b"\n\0\0\5"), verify_identifier=False)
    assert verdict == Trusted(SUBJECT)
    stranger = lab.issue(lab.authority("Foreign CA", "foreign"), "bob")
    assert isinstance(gateway.judge(stranger, ca, verify_identifier=False), Untrusted)


@pytest.mark.parametrize("verify", [None, True])
def test_patterns_of_the_block(gateway, ca, alice, verify):
    anyone = patterns((IdKind.FQDN, "other"), (IdKind.DER_ASN1_DN, "C=XX, O=Lab, CN=*"))
    bob = patterns((IdKind.DER_ASN1_DN, "C=XX, O=Lab, CN=bob"))
    assert isinstance(gateway.judge(alice, ca, **anyone, verify_identifier=verify), Trusted)
    assert gateway.judge(alice, ca, **bob, verify_identifier=verify).reason.text == (
        f"the peer says it is asn1dn {SUBJECT}, which no peers_identifier allows; if this is the right client add "
        f"'peers_identifier asn1dn \"{SUBJECT}\";'"
    )
    assert isinstance(gateway.judge(alice, ca, **bob, verify_identifier=False), Trusted)


def test_a_pattern_does_not_replace_the_certificates_word(gateway, ca, alice):
    rules = patterns((IdKind.FQDN, "carol.example.net"), (IdKind.USER_FQDN, None))
    for claim in (claims(IdKind.FQDN, b"carol.example.net"), claims(IdKind.USER_FQDN, b"carol@example.net")):
        assert "does not vouch" in gateway.judge(alice, ca, proof=claim, **rules).reason.text


def test_key_ids_are_accepted_by_a_configured_value_only(gateway, ca, alice):
    claim = claims(IdKind.KEY_ID, b"labgroup")
    assert isinstance(gateway.judge(alice, ca, proof=claim, **patterns((IdKind.KEY_ID, "labgroup"))), Trusted)
    assert "does not vouch" in gateway.judge(alice, ca, proof=claim, **patterns((IdKind.KEY_ID, None))).reason.text
    assert (
        "no peers_identifier" in gateway.judge(alice, ca, proof=claim, **patterns((IdKind.KEY_ID, "lab"))).reason.text
    )


@pytest.mark.parametrize("octets", ["gruppe-\xfc".encode(), "gruppe-\xfc".encode("latin-1")])
def test_key_ids_beyond_ascii_by_tag_and_by_file(gateway, ca, alice, octets):
    rules = patterns((IdKind.KEY_ID, "gruppe-\xfc"))
    assert isinstance(gateway.judge(alice, ca, proof=claims(IdKind.KEY_ID, octets), **rules), Trusted)
    other = claims(IdKind.KEY_ID, b"gruppe-")
    assert isinstance(gateway.judge(alice, ca, proof=other, **patterns((IdKind.KEY_ID, "gruppe-\u4e2d"))), Untrusted)


@pytest.mark.parametrize(
    ("usages", "trusted"),
    [
        ((), True),
        ((ExtendedKeyUsageOID.CLIENT_AUTH,), True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True),
        ((ExtendedKeyUsageOID.IPSEC_IKE,), True),
        ((ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH), True),
        ((ExtendedKeyUsageOID.SERVER_AUTH,), False),
        ((ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CODE_SIGNING), False),
    ],
)
@pytest.mark.parametrize("verify", [None, True, False])
def test_extended_key_usage(gateway, ca, usages, trusted, verify):
    verdict = gateway.judge(lab.issue(ca, "bob", subject="bob", usages=usages), ca, verify_identifier=verify)
    assert isinstance(verdict, Trusted) is trusted
    assert trusted or "CN=bob may not be used by a client (extended key usage lacks clientAuth)" in verdict.reason.text


@pytest.mark.parametrize(
    ("usage", "trusted"),
    [
        (None, True),
        (("digital_signature",), True),
        (("content_commitment", "key_encipherment"), True),
        (("key_encipherment",), False),
        (("key_cert_sign", "crl_sign"), False),
    ],
)
def test_key_usage(gateway, client, ca, usage, trusted):
    holder = lab.issue(ca, "bob", key_usage=usage)
    verdict = gateway.judge(holder, ca)
    assert isinstance(verdict, Trusted) is trusted
    assert (
        trusted
        or "CN=vpn.example.net may not be used to sign (key usage lacks digitalSignature)" in verdict.reason.text
    )
    assert isinstance(client.judge(holder, ca), Trusted) is trusted, "and the same for a gateway"


def test_the_host_does_not_count(gateway, ca, alice):
    assert isinstance(gateway.judge(alice, ca, proof={"host": "vpn.example.net"}), Trusted)


def test_names_of_a_subject_do_not_escape_constraints(gateway, ca):
    middle = lab.issue(ca, "middle", subject="Middle", ca=True, permitted=("staff.example.net",))
    holder = lab.issue(middle, "bob", subject="boss.example.net")
    proof = {"chain": (holder.der, middle.der)}
    assert isinstance(gateway.judge(holder, ca, proof=proof), Trusted), "its subject is its own"
    for kind, name in ((IdKind.FQDN, b"boss.example.net"), (IdKind.USER_FQDN, b"boss.example.net")):
        assert isinstance(gateway.judge(holder, ca, proof={**proof, **claims(kind, name)}), Untrusted)


def test_another_signature(gateway, ca, alice):
    proof = {"signature": lab.issue(ca, "bob").sign(HASH_R)}
    assert "signature does not fit certificate" in gateway.judge(alice, ca, proof=proof).reason.text
    assert "sent no certificate" in gateway.judge(alice, ca, proof={"chain": ()}).reason.text


def test_a_foreign_authority(gateway, ca):
    stranger = lab.issue(lab.authority("Foreign CA", "foreign"), "bob", subject="bob")
    why = gateway.judge(stranger, ca).reason.text
    assert "if this is the right client, get the certificate of its authority" in why
    assert "gateway" not in why


def test_a_pinned_client(gateway, ca, alice, tmp_path):
    (tmp_path / "alice.crt").write_bytes(alice.pem)
    rules = {"peers_certfile": tmp_path / "alice.crt"}
    assert isinstance(gateway.judge(alice, **rules), Trusted)
    assert isinstance(gateway.judge(alice, proof=claims(IdKind.IPV4_ADDR, bytes(4)), **rules), Trusted)
    assert isinstance(gateway.judge(alice, **rules, **patterns((IdKind.FQDN, "bob"))), Untrusted)
    assert "if the client has a new certificate" in gateway.judge(lab.issue(ca, "bob"), **rules).reason.text


def test_verify_cert_off(gateway, alice):
    own = lab.self_signed("bob", subject="bob")
    assert isinstance(gateway.judge(own, verify_cert=False), Trusted)
    assert isinstance(gateway.judge(own, verify_cert=False, proof=claims(IdKind.FQDN, b"x")), Trusted)
    assert isinstance(gateway.judge(own, verify_cert=False, proof={"signature": alice.sign(HASH_R)}), Untrusted)


def test_what_is_told_at_load():
    def told(**rules):
        store = TrustStore([RemoteTrust("gw", judges=True, side=Side.GATEWAY, **rules)])
        return [(one.severity, one.text) for one in store.problems]

    assert told() == [
        (Severity.ERROR, 'there is no CA certificate to check the client with: add ca_type x509 "ca.crt";')
    ]
    assert [severity for severity, text in told(verify_cert=False) if "passes for a client" in text] == [
        Severity.WARNING
    ]


# --- in TLS, inside of EAP -------------------------------------------------------------------------------------------


def shown(name: bytes = b"alice@example.net", **changes) -> dict:
    """A client that has proved its key in TLS: there is nothing signed."""
    return {**claims(IdKind.USER_FQDN, name), "signed": b"", "signature": b"", "in_tls": True, **changes}


def test_in_tls_a_certificate_that_vouches_for_the_name(gateway, ca, alice):
    assert gateway.judge(alice, ca, proof=shown()) == Trusted(SUBJECT, "alice@example.net")


@pytest.mark.parametrize("written", [b"Alice@Example.NET", b"alice@example.net.", b"ALICE@example.net"])
def test_in_tls_who_logs_in_is_written_as_in_the_certificate(gateway, ca, alice, written):
    """Else one certificate would be many users, each with sessions of its own and none with a rule of `network`."""
    assert gateway.judge(alice, ca, proof=shown(written)) == Trusted(SUBJECT, "alice@example.net")


def test_in_tls_no_certificate_is_never_a_yes(gateway, ca, alice, tmp_path):
    """Also where the block knows which one the client would have."""
    pinned = tmp_path / "pinned.crt"
    pinned.write_bytes(alice.pem)
    for rules in ({}, {"peers_certfile": pinned}, {"verify_cert": False, "verify_identifier": False}):
        verdict = gateway.judge(alice, ca, proof=shown(chain=()), **rules)
        assert isinstance(verdict, Untrusted), rules
        assert "no certificate" in verdict.reason.text


def test_in_tls_a_lenient_block_is_as_strict_as_any(gateway, ca, alice, tmp_path):
    """What is a login names its user, and an authority of ours says so."""
    stranger = lab.issue(lab.authority("Foreign CA", "foreign"), "alice", emails=("alice@example.net",))
    lenient = {"verify_cert": False, "verify_identifier": False}
    assert isinstance(gateway.judge(stranger, ca, proof=shown(), **lenient), Untrusted)
    assert isinstance(gateway.judge(alice, ca, proof=shown(b"bob@example.net"), **lenient), Untrusted)
    assert isinstance(gateway.judge(alice, ca, proof=shown(), **lenient), Trusted)
    pinned = tmp_path / "pinned.crt"
    pinned.write_bytes(alice.pem)
    assert isinstance(gateway.judge(alice, proof=shown(b"bob@example.net"), peers_certfile=pinned), Untrusted)
    assert isinstance(gateway.judge(stranger, proof=shown(), peers_certfile=pinned), Untrusted)
    assert isinstance(gateway.judge(alice, proof=shown(), peers_certfile=pinned), Trusted)


def test_in_tls_a_certificate_of_a_server_or_an_authority_is_no_persons(gateway, ca):
    server = lab.issue(ca, "alice", emails=("alice@example.net",), usages=[ExtendedKeyUsageOID.SERVER_AUTH])
    assert isinstance(gateway.judge(server, ca, proof=shown()), Untrusted)
    assert isinstance(gateway.judge(ca, ca, proof=shown()), Untrusted)


def test_a_signature_is_judged_outside_of_tls_all_the_same(gateway, ca, alice):
    assert isinstance(gateway.judge(alice, ca, proof=shown(in_tls=False)), Untrusted)
