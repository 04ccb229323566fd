"""Everything that can be wrong, end to end: one clear line, the right exit code, nothing left behind, and a daemon that
serves on."""

import json
import sys
from pathlib import Path

import pytest

from lab import lotor, pki
from lab.dialling import ping, road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.lotor import CONFIGURATION, PROGRAM
from lab.node import wait_until

VECTORS = Path(__file__).parents[1] / "vectors"


def refused(done, code):
    """One clear line and its exit code."""
    assert done.code == code, done
    assert len(done.stderr.strip().splitlines()) == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr


def serves_on(net: Internet, client, gateway):
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert ping(net.client, INSIDE_HOST)
    assert "Traceback" not in gateway.journal() + client.journal()


def untouched(net: Internet, before: str) -> bool:
    return wait_until(lambda: lotor.traces(net.client) == before)


def test_a_wrong_password_and_an_unknown_user_read_the_same(internet, certificates, gateway):
    client = road_warrior(internet.client, certificates)
    before = lotor.traces(internet.client)
    wrong = refused(lotor.connect(client, "alice", "wrong"), 13)
    unknown = refused(lotor.connect(client, "nobody", "wrong"), 13)
    assert wrong.replace("alice", "X") == unknown.replace("nobody", "X")
    assert untouched(internet, before)
    assert wait_until(lambda: gateway.sessions() == [])
    serves_on(internet, client, gateway)


def other_name(authority):
    return pki.gateway(authority, "elsewhere.example.net", common_name="elsewhere")


CERTIFICATES = {
    "expired": (lambda ca: pki.gateway(ca, GATEWAY, age=40), "expired"),
    "not yet valid": (lambda ca: pki.gateway(ca, GATEWAY, age=-2), "valid"),
    "foreign CA": (lambda _: pki.gateway(pki.authority("Lab CA"), GATEWAY), "certificate"),
    "self-signed": (lambda _: pki.self_signed(GATEWAY), "self-signed"),
    "another name": (other_name, "elsewhere.example.net"),
    "a user's": (lambda ca: pki.gateway(ca, common_name="bob"), "bob"),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_bad_certificate_is_refused_before_the_password(internet, certificates, authority, tmp_path, kind):
    make, word = CERTIFICATES[kind]
    make(authority).save(tmp_path, "vpngw")
    gateway = serve(internet, tmp_path)
    client = road_warrior(internet.client, certificates)
    before = lotor.traces(internet.client)
    assert word in refused(lotor.connect(client, "alice", "alicepass"), 12)
    assert untouched(internet, before)
    assert "login of alice" not in gateway.journal()


def test_the_remedy_that_the_refusal_names_works(internet, certificates, authority, tmp_path):
    other_name(authority).save(tmp_path, "vpngw")
    gateway = serve(internet, tmp_path)
    client = road_warrior(
        internet.client,
        certificates,
        ca_type='x509 "ca.crt"; peers_identifier asn1dn "CN=elsewhere"; verify_identifier on',
    )
    serves_on(internet, client, gateway)


def test_no_common_proposal_names_both_sides(internet, certificates):
    gateway = serve(internet, certificates, hash_algorithm="sha256", dh_group="14")
    client = road_warrior(internet.client, certificates)
    before = lotor.traces(internet.client)
    text = refused(lotor.connect(client, "alice", "alicepass"), 11)
    assert "sha1" in text.lower()
    assert wait_until(lambda: "sha256" in gateway.journal().lower())
    assert untouched(internet, before)


def test_a_gateway_that_is_not_there_and_comes_back(internet, certificates, gateway):
    client = lotor.client(internet.client, certificates)
    client.configure(lotor.HURRY + lotor.howto("client"))
    client.start("-d")
    before = lotor.traces(internet.client)
    internet.gateway.ip("link", "set", "eth0", "down")
    text = refused(lotor.connect(client, "alice", "alicepass"), 10)
    assert "no answer" in text
    assert "192.0.2.50" in text
    assert untouched(internet, before)
    internet.gateway.ip("link", "set", "eth0", "up")
    serves_on(internet, client, gateway)


def test_no_route_to_the_gateway(internet, certificates):
    internet.client.ip("route", "del", "default")
    client = road_warrior(internet.client, certificates)
    assert "192.0.2.50" in refused(lotor.connect(client, "alice", "alicepass"), 10)


def test_a_pool_of_one_and_two_users(internet, certificates):
    gateway = serve(internet, certificates, pool_size="1")
    lotor.add_user(gateway, "bob", "bobpass")
    first = road_warrior(internet.clients[0], certificates)
    second = road_warrior(internet.clients[1], certificates)
    assert lotor.connect(first, "alice", "alicepass").code == 0
    text = refused(lotor.connect(second, "bob", "bobpass"), 15)
    assert "address" in text
    gateway.running.expect("10.99.99.1")
    assert first.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: gateway.sessions() == [])
    assert lotor.connect(second, "bob", "bobpass").code == 0


def test_a_busy_port(internet, certificates):
    internet.gateway.start("squatter", "socat", "-u", "UDP-RECV:500", "STDOUT")
    assert wait_until(lambda: ":500 " in internet.gateway.run("ss", "-lun").stdout)
    program = lotor.gateway(internet.gateway, certificates)
    before = lotor.traces(internet.gateway)
    text = refused(program.call("daemon", "-F", "-f", CONFIGURATION), 7)
    assert "500" in text
    assert lotor.traces(internet.gateway) == before


def test_two_daemons(internet, certificates, gateway):
    assert refused(gateway.call("daemon", "-F", "-f", CONFIGURATION), 7)
    client = road_warrior(internet.client, certificates)
    serves_on(internet, client, gateway)


def test_without_root(internet, certificates):
    """Another user, who may read every file (so that nothing but the privilege is missing)."""
    lotor.gateway(internet.gateway, certificates)
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *reading)
    done = internet.gateway.run(*nobody, *PROGRAM, "daemon", "-F", "-f", CONFIGURATION, check=False)
    assert "root" in refused(done, 5)


def test_without_a_tun_device(internet, certificates):
    node = internet.gateway
    program = lotor.gateway(node, certificates)
    node.run("mount", "-t", "tmpfs", "tmpfs", "/dev/net")
    text = refused(program.call("daemon", "-F", "-f", CONFIGURATION), 6)
    assert "/dev/net/tun" in text


def test_a_configuration_with_errors_starts_nothing(internet, certificates):
    program = lotor.gateway(internet.gateway, certificates)
    program.configure(lotor.howto("gateway", dh_group="seven", auth_source="magic"))
    done = program.call("daemon", "-F", "-f", CONFIGURATION)
    assert done.code == 4
    assert done.stderr.count(f"{CONFIGURATION}:") == 2, done


def test_no_daemon_to_talk_to(internet, certificates):
    program = lotor.client(internet.client, certificates)
    assert "running" in refused(lotor.connect(program, "alice", "alicepass"), 3)


GARBAGE = """
import os, socket, sys
gateway, first = sys.argv[1], bytes.fromhex(sys.argv[2])
def send(port, octets):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(octets, (gateway, port))
for size in (0, 1, 3, 4, 7, 8, 27, 28, 29, 60, 500, 1400):
    for _ in range(20):
        noise = os.urandom(size)
        for port, octets in ((500, noise), (4500, noise), (4500, bytes(4) + noise), (500, first[:28] + noise)):
            send(port, octets)
for end in range(len(first)):
    send(500, first[:end])
for spi in range(1, 256):
    send(4500, spi.to_bytes(4, "big") + os.urandom(60))
send(500, first)
"""


def test_garbage_and_half_a_handshake(internet, certificates, gateway):
    client = road_warrior(internet.client, certificates)
    vector = json.loads((VECTORS / "hybrid-aggressive-vpnc" / "vector.json").read_text())
    internet.clients[1].run(sys.executable, "-c", GARBAGE, GATEWAY, vector["messages"][0]["raw"])
    serves_on(internet, client, gateway)
    assert json.loads(gateway.call("status", "--json").stdout)["internal_errors"] == 0
    assert wait_until(lambda: len(gateway.sessions()) == 1, 40, pause=1.0)
