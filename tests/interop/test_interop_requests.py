"""One gateway with certificates of two authorities: each client gets the one that it asks for, or has it already."""

import re

import pytest

from lab import lotor, pki
from lab.dialling import ping, road_warrior
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import CERTIFICATES
from lab.node import wait_until
from lab.strongswan import Charon

HOWTO = {"proposals": "aes128-sha1-modp1024", "esp": "aes128-sha1-modp1024"}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """For each authority a directory with its ca, and the vpngw that it issued."""
    return {name: issue(tmp_path_factory.mktemp(name), name) for name in ("old", "new")}


def issue(directory, name):
    authority = pki.authority(f"{name} CA")
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY, common_name=name).save(directory, "vpngw")
    return directory


def serve(internet, two, mode):
    """The HOW-TO's gateway with its remote block twice, the old certificate first."""
    gateway = lotor.gateway(internet.gateway, two["old"], exchange_mode=mode)
    text = lotor.howto("gateway", auth_source="local", adminsock='"/run/gateway.sock"', exchange_mode=mode)
    (block,) = re.findall(r"remote anonymous \{.*?\n\}\n", text, re.DOTALL)
    blocks = [block.replace("anonymous", f'"{name}"').replace("vpngw", name) for name in two]
    gateway.configure(text.replace(block, "".join(blocks)))
    for name, directory in two.items():
        for suffix, permissions in (("crt", 0o644), ("key", 0o600)):
            internet.gateway.write(
                f"{CERTIFICATES}/{name}.{suffix}", (directory / f"vpngw.{suffix}").read_bytes(), permissions
            )
    lotor.add_user(gateway, "alice", "alicepass")
    gateway.start("-d")
    return gateway


@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_a_lotor_client_gets_the_certificate_of_its_authority(internet, two, mode):
    gateway = serve(internet, two, mode)
    for client, name in zip(internet.clients, ("new", "old"), strict=True):
        program = road_warrior(client, two[name], exchange_mode=mode)
        done = lotor.connect(program, "alice", "alicepass")
        assert done.code == 0, done
        program.running.expect(f"the certificate of CN={name} is trusted")
    assert len(gateway.sessions()) == 2


@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_a_strongswan_client_gets_the_certificate_of_its_authority(internet, two, mode):
    serve(internet, two, mode)
    client = Charon(internet.client)
    client.join(
        two["new"] / "ca.crt",
        GATEWAY,
        identity="CN=new",
        user="alice",
        password="alicepass",
        aggressive="yes" if mode == "aggressive" else "no",
        **HOWTO,
    )
    assert "completed successfully" in client.initiate()


def test_a_certificate_that_is_not_sent_is_known_already(internet, two):
    """`send_cert off` at the gateway; `peers_certfile` and `send_cr off` at one of the clients."""
    gateway = lotor.gateway(internet.gateway, two["old"], esp_frag="552; send_cert off")
    lotor.add_user(gateway, "alice", "alicepass")
    gateway.start("-d")
    pinned = 'x509 "ca.crt"; peers_certfile x509 "gateway.crt"; send_cr off'
    client = lotor.client(internet.client, two["old"], ca_type=pinned)
    internet.client.write(f"{CERTIFICATES}/gateway.crt", (two["old"] / "vpngw.crt").read_bytes())
    client.start("-d")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
    other = road_warrior(internet.clients[1], two["old"])
    done = lotor.connect(other, "alice", "alicepass")
    assert done.code != 0
    assert "sent no certificate" in done.stderr + done.stdout
