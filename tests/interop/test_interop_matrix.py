"""Every peer, every method, both modes, through a NAT and without: who connects to whom, from a login to traffic both
ways and a goodbye."""

import pytest

from lab import pki
from lab.dialling import carries, ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.matrix import MODES, meetings
from lab.methods import WITH_LOGIN, connect, road_warrior
from lab.methods import serve as serve_lotor
from lab.node import wait_until
from lab.peers import Terms, join, serve


@pytest.fixture(scope="module")
def certificates(authority, tmp_path_factory):
    """What clients that sign need beside the usual."""
    directory = tmp_path_factory.mktemp("pki")
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, "gw.example.org").save(directory, "vpngw")
    pki.user(authority, "alice").save(directory, "user")
    return directory


def named(meetings):
    return [pytest.param(*each, id="-".join(each)) for each in meetings]


@pytest.mark.parametrize(("caller", "server", "method", "mode"), named(meetings()))
def test_who_connects_through_a_nat(internet, certificates, caller, server, method, mode):
    terms = Terms(method=method, mode=mode)
    gateway = serve(server, internet.gateway, certificates, terms)
    client = join(caller, internet.client, certificates, terms)
    assert client.connect()
    assert gateway.guests() == [client.address]
    assert internet.client.run("ip", "-br", "address").stdout.count(f"{client.address}/32") == 1
    assert carries(internet, internet.client, client.address)
    if server == "lotor" and method in WITH_LOGIN:
        assert [session["user"] for session in gateway.program.sessions()] == ["alice"]
    client.goodbye()
    assert wait_until(lambda: gateway.guests() == [])


@pytest.mark.parametrize(("caller", "server", "method", "mode"), named(meetings()))
def test_who_connects_without_a_nat(direct_internet, certificates, caller, server, method, mode):
    net, terms = direct_internet, Terms(method=method, mode=mode, direct=True)
    gateway = serve(server, net.gateway, certificates, terms)
    client = join(caller, net.client, certificates, terms)
    assert client.connect()
    assert ping(net.client, INSIDE_HOST)
    assert ping(net.inside, client.address)
    if server == "lotor":
        (session,) = gateway.program.sessions()
        assert session["outside"].endswith(":4500" if caller == "strongSwan" else ":500")
    client.goodbye()
    assert wait_until(lambda: gateway.guests() == [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["xauth_psk", "psk"])
def test_another_key_admits_nobody(internet, certificates, method, mode):
    gateway = serve_lotor(internet.gateway, certificates, method, mode)
    client = road_warrior(internet.client, certificates, method, mode, hurry=True)
    internet.client.write("/etc/racoon/psk.txt", f"{GATEWAY} another key than that of the lab\n", 0o600)
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
    gateway = serve_lotor(internet.gateway, certificates, method, mode)
    client = road_warrior(internet.client, tmp_path, method, mode, hurry=True)
    done = connect(client, method)
    assert done.code != 0
    assert wait_until(lambda: gateway.sessions() == [])
    assert "accepted" not in gateway.journal()
