"""Who is refused because of the certificate itself, and with which words."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from keys import certificate_lab as lab
from lotor.crypto import certificates
from lotor.crypto.x509 import chains
from lotor.model.judgement import Trusted, Untrusted
from lotor.trust import judging
from trust.conftest import Gateway, prove

DAY = timedelta(days=1)


def refused(verdict, *words: str) -> str:
    assert isinstance(verdict, Untrusted), verdict
    for word in words:
        assert word in verdict.reason.text, verdict.reason.text
    return verdict.reason.text


def test_the_right_gateway_is_trusted(client, ca, gateway):
    assert client.judge(gateway, ca) == Trusted("CN=vpn.example.net")


def test_a_certificate_of_the_howto_without_any_extension_but_basic_constraints(client, ca):
    gateway = lab.issue(ca, subject="C=XX, O=Flying pigs, CN=192.0.2.50")
    assert isinstance(client.judge(gateway, ca, proof={"host": None}), Trusted)


def test_expired(client, ca):
    gateway = lab.issue(ca, end=lab.NOW - DAY)
    refused(client.judge(gateway, ca), "CN=vpn.example.net expired on 2040-05-31 12:00 UTC", "renew")


def test_not_yet_valid(client, ca):
    gateway = lab.issue(ca, start=lab.NOW + DAY)
    refused(client.judge(gateway, ca), "valid only from 2040-06-02 12:00 UTC", "clock says 2040-06-01 12:00 UTC")


def test_expired_authority(client):
    old = lab.authority(end=lab.NOW - DAY)
    refused(client.judge(lab.issue(old), old), "CN=Lab CA expired on 2040-05-31")


def test_another_authority_of_the_same_name(client, ca):
    impostor = lab.authority(label="impostor")
    refused(client.judge(lab.issue(impostor), ca), "another authority of the same name", "ca.crt")


def test_the_impostors_own_authority_in_the_chain_does_not_help(client, ca):
    impostor = lab.authority(label="impostor")
    gateway = lab.issue(impostor)
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, impostor.der)}), "CN=Lab CA")


def test_unknown_issuer_names_both(client, ca):
    foreign = lab.authority("Foreign CA", "foreign")
    refused(client.judge(lab.issue(foreign), ca), "issued by CN=Foreign CA", "only CN=Lab CA of", "ca_type")


def test_an_unknown_authority_that_the_peer_sends_along_is_named(client, ca):
    """As servers of RADIUS do."""
    foreign = lab.authority("Foreign CA", "foreign")
    between = lab.issue(foreign, "between", subject="Foreign Sub CA", ca=True, dns=(), addresses=())
    for holder, sent in ((lab.issue(foreign), (foreign,)), (lab.issue(between), (between, foreign))):
        verdict = client.judge(holder, ca, proof={"chain": tuple(one.der for one in (holder, *sent))})
        assert "issued by CN=Foreign CA" in verdict.reason.text


def test_self_signed_shows_the_fingerprint(client, ca):
    gateway = lab.self_signed()
    fingerprint = gateway.certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    refused(client.judge(gateway, ca), "is self-signed", fingerprint, "peers_certfile")


def test_self_signed_is_refused_even_as_its_own_anchor(client):
    gateway = lab.authority("vpn.example.net", "gateway")
    refused(client.judge(gateway, gateway), "is self-signed")


def test_issued_by_an_ordinary_certificate(client, ca):
    user = lab.issue(ca, "mallory", subject="mallory")
    gateway = lab.issue(user)
    why = refused(client.judge(gateway, ca, proof={"chain": (gateway.der, user.der)}), "CN=mallory")
    assert "not a CA" in why


def test_issued_by_a_certificate_without_basic_constraints(client, ca):
    user = lab.issue(ca, "mallory", subject="mallory", ca=None)
    gateway = lab.issue(user)
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, user.der)}), "CN=mallory", "not a CA")


def test_an_authority_without_the_right_to_sign_certificates(client, ca):
    middle = lab.issue(ca, "middle", subject="Middle", ca=True, sign_certificates=False)
    gateway = lab.issue(middle)
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, middle.der)}), "CN=Middle", "not a CA")


def test_an_intermediate_of_the_chain_is_used(client, ca):
    middle = lab.issue(ca, "middle", subject="Middle", ca=True, sign_certificates=True)
    gateway = lab.issue(middle)
    assert isinstance(client.judge(gateway, ca, proof={"chain": (gateway.der, middle.der)}), Trusted)
    refused(client.judge(gateway, ca), "issued by CN=Middle")


def test_path_length_is_honoured(client):
    short = lab.authority(path_length=0)
    middle = lab.issue(short, "middle", subject="Middle", ca=True)
    gateway = lab.issue(middle)
    refused(client.judge(gateway, short, proof={"chain": (gateway.der, middle.der)}))


def test_name_constraints_are_honoured(client):
    narrow = lab.authority(permitted=("example.org",))
    refused(client.judge(lab.issue(narrow, dns=("vpn.example.net",)), narrow))
    assert isinstance(
        client.judge(lab.issue(narrow, dns=("vpn.example.org",)), narrow, proof={"host": "vpn.example.org"}), Trusted
    )


def test_name_constraints_are_not_passed_by_with_a_common_name(client):
    narrow = lab.authority(permitted=("example.org",))
    refused(client.judge(lab.issue(narrow, subject="vpn.example.net"), narrow), "not vpn.example.net")


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_weak_digest(client, ca, gateway, digest, tmp_path):
    der = _signed_with(ca, digest, tmp_path)
    refused(client.judge(gateway, ca, proof={"chain": (der,)}), f"signed with {digest}", "SHA-256")


def _signed_with(ca, digest, directory) -> bytes:
    """By openssl: the library that the tests use makes no such certificates any more."""
    for name, octets in (
        ("ca.pem", ca.pem),
        ("ca.key", lab.key_pem(ca.private)),
        ("gw.key", lab.key_pem(lab.key("gateway"))),
        ("extensions", b"basicConstraints=CA:FALSE\n"),
    ):
        (directory / name).write_bytes(octets)
    for command in (
        "req -new -key gw.key -subj /CN=vpn.example.net -out gw.csr",
        f"x509 -req -{digest} -in gw.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 9000 -extfile extensions -out gw",
        "x509 -in gw -outform DER -out gw.der",
    ):
        subprocess.run(["openssl", *command.split()], cwd=directory, check=True, capture_output=True)
    return (directory / "gw.der").read_bytes()


def test_weak_key(client, ca):
    gateway = lab.issue(ca, private=lab.key("weak", 1024))
    refused(client.judge(gateway, ca), "1024 bits", "2048")


def test_low_exponent(client, ca):
    gateway = lab.issue(ca, private=lab.key("three", 2048, 3))
    refused(client.judge(gateway, ca), "exponent 3")


def test_elliptic_key(client, ca, gateway):
    from cryptography.hazmat.primitives.asymmetric import ec

    elliptic = lab.issue(ca, private=ec.generate_private_key(ec.SECP256R1()))
    refused(client.judge(gateway, ca, proof={"chain": (elliptic.der,)}), "no RSA key")


def test_no_certificate(client, ca, gateway):
    refused(client.judge(gateway, ca, proof={"chain": ()}), "sent no certificate")


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x80" * 40, bytes(300), b"\x30\x84\xff\xff\xff\xff"])
def test_rubbish_for_a_certificate(client, ca, gateway, octets):
    refused(client.judge(gateway, ca, proof={"chain": (octets,)}), "cannot be read")


def test_every_cut_certificate_is_refused(client, ca, gateway):
    store = client.store(ca)
    for length in range(0, len(gateway.der), 7):
        refused(store.judge(prove(gateway, chain=(gateway.der[:length],))))


def test_every_changed_octet_is_refused(client, ca, gateway):
    store = client.store(ca)
    assert len(gateway.der) > 500
    for place in range(0, len(gateway.der), 5):
        changed = bytearray(gateway.der)
        changed[place] ^= 0x41
        assert isinstance(store.judge(prove(gateway, chain=(bytes(changed),))), Untrusted), place


def test_rubbish_among_the_intermediates_does_no_harm(client, ca, gateway):
    assert isinstance(client.judge(gateway, ca, proof={"chain": (gateway.der, b"\x30\x03rub")}), Trusted)


def test_a_long_chain_is_not_looked_at(client, ca, gateway):
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der,) * 6}), "sent 6 certificates")
    assert isinstance(client.judge(gateway, ca, proof={"chain": (gateway.der,) * 5}), Trusted)
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, bytes(16000))}), "sent 2 certificates", "16384")


# -- what is not computed with ----------------------------------------------------------------------------------------


def _with_key(issuer: lab.Holder, public, **wish) -> lab.Holder:
    """A certificate for a key of which nobody needs the private half."""
    held = SimpleNamespace(public_key=lambda: public, sign=lambda *_: bytes(256))
    return lab.issue(issuer, private=held, **wish)


def _rsa(bits: int, exponent: int = 65537):
    return rsa.RSAPublicNumbers(exponent, (1 << bits) - 2 * 12345 - 1).public_key()


@pytest.fixture
def computed(monkeypatch):
    """What was computed with keys of peers."""
    done: list[str] = []
    watched = {"issued_by": (certificates,), "_prove": (chains,), "verify_bare": (judging,)}
    for name, place in [(name, place) for name, places in watched.items() for place in places]:
        honest = getattr(place, name)

        def counting(*args, honest=honest, name=name):
            done.append(name)
            return honest(*args)

        monkeypatch.setattr(place, name, counting)
    return done


@pytest.mark.parametrize(
    ("public", "words"),
    [
        (_rsa(16384), "RSA 16384 bits, more than 8192"),
        (_rsa(8200), "RSA 8200 bits, more than 8192"),
        (_rsa(3072, (1 << 32) + 15), "exponent of 33 bits"),
        (_rsa(3072, (1 << 64) - 59), "exponent of 64 bits"),
        (ec.generate_private_key(ec.SECP256K1()).public_key(), "secp256k1, which is none of P-256"),
        (ec.generate_private_key(ec.BrainpoolP512R1()).public_key(), "brainpoolP512r1, which is none of P-256"),
    ],
)
def test_f8_nothing_is_computed_with_a_key_of_a_peer_that_is_none_of_ours(client, ca, gateway, computed, public, words):
    refused(client.judge(_with_key(ca, public), ca), words)
    assert not computed
    helper = _with_key(ca, public, subject="Lab CA", ca=True)
    assert isinstance(client.judge(gateway, ca, proof={"chain": (gateway.der, *[helper.der] * 4)}), Trusted)
    assert computed == ["verify_bare", "_prove"]


def test_f8_the_largest_keys_of_others_are_computed_with(client, ca, computed):
    refused(client.judge(_with_key(ca, _rsa(8192, (1 << 32) - 5)), ca), "signature does not fit")
    assert computed == ["verify_bare"]


def test_f8_a_refused_chain_is_verified_once_and_explained_by_its_names(client, ca, computed):
    """Four authorities, each of which could have issued each other by name."""
    twins = [lab.issue(ca, f"twin{number}", subject="Lab CA", ca=True) for number in range(4)]
    gateway = lab.issue(lab.authority("Foreign CA", "foreign"))
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, *(twin.der for twin in twins))}), "Foreign CA")
    impostor = lab.issue(lab.authority(label="impostor"))
    refused(client.judge(impostor, ca, proof={"chain": (impostor.der, *(twin.der for twin in twins))}), "a forgery")
    assert computed == ["verify_bare", "_prove"] * 2


def test_f8_twins_of_one_key_are_tried_once(client, ca, monkeypatch):
    foreign = lab.authority("Foreign CA", "foreign")
    twins = [lab.authority("Foreign CA", "foreign", end=lab.NOW + number * DAY) for number in range(1, 5)]
    twins[3] = lab.issue(lab.authority("Another CA", "another"), subject="Foreign CA", private=foreign.private, ca=True)
    gateway, helped = lab.issue(foreign), []
    honest = chains._prove
    monkeypatch.setattr(chains, "_prove", lambda *args: helped.append(len(args[1])) or honest(*args))
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, *(twin.der for twin in twins))}))
    assert helped == [1]


def test_f8_a_forged_link_in_the_middle_is_told_in_the_librarys_words(client, ca):
    middle = lab.issue(ca, "middle", subject="Middle CA", ca=True)
    other = lab.authority("Middle CA", "other middle")
    gateway = lab.issue(other)
    why = client.judge(gateway, ca, proof={"chain": (gateway.der, middle.der)})
    refused(why, "CN=vpn.example.net does not lead to an authority", "signature does not match")


# -- who may vouch for whom -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usages", "for_gateways", "for_clients"),
    [
        ((), True, True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True, True),
        ((ExtendedKeyUsageOID.SERVER_AUTH,), True, False),
        ((ExtendedKeyUsageOID.CLIENT_AUTH,), False, True),
        ((ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH), True, True),
        ((ExtendedKeyUsageOID.CODE_SIGNING,), False, False),
        ((ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION), False, False),
    ],
)
@pytest.mark.parametrize("deep", [False, True])
def test_f13_every_intermediate_allows_the_purpose(client, tmp_path, ca, usages, for_gateways, for_clients, deep):
    limited = lab.issue(ca, "limited", subject="Limited CA", ca=True, usages=usages)
    last = lab.issue(limited, "below", subject="Below CA", ca=True) if deep else limited
    leaf = lab.issue(last, subject="vpn.example.net")
    sent = {"chain": (leaf.der, last.der, limited.der)}
    gateway = Gateway(tmp_path)
    for judge, allowed in ((client.judge, for_gateways), (gateway.judge, for_clients)):
        verdict = judge(leaf, ca, proof=sent)
        if allowed:
            assert isinstance(verdict, Trusted)
        else:
            refused(verdict, "CN=Limited CA, whose extended key usage does not allow")


def test_f13_what_our_own_authority_is_for_is_our_own_affair(client):
    """RFC 5280 §6.1: an anchor is a name and a key."""
    anchor = lab.authority(usages=(ExtendedKeyUsageOID.CODE_SIGNING,))
    assert isinstance(client.judge(lab.issue(anchor), anchor), Trusted)


def test_f13_an_authority_is_no_peer(client, tmp_path, ca):
    leaf = lab.issue(ca, subject="vpn.example.net", ca=True)
    refused(client.judge(leaf, ca), "CN=vpn.example.net is that of an authority", "no gateway proves itself")
    refused(Gateway(tmp_path).judge(leaf, ca), "is that of an authority", "no client proves itself")
    refused(client.judge(leaf, ca, verify_identifier=False), "is that of an authority")
    pinned = tmp_path / "pinned.pem"
    pinned.write_bytes(leaf.pem)
    assert isinstance(client.judge(leaf, ca, peers_certfile=pinned), Trusted)
    assert isinstance(client.judge(leaf, verify_cert=False), Trusted)


def test_ten_useless_certificates_of_one_name_end_soon(client, ca):
    """Each could have issued each other by name."""
    twins = [lab.issue(ca, f"twin{number}", subject="Lab CA", ca=True) for number in range(3)]
    gateway = lab.issue(lab.authority("Foreign CA", "foreign"))
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, *(twin.der for twin in twins))}))


def test_verify_cert_off_leaves_the_signature(client, ca, gateway):
    stranger = lab.self_signed(subject="somebody")
    assert isinstance(client.judge(stranger, verify_cert=False), Trusted)
    refused(client.judge(stranger, verify_cert=False, proof={"signature": bytes(256)}), "signature")


def test_a_block_that_is_not_there(client, ca, gateway):
    refused(client.judge(gateway, ca, proof={"remote": "other"}), "other")
