"""Certificates by ACME from pebble: from nothing to certificates of both kinds."""

from __future__ import annotations

import pytest

from lab.internet import INSIDE_HOST
from lab.lotor import CERTIFICATES, Lotor
from lab.pebble import Pebble

NAME = "gw.example.org"
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
