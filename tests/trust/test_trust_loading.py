"""Files of a remote block that say whom to trust: what is loaded, what is refused, and which sentence says so."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keys import certificate_lab as lab
from lotor.files.problems import Severity
from lotor.model.judgement import Trusted, Untrusted
from lotor.trust import RemoteTrust, TrustStore
from trust.conftest import prove


def write(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    path.chmod(0o644)
    return path


def texts(store: TrustStore, severity: Severity) -> list[str]:
    return [problem.text for problem in store.problems if problem.severity is severity]


def test_the_names_of_the_authorities(tmp_path, ca):
    path = write(tmp_path / "ca.crt", ca.pem + ca.pem)
    store = TrustStore([RemoteTrust("gw", ca=(path,), judges=True)], clock=lambda: lab.NOW)
    assert store.authority_names("gw") == (ca.subject,)
    assert store.authority_names("nobody") == ()


def test_the_keys_of_the_authorities(tmp_path, ca):
    """Two certificates of one authority have one key."""
    path = write(tmp_path / "ca.crt", ca.pem + lab.authority("Lab CA, anew").pem)
    store = TrustStore([RemoteTrust("gw", ca=(path,), judges=True)], clock=lambda: lab.NOW)
    assert len(store.authority_names("gw")) == 2
    element = ca.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert store.authority_keys("gw") == (hashlib.sha1(element, usedforsecurity=False).digest(),)
    assert store.authority_keys("nobody") == ()


def test_an_authority_that_is_not_there(tmp_path):
    store = TrustStore([RemoteTrust("gw", ca=(tmp_path / "ca.crt",))])
    assert lab.errors(store) == [f"{tmp_path / 'ca.crt'} does not exist"]


def test_a_client_needs_an_authority(tmp_path):
    store = TrustStore([RemoteTrust("gw", judges=True)])
    assert "ca_type" in texts(store, Severity.ERROR)[0]
    assert TrustStore([RemoteTrust("gw")]).problems == ()


def test_ca_type_must_name_an_authority(tmp_path, gateway):
    path = write(tmp_path / "ca.crt", gateway.pem)
    store = TrustStore([RemoteTrust("gw", ca=(path,), judges=True)], clock=lambda: lab.NOW)
    assert "peers_certfile" in texts(store, Severity.ERROR)[0]


def test_the_directory_counts_only_without_ca_type(tmp_path, ca, gateway):
    write(tmp_path / "ca.crt", ca.pem)
    write(tmp_path / "gw.crt", gateway.pem)
    write(tmp_path / "note.pem", b"no certificate")
    rules = RemoteTrust("gw", certificate_directory=tmp_path, judges=True)
    store = TrustStore([rules], clock=lambda: lab.NOW)
    assert store.problems == ()
    assert isinstance(store.judge(prove(gateway)), Trusted)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = write(elsewhere / "other.crt", lab.authority("Other CA", "other").pem)
    strict = RemoteTrust("gw", ca=(other,), certificate_directory=tmp_path, judges=True)
    assert isinstance(TrustStore([strict], clock=lambda: lab.NOW).judge(prove(gateway)), Untrusted)


def test_several_authorities_in_the_directory_deserve_a_warning(tmp_path, ca):
    write(tmp_path / "ca.crt", ca.pem)
    write(tmp_path / "0123abcd.0", lab.authority("Other CA", "other").pem)
    store = TrustStore([RemoteTrust("gw", certificate_directory=tmp_path, judges=True)], clock=lambda: lab.NOW)
    assert "all 2 authorities" in texts(store, Severity.WARNING)[0]


def test_what_weakens_a_client_deserves_a_warning(tmp_path, ca):
    path = write(tmp_path / "ca.crt", ca.pem)
    for rule, words in (
        ({"verify_cert": False}, "verify_cert off"),
        ({"verify_identifier": False}, "verify_identifier off"),
    ):
        store = TrustStore([RemoteTrust("gw", ca=(path,), judges=True, **rule)], clock=lambda: lab.NOW)
        assert lab.errors(store) == []
        assert words in texts(store, Severity.WARNING)[0]
