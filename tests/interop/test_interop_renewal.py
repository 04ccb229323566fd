"""Both phases renewed under traffic, between real daemons through a NAT: no packet is lost and nobody notices."""

from __future__ import annotations

import re

from lab import lotor
from lab.dialling import road_warrior
from lab.internet import INSIDE_HOST

SHORT = {"mode_cfg": "on; lifetime time 20 sec", "lifetime": "time 15 sec"}


def test_nothing_is_lost_while_both_phases_are_renewed(internet, certificates, gateway):
    client = road_warrior(internet.client, certificates, **SHORT)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    flood = internet.client.run("ping", "-i", "0.05", "-c", "800", "-W", "2", INSIDE_HOST, patience=90)
    sent, received = re.search(r"(\d+) packets transmitted, (\d+) received", flood.stdout).groups()
    assert sent == received, flood.stdout
    journal = client.journal()
    assert journal.count("phase 1 renewed") >= 2, journal
    assert journal.count("SA pair") >= 4, journal
    assert journal.count("address 10.99.99.1") == 1, journal
    assert gateway.journal().count("phase 1 renewed") == journal.count("phase 1 renewed")
    (session,) = gateway.sessions()
    assert session["user"] == "alice"
    assert client.call("vd", "192.0.2.50").stdout == "VPN connection terminated\n"
