"""The other ciphers of racoon, in both phases: with strongSwan where it has them, and between two lotor."""

import pytest

from lab import lotor
from lab.dialling import carries, road_warrior, serve
from lab.strongswan import Charon


@pytest.mark.parametrize("size", [128, 256])
def test_a_strongswan_client_with_camellia(internet, certificates, size):
    gateway = serve(internet, certificates, encryption_algorithm=f"camellia {size}")
    client = Charon(internet.client, unity=True)
    client.join_as_alice(certificates / "ca.crt", f"camellia{size}-sha1-modp1024", f"camellia{size}-sha1-modp1024")
    assert "completed successfully" in client.initiate()
    assert carries(internet, internet.client, "10.99.99.1")
    (session,) = gateway.sessions()
    assert session["phase1"].startswith(f"camellia-{size}/")
    assert session["children"][0]["suite"].startswith(f"camellia-{size}/")


def test_a_lotor_client_with_camellia_at_a_strongswan_gateway(internet, certificates):
    phase_one, esp = "camellia192-sha1-modp1024", "camellia192-sha1"
    gateway = Charon(internet.gateway)
    gateway.serve(
        certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org", proposals=phase_one, esp=esp
    )
    client = road_warrior(internet.client, certificates, encryption_algorithm="camellia 192")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert carries(internet, internet.client, "10.99.99.10")


@pytest.mark.parametrize("cipher", ["blowfish 448", "cast128"])
def test_lotor_at_both_ends_is_warned_of_short_blocks(internet, certificates, cipher):
    gateway = serve(internet, certificates, encryption_algorithm=cipher)
    client = road_warrior(internet.client, certificates, encryption_algorithm=cipher)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert carries(internet, internet.client, "10.99.99.1")
    (session,) = gateway.sessions()
    name = cipher.split()[0]
    assert session["children"][0]["suite"].startswith(name)
    assert f"{name} is weak: its 64-bit blocks repeat in long connections; use aes on both ends" in session["warnings"]
    gateway.running.expect(f"encryption_algorithm {name} is weak")
