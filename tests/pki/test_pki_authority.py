"""An authority of one's own, and whether clients trust what it issues."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from lotor.crypto.certificates import read_certificates
from lotor.crypto.hashes import signed
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.algorithms import SIGNATURE_HASHES, Curve
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import PeerProof, Signature, Trusted, Untrusted
from lotor.pki import Making, PkiError, create_ca, issue_gateway, request, show
from lotor.pki.authority import CA_DAYS
from lotor.trust import RemoteTrust, TrustStore
from trust.conftest import MADE_OF

NOW = datetime(2030, 6, 1, tzinfo=UTC)
SMALL = Making(300, bits=2048, now=NOW)
NAMES = ("vpn.example.net", "192.0.2.50")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    create_ca(tmp_path / "certs", "Lab CA", Making(CA_DAYS, bits=2048, now=NOW))
    return tmp_path / "certs"


def judge(place: Path, host: str | None, now: datetime = NOW, curve: Curve | None = None):
    """A gateway with the files of the HOW-TO in `place`, met by a client with its `ca.crt`."""
    ecdsa, made_of = curve is not None, MADE_OF
    if curve is not None:
        made_of = replace(MADE_OF, hash=SIGNATURE_HASHES[curve])
    gateway = RemoteKeys("gateway", (OwnFiles(place / "vpngw.crt", place / "vpngw.key"),), signs=True, ecdsa=ecdsa)
    client = RemoteTrust("client", ca=(place / "ca.crt",), judges=True, ecdsa=ecdsa)
    keyring = Keyring([gateway], clock=lambda: now)
    store = TrustStore([client], clock=lambda: now)
    assert keyring.problems + store.problems == ()
    own = keyring.credential("gateway")
    signature = keyring.sign("gateway", made_of)
    assert isinstance(signature, Signature)
    return store.judge(
        PeerProof(
            remote="client",
            chain=own.chain,
            identity=Identity(IdKind.DER_ASN1_DN, own.subject),
            signed=signed(made_of),
            signature=signature.octets,
            address=ip_address("192.0.2.50"),
            host=host,
            curve=curve,
        )
    )


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def openssl(directory: Path, words: str) -> str:
    command = ["openssl", *words.split()]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout


def test_a_gateway_that_clients_trust_by_each_of_its_names(place):
    made = issue_gateway(place, NAMES, SMALL)
    assert (made.key, made.document) == (place / "vpngw.key", place / "vpngw.crt")
    for host in (*NAMES, None):
        assert isinstance(judge(place, host), Trusted)
    assert isinstance(judge(place, "other.example.net"), Untrusted)


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_keys_are_private_and_certificates_public(tmp_path, mask):
    before = os.umask(mask)
    try:
        create_ca(tmp_path, making=Making(100, bits=2048))
        issue_gateway(tmp_path, NAMES, Making(50, bits=2048))
    finally:
        os.umask(before)
    modes = {path.name: mode_of(path) for path in tmp_path.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.crt": 0o644, "vpngw.key": 0o600, "vpngw.crt": 0o644}


def test_nothing_is_replaced_unless_forced(place):
    issue_gateway(place, NAMES, SMALL)
    before = {path: path.read_bytes() for path in place.iterdir()}
    for action in (
        lambda: create_ca(place, making=SMALL),
        lambda: issue_gateway(place, NAMES, SMALL),
        lambda: request(place, NAMES, SMALL),
    ):
        with pytest.raises(PkiError, match=r"exists? already: move (it|them) away, or replace (it|them) with --force"):
            action()
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    forced = Making(300, bits=2048, force=True, now=NOW)
    issue_gateway(place, NAMES, forced)
    assert (place / "vpngw.key").read_bytes() != before[place / "vpngw.key"]
    assert mode_of(place / "vpngw.key") == 0o600
    assert isinstance(judge(place, None), Trusted)


def test_one_missing_file_of_two_is_not_overwritten_either(place):
    issue_gateway(place, NAMES, SMALL)
    (place / "vpngw.crt").unlink()
    key = (place / "vpngw.key").read_bytes()
    with pytest.raises(PkiError, match=r"vpngw\.key exists already: move it away, or replace it with --force"):
        issue_gateway(place, NAMES, SMALL)
    assert (place / "vpngw.key").read_bytes() == key


def test_what_openssl_thinks_of_it(place):
    issue_gateway(place, ("vpn.example.net", "2001:db8::1", "192.0.2.50", "*.vpn.example.net"), SMALL)
    at = f"-attime {int(NOW.timestamp()) + 60}"
    purpose = "-purpose sslserver -verify_hostname vpn.example.net -x509_strict"
    assert openssl(place, f"verify {at} {purpose} -CAfile ca.crt vpngw.crt") == "vpngw.crt: OK\n"
    text = openssl(place, "x509 -in vpngw.crt -noout -text -nameopt RFC2253")
    for words in (
        "DNS:vpn.example.net, DNS:*.vpn.example.net, IP Address:2001:DB8:0:0:0:0:0:1, IP Address:192.0.2.50",
        "Subject: CN=vpn.example.net",
        "sha256WithRSAEncryption",
        "TLS Web Server Authentication, 1.3.6.1.5.5.8.2.2",
        "Digital Signature, Key Encipherment",
        "CA:FALSE",
    ):
        assert words in text


def test_the_default_key_has_3072_bits(tmp_path):
    create_ca(tmp_path)
    assert read_certificates((tmp_path / "ca.crt").read_bytes())[0].key_bits == 3072


def test_a_request_for_a_foreign_authority(place, tmp_path):
    """Signed by somebody's openssl with the names of the request."""
    elsewhere = tmp_path / "gateway"
    made = request(elsewhere, NAMES, SMALL)
    assert (made.key, made.document) == (elsewhere / "vpngw.key", elsewhere / "vpngw.csr")
    out = f"-in {elsewhere}/vpngw.csr -out {elsewhere}/vpngw.crt"
    openssl(place, f"x509 -req -CA ca.crt -CAkey ca.key -copy_extensions copy -days 9000 {out}")
    (elsewhere / "ca.crt").write_bytes((place / "ca.crt").read_bytes())
    assert isinstance(judge(elsewhere, "vpn.example.net"), Trusted)
    assert isinstance(judge(elsewhere, None), Trusted)


def test_a_certificate_ends_with_its_authority(place):
    made = issue_gateway(place, NAMES, Making(CA_DAYS + 5, bits=2048, now=NOW))
    authority, gateway = (read_certificates((place / name).read_bytes())[0] for name in ("ca.crt", "vpngw.crt"))
    assert gateway.not_after == authority.not_after
    assert "ends with its authority on 2040-05-29" in made.remark
    with pytest.raises(PkiError, match="expired on 2040-05-29"):
        issue_gateway(place, NAMES, Making(5, bits=2048, force=True, now=NOW + timedelta(days=CA_DAYS)))


def test_an_authority_that_is_none(place, tmp_path):
    issue_gateway(place, NAMES, SMALL)
    fake = tmp_path / "fake"
    fake.mkdir()
    with pytest.raises(PkiError, match="'lotor pki ca' makes an authority"):
        issue_gateway(fake, NAMES, SMALL)
    for mine, theirs in (("ca.crt", "vpngw.crt"), ("ca.key", "vpngw.key")):
        (fake / mine).write_bytes((place / theirs).read_bytes())
    (fake / "ca.key").chmod(0o600)
    with pytest.raises(PkiError, match="not the certificate of an authority"):
        issue_gateway(fake, NAMES, SMALL)
    (fake / "ca.crt").write_bytes((place / "ca.crt").read_bytes())
    with pytest.raises(PkiError, match="is not the key of"):
        issue_gateway(fake, NAMES, SMALL)
    (fake / "ca.key").chmod(0o644)
    with pytest.raises(PkiError, match="has mode 0644"):
        issue_gateway(fake, NAMES, SMALL)


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a..b", "-a.example", "vpn_1.example", "a\n.example", "x" * 64, "*.", "*"]
)
def test_names_that_no_host_has(place, name):
    with pytest.raises(PkiError, match="neither a host name nor an address"):
        issue_gateway(place, [name], SMALL)
    with pytest.raises(PkiError, match="neither a host name nor an address"):
        issue_gateway(place, ["vpn.example.net", name], SMALL)


def test_no_name_at_all(place):
    with pytest.raises(PkiError, match="needs a name"):
        issue_gateway(place, [], SMALL)


def test_long_and_international_names(place):
    long = ".".join(["a" * 50] * 3)
    issue_gateway(place, [long, "bücher.example"], SMALL)
    certificate = read_certificates((place / "vpngw.crt").read_bytes())[0]
    assert certificate.dns_names == (long, "xn--bcher-kva.example")
    assert certificate.subject.values("CN") == ("xn--bcher-kva.example",)
    assert isinstance(judge(place, "bücher.example"), Trusted)


@pytest.mark.parametrize(
    ("making", "words"), [(Making(0), "validity"), (Making(10**9), "validity"), (Making(9, 1024), "bits")]
)
def test_impossible_wishes(tmp_path, making, words):
    with pytest.raises(PkiError, match=words):
        create_ca(tmp_path, making=making)


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_impossible_names_of_authorities(tmp_path, name):
    with pytest.raises(PkiError, match="1 to 64"):
        create_ca(tmp_path, name, SMALL)
    assert list(tmp_path.iterdir()) == []


def test_show(place):
    issue_gateway(place, NAMES, SMALL)
    text = show(place / "vpngw.crt", NOW)
    for line in (
        "subject  CN=vpn.example.net",
        "issuer   CN=Lab CA",
        "names    vpn.example.net, 192.0.2.50",
        "valid    2030-05-31 23:00 to 2031-03-28 00:00 UTC",
        "         300 days left",
        "key      RSA 2048 bits",
        "use      gateway",
    ):
        assert line in text.splitlines()
    assert "issuer   itself" in show(place / "ca.crt", NOW)
    assert "use      authority" in show(place / "ca.crt", NOW)
    assert "         expired" in show(place / "vpngw.crt", NOW + timedelta(days=301)).splitlines()
    with pytest.raises(PkiError, match="does not exist"):
        show(place / "none.crt")
    with pytest.raises(PkiError, match="no readable PEM"):
        show(place / "ca.key")


@pytest.mark.parametrize("curve", [None, *Curve])
@pytest.mark.parametrize("root", Curve)
def test_authorities_and_gateways_with_ecdsa_keys(tmp_path, root, curve):
    create_ca(tmp_path, making=Making(CA_DAYS, now=NOW, curve=root))
    issue_gateway(tmp_path, NAMES, Making(300, bits=2048, now=NOW, curve=curve))
    assert isinstance(judge(tmp_path, "vpn.example.net", curve=curve), Trusted)
    words = {Curve.P256: "P-256", Curve.P384: "P-384", Curve.P521: "P-521"}
    assert f"key      ECDSA {words[root]}" in show(tmp_path / "ca.crt", NOW).splitlines()
    at = f"-attime {int(NOW.timestamp()) + 60}"
    assert openssl(tmp_path, f"verify {at} -purpose sslserver -x509_strict -CAfile ca.crt vpngw.crt").endswith("OK\n")
    text = openssl(tmp_path, "x509 -in vpngw.crt -noout -text")
    assert f"ecdsa-with-{SIGNATURE_HASHES[root].name}" in text
    assert ("Key Encipherment" in text) is (curve is None)


def test_a_request_with_an_ecdsa_key(tmp_path):
    made = request(tmp_path, NAMES, Making(300, curve=Curve.P384))
    asked = ["openssl", "req", "-verify", "-noout", "-in", made.document]
    told = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout
    assert "verify OK" in told
