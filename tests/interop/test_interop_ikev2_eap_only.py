"""A gateway that proves itself inside of EAP alone (RFC 5998), with strongSwan in both roles."""

from __future__ import annotations

import pytest

from lab import lotor, pki
from lab.dialling import ping
from lab.ikev2 import join, person, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until
from lab.strongswan import Charon
from lab.strongswan_v2 import Gateway

ALICE = "alice@example.org"


@pytest.fixture
def files(authority, certificates, tmp_path):
    """The gateway's files, and a certificate of alice beside them."""
    for name in ("ca.crt", "vpngw.crt", "vpngw.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    pki.gateway(authority, ALICE, common_name="alice").save(tmp_path, "user")
    return tmp_path


def test_strongswan_believes_what_tls_proves(internet, files, tmp_path):
    """By TTLS and TLS, and nobody of another authority. It says to every gateway that it agrees to this, also where it
    demands a proof before: there it goes, and the gateway hears it."""
    gateway = serve(internet, files, 'eap tls, ttls; eap_only on; ca_type x509 "ca.crt";')
    alice = join(internet.clients[1], files, user=ALICE, eap="eap-tls", demands="eap-tls")
    assert "completed successfully" in alice.initiate()
    assert ping(internet.clients[1], INSIDE_HOST)
    bob = {"user": "bob", "password": "bobpass", "eap": "eap-ttls"}
    pki.authority("Other CA").save(tmp_path / "trust", "ca")
    for trust, demands, why, told in (
        (tmp_path / "trust", "eap-ttls", "sending fatal TLS alert", "received fatal alert"),
        (files, "pubkey", "public key authentication, but EAP was used", "does not accept this end's proof"),
    ):
        client = join(internet.client, trust, **bob, demands=demands)
        with pytest.raises(LabError):
            client.initiate(20)
        client.running.expect(why)
        client.stop()
        assert wait_until(lambda: [each["user"] for each in gateway.sessions()] == [ALICE])
        gateway.running.expect(told)
    client = join(internet.client, files, **bob, demands="eap-ttls")
    assert "completed successfully" in client.initiate()
    client.running.expect("allow mutual EAP-only authentication")
    assert "with RSA_EMSA" not in client.journal()
    assert ping(internet.client, INSIDE_HOST)
    assert {each["user"] for each in gateway.sessions()} == {ALICE, "bob"}


def test_lotor_believes_what_tls_proves(internet, files):
    """And no gateway of strongSwan that would prove itself by TTLS before it agreed to that, or by MSCHAPv2 at all: the
    password is said to none of them."""
    charon = Charon(internet.gateway)

    def refused(method, more):
        charon.serve_v2(files / "vpngw.crt", files / "vpngw.key", Gateway(eap=method, alone=True))
        client = person(internet.client, files, more)
        done = lotor.connect(client, "alice", "alicepass")
        client.stop()
        charon.stop()
        assert "EAP method" not in charon.journal()
        return done.code, done.stderr

    assert refused("ttls", "eap ttls;")[0] == 19
    code, told = refused("mschapv2", "eap ttls; eap_only on;")
    assert (code, "wants a login by mschapv2; this end agrees to ttls" in told) == (11, True)
    charon.serve_v2(files / "vpngw.crt", files / "vpngw.key", Gateway(eap="ttls", alone=True))
    client = person(internet.client, files, "eap ttls; eap_only on;")
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, (done, charon.journal())
    client.running.expect("it proved itself inside of EAP")
    assert ping(internet.client, INSIDE_HOST)
    assert client.call("vd", GATEWAY).code == 0
    client.stop()
    charon.stop()
    charon.serve_v2(files / "vpngw.crt", files / "vpngw.key", Gateway(eap="tls", alone=True))
    client = person(internet.client, files, 'eap tls; eap_only on; certificate_type x509 "user.crt" "user.key";')
    assert client.call("vc", GATEWAY).code == 0, charon.journal()
    assert ping(internet.client, INSIDE_HOST)
