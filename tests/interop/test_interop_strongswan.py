"""strongSwan as client of lotor's gateway, and as gateway of lotor's client."""

import pytest

from lab import lotor
from lab.dialling import carries, ping, road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until
from lab.strongswan import Charon

MODERN = {
    "ecp256": ("aes 256", "sha256", "ecp256", "aes_gcm_16 128", "aes256-sha256-ecp256", "aes128gcm16-ecp256"),
    "curve25519": ("aes", "sha384", "curve25519", "aes_gcm_16 256", "aes128-sha384-x25519", "aes256gcm16-x25519"),
    "ecp384": ("aes", "sha384", "ecp384", "aes_gcm_16 128", "aes128-sha384-ecp384", "aes128gcm16-ecp384"),
}
"""Phase 1's cipher, hash and group, phase 2's cipher, both with PFS; and the same in strongSwan's words."""
STRONG = {"encryption_algorithm": "aes 256", "hash_algorithm": "sha256", "dh_group": "14"}


def join(internet, certificates, **options):
    client = Charon(internet.client, unity=True)
    chosen = {"proposals": "aes128-sha1-modp1024", "esp": "aes128-sha1-modp1024", **options}
    client.join(certificates / "ca.crt", GATEWAY, identity="CN=gateway", user="alice", password="alicepass", **chosen)
    return client


def test_a_strongswan_client_with_the_howtos_algorithms(internet, certificates, gateway):
    client = join(internet, certificates)
    assert "completed successfully" in client.initiate()
    assert internet.client.run("ip", "-br", "address").stdout.count("10.99.99.1/32") == 1
    assert carries(internet, internet.client, "10.99.99.1")
    assert "10.0.12.1" in internet.client.path("/etc/resolv.conf").read_text()
    (session,) = gateway.sessions()
    assert (session["user"], session["address"]) == ("alice", "10.99.99.1")
    client.terminate()
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_strongswan_client_that_fragments(internet, certificates, gateway):
    client = join(internet, certificates, fragmentation="force")
    assert "completed successfully" in client.initiate()
    assert ping(internet.client, INSIDE_HOST)


def test_a_strongswan_client_with_a_wrong_password(internet, certificates, gateway):
    client = Charon(internet.client)
    client.join(
        certificates / "ca.crt",
        GATEWAY,
        identity="CN=gateway",
        user="alice",
        password="wrong",
        proposals="aes128-sha1-modp1024",
    )
    with pytest.raises(LabError):
        client.initiate(20)
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_strongswan_client_without_a_common_proposal(internet, certificates, gateway):
    client = join(internet, certificates, proposals="aes256-sha512-modp4096")
    with pytest.raises(LabError):
        client.initiate(15)
    assert wait_until(lambda: gateway.sessions() == [])
    assert "no proposal" in gateway.journal().lower()


def test_a_strongswan_client_with_strong_algorithms(internet, certificates):
    serve(internet, certificates, encryption_algorithm="aes 256", hash_algorithm="sha256", dh_group="14")
    client = join(internet, certificates, proposals="aes256-sha256-modp2048", esp="aes256-sha1-modp1024")
    assert "completed successfully" in client.initiate()
    assert ping(internet.client, INSIDE_HOST)


def modern(side, cipher, hashing, group, esp):
    """The HOW-TO's configuration with a suite that authenticates by itself, and without authentication_algorithm."""
    gateways = {"auth_source": "local", "adminsock": '"/run/gateway.sock"'} if side == "gateway" else {}
    text = lotor.howto(side, encryption_algorithm=cipher, hash_algorithm=hashing, dh_group=group, **gateways)
    head, _, _ = text.partition("sainfo anonymous")
    return (
        f"{head}sainfo anonymous {{ pfs_group {group}; encryption_algorithm {esp}; compression_algorithm deflate; }}\n"
    )


@pytest.mark.parametrize("name", MODERN)
def test_a_strongswan_client_with_modern_algorithms(internet, certificates, name):
    *words, proposals, esp = MODERN[name]
    gateway = lotor.gateway(internet.gateway, certificates)
    lotor.add_user(gateway, "alice", "alicepass")
    gateway.configure(modern("gateway", *words))
    gateway.start("-d")
    client = join(internet, certificates, proposals=proposals, esp=esp)
    assert "completed successfully" in client.initiate()
    assert carries(internet, internet.client, "10.99.99.1")


@pytest.mark.parametrize("name", MODERN)
def test_a_lotor_client_with_modern_algorithms_at_a_strongswan_gateway(internet, certificates, name):
    *words, proposals, esp = MODERN[name]
    gateway = Charon(internet.gateway)
    gateway.serve(
        certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org", proposals=proposals, esp=esp
    )
    client = lotor.client(internet.client, certificates)
    client.configure(modern("client", *words))
    client.start("-d")
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert carries(internet, internet.client, "10.99.99.10")


@pytest.mark.parametrize("algorithms", [{}, STRONG], ids=["howto", "strong"])
def test_a_lotor_client_at_a_strongswan_gateway(internet, certificates, algorithms):
    gateway = Charon(internet.gateway)
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    client = road_warrior(internet.client, certificates, **algorithms)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert "Bound to address 10.99.99.10" in done.stdout
    assert "Welcome to the interop lab" in done.stdout
    assert carries(internet, internet.client, "10.99.99.10")
    assert "XAuth: 'alice' [10.99.99.10]" in gateway.sessions()
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: "ESTABLISHED" not in gateway.sessions())


def test_a_lotor_client_with_a_wrong_password_at_a_strongswan_gateway(internet, certificates):
    gateway = Charon(internet.gateway)
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    client = road_warrior(internet.client, certificates)
    done = lotor.connect(client, "alice", "wrong")
    assert done.code == 13, done
    assert "refused" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_strongswan_gateway_that_deletes_ends_the_lotor_client(internet, certificates):
    gateway = Charon(internet.gateway)
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    client = road_warrior(internet.client, certificates)
    before = lotor.traces(internet.client)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    gateway.terminate()
    assert wait_until(lambda: client.sessions() == [])
    assert wait_until(lambda: lotor.traces(internet.client) == before)
