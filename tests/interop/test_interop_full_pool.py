"""The HOW-TO's 253 addresses and 254 people: who comes last reads why, and has an address when somebody leaves."""

from __future__ import annotations

from bench.handshakes import Clients
from lab import freeradius, lotor
from lab.dialling import dial, dialled, road_warrior
from lab.freeradius import Server
from lab.internet import INSIDE_HOST
from lab.node import wait_until

PASSWORD = "of everybody"
USERS = f'DEFAULT Cleartext-Password := "{PASSWORD}"\n'
SERVERS = f'\nradiuscfg {{ auth "{INSIDE_HOST}" "{freeradius.SECRET}"; }}\n'
LIKE_THE_CROWD = {"pfs_group": "", "dpd_delay": "0"}
CROWD = 252


def figures(gateway):
    lines = (line.rpartition(" ") for line in gateway.call("metrics").stdout.splitlines() if line[:1] != "#")
    return {name: float(value) for name, _, value in lines}


def test_the_254th_of_253(internet, certificates):
    Server(internet.inside, INSIDE_HOST, USERS)
    gateway = lotor.gateway(internet.gateway, certificates, auth_source="radius", **LIKE_THE_CROWD)
    text = gateway.node.path(lotor.CONFIGURATION).read_text()
    assert "pool_size 253;" in text
    gateway.configure(text + SERVERS)
    gateway.start()
    crowd = Clients(internet, 2, PASSWORD, ("--people", str(CROWD)))
    assert crowd.dial(CROWD, 4)["handshakes"] == CROWD
    last = dialled(internet.clients[1], certificates, "vera", PASSWORD, pfs="nopfs")
    sessions = gateway.sessions()
    assert len({each["address"] for each in sessions}) == len(sessions) == 253
    assert figures(gateway)["lotor_leases"] == figures(gateway)["lotor_pool_addresses"] == 253

    client = road_warrior(internet.client, certificates)
    late = lotor.connect(client, "late", PASSWORD)
    assert late.code == 15, late
    assert "no free address" in late.stderr, late
    gateway.running.expect("no free address: all 253 addresses of 10.99.99.1-10.99.99.253 are in use")
    events = gateway.call("explain", "late").stdout
    assert "pool_size" in events, events
    assert figures(gateway)['lotor_attempts_failed_total{kind="pool-exhausted"}'] >= 1
    assert len(gateway.sessions()) == 253

    freed = last.environment()["INTERNAL_IP4_ADDRESS"]
    last.disconnect()
    assert wait_until(lambda: len(gateway.sessions()) == CROWD), gateway.journal()[-2000:]
    back = lotor.connect(client, "late", PASSWORD)
    assert (back.code, freed in back.stdout) == (0, True), back
    again = dial(internet.clients[1], certificates, "vera", PASSWORD, pfs="nopfs")
    assert wait_until(lambda: not again.running.alive)
    assert not again.connected
    crowd.close()
