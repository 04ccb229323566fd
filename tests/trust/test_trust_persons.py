"""Whose login a certificate inside of EAP is: principal names of Windows, addresses of mail, common names."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from keys import certificate_lab as lab
from keys.certificate_lab import PRINCIPAL, utf8
from lotor.crypto.certificates import read_certificates
from lotor.crypto.persons import persons
from lotor.crypto.principals import principals
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Trusted, Untrusted
from lotor.model.policy import Side
from lotor.model.reasons.certificates import UncertifiedPerson

UPN = "alice@corp.example"
DIRECTORY = "DC=example, DC=corp, CN=Users, CN=Alice Example"
WINDOWS = {
    "subject": DIRECTORY,
    "principals": (utf8(UPN),),
    "usages": (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION),
}
"""A certificate of the template for users."""


def judged(gateway, ca, said: str, *between, **wish):
    holder = lab.issue(between[-1] if between else ca, "alice", **wish)
    kind = IdKind.USER_FQDN if "@" in said else IdKind.FQDN
    chain = (holder.der, *(one.der for one in reversed(between)))
    claims = {"identity": Identity(kind, said.encode()), "chain": chain, "host": None}
    proof = {"client": True, "in_tls": True, "signed": b"", "signature": b"", **claims}
    return gateway.judge(holder, ca, proof=proof, side=Side.GATEWAY)


@pytest.fixture
def gateway(client):
    return client


@pytest.mark.parametrize(
    ("said", "wish", "person"),
    [
        (UPN, WINDOWS, UPN),
        ("ALICE@Corp.Example.", WINDOWS, UPN),
        (UPN, {**WINDOWS, "emails": ("alice@mail.example",)}, UPN),
        ("alice@mail.example", {**WINDOWS, "emails": ("alice@mail.example",)}, "alice@mail.example"),
        ("bob@corp.example", {**WINDOWS, "principals": (utf8(UPN), utf8("bob@corp.example"))}, "bob@corp.example"),
        ("bücher@corp.example", {"principals": (utf8("bücher@corp.example"),)}, "bücher@corp.example"),
        ("Alice@Mail.example", {"emails": ("alice@mail.example",)}, "alice@mail.example"),
        ("ALICE", {"subject": "alice"}, "alice"),
        ("alice@example.net", {"subject": "alice@example.net"}, "alice@example.net"),
        (
            "x" * 120 + "@corp.example",
            {"principals": (utf8("x" * 120 + "@corp.example"),)},
            "x" * 120 + "@corp.example",
        ),
    ],
)
def test_the_name_as_the_certificate_spells_it(gateway, ca, said, wish, person):
    verdict = judged(gateway, ca, said, **wish)
    assert isinstance(verdict, Trusted), verdict
    assert verdict.login == person


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        ("root", WINDOWS),
        ("root", {**WINDOWS, "principals": (utf8("root"),)}),
        ("alice", WINDOWS),
        ("Alice Example", WINDOWS),
        ("Users", {"subject": DIRECTORY}),
        ("Alice Example", {"subject": DIRECTORY}),
        ("bob@corp.example", WINDOWS),
        ("alice@corp.example", {"subject": "alice@corp.example", "principals": (utf8("bob@corp.example"),)}),
        ("alice@corp.example", {"subject": "alice@corp.example", "principals": (b"\x16" + utf8(UPN)[1:],)}),
        ("\u212aevin@corp.example", {"principals": (utf8("kevin@corp.example"),)}),
        ("kevin@corp.example", {"principals": (utf8("\u212aevin@corp.example"),)}),
        ("kevin", {"subject": "\u212aevin"}),
        ("Ã©", {"subject": "é"}),
        ("*.example.net", {"dns": ("*.example.net",)}),
        ("", WINDOWS),
    ],
)
def test_nobody_becomes_somebody_else(gateway, ca, said, wish):
    verdict = judged(gateway, ca, said, **wish)
    assert isinstance(verdict, Untrusted)
    assert isinstance(verdict.reason, UncertifiedPerson)


ODD = {
    "another string": (b"\x16" + utf8(UPN)[1:], "no UTF8String"),
    "of two octets each": (b"\x1e\x04\0a\0b", "no UTF8String"),
    "no string": (b"\x30\x00", "no UTF8String"),
    "cut off": (utf8(UPN)[:-1], "length"),
    "more behind it": (utf8(UPN) + b"\0", "length"),
    "a length in another form": (b"\x0c\x81\x03a@b", "length"),
    "no length": (b"\x0c", "0 octets"),
    "nothing": (b"", "no UTF8String"),
    "empty": (utf8(""), "0 octets"),
    "too long": (utf8("a@" + "b" * 252), "254 octets"),
    "not UTF-8": (b"\x0c\x03a@\xff", "not UTF-8"),
    "NUL": (utf8("alice@corp.example\0"), "control"),
    "NUL in the middle": (utf8("root\0@corp.example"), "control"),
    "a line feed": (utf8("alice@corp\n.example"), "control"),
    "text that runs the other way": (utf8("\u202ealice@corp.example"), "control"),
    "no domain": (utf8("root"), "user@domain"),
    "no user": (utf8("@corp.example"), "user@domain"),
    "two domains": (utf8("alice@corp.example@evil.example"), "user@domain"),
}


@pytest.mark.parametrize("what", ODD)
def test_an_odd_principal_name_counts_for_nobody_and_is_told(gateway, ca, what):
    """Nor does a good one beside it."""
    octets, told = ODD[what]
    names, why = principals(
        x509.SubjectAlternativeName([x509.OtherName(PRINCIPAL, each) for each in (utf8(UPN), octets)])
    )
    assert names == ()
    assert told in why
    if len(octets) < 2 or octets[1] != len(octets) - 2:
        return  # of which the library makes no certificate
    verdict = judged(gateway, ca, UPN, **{**WINDOWS, "principals": (utf8(UPN), octets)})
    assert isinstance(verdict, Untrusted)
    assert told in verdict.reason.text
    assert "\0" not in verdict.reason.text


def test_too_many_names(gateway, ca):
    many = tuple(utf8(f"alice{number}@corp.example") for number in range(17))
    verdict = judged(gateway, ca, "alice0@corp.example", **{**WINDOWS, "principals": many})
    assert "16 are the most" in verdict.reason.text
    assert isinstance(judged(gateway, ca, "alice0@corp.example", **{**WINDOWS, "principals": many[:16]}), Trusted)


def test_an_authority_with_constraints_vouches_for_no_principal_name(gateway, ca):
    """They do not reach names of that kind, so that it could name anybody."""
    bound = lab.issue(ca, "bound", subject="Bound CA", ca=True, permitted=("guests.example",), sign_certificates=True)
    verdict = judged(gateway, ca, UPN, bound, **WINDOWS)
    assert isinstance(verdict, Untrusted)
    assert "constraints" in verdict.reason.text


def test_an_authority_that_is_not_for_persons(gateway, ca):
    usages = (ExtendedKeyUsageOID.SERVER_AUTH,)
    servers = lab.issue(ca, "servers", subject="Server CA", ca=True, usages=usages, sign_certificates=True)
    assert isinstance(judged(gateway, ca, UPN, servers, **WINDOWS), Untrusted)
    assert isinstance(judged(gateway, lab.authority("Other CA", "other"), UPN, **WINDOWS), Trusted)
    stranger = lab.issue(lab.authority("Other CA", "other"), "alice", **WINDOWS)
    claims = {"identity": Identity(IdKind.USER_FQDN, UPN.encode()), "client": True, "in_tls": True}
    proof = {**claims, "signed": b"", "signature": b"", "host": None}
    assert isinstance(gateway.judge(stranger, ca, proof=proof, side=Side.GATEWAY), Untrusted)


def test_the_client_logs_in_by_the_principal_name_first(ca):
    def named(**wish):
        return persons(read_certificates(lab.issue(ca, "alice", **wish).der)[0])

    assert named(**WINDOWS, emails=("alice@mail.example",)) == (UPN, "alice@mail.example")
    assert named(subject="alice") == ("alice",)
    assert named(subject=DIRECTORY) == ()
