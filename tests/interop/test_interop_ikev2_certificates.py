"""strongSwan, which demands RSA or ECDSA, at a gateway of lotor that has both."""

from __future__ import annotations

import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lab import pki
from lab.dialling import ping
from lab.ikev2 import join, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until

TWO = 'certificate_type x509 "vpngw-ecdsa.crt" "vpngw-ecdsa.key"; eap mschapv2, gtc;'
"""Beside that of RSA, which stands first in the lab's file."""
NAMES = (GATEWAY, "gw.example.org")


@pytest.fixture
def both(certificates, tmp_path):
    """The usual files, and a certificate of ECDSA of an authority of its own, in ec/ca.crt."""
    files = shutil.copytree(certificates, tmp_path / "both")
    other = pki.authority("Curved CA", curve=ec.SECP256R1())
    other.save(files / "ec", "ca")
    own = pki.gateway(other, *NAMES)
    own.save(files, "vpngw-ecdsa")
    with (files / "vpngw-ecdsa.crt").open("ab") as chain:
        chain.write(other.certificate)
    return files


def test_each_client_is_proved_to_in_the_way_that_it_demands(internet, both):
    gateway = serve(internet, both, TWO)
    for place, demands, told in ((both, "rsa-2048", "with RSA"), (both / "ec", "ecdsa-256", "with ECDSA")):
        client = join(internet.client, place, demands=demands)
        assert told in client.initiate()
        assert ping(internet.client, INSIDE_HOST)
        client.terminate()
        client.stop()
        assert wait_until(lambda: gateway.sessions() == [])
    wrong = join(internet.client, both, demands="ecdsa-256")
    with pytest.raises(LabError):
        wrong.initiate(3)


def test_the_order_of_the_file_decides_where_both_will_do(internet, authority, certificates, tmp_path):
    """Of one authority, and the client names no kind of key. Its log tells which signature it saw."""
    files = shutil.copytree(certificates, tmp_path / "one")
    pki.gateway(authority, *NAMES, key=ec.generate_private_key(ec.SECP256R1())).save(files, "vpngw-ecdsa")
    serve(internet, files, TWO)
    client = join(internet.client, files)
    assert "with RSA" in client.initiate()
