"""Logins over IKEv2 that are made anew beside what there is, so that no packet is lost, with strongSwan."""

from __future__ import annotations

from lab import lotor
from lab.ikev2 import join, person, serve, serve_by_strongswan
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until
from lab.pings import Pings


def test_a_strongswan_client_that_logs_in_anew_by_itself(internet, certificates):
    """One session, address and account, also where a person may have one session at a time."""
    gateway = serve(internet, certificates, "eap mschapv2, gtc; unique refuse; max_sessions 1;")
    client = join(internet.client, certificates, more="reauth_time = 3s\nover_time = 20s\nrand_time = 0s")
    assert "completed successfully" in client.initiate()
    (before,) = [each for each in gateway.sessions() if each["user"]]
    assert Pings(internet.client, INSIDE_HOST, 350, 0.02).lost() == [], gateway.journal()
    assert wait_until(lambda: gateway.journal().count(f"session {before['session']} (alice): IKE SA renewed") >= 2)
    (after,) = [each for each in gateway.sessions() if each["user"]]
    assert (after["session"], after["address"], after["user"]) == (before["session"], before["address"], "alice")
    assert gateway.journal().count("accounting start") == 1
    assert "accounting stop" not in gateway.journal()


def test_lotor_logs_in_anew_when_a_strongswan_gateway_wants_it(internet, certificates):
    """`reauth_time` there is AUTH_LIFETIME here (RFC 4478). The gateway would end the session without a new login."""
    more = "reauth_time = 13s\nrand_time = 0s\nover_time = 3s"
    charon = serve_by_strongswan(internet, certificates, more=more)
    client = person(internet.client, certificates)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    (before,) = client.sessions()
    assert Pings(internet.client, INSIDE_HOST, 700, 0.02).lost() == [], (client.journal(), charon.journal())
    assert client.journal().count("IKE SA renewed") >= 1
    (after,) = [each for each in client.sessions() if each["address"]]  # and no login that is under way
    assert (after["session"], after["address"]) == (before["session"], before["address"])
    assert "did not reauthenticate" not in charon.journal()
    noted = internet.client.path("/etc/noted").read_text().splitlines()
    assert [each.split()[0] for each in noted] == ["phase1_up"]
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: "ESTABLISHED" not in charon.sessions())
