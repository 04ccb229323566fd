"""Files of a remote block: what is loaded, what is refused, and which sentence says so."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from keys import certificate_lab as lab
from lotor.crypto.signatures import schemes_of
from lotor.files.problems import Severity
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.judgement import Credential
from lotor.model.own_certificate import OwnCertificate
from trust.conftest import MADE_OF


def write(path: Path, octets: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(octets)
    path.chmod(mode)
    return path


def own(tmp_path: Path, holder: lab.Holder, *chain: lab.Holder, mode: int = 0o600, **rules) -> Keyring:
    certificate = write(tmp_path / "gw.crt", b"".join(one.pem for one in (holder, *chain)), 0o644)
    private = write(tmp_path / "gw.key", lab.key_pem(holder.private), mode)
    keys = RemoteKeys(name="own", own=() if certificate is None else (OwnFiles(certificate, private),), **rules)
    return Keyring([keys], clock=lambda: lab.NOW)


def texts(keyring: Keyring, severity: Severity) -> list[str]:
    return [problem.text for problem in keyring.problems if problem.severity is severity]


def test_a_credential(tmp_path, ca, gateway):
    keyring = own(tmp_path, gateway)
    assert keyring.problems == ()
    found = keyring.credential("own")
    names = found.own[0].identities
    shown = OwnCertificate((gateway.der,), schemes_of(gateway.private), names, person="vpn.example.net")
    assert found == Credential((gateway.der,), gateway.subject, issuers=(ca.subject,), own=(shown,))
    assert keyring.credential("nobody") == Credential()


def test_a_chain_in_any_order_becomes_leaf_first(tmp_path, ca):
    middle = lab.issue(ca, "middle", subject="Middle", ca=True)
    leaf = lab.issue(middle)
    certificate = write(tmp_path / "bundle.crt", ca.pem + leaf.pem + middle.pem, 0o644)
    private = write(tmp_path / "gw.key", lab.key_pem(leaf.private))
    keyring = Keyring([RemoteKeys("own", (OwnFiles(certificate, private),))], clock=lambda: lab.NOW)
    assert keyring.credential("own").chain == (leaf.der, middle.der, ca.der)
    assert keyring.problems == ()


def test_text_around_the_pem_as_openssl_ca_writes_it(tmp_path, gateway):
    certificate = write(tmp_path / "gw.crt", b"Certificate:\n    Data:\n" + gateway.pem + b"\n", 0o644)
    keyring = Keyring(
        [RemoteKeys("own", (OwnFiles(certificate, write(tmp_path / "k", lab.key_pem(gateway.private))),))]
    )
    assert keyring.credential("own").chain == (gateway.der,)


def test_der_is_read_too(tmp_path, gateway):
    certificate = write(tmp_path / "gw.der", gateway.der, 0o644)
    keyring = Keyring(
        [RemoteKeys("own", (OwnFiles(certificate, write(tmp_path / "k", lab.key_pem(gateway.private))),))]
    )
    assert keyring.credential("own").chain == (gateway.der,)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700 | 0o010])
def test_a_private_key_that_others_may_reach(tmp_path, gateway, mode):
    keyring = own(tmp_path, gateway, mode=mode)
    assert [str(tmp_path / "gw.key") in text and f"{mode:04o}" in text for text in texts(keyring, Severity.ERROR)] == [
        True
    ]
    assert keyring.sign("own", MADE_OF).reason.text.startswith("remote own has no private key")


def test_a_private_key_behind_a_symbolic_link(tmp_path, gateway):
    own(tmp_path, gateway)
    link = tmp_path / "link.key"
    link.symlink_to(tmp_path / "gw.key")
    keyring = Keyring([RemoteKeys("own", (OwnFiles(tmp_path / "gw.crt", link),))], clock=lambda: lab.NOW)
    assert texts(keyring, Severity.ERROR) == [f"{link} is a symbolic link: name the file itself"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_private_key_of_somebody_else(tmp_path, gateway):
    own(tmp_path, gateway)
    os.chown(tmp_path / "gw.key", 12345, -1)
    keyring = Keyring([RemoteKeys("own", (OwnFiles(tmp_path / "gw.crt", tmp_path / "gw.key"),))], clock=lambda: lab.NOW)
    assert "belongs to user 12345" in texts(keyring, Severity.ERROR)[0]


def test_a_private_key_where_anybody_may_replace_it(tmp_path, gateway):
    tmp_path.chmod(0o777)
    assert "others could put another file" in texts(own(tmp_path, gateway), Severity.ERROR)[0]
    tmp_path.chmod(0o1777)
    assert own(tmp_path, gateway).problems == ()


def test_missing_files_are_all_told(tmp_path):
    keys = RemoteKeys("own", (OwnFiles(tmp_path / "a.crt", tmp_path / "a.key"),))
    found = texts(Keyring([keys]), Severity.ERROR)
    assert found == [f"{tmp_path / name} does not exist" for name in ("a.crt", "a.key")]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "not a private key in PEM"),
        (b"rubbish", "not a private key in PEM"),
        (b"-----BEGIN " + b"PRIVATE KEY-----\nAAAA\n", "not a private key in PEM"),
    ],
)
def test_rubbish_for_a_key(tmp_path, gateway, octets, words):
    write(tmp_path / "gw.crt", gateway.pem, 0o644)
    keys = RemoteKeys("own", (OwnFiles(tmp_path / "gw.crt", write(tmp_path / "gw.key", octets)),))
    assert texts(Keyring([keys], clock=lambda: lab.NOW), Severity.ERROR) == [
        f"private key {tmp_path / 'gw.key'}: it is {words}"
    ]


def test_an_encrypted_key(tmp_path, gateway):
    from cryptography.hazmat.primitives import serialization

    pem = gateway.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"sesame"),
    )
    write(tmp_path / "gw.crt", gateway.pem, 0o644)
    keys = RemoteKeys("own", (OwnFiles(tmp_path / "gw.crt", write(tmp_path / "gw.key", pem)),))
    assert "it is encrypted" in texts(Keyring([keys], clock=lambda: lab.NOW), Severity.ERROR)[0]


def test_a_key_that_does_not_fit(tmp_path, ca, gateway):
    other = lab.issue(ca, "other")
    keyring = own(tmp_path, lab.Holder(other.private, gateway.certificate))
    assert "does not belong to certificate" in texts(keyring, Severity.ERROR)[0]


def test_warnings_about_our_own_certificate(tmp_path, ca):
    day = timedelta(days=1)
    old = own(tmp_path, lab.issue(ca, end=lab.NOW - day))
    early = own(tmp_path, lab.issue(ca, start=lab.NOW + day))
    weak = own(tmp_path, lab.issue(ca, private=lab.key("weak", 1024)))
    for keyring, words in ((old, "expired on 2040-05-31"), (early, "valid only from 2040-06-02"), (weak, "1024 bits")):
        assert lab.errors(keyring) == []
        assert words in texts(keyring, Severity.WARNING)[0]
