"""The certificates that `lotor pki` makes where nothing is said: an ECDSA authority, and who takes what it signs."""

import pytest

from lab import lotor
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_NETWORK
from lab.lotor import Lotor
from lab.node import wait_until
from lab.strongswan import HOWTO_SUITE, Charon
from lab.vpnc import Vpnc


@pytest.fixture
def made(internet, tmp_path):
    """ca.crt, vpngw.crt and vpngw.key by `lotor pki` of the gateway."""
    program = Lotor(internet.gateway)
    for words in (("ca", "Example VPN CA"), ("gateway", "vpn.example.net", GATEWAY)):
        done = program.call("pki", words[0], "-d", "/run/pki", *words[1:])
        assert done.code == 0, done
    for name in ("ca.crt", "vpngw.crt", "vpngw.key"):
        (tmp_path / name).write_bytes(internet.gateway.path(f"/run/pki/{name}").read_bytes())
    assert "ECDSA P-256" in program.call("pki", "show", "/run/pki/ca.crt").stdout
    return tmp_path


def serve(internet, directory):
    gateway = lotor.gateway(internet.gateway, directory)
    lotor.add_user(gateway, "alice", "alicepass")
    gateway.start("-d")
    return gateway


def test_f6_vpnc_takes_an_ecdsa_authority(internet, made):
    serve(internet, made)
    vpnc = Vpnc(internet.client, GATEWAY, made / "ca.crt", (INSIDE_NETWORK,))
    vpnc.connect("alice", "alicepass")
    assert wait_until(lambda: vpnc.connected, 60), vpnc.running.text()
    assert ping(internet.client, INSIDE_HOST)


def test_f6_strongswan_takes_an_ecdsa_authority(internet, made):
    serve(internet, made)
    client = Charon(internet.client)
    suites = {"proposals": HOWTO_SUITE, "esp": HOWTO_SUITE}
    client.join(made / "ca.crt", GATEWAY, identity="CN=vpn.example.net", user="alice", password="alicepass", **suites)
    client.initiate()
    assert ping(internet.client, INSIDE_HOST)
