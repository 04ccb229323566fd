"""strongSwan as a client that lotor's gateway sends to another one over IKEv2 (RFC 5685)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.dialling import ping
from lab.ikev2 import serve
from lab.internet import GATEWAY
from lab.node import wait_until
from lab.strongswan import Charon
from lab.strongswan_v2 import Client

OTHER, INSIDE = "198.51.100.11", "203.0.113.77"


@pytest.fixture
def other(internet, certificates):
    """Another gateway, which shows the name that the clients mean."""
    return behind(internet, certificates)


def behind(internet, certificates):
    internet.clients[1].ip("address", "add", f"{INSIDE}/32", "dev", "lo")
    return serve(SimpleNamespace(gateway=internet.clients[1]), certificates)


def join(node, certificates):
    client = Charon(node)
    client.join_v2(certificates / "ca.crt", Client(GATEWAY, "gw.example.org"))
    return client


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
