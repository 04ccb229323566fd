"""strongSwan at lotor's gateway over IKEv2: a router that drops what is large, and two devices behind one address."""

from __future__ import annotations

from lab.dialling import ping
from lab.ikev2 import join, serve
from lab.internet import INSIDE_HOST


def joined(node, certificates, **options):
    client = join(node, certificates, **options)
    assert "completed successfully" in client.initiate()
    assert ping(node, INSIDE_HOST)
    return client


def test_a_router_that_drops_large_datagrams_is_passed(broken_internet, certificates):
    gateway = serve(broken_internet, certificates)
    joined(broken_internet.client, certificates, fragment_size=576)
    assert len(gateway.sessions()) == 1
    assert broken_internet.dropped().fragments == 0


def test_two_devices_of_one_person_behind_one_nat(internet, certificates):
    gateway = serve(internet, certificates)
    for node in internet.clients:
        joined(node, certificates)
    assert sorted(each["address"] for each in gateway.sessions()) == ["10.99.99.1", "10.99.99.2"]
    assert all(ping(node, INSIDE_HOST) for node in internet.clients)
