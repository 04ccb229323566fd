"""Suites that authenticate by themselves, and groups over curves: with strongSwan and between two lotor."""

import pytest

from lab import lotor
from lab.dialling import carries
from lab.strongswan import Charon

MODERN = {
    "ecp256": ("aes 256", "sha256", "ecp256", "aes_gcm_16 128", "aes256-sha256-ecp256", "aes128gcm16-ecp256"),
    "curve25519": ("aes", "sha384", "curve25519", "aes_gcm_16 256", "aes128-sha384-x25519", "aes256gcm16-x25519"),
    "ecp384": ("aes", "sha384", "ecp384", "aes_gcm_16 128", "aes128-sha384-ecp384", "aes128gcm16-ecp384"),
}
"""Phase 1's cipher, hash and group, phase 2's cipher, both with PFS; and the same in strongSwan's words."""
OURS = [
    ("aes", "sha256", "curve25519", "chacha20_poly1305"),
    ("aes 256", "sha512", "ecp521", "aes_gcm_16 192"),
    ("aes", "sha256", "modp3072", "chacha20_poly1305"),
]


def modern(side, cipher, hashing, group, esp):
    """The HOW-TO's configuration with a suite that authenticates by itself, and without authentication_algorithm."""
    gateways = {"auth_source": "local", "adminsock": '"/run/gateway.sock"'} if side == "gateway" else {}
    text = lotor.howto(side, encryption_algorithm=cipher, hash_algorithm=hashing, dh_group=group, **gateways)
    head, _, _ = text.partition("sainfo anonymous")
    return (
        f"{head}sainfo anonymous {{ pfs_group {group}; encryption_algorithm {esp}; compression_algorithm deflate; }}\n"
    )


def serve_modern(internet, certificates, *words):
    gateway = lotor.gateway(internet.gateway, certificates)
    lotor.add_user(gateway, "alice", "alicepass")
    gateway.configure(modern("gateway", *words))
    gateway.start("-d")
    return gateway


def join_modern(internet, certificates, *words):
    client = lotor.client(internet.client, certificates)
    client.configure(modern("client", *words))
    client.start("-d")
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    return client


@pytest.mark.parametrize("name", MODERN)
def test_a_strongswan_client_with_modern_algorithms(internet, certificates, name):
    *words, proposals, esp = MODERN[name]
    serve_modern(internet, certificates, *words)
    client = Charon(internet.client, unity=True)
    client.join_as_alice(certificates / "ca.crt", proposals, esp)
    assert "completed successfully" in client.initiate()
    assert carries(internet, internet.client, "10.99.99.1")


@pytest.mark.parametrize("name", MODERN)
def test_a_lotor_client_with_modern_algorithms_at_a_strongswan_gateway(internet, certificates, name):
    *words, proposals, esp = MODERN[name]
    gateway = Charon(internet.gateway)
    gateway.serve(
        certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org", proposals=proposals, esp=esp
    )
    join_modern(internet, certificates, *words)
    assert carries(internet, internet.client, "10.99.99.10")


@pytest.mark.parametrize("words", OURS, ids=lambda words: f"{words[2]}-{words[3]}".replace(" ", ""))
def test_lotor_at_both_ends_with_modern_algorithms(internet, certificates, words):
    gateway = serve_modern(internet, certificates, *words)
    join_modern(internet, certificates, *words)
    assert carries(internet, internet.client, "10.99.99.1")
    (session,) = gateway.sessions()
    (child,) = session["children"]
    assert words[2] in session["phase1"]
    assert words[3].replace(" ", "-") in child["suite"]
