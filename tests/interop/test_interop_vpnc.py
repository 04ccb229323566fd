"""vpnc, the stand-in for the HOW-TO's Cisco client, against lotor's gateway through a NAT router."""

import signal

import pytest

from lab import lotor
from lab.dialling import carries, dial, dialled, ping, serve
from lab.internet import INSIDE_HOST
from lab.node import wait_until


def test_login_address_dns_banner_traffic_and_goodbye(internet, certificates, gateway):
    vpnc = dialled(internet.client, certificates)
    told = vpnc.environment()
    assert told["INTERNAL_IP4_ADDRESS"] == "10.99.99.1"
    assert told["INTERNAL_IP4_DNS"] == "10.0.12.1"
    assert told["INTERNAL_IP4_NBNS"] == "10.0.12.1"
    assert "Flying pigs LTD" in vpnc.told
    (session,) = gateway.sessions()
    assert (session["user"], session["address"], session["role"]) == ("alice", "10.99.99.1", "gateway")
    assert carries(internet, internet.client, "10.99.99.1")
    assert gateway.sessions()[0]["traffic"]["octets_out"] > 2_000_000
    assert vpnc.disconnect() == 0
    assert wait_until(lambda: gateway.sessions() == [])
    assert dialled(internet.client, certificates).environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.1"


def test_two_clients_behind_one_address(internet, certificates, gateway):
    lotor.add_user(gateway, "bob", "bobpass")
    first = dialled(internet.clients[0], certificates)
    second = dialled(internet.clients[1], certificates, "bob", "bobpass")
    assert first.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.1"
    assert second.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.2"
    assert all(ping(client, INSIDE_HOST) for client in internet.clients)
    first.disconnect()
    assert wait_until(lambda: len(gateway.sessions()) == 1)
    assert ping(internet.clients[1], INSIDE_HOST)


def test_an_idle_client_answers_dead_peer_detection(internet, certificates):
    gateway = serve(internet, certificates, dpd_delay="1")
    vpnc = dialled(internet.client, certificates)
    assert not wait_until(lambda: gateway.sessions() == [] or not vpnc.running.alive, 12, pause=1.0)
    assert ping(internet.client, INSIDE_HOST)


def test_the_gateway_answers_vpncs_own_probes(internet, certificates, gateway):
    vpnc = dialled(internet.client, certificates)
    assert ping(internet.client, INSIDE_HOST)
    vpnc.running.expect("got r-u-there ack")
    assert "sent DPD packet" in vpnc.running.text()
    vpnc.disconnect()


def test_a_client_that_vanishes_is_noticed_and_its_address_freed(internet, certificates):
    gateway = serve(internet, certificates, dpd_delay="2; dpd_retry 2; dpd_maxfail 5")
    vpnc = dialled(internet.client, certificates)
    assert ping(internet.client, INSIDE_HOST)  # vpnc says "connected" before its quick mode
    internet.client.ip("link", "set", "eth0", "down")
    vpnc.running.stop(signal.SIGKILL)
    assert wait_until(lambda: gateway.sessions() == [], 60, pause=1.0)
    assert dialled(internet.clients[1], certificates).environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.1"


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"dh_group": "14", "pfs_group": ""}, {"group": "dh14", "pfs": "nopfs"}),
        ({"dh_group": "5", "pfs_group": "5"}, {"group": "dh5", "pfs": "dh5"}),
        ({}, {"pfs": "server"}),
        ({"nat_traversal": "on"}, {"nat_mode": "natt"}),
        ({"ike_frag": "off"}, {"nat_mode": "force-natt"}),
    ],
    ids=["group14-nopfs", "group5-pfs5", "pfs-as-told", "natt-on", "force-natt"],
)
def test_other_settings(internet, certificates, change, options):
    gateway = serve(internet, certificates, **change)
    vpnc = dialled(internet.client, certificates, **options)
    assert ping(internet.client, INSIDE_HOST)
    assert vpnc.disconnect() == 0
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_wrong_password_is_refused_and_the_gateway_serves_on(internet, certificates, gateway):
    refused = dial(internet.client, certificates, password="wrong")
    assert wait_until(lambda: not refused.running.alive)
    assert not refused.connected
    assert wait_until(lambda: gateway.sessions() == [])
    gateway.running.expect("as alice refused")
    assert dialled(internet.clients[1], certificates).environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.1"


def test_the_gateway_stops_and_tells_its_clients(internet, certificates, gateway):
    vpnc = dialled(internet.client, certificates)
    assert gateway.stop() == 0
    assert wait_until(lambda: not vpnc.running.alive)


def test_a_router_that_forgets_is_followed(internet, certificates, gateway):
    dialled(internet.client, certificates)
    assert ping(internet.client, INSIDE_HOST)
    before = gateway.sessions()[0]["outside"]
    internet.rebind()
    assert ping(internet.client, INSIDE_HOST)
    assert gateway.sessions()[0]["outside"] != before
