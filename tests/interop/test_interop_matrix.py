"""Every peer, every method, both modes: who connects to whom, from a login to traffic both ways and a goodbye."""

import pytest

from lab import pki
from lab.dialling import carries, dialled, ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.matrix import MODES, cases
from lab.methods import WITH_LOGIN, connect, road_warrior, serve
from lab.node import wait_until
from lab.strongswan import Charon

HOWTO = {"proposals": "aes128-sha1-modp1024", "esp": "aes128-sha1-modp1024"}


@pytest.fixture(scope="module")
def certificates(authority, tmp_path_factory):
    """What clients that sign need beside the usual."""
    directory = tmp_path_factory.mktemp("pki")
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, "gw.example.org").save(directory, "vpngw")
    pki.user(authority, "alice").save(directory, "user")
    return directory


@pytest.mark.parametrize(("method", "mode"), cases("lotor"))
def test_lotor_at_lotor(internet, certificates, method, mode):
    gateway = serve(internet.gateway, certificates, method, mode)
    client = road_warrior(internet.client, certificates, method, mode)
    done = connect(client, method)
    assert done.code == 0, done
    assert done.stdout.startswith("Bound to address 10.99.99.1\n")
    assert carries(internet, internet.client, "10.99.99.1")
    (session,) = gateway.sessions()
    assert session["address"] == "10.99.99.1"
    if method in WITH_LOGIN:
        assert session["user"] == "alice"
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])


@pytest.mark.parametrize(("method", "mode"), cases("strongSwan"))
def test_strongswan_at_lotor(internet, certificates, method, mode):
    gateway = serve(internet.gateway, certificates, method, mode)
    client = Charon(internet.client)
    options = {"method": method, "aggressive": "yes" if mode == "aggressive" else "no", **HOWTO}
    identity = GATEWAY if method.endswith("psk") else "CN=gateway"
    client.join(certificates / "ca.crt", GATEWAY, identity=identity, user="alice", password="alicepass", **options)
    assert "completed successfully" in client.initiate()
    assert internet.client.run("ip", "-br", "address").stdout.count("10.99.99.1/32") == 1
    assert carries(internet, internet.client, "10.99.99.1")
    client.terminate()
    assert wait_until(lambda: gateway.sessions() == [])


@pytest.mark.parametrize(("method", "mode"), cases("lotor"))
def test_lotor_at_strongswan(internet, certificates, method, mode):
    gateway = Charon(internet.gateway)
    aggressive = "yes" if mode == "aggressive" else "no"
    identity = GATEWAY if method.endswith("psk") else "gw.example.org"
    gateway.serve(
        certificates / "vpngw.crt", certificates / "vpngw.key", identity=identity, method=method, aggressive=aggressive
    )
    client = road_warrior(internet.client, certificates, method, mode)
    done = connect(client, method)
    assert done.code == 0, done
    assert "Bound to address 10.99.99.10" in done.stdout
    assert carries(internet, internet.client, "10.99.99.10")
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: "ESTABLISHED" not in gateway.sessions())


@pytest.mark.parametrize(("method", "mode"), cases("vpnc"))
def test_vpnc_at_lotor(internet, certificates, method, mode):
    gateway = serve(internet.gateway, certificates, method, mode)
    vpnc = dialled(internet.client, certificates, method="hybrid" if method == "hybrid" else "psk")
    assert vpnc.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.1"
    assert carries(internet, internet.client, "10.99.99.1")
    assert gateway.sessions()[0]["user"] == "alice"
    assert vpnc.disconnect() == 0
    assert wait_until(lambda: gateway.sessions() == [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["xauth_psk", "psk"])
def test_another_key_admits_nobody(internet, certificates, method, mode):
    gateway = serve(internet.gateway, certificates, method, mode)
    client = road_warrior(internet.client, certificates, method, mode, hurry=True)
    internet.client.write("/etc/racoon/psk.txt", f"{GATEWAY} anotherkey\n", 0o600)
    done = connect(client, method)
    assert done.code != 0
    assert not ping(internet.client, INSIDE_HOST)
    assert "10.99.99.1 " not in gateway.call("status").stdout
    assert "alicepass" not in gateway.journal() + client.journal()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["xauth_rsa", "rsa"])
def test_a_client_of_another_authority_gets_nothing(internet, certificates, tmp_path, method, mode):
    stranger = pki.authority("Lab CA")
    for name in ("ca.crt", "vpngw.crt", "vpngw.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    pki.user(stranger, "alice").save(tmp_path, "user")
    gateway = serve(internet.gateway, certificates, method, mode)
    client = road_warrior(internet.client, tmp_path, method, mode, hurry=True)
    done = connect(client, method)
    assert done.code != 0
    assert wait_until(lambda: gateway.sessions() == [])
    assert "accepted" not in gateway.journal()
