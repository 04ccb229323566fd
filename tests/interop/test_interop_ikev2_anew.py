"""Logins over IKEv2 that are made anew beside what there is, so that no packet is lost, with strongSwan."""

from __future__ import annotations

from lab.ikev2 import join, serve
from lab.internet import INSIDE_HOST
from lab.node import wait_until


def pings(node, seconds):
    """What `ping` says of one every 20 ms."""
    return node.run("ping", "-q", "-i", "0.02", "-c", str(seconds * 50), "-W", "2", INSIDE_HOST, patience=90).stdout


def test_a_strongswan_client_that_logs_in_anew_by_itself(internet, certificates):
    """One session, address and account, also where a person may have one session at a time."""
    gateway = serve(internet, certificates, "eap mschapv2, gtc; unique refuse; max_sessions 1;")
    client = join(internet.client, certificates, more="reauth_time = 3s\nover_time = 20s\nrand_time = 0s")
    assert "completed successfully" in client.initiate()
    (before,) = gateway.sessions()
    told = pings(internet.client, 7)
    assert " 0% packet loss" in told, (told, gateway.journal())
    assert wait_until(lambda: gateway.journal().count(f"session {before['session']} (alice): IKE SA renewed") >= 2)
    (after,) = [each for each in gateway.sessions() if each["user"]]
    assert (after["session"], after["address"], after["user"]) == (before["session"], before["address"], "alice")
    assert gateway.journal().count("accounting start") == 1
    assert "accounting stop" not in gateway.journal()
