"""The pairs of files in examples/, as they stand, on both ends."""

import pytest

from lab import lotor, pki
from lab.dialling import carries
from lab.internet import GATEWAY
from lab.lotor import PROJECT, Lotor
from lab.strongswan import GROUP_KEY

EXAMPLES = PROJECT / "examples"
DIRECTORY = "/etc/lotor/certs"


def install(node, example):
    program = Lotor(node)
    program.configure((EXAMPLES / example / "racoon.conf").read_text())
    return program


@pytest.mark.parametrize("name", ["xauth-psk/main", "xauth-psk/aggressive", "xauth-rsa", "rsasig"])
def test_the_two_ends_of_an_example_connect(internet, authority, certificates, name):
    gateway, client = install(internet.gateway, f"{name}/gateway"), install(internet.client, f"{name}/client")
    pki.user(authority, "alice").save(internet.directory, "user")
    for node, directory, leaf in ((gateway.node, certificates, "vpngw"), (client.node, internet.directory, "user")):
        node.write(f"{DIRECTORY}/ca.crt", (certificates / "ca.crt").read_bytes())
        node.write(f"{DIRECTORY}/{leaf}.crt", (directory / f"{leaf}.crt").read_bytes())
        node.write(f"{DIRECTORY}/{leaf}.key", (directory / f"{leaf}.key").read_bytes(), 0o600)
    gateway.node.write("/etc/lotor/psk.txt", f"{'sales' if 'aggressive' in name else '*'} {GROUP_KEY}\n", 0o600)
    client.node.write("/etc/lotor/psk.txt", f"{GATEWAY} {GROUP_KEY}\n", 0o600)
    lotor.add_user(gateway, "alice", "alicepass")
    gateway.start("-d")
    client.start("-d")
    done = client.call("vc", GATEWAY) if name == "rsasig" else lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert carries(internet, internet.client, "10.99.99.1")
    assert len(gateway.sessions()) == 1
