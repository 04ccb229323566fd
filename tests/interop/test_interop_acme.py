"""Certificates by ACME from pebble: from nothing to a certificate, renewed under a session, and all that goes wrong."""

from __future__ import annotations

import pytest

from lab.dialling import ping
from lab.ikev2 import join, serve
from lab.internet import INSIDE_HOST
from lab.lotor import CERTIFICATES, Lotor
from lab.pebble import BLOCKED, Pebble

NAME = "gw.example.org"
SHUT = "table ip shut { chain in { type filter hook input priority 0; tcp dport 80 reject with tcp reset; }; }"
HERE = ("-d", CERTIFICATES)


@pytest.fixture
def pebble(internet):
    found = Pebble(internet.inside, INSIDE_HOST)
    internet.gateway.write("/etc/root.crt", found.root)
    return found


def order(gateway, pebble, *words, names=(NAME,), patience=60.0):
    options = ("--server", pebble.server, "--root", "/etc/root.crt", "--agree-terms", "-s", "/run/gateway.sock")
    return gateway.call("pki", "acme", *HERE, *options, *words, *names, patience=patience)


def shown(gateway, stem="vpngw"):
    return gateway.must("pki", "show", f"{CERTIFICATES}/{stem}.crt").stdout


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_from_nothing_to_certificates(internet, pebble, challenge):
    gateway = Lotor(internet.gateway)
    done = order(gateway, pebble, "--challenge", challenge, "--key", "both")
    assert done.code == 0, done.stderr
    assert 'certificate_type x509 "vpngw-ecdsa.crt"' in done.stdout
    for stem, key in (("vpngw", "RSA 3072"), ("vpngw-ecdsa", "ECDSA P-256")):
        told = shown(gateway, stem)
        assert NAME in told
        assert key in told
        assert "Pebble Intermediate CA" in told
    modes = internet.gateway.run("stat", "-c", "%a", f"{CERTIFICATES}/vpngw.key", f"{CERTIFICATES}/acme/account.key")
    assert modes.stdout.split() == ["600", "600"]
    assert "nothing is due" in gateway.must("pki", "acme", *HERE, "--renew").stdout
    told = gateway.must("pki", "status", *HERE).stdout
    assert "renewed by ACME from" in told
    assert "was a success" in told


def test_renewal_ends_no_session_and_new_clients_see_the_new_one(internet, pebble, certificates, tmp_path):
    """A client of strongSwan is up meanwhile; the next one believes in the public root alone."""
    gateway = serve(internet, certificates)
    join(internet.client, certificates).initiate()
    (before,) = gateway.sessions()
    done = order(gateway, pebble, "--force", "--key", "rsa", "--bits", "2048")
    assert done.code == 0, done.stderr
    assert "the daemon has it" in done.stdout
    first = shown(gateway)
    done = gateway.must("pki", "acme", *HERE, "--renew", "--force", "-s", "/run/gateway.sock")
    assert "the daemon has it" in done.stdout
    assert shown(gateway) != first
    assert ping(internet.client, INSIDE_HOST)
    (after,) = gateway.sessions()
    assert (after["session"], after["since"], after["spis"]) == (before["session"], before["since"], before["spis"])
    (tmp_path / "ca.crt").write_bytes(pebble.root_of_all())
    new = join(internet.clients[1], tmp_path, user="bob", password="bobpass", eap="eap-gtc")
    assert "Pebble Intermediate CA" in new.initiate()
    assert len(gateway.sessions()) == 2


def test_what_goes_wrong_is_told_with_what_helps(internet, pebble):
    """Nothing is left of it that keeps the next attempt from a success."""
    gateway, host = Lotor(internet.gateway), internet.gateway
    host.run("nft", "-f", "-", stdin=SHUT)
    done = order(gateway, pebble, "--key", "ec256")
    assert (done.code, "TCP port 80: let that through firewall" in done.stderr) == (1, True), done.stderr
    state = gateway.call("pki", "status", *HERE)
    assert (state.code, f"failed: the authority refuses for {NAME}" in state.stdout) == (1, True), state
    host.run("nft", "delete", "table", "ip", "shut")
    assert "none for such a name" in order(gateway, pebble, "--key", "ec256", names=(BLOCKED,)).stderr
    host.run("mount", "-t", "tmpfs", "-o", "size=32k", "full", CERTIFICATES)
    assert "No space left on device" in order(gateway, pebble, "--key", "ec256").stderr
    host.run("umount", CERTIFICATES)
    host.run("mount", "-t", "tmpfs", "-o", "ro", "closed", CERTIFICATES)
    assert "Read-only file system" in order(gateway, pebble, "--key", "ec256").stderr
    host.run("umount", CERTIFICATES)
    done = order(gateway, pebble, "--key", "ec256")
    assert done.code == 0, done.stderr
