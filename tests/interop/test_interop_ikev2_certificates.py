"""strongSwan, which demands RSA or ECDSA, at a gateway of lotor that has both."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lab import pki
from lab.dialling import ping
from lab.ikev2 import serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until
from lab.strongswan import Charon
from lab.strongswan_v2 import Client

TWO = 'certificate_type x509 "vpngw-ecdsa.crt" "vpngw-ecdsa.key"; eap mschapv2, gtc;'
"""Beside that of RSA, which stands first in the lab's file."""
NAMES = (GATEWAY, "gw.example.org")


@pytest.fixture
def both(certificates, tmp_path):
    """The usual files, and a certificate of ECDSA of an authority of its own, in ec/ca.crt."""
    for name in ("ca.crt", "vpngw.crt", "vpngw.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    other = pki.authority("Curved CA", curve=ec.SECP256R1())
    other.save(tmp_path / "ec", "ca")
    own = pki.gateway(other, *NAMES)
    own.save(tmp_path, "vpngw-ecdsa")
    with (tmp_path / "vpngw-ecdsa.crt").open("ab") as chain:
        chain.write(other.certificate)
    return tmp_path


def join(node, trust, demands):
    client = Charon(node)
    client.join_v2(trust / "ca.crt", Client(GATEWAY, "gw.example.org", demands=demands))
    return client


def test_each_client_is_proved_to_in_the_way_that_it_demands(internet, both):
    gateway = serve(internet, both, TWO)
    for place, demands, told in ((both, "rsa-2048", "with RSA"), (both / "ec", "ecdsa-256", "with ECDSA")):
        client = join(internet.client, place, demands)
        assert told in client.initiate()
        assert ping(internet.client, INSIDE_HOST)
        client.terminate()
        client.stop()
        assert wait_until(lambda: gateway.sessions() == [])
    wrong = join(internet.client, both, "ecdsa-256")
    with pytest.raises(LabError):
        wrong.initiate(3)


def test_the_order_of_the_file_decides_where_both_will_do(internet, authority, certificates, tmp_path):
    """Of one authority, and the client names no kind of key. Its log tells which signature it saw."""
    for name in ("ca.crt", "vpngw.crt", "vpngw.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    pki.gateway(authority, *NAMES, key=ec.generate_private_key(ec.SECP256R1())).save(tmp_path, "vpngw-ecdsa")
    serve(internet, tmp_path, TWO)
    client = join(internet.client, tmp_path, "pubkey")
    assert "with RSA" in client.initiate()
