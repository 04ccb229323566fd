"""Accounting at a real FreeRADIUS: every session once, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from halting import gone, pythons
from interop.test_interop_radius import FILE, RULES, with_section
from lab import lotor
from lab.dialling import carries, road_warrior
from lab.freeradius import Server
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until

SECTION = """\
mode_cfg {
	network4 10.99.99.1;
	pool_size 253;
	auth_source radius;
	conf_source radius;
	accounting radius;		# RADIUS accounting
	accounting_interval 1 sec;
	pfs_group 2;
}
"""


@pytest.fixture
def server(internet):
    return Server(internet.inside, INSIDE_HOST)


@pytest.fixture
def gateway(internet, certificates, server):
    made = lotor.gateway(internet.gateway, certificates)
    made.configure(with_section(made.node.path(lotor.CONFIGURATION).read_text(), SECTION) + RULES)
    made.node.write("/etc/hosts", f"{INSIDE_HOST} radius.example.net\n")
    made.node.write("/etc/radius.conf", FILE, 0o600)
    made.start()
    return made


def test_every_session_is_told_of_once_whoever_dies_meanwhile(internet, certificates, server, gateway):
    """A session from start to stop; one that ends while the server is away; one whose gateway is killed."""
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "bob", "bobpass").code == 0
    assert carries(internet, internet.client, "10.99.99.77")
    assert wait_until(lambda: server.of("bob", "Interim-Update"))
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: server.of("bob", "Stop")), (server.records(), gateway.journal())
    (start,), (stop,) = server.of("bob", "Start"), server.of("bob", "Stop")
    assert start["Acct-Session-Id"] == stop["Acct-Session-Id"]
    assert (start["Class"], stop["Framed-IP-Address"]) == ("0x30783431", "10.99.99.77")
    assert stop["Acct-Terminate-Cause"] == "User-Request"
    assert int(stop["Acct-Input-Octets"]) > 0
    assert int(stop["Acct-Output-Packets"]) > 0
    gateway.running.expect(f"accounting start id={start['Acct-Session-Id']} ")

    assert lotor.connect(client, "alice", "alicepass").code == 0
    server.running.stop()
    assert client.call("vd", GATEWAY).code == 0
    assert wait_until(lambda: "accounting radius is silent, records wait" in gateway.journal())
    assert "accounting radius: " in gateway.call("status").stdout
    server.start()
    assert wait_until(lambda: server.of("alice", "Stop"), 60), gateway.journal()
    assert int(server.of("alice", "Stop")[0]["Acct-Delay-Time"]) > 0

    assert lotor.connect(client, "bob", "bobpass").code == 0
    assert wait_until(lambda: len(server.of("bob", "Start")) == 2)
    processes = pythons(gateway.running)
    os.kill(processes[0], signal.SIGKILL)
    assert wait_until(lambda: gone(processes))
    gateway.start()
    assert wait_until(lambda: len(server.of("bob", "Stop")) == 2), gateway.journal()
    assert server.of("bob", "Stop")[1]["Acct-Terminate-Cause"] == "NAS-Reboot"
    gateway.stop()
    told = Counter(
        (each["Acct-Session-Id"], each["Acct-Status-Type"], each["Event-Timestamp"])
        for each in server.records()
        if each["Acct-Status-Type"] != "Interim-Update"
    )
    assert max(told.values()) == 1
    kinds = Counter(kind for _, kind, _ in told)
    assert (kinds["Start"], kinds["Stop"]) == (3, 3)
    assert (kinds["Accounting-On"], kinds["Accounting-Off"]) == (2, 1)
