"""strongSwan as client of lotor's gateway, and as gateway of lotor's client."""

import pytest

from lab import lotor
from lab.dialling import carries, ping, road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until
from lab.strongswan import Charon

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
    assert wait_until(lambda: "no proposal" in gateway.journal().lower())


def test_a_strongswan_client_with_strong_algorithms(internet, certificates):
    serve(internet, certificates, encryption_algorithm="aes 256", hash_algorithm="sha256", dh_group="14")
    client = join(internet, certificates, proposals="aes256-sha256-modp2048", esp="aes256-sha1-modp1024")
    assert "completed successfully" in client.initiate()
    assert ping(internet.client, INSIDE_HOST)


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
    assert "unreachable until" in " ".join(client.call("status").stdout.split()), "its tunnel is for everything"
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: lotor.traces(internet.client) == before)
