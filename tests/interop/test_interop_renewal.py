"""Both phases renewed under traffic, between real daemons through a NAT: no packet is lost and nobody notices."""

from __future__ import annotations

from lab import lotor
from lab.dialling import dialled, road_warrior, serve
from lab.internet import INSIDE_HOST
from lab.node import wait_until
from lab.pings import Pings
from lab.strongswan import Charon

SHORT = {"mode_cfg": "on; lifetime time 30 sec", "lifetime": "time 10 sec"}
"""Phase 1 is renewed after 24 seconds; nobody takes less than 30."""


def test_nothing_is_lost_while_both_phases_are_renewed(internet, certificates, gateway):
    client = road_warrior(internet.client, certificates, **SHORT)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert Pings(internet.client, INSIDE_HOST, 1100).lost() == []
    journal = client.journal()
    assert journal.count("phase 1 renewed") >= 2, journal
    assert journal.count("SA pair") >= 4, journal
    assert journal.count("address 10.99.99.1") == 1, journal
    assert wait_until(lambda: len({each.journal().count("phase 1 renewed") for each in (gateway, client)}) == 1)
    assert wait_until(lambda: [session["user"] for session in gateway.sessions()] == ["alice"])
    assert client.call("vd", "192.0.2.50").stdout == "VPN connection terminated\n"


def test_nothing_is_lost_while_pairs_end_by_volume(internet, certificates):
    """The gateway alone has a limit: it tells the client, which renews in time."""
    gateway = serve(internet, certificates, lifetime="time 1 hour; lifetime byte 1 MB")
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert Pings(internet.client, INSIDE_HOST, 2000, 0.005, "-M", "dont", "-s", "1000").lost() == []
    assert gateway.journal().count("SA pair") >= 3, gateway.journal()
    assert client.call("vd", "192.0.2.50").stdout == "VPN connection terminated\n"


def test_a_strongswan_gateway_keeps_the_session_of_a_renewed_phase_one(internet, certificates):
    peer = Charon(internet.gateway)
    peer.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    client = road_warrior(internet.client, certificates, **SHORT)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert Pings(internet.client, INSIDE_HOST, 600).lost() == []
    assert client.journal().count("phase 1 renewed") >= 1, client.journal()
    assert client.journal().count("SA pair") >= 2, client.journal()
    assert client.call("vd", "192.0.2.50").stdout == "VPN connection terminated\n"


def test_a_strongswan_client_keeps_its_session_through_a_reauthentication(internet, certificates, gateway):
    peer = Charon(internet.client)
    peer.join_as_alice(certificates / "ca.crt")
    assert "completed successfully" in peer.initiate()
    before = gateway.sessions()[0]["session"]
    flood = Pings(internet.client, INSIDE_HOST, 300)
    peer.control("--rekey", "--child", "net")
    assert wait_until(lambda: "SA pair 2 up" in gateway.journal())
    peer.control("--rekey", "--ike", "ra", "--reauth")
    assert flood.lost() == []
    gateway.running.expect("phase 1 renewed")
    assert [session["session"] for session in gateway.sessions()] == [before]


def test_a_strongswan_client_stands_a_longer_lifetime_than_it_offered(internet, certificates):
    serve(internet, certificates, generate_policy="on; offer_lifetime on; lifetime time 24 hour")
    peer = Charon(internet.client)
    peer.join_as_alice(certificates / "ca.crt")
    assert "completed successfully" in peer.initiate()
    internet.client.run("ping", "-c", "1", "-W", "30", INSIDE_HOST)
    peer.running.expect("received lifetime 86400s")


def test_vpnc_keeps_its_session_beyond_both_lifetimes(internet, certificates):
    """vpnc cannot renew what it has without losing it: the gateway lets it last."""
    gateway = serve(internet, certificates, lifetime="time 6 sec", generate_policy="on; lifetime time 15 sec")
    dialled(internet.client, certificates)
    assert Pings(internet.client, INSIDE_HOST, 120, 0.2).lost() == []
    assert len(gateway.sessions()) == 1
    gateway.running.expect("vpnc does not renew SA pairs")
