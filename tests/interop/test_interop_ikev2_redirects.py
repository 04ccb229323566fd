"""Clients that are sent to another gateway over IKEv2, both roles with strongSwan and with lotor (RFC 5685)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab import lotor, pki
from lab.dialling import ping
from lab.ikev2 import join, person, serve, serve_by_strongswan
from lab.internet import GATEWAY
from lab.node import LabError, wait_until

OTHER, NAME, INSIDE = "198.51.100.11", "gw2.example.org", "203.0.113.77"


@pytest.fixture
def other(internet, certificates):
    """Another gateway, which shows the name that the clients mean."""
    return behind(internet, certificates)


def behind(internet, certificates):
    internet.clients[1].ip("address", "add", f"{INSIDE}/32", "dev", "lo")
    return serve(SimpleNamespace(gateway=internet.clients[1]), certificates)


def there(gateway) -> list[str]:
    return [each["user"] for each in gateway.sessions()]


def test_strongswan_is_sent_on_when_it_comes(internet, certificates, other):
    more = f'eap mschapv2; redirect_to "{OTHER}"; redirect always;'
    first = serve(internet, certificates, more)
    client = join(internet.client, certificates)
    client.initiate()
    assert wait_until(lambda: there(other) == ["alice"])
    assert there(first) == []
    assert ping(internet.client, INSIDE)
    assert f"the client was sent to {OTHER}" in first.call("explain").stdout


def test_strongswan_goes_when_its_gateway_drains_and_comes_again_afterwards(internet, certificates, other):
    first = serve(internet, certificates)
    client = join(internet.client, certificates)
    client.initiate()
    done = first.call("drain", OTHER)
    assert done.code == 0, done
    assert "1 connected client is asked to go there" in done.stdout
    assert wait_until(lambda: there(other) == ["alice"] and there(first) == [])
    assert ping(internet.client, INSIDE)
    assert "draining" in first.call("status").stdout
    assert first.call("drain", "--end").code == 0
    client.terminate()
    client.initiate()
    assert there(first) == ["alice"]


def test_lotor_goes_without_losing_its_tunnel_and_to_the_name_that_its_gateway_gave(
    internet, authority, certificates, tmp_path
):
    pki.gateway(authority, NAME, "gw.example.org").save(tmp_path, "vpngw")
    authority.save(tmp_path, "ca")
    first, second = serve(internet, certificates), behind(internet, tmp_path)
    node = internet.client
    node.write("/etc/hosts", f"127.0.0.1 localhost\n{OTHER} {NAME}\n")
    client = person(node, certificates)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert first.call("drain", NAME).code == 0
    assert wait_until(lambda: there(second) == ["alice"] and there(first) == [])
    assert ping(node, INSIDE)
    assert len(client.sessions()) == 1
    client.running.expect("sends this client to gw2.example.org")
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: there(second) == [])
    # with a first answer in clear only the name that was meant counts
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 12, done
    assert there(second) == []


def test_lotor_is_sent_on_when_it_comes_and_calls_its_own_gateway_the_next_time(internet, certificates, other):
    first = serve(internet, certificates, f'eap mschapv2; redirect_to "{OTHER}"; redirect draining;')
    assert "whoever comes is sent to where redirect_to says" in first.call("drain").stdout
    client = person(internet.client, certificates, 'peers_identifier fqdn "gw.example.org"; verify_identifier on;')
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert (there(first), there(other)) == ([], ["alice"])
    assert ping(internet.client, INSIDE)
    assert client.call("vd", GATEWAY).code == 0
    assert first.call("drain", "--end").code == 0
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert (there(first), there(other)) == (["alice"], [])


def test_strongswan_sends_lotor_to_another_gateway(internet, certificates, other):
    charon = serve_by_strongswan(internet, certificates)
    client = person(internet.client, certificates, 'peers_identifier fqdn "gw.example.org"; verify_identifier on;')
    assert lotor.connect(client, "alice", "alicepass").code == 0
    charon.control("--redirect", "--ike", "ra", "--gateway", OTHER)
    assert wait_until(lambda: there(other) == ["alice"] and "ESTABLISHED" not in charon.sessions())
    assert ping(internet.client, INSIDE)


def test_strongswan_is_not_sent_on_where_it_is_to_log_in(internet, certificates, other):
    """5.9.8 takes an answer with a proof and without EAP for a gateway that lets it in unasked, and goes nowhere. Both
    ends say so, and nobody has shown a password."""
    first = serve(internet, certificates, f'eap mschapv2; redirect_to "{OTHER}"; redirect always; redirect_proved on;')
    client = join(internet.client, certificates)
    with pytest.raises(LabError):
        client.initiate(15)
    client.running.expect("AUTH N(REDIR)")
    client.running.expect("N(AUTH_FAILED)")
    assert "EAP/REQ" not in client.journal()
    assert (there(first), there(other)) == ([], [])
    assert f"the client was sent to {OTHER}" in first.call("explain").stdout


def test_lotor_is_sent_on_by_a_gateway_that_has_proved_itself(internet, certificates, other):
    """Before anybody is asked for a password, and with the last answer where no address is left."""
    first = serve(internet, certificates, f'eap mschapv2; redirect_to "{OTHER}"; redirect always; redirect_proved on;')
    client = person(internet.client, certificates, 'peers_identifier fqdn "gw.example.org"; verify_identifier on;')
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert (there(first), there(other)) == ([], ["alice"])
    assert ping(internet.client, INSIDE)
    assert "login of" not in first.journal()
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: there(other) == [])

    text = internet.gateway.path(lotor.CONFIGURATION).read_text()
    text = text.replace("redirect always; redirect_proved on;", "redirect full;").replace(
        "pool_size 100", "pool_size 1"
    )
    first.configure(text)
    assert first.call("user", "set", "bob", "address=10.99.99.1").code == 0
    assert first.call("reload").code == 0
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, (done, first.journal())
    assert (there(first), there(other)) == ([], ["alice"])
    first.running.expect("login of alice accepted")
