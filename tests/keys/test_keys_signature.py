"""Only the whole hash under the right key is a signature (CVE-2004-0155, -2012-2388, -2018-16151)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from keys import certificate_lab as lab
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.identity import Identity
from lotor.model.judgement import Failure, PeerProof, Signature, Trusted, Untrusted
from lotor.model.reasons.local import SignsNothing
from lotor.trust import RemoteTrust, TrustStore
from trust.conftest import HASH_R, MADE_OF

VECTORS = Path(__file__).parent.parent / "vectors"
RECORDED = datetime(2027, 1, 1, tzinfo=UTC)


def wrong(gateway) -> dict[str, bytes]:
    size = 256
    modulus = gateway.private.public_key().public_numbers().n
    return {
        "of another key": lab.key("mallory").sign(HASH_R, *_bare()),
        "over another hash": gateway.sign(hashlib.sha1(b"other").digest()),
        "over half the hash": gateway.sign(HASH_R[:10]),
        "over more than the hash": gateway.sign(HASH_R + b"\0"),
        "with DigestInfo": _with_digest_info(gateway),
        "empty": b"",
        "zero": bytes(size),
        "one": b"\1".rjust(size, b"\0"),
        "the modulus": modulus.to_bytes(size, "big"),
        "one octet short": gateway.sign(HASH_R)[1:],
        "one octet long": b"\0" + gateway.sign(HASH_R),
        "huge": bytes(60000),
    }


def _bare():
    from cryptography.hazmat.primitives.asymmetric import padding, utils

    return padding.PKCS1v15(), utils.NoDigestInfo()


def _with_digest_info(gateway) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, utils

    return gateway.private.sign(HASH_R, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))


@pytest.mark.parametrize("kind", list(wrong(lab.issue(lab.authority()))))
def test_a_wrong_signature_is_refused(client, ca, gateway, kind):
    verdict = client.judge(gateway, ca, proof={"signature": wrong(gateway)[kind]})
    assert isinstance(verdict, Untrusted)
    assert "signature does not fit certificate CN=vpn.example.net" in verdict.reason.text


def test_a_signature_over_nothing_is_refused(client, ca, gateway):
    assert isinstance(client.judge(gateway, ca, proof={"signed": b"", "signature": gateway.sign(b"")}), Untrusted)


def captures() -> list[Path]:
    return sorted(path.parent for path in VECTORS.glob("hybrid*/rsa.json"))


@pytest.mark.parametrize("capture", captures(), ids=lambda path: path.name)
def test_recorded_gateways_are_trusted_and_our_signature_is_theirs(capture: Path):
    """PKCS#1 v1.5 draws nothing at random: the gateway's key makes the recorded octets again."""
    vector = json.loads((capture / "vector.json").read_text())
    hash_r = bytes.fromhex(vector["ike_sas"][0]["HASH_R"])
    chain, identity, signature = recorded_proof(vector)
    store = TrustStore([RemoteTrust("gw", ca=(capture / "ca.pem",), judges=True)], clock=lambda: RECORDED)
    proof = PeerProof(
        remote="gw",
        chain=chain,
        identity=Identity(identity[0], identity[4:]),
        signed=hash_r,
        signature=signature,
        address=ip_address("198.51.100.2"),
        host="gw.example.org",
    )
    assert isinstance(store.judge(proof), Trusted), store.judge(proof)
    assert isinstance(store.judge(replace(proof, signed=hash_r[:-1] + b"?")), Untrusted)
    keys = [_private_key(numbers) for numbers in json.loads((capture / "rsa.json").read_text()).values()]
    if capture.name != "hybrid-frag-1200-force":  # its gateway signed with a key that was not recorded
        assert signature in [key.sign(hash_r, *_bare()) for key in keys]


def recorded_proof(vector: dict) -> tuple[tuple[bytes, ...], bytes, bytes]:
    """Certificates, identity and signature of the gateway, out of its message of phase 1, clear or decrypted."""
    for message in vector["messages"]:
        payloads = list(_payloads(message)) if 9 in message.get("payloads", ()) else []
        chain = tuple(body[1:] for kind, body in payloads if kind == 6 and body[:1] == b"\4")
        if chain:
            return chain, dict(payloads)[5], dict(payloads)[9]
    raise AssertionError("nobody signed in this capture")


def _payloads(message: dict):
    rest = bytes.fromhex(message["plain"]) if "plain" in message else bytes.fromhex(message["raw"])[28:]
    for kind in message["payloads"]:
        length = int.from_bytes(rest[2:4], "big")
        yield kind, rest[4:length]
        rest = rest[length:]


def _private_key(numbers: dict[str, str]):
    from cryptography.hazmat.primitives.asymmetric import rsa

    modulus, exponent, private = (int(numbers[one], 16) for one in ("n", "e", "d"))
    p, q = rsa.rsa_recover_prime_factors(modulus, exponent, private)
    public = rsa.RSAPublicNumbers(exponent, modulus)
    exponents = rsa.rsa_crt_dmp1(private, p), rsa.rsa_crt_dmq1(private, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, private, *exponents, public).private_key()


def test_signing_gives_what_the_peer_verifies(tmp_path, client, ca, gateway):
    (tmp_path / "gw.crt").write_bytes(gateway.pem)
    (tmp_path / "gw.key").write_bytes(lab.key_pem(gateway.private))
    (tmp_path / "gw.key").chmod(0o600)
    own = RemoteKeys(name="own", own=(OwnFiles(tmp_path / "gw.crt", tmp_path / "gw.key"),), signs=True)
    keyring = Keyring([own], clock=lambda: lab.NOW)
    assert keyring.problems == ()
    signature = keyring.sign("own", MADE_OF)
    assert isinstance(signature, Signature)
    assert isinstance(client.judge(gateway, ca, proof={"signature": signature.octets}), Trusted)
    assert "no private key" in keyring.sign("nobody", MADE_OF).reason.text
    idle = Keyring([replace(own, signs=False)], clock=lambda: lab.NOW)
    assert idle.sign("own", MADE_OF) == Failure(SignsNothing("own"))


def test_a_private_key_does_not_show_in_what_is_printed(tmp_path):
    pem = lab.key_pem(lab.key("gateway"))
    from lotor.crypto.private.keypair import load_key

    assert repr(load_key(pem)) == "KeyPair()"
    assert load_key(pem).bits == 2048
