"""What is kept of certificates by ACME: account, order and outcome; what is due, and what is not believed."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from keys import certificate_lab as lab
from lotor.crypto.certificates import read_certificates
from lotor.crypto.private.jws import signed, thumbprint
from lotor.crypto.private.keypair import KeyPair, generate_key
from lotor.model.algorithms import Curve
from lotor.pki.acme import Place, Record, due, judged, kind_of, kind_word, public_names, renewal_fault, wants_renewal
from lotor.pki.fault import PkiError

NAME = "vpn.example.net"
RECORD = Record("https://ca.example.org/directory", "", ("mailto:a@example.org",), (NAME,), ("rsa-2048",), "http-01")
PRIVATE = lab.key("gateway")
AUTHORITY = lab.authority()


def text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(said: str) -> bytes:
    return base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))


def test_requests_are_signed_as_authorities_check_them():
    key = generate_key(Curve.P256)
    made = json.loads(signed(key, {"nonce": "n", "url": "u"}, b"{}"))
    head = json.loads(octets(made["protected"]))
    assert (head["alg"], head["nonce"], head["url"], octets(made["payload"])) == ("ES256", "n", "u", b"{}")
    numbers = key.handle.public_key().public_numbers()
    assert octets(head["jwk"]["x"]) == numbers.x.to_bytes(32, "big")
    assert octets(head["jwk"]["y"]) == numbers.y.to_bytes(32, "big")
    canonical = json.dumps(head["jwk"], separators=(",", ":"), sort_keys=True).encode()
    assert thumbprint(key) == text(hashlib.sha256(canonical).digest())
    signature = octets(made["signature"])
    assert len(signature) == 64
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    over = f"{made['protected']}.{made['payload']}".encode()
    key.handle.public_key().verify(utils.encode_dss_signature(r, s), over, ec.ECDSA(hashes.SHA256()))
    known = json.loads(octets(json.loads(signed(key, {"kid": "k"}, b""))["protected"]))
    assert known == {"alg": "ES256", "kid": "k"}
    with pytest.raises(ValueError, match="P-256"):
        thumbprint(generate_key(Curve.P384))


def test_what_was_ordered_and_how_it_came_out_is_kept(tmp_path):
    place = Place(tmp_path)
    assert place.record() is None
    with place.locked():
        place.note(RECORD)
        assert place.record() == RECORD
        place.came_out(RECORD, lab.NOW, "no way", lab.NOW + timedelta(hours=1))
    found = place.record()
    assert (found.failure, found.names) == ("no way", RECORD.names)
    assert datetime.fromisoformat(found.after) - datetime.fromisoformat(found.tried) == timedelta(hours=1)


@pytest.mark.parametrize("told", ["", "{", "[]", '{"server": "x"}', '{"odd": 1}', "null"])
def test_a_record_that_cannot_be_read_is_told(tmp_path, told):
    place = Place(tmp_path)
    with place.locked():
        (place.own / "record.json").write_text(told)
    with pytest.raises(PkiError, match="cannot be read"):
        place.record()


def test_keys_are_made_once_and_nobody_else_reads_them(tmp_path):
    place = Place(tmp_path)
    with place.locked():
        for path, made in (
            (tmp_path / "acme/account.key", place.account),
            (tmp_path / "vpngw.key", lambda: place.key("vpngw", "p256")),
        ):
            first = made()
            assert path.stat().st_mode & 0o777 == 0o600
            assert made().pem().reveal() == first.pem().reveal()
        with pytest.raises(PkiError, match="another kind than rsa-2048"):
            place.key("vpngw", "rsa-2048")
        with pytest.raises(PkiError, match="another kind than p384"):
            place.key("vpngw", "p384")


def test_one_at_a_time(tmp_path):
    place = Place(tmp_path)
    with place.locked(), pytest.raises(PkiError, match="another lotor pki acme is at work"), place.locked():
        pass
    with place.locked(), (tmp_path / "acme/lock").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("192.0.2.50",), "is an address"),
        (("*.example.net",), "stands for many hosts"),
        (("gateway",), "inside of one network only"),
        (("not a name",), "neither a host name nor an address"),
        (tuple(f"a{number}.example.net" for number in range(101)), "too many"),
    ],
)
def test_names_that_nobody_could_prove(names, told):
    with pytest.raises(PkiError, match=told):
        public_names(names)


def issued(**wish) -> lab.Holder:
    return lab.issue(AUTHORITY, **{"dns": (NAME,), "private": PRIVATE, **wish})


def test_what_an_authority_sends_is_looked_at():
    key = KeyPair(PRIVATE)
    good = issued()
    assert judged(good.pem, key, (NAME,), lab.NOW)[0].der == good.der
    for pem, told in (
        (b"nonsense", "cannot be read"),
        (issued(private=lab.key("other")).pem, "another key"),
        (issued(dns=("other.example.net",)).pem, f"does not name {NAME}"),
        (issued(end=lab.NOW - timedelta(days=1)).pem, "is over"),
        (issued(ca=True).pem, "that of an authority"),
    ):
        with pytest.raises(PkiError, match=told):
            judged(pem, key, (NAME,), lab.NOW)


def test_two_thirds_of_its_life_are_enough(tmp_path):
    place = Place(tmp_path)
    assert wants_renewal(place, RECORD, "vpngw", lab.NOW)
    holder = issued(start=lab.NOW, end=lab.NOW + timedelta(days=90))
    (tmp_path / "vpngw.crt").write_bytes(holder.pem)
    assert due(read_certificates(holder.pem)[0]) == lab.NOW + timedelta(days=60)
    assert not wants_renewal(place, RECORD, "vpngw", lab.NOW + timedelta(days=59))
    assert wants_renewal(place, RECORD, "vpngw", lab.NOW + timedelta(days=60))
    assert wants_renewal(place, replace(RECORD, names=(NAME, "other.example.net")), "vpngw", lab.NOW)


@pytest.mark.parametrize("kind", [2048, 3072, 4096, *Curve])
def test_kinds_of_keys_have_words(kind):
    assert kind_of(kind_word(kind)) == kind


@pytest.mark.parametrize("word", ["", "rsa", "rsa-512", "rsa-x", "p999"])
def test_words_that_are_no_kind(word):
    with pytest.raises(PkiError):
        kind_of(word)


def test_a_renewal_that_fails_is_known_from_outside(tmp_path):
    file = tmp_path / "vpngw.crt"
    assert renewal_fault(file, lab.NOW) == ""
    file.write_bytes(issued(start=lab.NOW, end=lab.NOW + timedelta(days=90)).pem)
    assert renewal_fault(file, lab.NOW + timedelta(days=80)) == ""
    place = Place(tmp_path)
    with place.locked():
        place.note(RECORD)
    assert renewal_fault(file, lab.NOW + timedelta(days=61)) == ""
    assert "nothing renews it" in renewal_fault(file, lab.NOW + timedelta(days=70))
    place.came_out(RECORD, lab.NOW, "no way")
    assert renewal_fault(file, lab.NOW) == ""
    assert "failed at" in renewal_fault(file, lab.NOW + timedelta(days=61))
    assert renewal_fault(tmp_path / "other.crt", lab.NOW + timedelta(days=61)) == ""
    (place.own / "record.json").write_text("{")
    assert "cannot be read" in renewal_fault(file, lab.NOW)
