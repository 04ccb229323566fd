"""Revocation lists from files: missing, out of date and revoked are three things, each told in its own words."""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keys import certificate_lab as lab
from lotor.crypto.certificates import CertificateError
from lotor.crypto.x509.revocation import read_revocation_lists
from lotor.files.problems import Severity
from lotor.model.judgement import Trusted, Untrusted
from lotor.model.policy import CrlPolicy
from lotor.trust import RemoteTrust, TrustStore

DAY = timedelta(days=1)
EVERY = pytest.mark.parametrize("policy", [CrlPolicy.CHECK, CrlPolicy.REQUIRE])


@pytest.fixture(scope="session")
def other(ca) -> lab.Holder:
    return lab.issue(ca, "other", dns=("other.example.net",))


@pytest.fixture
def put(tmp_path):
    def write(octets: bytes, name: str = "ca.crl") -> Path:
        path = tmp_path / name
        path.write_bytes(octets)
        return path

    return write


def texts(store, severity: Severity) -> list[str]:
    return [one.text for one in store.problems if one.severity is severity]


@EVERY
def test_a_list_without_the_certificate(client, ca, gateway, other, put, policy):
    path = put(lab.list_pem(ca, other))
    assert isinstance(client.judge(gateway, ca, crl=(path,), crl_policy=policy), Trusted)


@EVERY
def test_revoked(client, ca, gateway, put, policy):
    path = put(lab.list_pem(ca, gateway))
    assert client.judge(gateway, ca, crl=(path,), crl_policy=policy).reason.text == (
        "certificate CN=vpn.example.net was revoked by CN=Lab CA on 2040-05-29 12:00 UTC: it must not be used any "
        "more, its holder needs a new one"
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (x509.ReasonFlags.key_compromise, "(its key was stolen)"),
        (x509.ReasonFlags.certificate_hold, "(it is on hold)"),
        (x509.ReasonFlags.superseded, "(it was replaced)"),
    ],
)
def test_the_reason_is_told(client, ca, gateway, put, reason, words):
    assert words in client.judge(gateway, ca, crl=(put(lab.list_pem(ca, gateway, reason=reason)),)).reason.text


def test_off_looks_at_nothing(client, ca, gateway, put, tmp_path):
    rules = {"crl": (put(lab.list_pem(ca, gateway)), tmp_path / "missing"), "crl_policy": CrlPolicy.OFF}
    store = client.store(ca, **rules)
    assert store.problems == ()
    assert isinstance(client.judge(gateway, ca, **rules), Trusted)


def test_a_missing_list(client, ca, gateway, tmp_path):
    assert isinstance(client.judge(gateway, ca, certificate_directory=tmp_path), Trusted)
    assert client.judge(gateway, ca, certificate_directory=tmp_path, crl_policy=CrlPolicy.REQUIRE).reason.text == (
        "there is no revocation list of CN=Lab CA that could tell whether certificate CN=vpn.example.net was revoked, "
        f"and crl_policy require wants one: get it from the authority, in {tmp_path}/*.crl"
    )


@EVERY
def test_an_expired_list_says_nothing_good(client, ca, gateway, other, put, policy):
    path = put(lab.list_pem(ca, other, start=lab.NOW - 9 * DAY, end=lab.NOW - DAY))
    rules = {"crl": (path,), "crl_policy": policy}
    assert client.judge(gateway, ca, **rules).reason.text == (
        "nobody can tell whether certificate CN=vpn.example.net was revoked, because the revocation list of CN=Lab CA "
        "expired on 2040-05-31 12:00 UTC: get a new one from the authority"
    )
    (warning,) = texts(client.store(ca, **rules), Severity.WARNING)
    assert warning == (
        "the revocation list of CN=Lab CA expired on 2040-05-31 12:00 UTC: get a new one from the authority; "
        "until then nothing that it issued is accepted"
    )


def test_an_expired_list_still_says_who_was_revoked(client, ca, gateway, put):
    path = put(lab.list_pem(ca, gateway, start=lab.NOW - 9 * DAY, end=lab.NOW - DAY))
    assert "was revoked by" in client.judge(gateway, ca, crl=(path,)).reason.text


def test_a_list_of_the_future(client, ca, gateway, put):
    path = put(lab.list_pem(ca, start=lab.NOW + DAY))
    why = client.judge(gateway, ca, crl=(path,)).reason.text
    assert "list of CN=Lab CA is valid only from 2040-06-02 12:00 UTC, and this host's clock says 2040-06-01" in why


def test_the_newest_of_several_lists_counts_and_any_revokes(client, ca, gateway, other, put):
    old = put(lab.list_pem(ca, start=lab.NOW - 9 * DAY, end=lab.NOW - DAY), "old.crl")
    new = put(lab.list_pem(ca, other), "new.crl")
    assert client.store(ca, crl=(old, new)).problems == ()
    assert isinstance(client.judge(gateway, ca, crl=(old, new)), Trusted)
    worse = put(lab.list_pem(ca, gateway, start=lab.NOW - 9 * DAY, end=lab.NOW - DAY), "worse.crl")
    assert isinstance(client.judge(gateway, ca, crl=(new, worse)), Untrusted)


@EVERY
def test_a_list_that_the_authority_did_not_sign_is_none(client, ca, gateway, put, policy):
    impostor = lab.authority(label="impostor")
    path = put(lab.list_pem(impostor, gateway))
    verdict = client.judge(gateway, ca, crl=(path,), crl_policy=policy)
    assert isinstance(verdict, Trusted) is (policy is CrlPolicy.CHECK)


def test_a_list_of_an_authority_that_may_sign_none(client, put):
    poor = lab.authority("Poor CA", key_usage=("key_cert_sign",))
    holder = lab.issue(poor, dns=("vpn.example.net",))
    path = put(lab.list_pem(poor, holder))
    assert (
        "no revocation list of CN=Poor CA"
        in client.judge(holder, poor, crl=(path,), crl_policy=CrlPolicy.REQUIRE).reason.text
    )


def test_an_intermediate_authority(client, ca, put):
    middle = lab.issue(ca, "middle", subject="Middle", ca=True)
    leaf = lab.issue(middle, dns=("vpn.example.net",))
    proof = {"chain": (leaf.der, middle.der)}
    good = [put(lab.list_pem(ca), "root.crl"), put(lab.list_pem(middle), "middle.crl")]

    def judge(*paths: Path, policy: CrlPolicy = CrlPolicy.REQUIRE):
        return client.judge(leaf, ca, proof=proof, crl=paths, crl_policy=policy)

    assert isinstance(judge(*good), Trusted)
    assert "no revocation list of CN=Middle" in judge(good[0]).reason.text
    assert "no revocation list of CN=Lab CA that could tell whether certificate CN=Middle" in judge(good[1]).reason.text
    revoked = put(lab.list_pem(ca, middle), "revoked.crl")
    assert "certificate CN=Middle was revoked by CN=Lab CA" in judge(revoked, policy=CrlPolicy.CHECK).reason.text


@pytest.mark.parametrize("name", ["ca.crl", "8f3f1dfe.r0", "8f3f1dfe.r1", "8f3f1dfe.r10"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_files_of_the_directory(client, ca, gateway, put, tmp_path, name, encoding):
    put(lab.revocation_list(ca, gateway).public_bytes(encoding), name)
    assert "was revoked" in client.judge(gateway, ca, certificate_directory=tmp_path).reason.text


def test_several_lists_with_text_in_one_file(client, ca, gateway, put):
    foreign = lab.authority("Foreign CA", "foreign")
    path = put(b"Certificate Revocation List (CRL):\n" + lab.list_pem(foreign) + b"\n" + lab.list_pem(ca, gateway))
    assert len(read_revocation_lists(path.read_bytes())) == 2
    assert "was revoked" in client.judge(gateway, ca, crl=(path,)).reason.text


def test_a_new_list_counts_without_a_reload(client, ca, gateway, put):
    path = put(lab.list_pem(ca))
    store = client.store(ca, crl=(path,))
    proof = client_proof(gateway)
    assert isinstance(store.judge(proof), Trusted)
    put(lab.list_pem(ca, gateway))
    assert isinstance(store.judge(proof), Untrusted)


def test_a_list_that_is_broken_or_lost_later_leaves_the_last_one(client, ca, gateway, put, caplog):
    path = put(lab.list_pem(ca, gateway))
    store = client.store(ca, crl=(path,))
    put(b"half a downl")
    for _ in range(2):
        assert "was revoked" in store.judge(client_proof(gateway)).reason.text
    assert caplog.text.count("this is not a readable revocation list") == 1
    path.unlink()
    assert "was revoked" in store.judge(client_proof(gateway)).reason.text
    assert f"{path} does not exist" in caplog.text


def test_a_list_taken_out_of_the_directory_is_gone(client, ca, gateway, put, tmp_path):
    path = put(lab.list_pem(ca, gateway))
    store = client.store(ca, certificate_directory=tmp_path)
    assert isinstance(store.judge(client_proof(gateway)), Untrusted)
    path.unlink()
    assert isinstance(store.judge(client_proof(gateway)), Trusted)


def client_proof(gateway):
    from trust.conftest import prove

    return prove(gateway)


def test_what_is_told_at_load(client, ca, put, tmp_path):
    garbage, fifo = put(b"garbage", "bad.crl"), tmp_path / "fifo.crl"
    os.mkfifo(fifo)
    named = client.store(ca, crl=(garbage, tmp_path / "missing.crl", fifo))
    errors = texts(named, Severity.ERROR)
    assert f"revocation list {garbage}: this is not a readable revocation list" in errors[0]
    assert errors[1:] == [
        f"{tmp_path}/missing.crl does not exist",
        f"{fifo} is not a regular file",
    ]
    beside = client.store(ca, certificate_directory=tmp_path)
    assert texts(beside, Severity.ERROR) == []
    assert all(text.endswith("; it is left out") for text in texts(beside, Severity.WARNING))
    assert len(texts(beside, Severity.WARNING)) == 2


def test_lists_do_not_count_for_a_pinned_certificate(client, ca, gateway, put):
    pinned = put(gateway.pem, "gw.pem")
    path = put(lab.list_pem(ca, gateway))
    assert isinstance(client.judge(gateway, peers_certfile=pinned, crl=(path,)), Trusted)
    assert client.store(peers_certfile=pinned, crl=(path.with_name("missing"),)).problems == ()


def test_lists_are_not_read_where_nobody_is_judged(tmp_path):
    assert TrustStore([RemoteTrust("gw", crl=(tmp_path / "missing",))]).problems == ()


@pytest.mark.parametrize(
    ("kinds", "covered"),
    [({"only_contains_user_certs": True}, True), ({"only_contains_ca_certs": True}, False)],
)
def test_what_a_list_covers(client, ca, gateway, put, kinds, covered):
    path = put(lab.list_pem(ca, gateway, extensions=(lab.scope(**kinds),)))
    assert isinstance(client.judge(gateway, ca, crl=(path,)), Untrusted) is covered


@pytest.mark.parametrize(
    ("extension", "words"),
    [
        (lab.scope(indirect_crl=True), "partial or indirect"),
        (lab.scope(only_contains_attribute_certs=True), "partial or indirect"),
        (lab.scope(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), "partial or indirect"),
        ((x509.DeltaCRLIndicator(3), True), "not understood (extension 2.5.29.27)"),
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True), "(extension 1.2.3.4)"),
    ],
)
def test_lists_that_do_not_say_enough(ca, extension, words):
    with pytest.raises(CertificateError) as refusal:
        read_revocation_lists(lab.list_pem(ca, extensions=(extension,)))
    assert words in str(refusal.value)


@pytest.mark.parametrize("octets", [b"", b"\x30\0", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_what_is_no_list(octets):
    with pytest.raises(CertificateError, match="not a readable revocation list"):
        read_revocation_lists(octets)


def test_a_certificate_is_no_list(ca):
    with pytest.raises(CertificateError, match="no PEM revocation list in it"):
        read_revocation_lists(ca.pem)


def test_a_gateway_refuses_a_revoked_client(judging_gateway, ca, put):
    alice = lab.issue(ca, "alice", subject="alice")
    path = put(lab.list_pem(ca, alice))
    assert "certificate CN=alice was revoked" in judging_gateway.judge(alice, ca, crl=(path,)).reason.text


def test_a_list_made_by_openssl(client, tmp_path):
    """`openssl ca -revoke` and `-gencrl`, as an administrator does it."""
    today = {"start": lab.NOW - 20 * 365 * DAY}
    root = lab.authority("Openssl CA", **today)
    holder = lab.issue(root, dns=("vpn.example.net",), **today)
    (tmp_path / "root.crt").write_bytes(root.pem)
    (tmp_path / "root.key").write_bytes(lab.key_pem(root.private))
    (tmp_path / "gw.crt").write_bytes(holder.pem)
    (tmp_path / "index.txt").touch()
    (tmp_path / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={tmp_path}/index.txt\ndefault_md=sha256\ndefault_crl_days=9000\n"
    )
    ca = ["openssl", "ca", "-config", "ca.cnf", "-cert", "root.crt", "-keyfile", "root.key"]
    subprocess.run(
        [*ca, "-revoke", "gw.crt", "-crl_reason", "superseded"], cwd=tmp_path, check=True, capture_output=True
    )
    subprocess.run([*ca, "-gencrl", "-out", "ca.crl"], cwd=tmp_path, check=True, capture_output=True)
    assert "(it was replaced)" in client.judge(holder, root, certificate_directory=tmp_path).reason.text
