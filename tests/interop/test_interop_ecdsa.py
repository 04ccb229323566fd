"""Certificates with ECDSA keys (RFC 4754) on each curve: with strongSwan at either end, and between two lotor."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lab import lotor, pki
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import CERTIFICATES
from lab.node import wait_until
from lab.strongswan import Charon

CURVES = {"ecp256": ec.SECP256R1(), "ecp384": ec.SECP384R1(), "ecp521": ec.SECP521R1()}
CASES = [("main", "sha256", "ecp256"), ("aggressive", "sha384", "ecp384"), ("main", "sha1", "ecp521")]
"""The mode, the hash of phase 1 (that of the curve, or another), the group and with it the curve of all keys."""


@pytest.fixture(scope="module")
def elliptic(tmp_path_factory):
    """For each curve a directory with ca, vpngw and user, all with such keys."""
    return {name: issue(tmp_path_factory.mktemp(name), curve) for name, curve in CURVES.items()}


def issue(directory, curve):
    authority = pki.authority(curve=curve)
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, "gw.example.org").save(directory, "vpngw")
    pki.user(authority, "alice").save(directory, "user")
    return directory


def lines(mode, hashing, group):
    method = {"exchange_mode": mode, "authentication_method": "ecdsasig"}
    return {**method, "hash_algorithm": hashing, "dh_group": group}


def serve(internet, files, *words):
    own = 'x509 "vpngw.crt" "vpngw.key"; ca_type x509 "ca.crt"'
    gateway = lotor.gateway(internet.gateway, files, **lines(*words), certificate_type=own)
    internet.gateway.write(f"{CERTIFICATES}/ca.crt", (files / "ca.crt").read_bytes())
    gateway.start("-d")
    return gateway


def road_warrior(internet, files, *words):
    own = 'x509 "ca.crt"; certificate_type x509 "user.crt" "user.key"; my_identifier asn1dn'
    client = lotor.client(internet.client, files, **lines(*words), ca_type=own)
    for name, permissions in (("user.crt", 0o644), ("user.key", 0o600)):
        internet.client.write(f"{CERTIFICATES}/{name}", (files / name).read_bytes(), permissions)
    client.start("-d")
    return client


def charon_words(mode, hashing, group):
    aggressive = "yes" if mode == "aggressive" else "no"
    return {"method": "rsa", "aggressive": aggressive, "proposals": f"aes128-{hashing}-{group}"}


@pytest.mark.parametrize("words", CASES, ids="-".join)
def test_strongswan_at_lotor(internet, elliptic, words):
    files = elliptic[words[2]]
    gateway = serve(internet, files, *words)
    client = Charon(internet.client)
    told = {"identity": "CN=gateway", "user": "alice", "password": "none asked", "esp": "aes128-sha1-modp1024"}
    client.join(files / "ca.crt", GATEWAY, **told, **charon_words(*words))
    assert "completed successfully" in client.initiate()
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
    (session,) = gateway.sessions()
    assert words[2] in session["phase1"]


@pytest.mark.parametrize("words", CASES, ids="-".join)
def test_lotor_at_strongswan(internet, elliptic, words):
    gateway, files = Charon(internet.gateway), elliptic[words[2]]
    served = charon_words(*words)
    gateway.serve(files / "vpngw.crt", files / "vpngw.key", identity="gw.example.org", esp="aes128-sha1", **served)
    client = road_warrior(internet, files, *words)
    done = client.call("vc", GATEWAY)
    assert done.code == 0, done
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST))


def test_lotor_at_lotor_and_certificates_of_two_curves(internet, elliptic, tmp_path):
    words = ("aggressive", "sha256", "ecp256")
    gateway = serve(internet, elliptic["ecp256"], *words)
    client = road_warrior(internet, elliptic["ecp256"], *words)
    assert client.call("vc", GATEWAY).code == 0
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
    assert client.call("vd", GATEWAY).code == 0
    client.stop()
    client = road_warrior(internet, elliptic["ecp384"], *words)
    assert client.call("vc", GATEWAY).code != 0
    gateway.running.expect("curve p384 offered, our certificate has an ECDSA key on p256")


def test_an_ecdsa_certificate_is_refused_where_users_log_in(internet, elliptic):
    gateway = lotor.gateway(internet.gateway, elliptic["ecp256"])
    done = gateway.call("check", "/etc/racoon/racoon.conf")
    assert done.code != 0
    assert "has no RSA key (ECDSA P-256)" in done.stdout + done.stderr
