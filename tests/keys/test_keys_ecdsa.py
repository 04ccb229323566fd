"""Certificates with keys for ECDSA: own ones, those of peers, chains of both kinds, and where they do not belong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import pkcs12

from keys import certificate_lab as lab
from lotor.crypto.ecdsa import CURVES, DIGESTS, number_octets
from lotor.crypto.hashes import signed
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.algorithms import SIGNATURE_HASHES, Curve
from lotor.model.judgement import Failure, Signature, SignedHash, Trusted, Untrusted
from lotor.trust import RemoteTrust, TrustStore
from trust.conftest import MADE_OF, prove

NAMES = {"dns": ("vpn.example.net",), "addresses": ("192.0.2.50",)}
EACH = pytest.mark.parametrize("curve", Curve)


def elliptic(curve: Curve | None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[curve] if curve else ec.SECP256K1())


def made_of(curve: Curve) -> SignedHash:
    return replace(MADE_OF, hash=SIGNATURE_HASHES[curve])


def hashed(curve: Curve) -> bytes:
    return signed(made_of(curve))


def signature(private: ec.EllipticCurvePrivateKey, curve: Curve) -> bytes:
    r, s = utils.decode_dss_signature(private.sign(hashed(curve), ec.ECDSA(utils.Prehashed(DIGESTS[curve]))))
    size = number_octets(curve)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def proof(gateway: lab.Holder, curve: Curve, **changes):
    plain = {"curve": curve, "signed": hashed(curve), "signature": b""}
    return {**plain, "signature": signature(gateway.private, curve), "chain": (gateway.der,), **changes}


@pytest.fixture
def judged(client):
    """The verdict over a gateway's proof."""

    def judge(gateway, *anchors, meets, **rules):
        store = client.store(*anchors, **rules)
        plain = prove(lab.issue(lab.authority(), **NAMES))
        fields = {name: getattr(plain, name) for name in ("remote", "identity", "address", "host")}
        fields["identity"] = type(plain.identity)(plain.identity.kind, gateway.subject)
        return store.judge(type(plain)(**{**fields, **meets}))

    return judge


@EACH
def test_a_gateway_with_an_ecdsa_key_of_an_rsa_authority(judged, ca, curve):
    gateway = lab.issue(ca, private=elliptic(curve), **NAMES)
    assert isinstance(judged(gateway, ca, meets=proof(gateway, curve), ecdsa=True), Trusted)
    other = proof(gateway, curve, signature=signature(elliptic(curve), curve))
    assert "signature does not fit" in judged(gateway, ca, meets=other, ecdsa=True).reason.text


@EACH
def test_an_rsa_gateway_of_an_ecdsa_authority(client, curve):
    root = lab.authority("Elliptic CA", private=elliptic(curve), digest=DIGESTS[curve])
    gateway = lab.issue(root, **NAMES)
    assert isinstance(client.judge(gateway, root), Trusted)


def test_a_chain_of_both_kinds(judged):
    root = lab.authority("Root CA", private=elliptic(Curve.P384), digest=hashes.SHA384())
    middle = lab.issue(root, "middle", subject="Middle CA", ca=True)
    gateway = lab.issue(middle, private=elliptic(Curve.P256), **NAMES)
    meets = proof(gateway, Curve.P256, chain=(gateway.der, middle.der))
    assert isinstance(judged(gateway, root, meets=meets, ecdsa=True), Trusted)


def test_a_key_of_another_kind_than_was_negotiated(judged, client, ca):
    gateway = lab.issue(ca, private=elliptic(Curve.P384), **NAMES)
    wrong = judged(gateway, ca, meets={**proof(gateway, Curve.P384), "curve": Curve.P256}, ecdsa=True)
    assert "has no ECDSA key on P-256 (ECDSA P-384)" in wrong.reason.text
    rsa = lab.issue(ca, **NAMES)
    wrong = judged(rsa, ca, meets={**proof(gateway, Curve.P384), "chain": (rsa.der,)}, ecdsa=True)
    assert "has no ECDSA key on P-384 (RSA 2048 bits)" in wrong.reason.text
    wrong = client.judge(rsa, ca, proof={"chain": (gateway.der,)})
    assert "has no RSA key (ECDSA P-384)" in wrong.reason.text
    koblitz = lab.issue(ca, private=elliptic(None), **NAMES)
    wrong = judged(koblitz, ca, meets={**proof(gateway, Curve.P384), "chain": (koblitz.der,)}, ecdsa=True)
    assert isinstance(wrong, Untrusted)
    assert "secp256k1" in wrong.reason.text


# -- own keys ---------------------------------------------------------------------------------------------------------


def files(tmp_path, holder: lab.Holder, key: bytes | None = None, **rules) -> Keyring:
    (tmp_path / "gw.crt").write_bytes(holder.pem)
    path = tmp_path / "gw.key"
    path.write_bytes(key or lab.key_pem(holder.private))
    path.chmod(0o600)
    keys = RemoteKeys("own", (OwnFiles(tmp_path / "gw.crt", path),), signs=True, **rules)
    return Keyring([keys], clock=lambda: lab.NOW)


@EACH
def test_own_files_sign_and_tell_their_curve(tmp_path, judged, ca, curve):
    gateway = lab.issue(ca, private=elliptic(curve), **NAMES)
    sec1 = gateway.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    for key in (None, sec1):
        keyring = files(tmp_path, gateway, key, ecdsa=True)
        assert keyring.problems == ()
        assert keyring.credential("own").curve is curve
        signed = keyring.sign("own", made_of(curve))
        assert isinstance(signed, Signature)
        meets = proof(gateway, curve, signature=signed.octets)
        assert isinstance(judged(gateway, ca, meets=meets, ecdsa=True), Trusted)
        assert isinstance(keyring.sign("own", MADE_OF), Failure)


def test_own_key_in_pkcs12(tmp_path, ca):
    gateway = lab.issue(ca, private=elliptic(Curve.P521), **NAMES)
    octets = pkcs12.serialize_key_and_certificates(
        None, gateway.private, gateway.certificate, [ca.certificate], serialization.BestAvailableEncryption(b"sesame")
    )
    for name, content in (("gw.p12", octets), ("word", b"sesame\n")):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    keys = RemoteKeys("own", (OwnFiles(tmp_path / "gw.p12"),), passphrase=tmp_path / "word", signs=True, ecdsa=True)
    keyring = Keyring([keys], clock=lambda: lab.NOW)
    assert keyring.problems == ()
    assert len(keyring.sign("own", made_of(Curve.P521)).octets) == 132


def test_an_ecdsa_certificate_where_the_method_signs_with_rsa(tmp_path, ca):
    gateway = lab.issue(ca, private=elliptic(Curve.P256), **NAMES)
    (text,) = lab.errors(files(tmp_path, gateway))
    assert text == (
        f"certificate {tmp_path / 'gw.crt'} has no RSA key (ECDSA P-256), and this authentication_method signs with "
        "RSA: make an RSA certificate, or use authentication_method ecdsasig, which has no login (RFC 4754)"
    )


def test_an_rsa_certificate_where_the_method_signs_with_ecdsa(tmp_path, ca):
    (text,) = lab.errors(files(tmp_path, lab.issue(ca, **NAMES), ecdsa=True))
    assert "no ECDSA key on P-256, P-384 or P-521 (RSA 2048 bits)" in text
    assert "lotor pki gateway --key ec256" in text


def test_a_key_on_another_curve(tmp_path, ca):
    (text,) = lab.errors(files(tmp_path, lab.issue(ca, private=elliptic(None), **NAMES), ecdsa=True))
    assert text.startswith(f"private key {tmp_path / 'gw.key'}: it is an ECDSA key on secp256k1: IKEv1 has signatures")


@pytest.mark.parametrize("ecdsa", [True, False])
def test_a_pinned_certificate_of_the_wrong_kind(tmp_path, ca, ecdsa):
    private = None if ecdsa else elliptic(Curve.P256)
    pinned = tmp_path / "peer.crt"
    pinned.write_bytes(lab.issue(ca, private=private, **NAMES).pem)
    store = TrustStore([RemoteTrust("gw", peers_certfile=pinned, judges=True, ecdsa=ecdsa)], clock=lambda: lab.NOW)
    (text,) = lab.errors(store)
    assert f"peers_certfile {pinned} has a key that this authentication_method does not take" in text


def test_a_key_of_another_certificate(tmp_path, ca):
    gateway = lab.issue(ca, private=elliptic(Curve.P256), **NAMES)
    for other in (elliptic(Curve.P256), elliptic(Curve.P384), lab.key("other")):
        assert (
            "does not belong to certificate" in lab.errors(files(tmp_path, gateway, lab.key_pem(other), ecdsa=True))[0]
        )
