"""The certificate must name the gateway that the person meant, before a password goes anywhere (CVE-2015-4171)."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from keys import certificate_lab as lab
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Trusted, Untrusted
from lotor.trust.distinguished import configured_form, name_matches

SUBJECT = "C=XX, O=Lab, CN=vpn.example.net"


def pattern(kind: IdKind, value: str | None) -> dict:
    return {"peers_identifiers": (IdentityPattern(kind, value),), "verify_identifier": True}


@pytest.mark.parametrize(
    ("wish", "host"),
    [
        ({"dns": ("vpn.example.net",)}, "vpn.example.net"),
        ({"dns": ("VPN.Example.NET",)}, "vpn.example.net."),
        ({"dns": ("*.example.net",)}, "vpn.example.net"),
        ({"addresses": ("192.0.2.50",)}, None),
        ({"addresses": ("192.0.2.50",)}, "192.0.2.50"),
        ({"subject": "vpn.example.net"}, "vpn.example.net"),
        ({"subject": "192.0.2.50"}, None),
        ({"dns": ("xn--bcher-kva.example",)}, "bücher.example"),
    ],
)
def test_names_that_fit(client, ca, wish, host):
    assert isinstance(client.judge(lab.issue(ca, **wish), ca, proof={"host": host}), Trusted)


@pytest.mark.parametrize(
    ("wish", "host"),
    [
        ({"dns": ("other.example.net",)}, "vpn.example.net"),
        ({"subject": "vpn.example.net", "dns": ("other.example.net",)}, "vpn.example.net"),
        ({"subject": "vpn.example.net", "emails": ("vpn@example.net",)}, "vpn.example.net"),
        ({"subject": "192.0.2.50", "dns": ("vpn.example.net",)}, None),
        ({"dns": ("192.0.2.50",)}, None),
        ({"subject": "*.0.2.50"}, None),
        ({"subject": "*.0.2.50"}, "192.0.2.50"),
        ({"subject": "*.2.50"}, None),
        ({"dns": ("*.example.net",)}, "a.vpn.example.net"),
        ({"dns": ("*.example.net",)}, "example.net"),
        ({"dns": ("*.net",)}, "example.net"),
        ({"dns": ("v*.example.net",)}, "vpn.example.net"),
        ({"dns": ("*.*.net",)}, "vpn.example.net"),
        ({"addresses": ("192.0.2.51",)}, None),
        ({"addresses": ("192.0.2.50",)}, "vpn.example.net"),
        ({"subject": "vpn.example.net.evil.example"}, "vpn.example.net"),
        ({"subject": "CN=mallory, CN=vpn.example.net"}, "vpn.example.net"),
    ],
)
def test_names_that_do_not_fit(client, ca, wish, host):
    verdict = client.judge(lab.issue(ca, **wish), ca, proof={"host": host})
    assert isinstance(verdict, Untrusted)
    assert f"not {host or '192.0.2.50'}; if this is the right gateway add" in verdict.reason.text


@pytest.mark.parametrize("subject", ["vpn.example.net\0.evil.example", "vpn.example.net\0"])
def test_nul_in_the_common_name(client, ca, subject):
    verdict = client.judge(lab.issue(ca, subject=subject), ca)
    assert isinstance(verdict, Untrusted)
    assert "\0" not in verdict.reason.text


def test_what_a_proved_gateway_called_another_one_is_a_name_of_it(client, ca):
    """Beside the name that was meant, which it may show as well; anything else it may not, nor of another authority."""
    other = lab.issue(ca, dns=("gw2.example.net",))
    assert isinstance(client.judge(other, ca, proof={"vouched": "gw2.example.net"}), Trusted)
    assert isinstance(client.judge(other, ca, proof={"vouched": ""}), Untrusted)
    assert isinstance(client.judge(other, ca, proof={"vouched": "gw3.example.net"}), Untrusted)
    assert isinstance(client.judge(other, ca, proof={"vouched": "192.0.2.60"}), Untrusted)
    meant = lab.issue(ca, dns=("vpn.example.net",))
    assert isinstance(client.judge(meant, ca, proof={"vouched": "gw2.example.net"}), Trusted)
    there = lab.issue(ca, addresses=("192.0.2.60",))
    assert isinstance(client.judge(there, ca, proof={"vouched": "192.0.2.60"}), Trusted)
    rules = pattern(IdKind.FQDN, "gw1.example.net")
    assert isinstance(client.judge(other, ca, proof={"vouched": "gw2.example.net"}, **rules), Untrusted)


def test_another_users_certificate_of_the_same_authority(client, ca):
    user = lab.issue(ca, "user", subject="client1")
    why = client.judge(user, ca, proof={"host": None}).reason.text
    assert why == (
        "certificate names client1, not 192.0.2.50; if this is the right gateway add "
        "'peers_identifier asn1dn \"CN=client1\"; verify_identifier on;' or "
        "'peers_certfile x509 \"FILE\";' to the remote block"
    )


def test_a_users_certificate_with_the_gateways_identity_payload(client, ca, gateway):
    user = lab.issue(ca, "user", subject="client1")
    theirs = {"identity": Identity(IdKind.DER_ASN1_DN, gateway.subject)}
    assert isinstance(client.judge(user, ca, proof=theirs), Untrusted)
    assert isinstance(
        client.judge(user, ca, proof=theirs, **pattern(IdKind.DER_ASN1_DN, "CN=vpn.example.net")), Untrusted
    )


def test_a_certificate_for_users_only_is_no_gateways(client, ca):
    user = lab.issue(ca, dns=("vpn.example.net",), usages=lab.USER_ONLY)
    assert "serverAuth" in client.judge(user, ca).reason.text
    assert isinstance(client.judge(lab.issue(ca, dns=("vpn.example.net",), usages=lab.GATEWAY), ca), Trusted)


def test_the_address_of_the_block_counts_beside_the_typed_name(client, ca):
    gateway = lab.issue(ca, addresses=("192.0.2.50",))
    assert isinstance(client.judge(gateway, ca, address=ip_address("192.0.2.50")), Trusted)
    assert isinstance(client.judge(gateway, ca, address=ip_address("192.0.2.51")), Untrusted)


def test_the_advised_line_helps(client, ca):
    """Whatever the error names to add makes the connection work."""
    gateway = lab.issue(ca, subject=SUBJECT)
    proof = {"host": "gw.example.org"}
    advice = client.judge(gateway, ca, proof=proof).reason.text
    assert f'peers_identifier asn1dn "{SUBJECT}"; verify_identifier on;' in advice
    assert isinstance(client.judge(gateway, ca, proof=proof, **pattern(IdKind.DER_ASN1_DN, SUBJECT)), Trusted)


def test_the_advice_follows_the_identity_that_the_gateway_sends(client, ca):
    gateway = lab.issue(ca, dns=("gw.example.org",), addresses=("198.51.100.2",), emails=("vpn@example.org",))
    for kind, octets, words in (
        (IdKind.FQDN, b"gw.example.org", 'peers_identifier fqdn "gw.example.org";'),
        (IdKind.USER_FQDN, b"vpn@example.org", 'peers_identifier user_fqdn "vpn@example.org";'),
        (IdKind.IPV4_ADDR, bytes([198, 51, 100, 2]), "peers_identifier address 198.51.100.2;"),
    ):
        proof = {"identity": Identity(kind, octets)}
        assert words in client.judge(gateway, ca, proof=proof).reason.text
        value = octets.decode() if kind != IdKind.IPV4_ADDR else "198.51.100.2"
        assert isinstance(client.judge(gateway, ca, proof=proof, **pattern(kind, value)), Trusted)


def test_no_pattern_is_advised_for_an_identity_that_is_not_certified(client, ca):
    gateway = lab.issue(ca, dns=("gw.example.org",))
    why = client.judge(gateway, ca, proof={"identity": Identity(IdKind.FQDN, b"other.example.org")}).reason.text
    assert "peers_identifier" not in why
    assert "peers_certfile" in why


@pytest.mark.parametrize(
    ("kind", "octets", "value"),
    [
        (IdKind.FQDN, b"vpn.example.org", "vpn.example.org"),
        (IdKind.USER_FQDN, b"root@example.net", "root@example.net"),
        (IdKind.IPV4_ADDR, bytes([192, 0, 2, 50]), "192.0.2.50"),
    ],
)
def test_a_matching_identity_must_be_in_the_certificate(client, ca, kind, octets, value):
    user = lab.issue(ca, "user", subject="client1")
    verdict = client.judge(user, ca, proof={"identity": Identity(kind, octets)}, **pattern(kind, value))
    assert "does not vouch" in verdict.reason.text


def test_an_identity_that_no_pattern_allows(client, ca, gateway):
    verdict = client.judge(gateway, ca, **pattern(IdKind.FQDN, "vpn.example.net"))
    assert "no peers_identifier allows; if this is the right gateway change it to" in verdict.reason.text
    assert 'peers_identifier asn1dn "CN=vpn.example.net";' in verdict.reason.text


@pytest.mark.parametrize("kind", [IdKind.DER_ASN1_DN, IdKind.FQDN])
def test_a_pattern_without_a_value_does_not_replace_the_gateways_name(client, ca, kind):
    user = lab.issue(ca, "user", dns=("client1.example.net",))
    proof = {"identity": Identity(kind, user.subject if kind == IdKind.DER_ASN1_DN else b"client1.example.net")}
    assert "not vpn.example.net" in client.judge(user, ca, proof=proof, **pattern(kind, None)).reason.text


def test_a_key_id_does_not_replace_the_gateways_name(client, ca, gateway):
    proof = {"identity": Identity(IdKind.KEY_ID, b"labgroup")}
    rules = pattern(IdKind.KEY_ID, "labgroup")
    assert isinstance(client.judge(gateway, ca, proof=proof, **rules), Trusted)
    user = lab.issue(ca, "user", subject="client1")
    assert "not vpn.example.net" in client.judge(user, ca, proof=proof, **rules).reason.text


def test_patterns_count_only_with_verify_identifier_on(client, ca):
    user = lab.issue(ca, "user", subject="client1")
    rules = {**pattern(IdKind.DER_ASN1_DN, "CN=client1"), "verify_identifier": None}
    assert "verify_identifier on" in client.judge(user, ca, **rules).reason.text


def test_verify_identifier_off_leaves_the_chain(client, ca):
    user = lab.issue(ca, "user", subject="client1")
    assert isinstance(client.judge(user, ca, verify_identifier=False), Trusted)
    foreign = lab.issue(lab.authority("Foreign CA", "foreign"))
    assert isinstance(client.judge(foreign, ca, verify_identifier=False), Untrusted)


def test_verify_identifier_on_without_patterns_binds_identity_and_name(client, ca, gateway):
    assert isinstance(client.judge(gateway, ca, verify_identifier=True), Trusted)
    proof = {"identity": Identity(IdKind.FQDN, b"other.example.net")}
    assert "does not vouch" in client.judge(gateway, ca, proof=proof, verify_identifier=True).reason.text


def test_pinned(client, tmp_path, ca, gateway):
    (tmp_path / "pin.pem").write_bytes(gateway.pem)
    rules = {"peers_certfile": tmp_path / "pin.pem"}
    other_host = {"host": "anything.example"}
    assert isinstance(client.judge(gateway, proof=other_host, **rules), Trusted)
    assert isinstance(client.judge(gateway, proof={**other_host, "chain": ()}, **rules), Trusted)
    renewed = lab.issue(ca, dns=("vpn.example.net",))
    assert "is not the one in" in client.judge(renewed, ca, **rules).reason.text


def test_a_self_signed_certificate_can_be_pinned_while_it_is_valid(client, tmp_path):
    from datetime import timedelta

    gateway = lab.self_signed()
    (tmp_path / "pin.pem").write_bytes(gateway.pem)
    assert isinstance(client.judge(gateway, peers_certfile=tmp_path / "pin.pem"), Trusted)
    old = lab.self_signed(end=lab.NOW - timedelta(days=1))
    (tmp_path / "old.pem").write_bytes(old.pem)
    assert "expired" in client.judge(old, peers_certfile=tmp_path / "old.pem").reason.text


def test_hostile_names_are_cleaned(client, ca):
    hostile = lab.issue(ca, "user", subject="\x1b[31mred\n; rm -rf / #\x07\"'")
    why = client.judge(hostile, ca).reason.text
    assert why.isprintable()
    assert "asn1dn" not in why


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("C=XX, O=Lab, CN=vpn.example.net", True),
        ("CN=vpn.example.net,O=Lab,C=XX", True),
        ("/C=XX/O=Lab/CN=vpn.example.net", True),
        ("c=xx, o=LAB, cn=VPN.example.net", True),
        ("C=*, O=*, CN=vpn.example.net", True),
        ("C=XX, O=Lab, CN=*", True),
        ("CN=vpn.example.net", False),
        ("C=XX, O=Lab, CN=vpn", False),
        ("C=XX, CN=vpn.example.net, O=Lab", False),
        ("C=XX, O=Lab, OU=*, CN=vpn.example.net", False),
    ],
)
def test_distinguished_names(ca, text, fits):
    from lotor.crypto.x509.received import parse_certificate

    certificate = parse_certificate(lab.issue(ca, subject=SUBJECT).der)
    assert name_matches(text, certificate.subject) is fits
    assert configured_form(certificate.subject) == SUBJECT
    assert name_matches("~" + certificate.subject.der.hex().upper(), certificate.subject)
    assert not name_matches("~3000", certificate.subject)


def test_escaped_commas_in_distinguished_names(ca):
    from lotor.crypto.x509.received import parse_certificate

    name = parse_certificate(lab.issue(ca, subject="O=Lab, CN=vpn").der).subject
    assert name_matches("O=Lab,CN=vpn", name)
    with pytest.raises(ValueError, match="'vpn' is not of the form"):
        name_matches("O=Lab, vpn", name)
    parsed = parse_certificate(lab.issue(ca, subject="O=Pigs,Ltd").der).subject
    assert name_matches("O=Pigs\\,Ltd", parsed)
    assert configured_form(parsed) is None
