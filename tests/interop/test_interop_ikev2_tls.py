"""Methods of EAP on TLS, without a RADIUS server: strongSwan at lotor's gateway, and lotor at strongSwan's."""

from __future__ import annotations

import pytest

from lab import lotor, pki
from lab.dialling import ping
from lab.ikev2 import join, person, serve, serve_by_strongswan
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until
from lab.strongswan import Charon
from lab.strongswan_v2 import Client

ALICE = "alice@example.org"
BY_TLS = 'eap tls, ttls; ca_type x509 "ca.crt";'


@pytest.fixture
def alices(authority, alices):
    """Her certificate has her address of mail."""
    pki.gateway(authority, ALICE, common_name="alice").save(alices, "user")
    return alices


def test_by_ttls_and_by_a_certificate(internet, alices):
    """bob's password only Argon2id knows. TLS 1.3 is off in strongSwan as it comes: 5.9.8 makes other keys of TTLS over
    it than RFC 9427 says, and crashes in EAP-TLS."""
    gateway = serve(internet, alices, BY_TLS)
    bob = join(internet.client, alices, user="bob", password="bobpass", eap="eap-ttls")
    assert "completed successfully" in bob.initiate()
    assert ping(internet.client, INSIDE_HOST)
    alice = join(internet.clients[1], alices, user=ALICE, eap="eap-tls")
    assert "completed successfully" in alice.initiate()
    assert ping(internet.clients[1], INSIDE_HOST)
    assert {each["user"] for each in gateway.sessions()} == {ALICE, "bob"}


def test_what_is_wrong_is_refused_and_said(internet, alices):
    gateway = serve(internet, alices, BY_TLS)

    def refused(**options):
        client = join(internet.client, alices, **options)
        with pytest.raises(LabError, match="EAP"):
            client.initiate(20)
        client.stop()
        assert wait_until(lambda: gateway.sessions() == [])

    refused(user="bob", password="wrong", eap="eap-ttls")
    gateway.running.expect("login of bob refused: wrong password")
    refused(user="bob", eap="eap-tls")
    assert wait_until(lambda: "certificate" in gateway.journal().rpartition("login of bob refused")[2])
    pki.gateway(pki.authority("Other CA"), ALICE).save(alices, "user")
    refused(user=ALICE, eap="eap-tls")
    gateway.running.expect("Other CA")


BY_TTLS = "eap ttls;"
BY_CERTIFICATE = 'eap tls; certificate_type x509 "user.crt" "user.key";'


@pytest.mark.parametrize(("method", "more"), [("ttls", BY_TTLS), ("tls", BY_CERTIFICATE)])
def test_lotor_at_a_gateway_of_strongswan(internet, alices, method, more):
    charon = serve_by_strongswan(internet, alices, eap=method)
    client = person(internet.client, alices, more)
    done = lotor.connect(client, "alice", "alicepass") if method == "ttls" else client.call("vc", GATEWAY)
    assert done.code == 0, (done, client.journal(), charon.journal())
    assert ping(internet.client, INSIDE_HOST)
    charon.running.expect(f"EAP_{method.upper()}")


def test_lotor_at_a_gateway_of_lotor_by_pap_and_peap(internet, alices):
    """bob's password only Argon2id knows, alice has an NT hash."""
    gateway = serve(internet, alices, "eap ttls, peap;")
    for more, user in (("eap ttls; ttls_inside pap;", "bob"), ("eap peap;", "alice")):
        client = person(internet.client, alices, more)
        assert lotor.connect(client, user, "wrong").code == 13
        done = lotor.connect(client, user, f"{user}pass")
        assert done.code == 0, (done, client.journal(), gateway.journal())
        assert ping(internet.client, INSIDE_HOST)
        client.stop()
        assert wait_until(lambda: gateway.sessions() == [])


def test_lotor_at_a_gateway_of_lotor(internet, alices):
    """TLS 1.3, in two processes at either end."""
    gateway = serve(internet, alices, BY_TLS)
    client = person(internet.client, alices, BY_TTLS)
    assert lotor.connect(client, "bob", "wrong").code == 13
    assert lotor.connect(client, "bob", "bobpass").code == 0
    assert ping(internet.client, INSIDE_HOST)
    client.stop()
    assert wait_until(lambda: gateway.sessions() == [])
    client = person(internet.client, alices, BY_CERTIFICATE)
    assert client.call("vc", GATEWAY).code == 0
    assert ping(internet.client, INSIDE_HOST)
    (session,) = gateway.sessions()
    assert session["user"] == ALICE


def newer(node, certificates, **options):
    """A strongSwan that offers TLS 1.3, which it does not as it comes."""
    charon = Charon(node)
    settings = charon.directory / "strongswan.conf"
    settings.write_text(f"{settings.read_text()}charon {{ tls {{ version_max = 1.3 }} }}\n")
    charon.join_v2(certificates / "ca.crt", Client(GATEWAY, "gw.example.org", **options))
    return charon


def test_strongswan_with_tls_1_3_is_refused_and_harms_nobody(internet, alices):
    """5.9.8 makes other keys of TTLS over it than RFC 9427 says: its AUTH does not fit, and the gateway says why. With
    TLS 1.2, which is what it has as it comes, the same person comes in at the same gateway."""
    gateway = serve(internet, alices, BY_TLS)
    client = newer(internet.client, alices, user="bob", password="bobpass", eap="eap-ttls")
    with pytest.raises(LabError):
        client.initiate(20)
    assert wait_until(lambda: gateway.sessions() == [])
    gateway.running.expect("does not hold the key that the login by EAP made")
    client.stop()
    again = join(internet.client, alices, user="bob", password="bobpass", eap="eap-ttls")
    assert "completed successfully" in again.initiate()
    assert [each["user"] for each in gateway.sessions()] == ["bob"]
