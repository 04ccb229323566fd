"""Our own key when it is encrypted: PEM of both forms and PKCS#12, with its passphrase in a private file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448
from cryptography.hazmat.primitives.serialization import pkcs12

from keys import certificate_lab as lab
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.judgement import Signature, Trusted
from trust.conftest import HASH_R, MADE_OF

WORD = b"pass phrase \xc3\xbc"
MIDDLE = lab.issue(lab.authority(), "middle", subject="Middle", ca=True)
LEAF = lab.issue(MIDDLE, dns=("vpn.example.net",))


@pytest.fixture
def put(tmp_path):
    def write(name: str, octets: bytes, mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_bytes(octets)
        path.chmod(mode)
        return path

    return write


def encrypted(style: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8, word: bytes = WORD) -> bytes:
    encryption = serialization.BestAvailableEncryption(word)
    return LEAF.private.private_bytes(serialization.Encoding.PEM, style, encryption)


def bundle(holder: lab.Holder | None = LEAF, word: bytes | None = WORD, *others: lab.Holder) -> bytes:
    encryption = serialization.BestAvailableEncryption(word) if word else serialization.NoEncryption()
    certificates = [one.certificate for one in others]
    key, leaf = (holder.private, holder.certificate) if holder else (None, None)
    return pkcs12.serialize_key_and_certificates(b"gateway", key, leaf, certificates or None, encryption)


def keyring(certificate: Path, private: Path | None = None, passphrase: Path | None = None) -> Keyring:
    keys = RemoteKeys("own", own=(OwnFiles(certificate, private),), passphrase=passphrase, signs=True)
    return Keyring([keys], clock=lambda: lab.NOW)


def errors(*files: Path | None) -> list[str]:
    return lab.errors(keyring(*files))


def works(ring: Keyring) -> bool:
    assert ring.problems == ()
    signature = ring.sign("own", MADE_OF)
    return isinstance(signature, Signature) and signature.octets == LEAF.sign(HASH_R)


@pytest.mark.parametrize("style", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\nsecond line\n"])
def test_encrypted_pem(put, style, ending):
    assert works(keyring(put("gw.crt", LEAF.pem), put("gw.key", encrypted(style)), put("word", WORD + ending))), (
        "the first line is the passphrase, with its blanks"
    )


@pytest.mark.parametrize("word", [WORD, None])
def test_pkcs12_alone(put, word):
    ring = keyring(
        put("gw.p12", bundle(LEAF, word, lab.authority(), MIDDLE)), None, put("word", WORD) if word else None
    )
    assert works(ring)
    assert ring.credential("own").chain[:2] == (LEAF.der, MIDDLE.der)


def test_pkcs12_as_both_files_and_as_the_key_alone(put):
    both, word = put("gw.p12", bundle()), put("word", WORD)
    assert works(keyring(both, both, word))
    assert works(keyring(put("gw.crt", LEAF.pem), both, word))
    assert works(keyring(both, put("gw.key", lab.key_pem(LEAF.private)), word))


@pytest.mark.parametrize("legacy", [False, True])
def test_pkcs12_of_openssl(put, tmp_path, legacy):
    files = [put("gw.crt", LEAF.pem), put("gw.key", lab.key_pem(LEAF.private))]
    command = ["openssl", "pkcs12", "-export", "-in", files[0], "-inkey", files[1], "-passout", "pass:secret"]
    made = subprocess.run([*command, *(["-legacy"] if legacy else [])], check=False, capture_output=True)
    if legacy and made.returncode:
        pytest.skip("this openssl has no legacy provider")
    assert works(keyring(put("gw.p12", made.stdout), None, put("word", b"secret\n")))


def test_a_passphrase_for_a_key_that_needs_none(put):
    assert works(keyring(put("gw.crt", LEAF.pem), put("gw.key", lab.key_pem(LEAF.private)), put("word", WORD)))


NO_WORD = "it is encrypted: name a file with its passphrase by passphrase_file"
WRONG_WORD = "it is damaged, or does not open with the passphrase of passphrase_file"


def test_without_a_passphrase(put):
    certificate, key, both = put("gw.crt", LEAF.pem), put("gw.key", encrypted()), put("gw.p12", bundle())
    assert errors(certificate, key) == [f"private key {key}: {NO_WORD}"]
    assert errors(certificate, both) == [f"private key {both}: {NO_WORD}"]
    assert errors(both) == [f"certificate {both}: {NO_WORD}"]


def test_with_a_wrong_passphrase_that_is_not_shown(put):
    certificate, key, both = put("gw.crt", LEAF.pem), put("gw.key", encrypted()), put("gw.p12", bundle())
    word = put("word", b"open sesame")
    assert errors(certificate, key, word) == [f"private key {key}: {WRONG_WORD}"]
    assert errors(certificate, both, word) == [f"private key {both}: {WRONG_WORD}"]
    assert errors(both, None, word) == [f"certificate {both}: {WRONG_WORD}"]


def test_files_of_passphrases(put, tmp_path):
    certificate, key = put("gw.crt", LEAF.pem), put("gw.key", encrypted())
    open_word, empty = put("open", WORD, 0o644), put("empty", b"\nx")
    for word, text in (
        (tmp_path / "missing", "does not exist"),
        (open_word, "has mode 0644, so that others may reach its secrets"),
        (empty, "has no passphrase in its first line"),
    ):
        assert any(f"{word} {text}" in error for error in errors(certificate, key, word)), word


def test_a_pkcs12_file_that_others_may_read(put):
    both = put("gw.p12", bundle(), 0o644)
    assert [f"{both} has mode 0644" in error for error in errors(both, None, put("word", WORD))] == [True]


def test_what_a_pkcs12_file_lacks(put):
    word = put("word", WORD)
    empty = put("ca.p12", bundle(None, WORD, MIDDLE))
    protection = serialization.BestAvailableEncryption(WORD)
    keys_alone = pkcs12.serialize_key_and_certificates(None, LEAF.private, None, None, protection)
    key_only = put("key.p12", keys_alone)
    assert errors(empty, None, word) == [f"certificate {empty} has no private key beside it in certificate_type"]
    assert errors(put("gw.crt", LEAF.pem), empty, word) == [
        f"private key {empty}: there is no private key in this PKCS#12 file"
    ]
    assert errors(key_only, None, word) == [f"certificate {key_only}: there is no certificate in this PKCS#12 file"]


def test_a_pkcs12_file_with_another_kind_of_key(put):
    key = ed448.Ed448PrivateKey.generate()
    octets = pkcs12.serialize_key_and_certificates(None, key, None, None, serialization.NoEncryption())
    both = put("gw.p12", octets)
    assert errors(both) == [f"certificate {both}: it is neither an RSA nor an ECDSA nor an Ed25519 key"]


def test_a_key_of_somebody_else_in_pkcs12(put):
    other = lab.issue(MIDDLE, "other")
    certificate, both = put("gw.crt", LEAF.pem), put("other.p12", bundle(other))
    (error,) = errors(certificate, both, put("word", WORD))
    assert f"private key {both} does not belong to certificate {certificate}" in error


@pytest.mark.parametrize("cut", [12, 200, -30])
def test_damaged_files(put, cut):
    both, key, word = put("gw.p12", bundle()[:cut]), put("gw.key", encrypted()[:cut]), put("word", WORD)
    assert errors(both, None, word)
    assert errors(put("gw.crt", LEAF.pem), key, word)


def test_a_reload_takes_new_files_and_leaves_the_old_keyring_whole(put, client):
    """The daemon makes a new keyring and then lets the old one go; sessions in between still sign with the old key."""
    certificate, key, word = put("gw.crt", LEAF.pem), put("gw.key", encrypted()), put("word", WORD)
    old = keyring(certificate, key, word)
    renewed = lab.issue(MIDDLE, "renewed", dns=("vpn.example.net",))
    put("gw.crt", renewed.pem)
    put("gw.key", lab.key_pem(renewed.private))
    new = keyring(certificate, key, word)
    assert works(old)
    assert new.problems == ()
    assert new.sign("own", MADE_OF) == Signature(renewed.sign(HASH_R))
    assert new.credential("own").chain == (renewed.der,)
    put("gw.key", encrypted(word=b"another"))
    assert errors(certificate, key, word)
    proof = {"chain": (renewed.der, MIDDLE.der), "signature": new.sign("own", MADE_OF).octets}
    assert isinstance(client.judge(renewed, lab.authority(), proof=proof), Trusted)
