"""What a FreeRADIUS grants, at real clients: pools and rules by group, routes, words, time; what cannot be kept."""

from __future__ import annotations

import pytest

from lab import freeradius, lotor
from lab.dialling import dial, dialled, ping, road_warrior
from lab.freeradius import Server
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until
from lab.strongswan import HOWTO_SUITE, Charon

USERS = """\
sam     Cleartext-Password := "sampass"
        Class := "OU=staff;",
        Framed-Route := "203.0.113.0/24 0.0.0.0 1",
        Reply-Message := "Welcome, %{User-Name}: the canteen is closed."
pia     Cleartext-Password := "piapass"
        Class := "OU=partners;"
timed   Cleartext-Password := "timedpass"
        Session-Timeout := 5
idle    Cleartext-Password := "idlepass"
        Idle-Timeout := 5
lost    Cleartext-Password := "lostpass"
        Filter-Id := "nowhere"
bob     Cleartext-Password := "bobpass"
        Framed-IP-Address := 10.99.99.77,
        Framed-IP-Netmask := 255.255.255.0,
        Framed-Route := "203.0.113.0/24 0.0.0.0 1"
DEFAULT Auth-Type := Reject
"""
SECTION = """\
mode_cfg {
	network4 10.99.99.1;
	pool_size 50;
	auth_source radius;
	conf_source radius;
	group_source radius;
	pool "staff" { network4 10.99.99.100; pool_size 20; }
	pool "partners" { network4 10.99.99.150; pool_size 20; }
	group "staff" { pool "staff"; }
	group "partners" { pool "partners"; }
	banner "/etc/racoon/motd";
	pfs_group 2;
}
"""
RULES = f"""
sainfo anonymous group "partners" {{
	pfs_group 2; lifetime time 1 hour; encryption_algorithm 3des;
	authentication_algorithm hmac_sha1; compression_algorithm deflate;
}}
network {{
	deny group "partners" to {INSIDE_HOST};
	allow everyone to any;
}}
radiuscfg {{ auth "{INSIDE_HOST}" "{freeradius.SECRET}"; }}
"""


@pytest.fixture
def gateway(internet, certificates):
    Server(internet.inside, INSIDE_HOST, USERS)
    made = lotor.gateway(internet.gateway, certificates)
    around, _, rest = made.node.path(lotor.CONFIGURATION).read_text().partition("mode_cfg {")
    made.configure(around + SECTION + rest.partition("\n}\n")[2] + RULES)
    checked = made.call("check", lotor.CONFIGURATION)
    assert checked.code == 0, checked
    made.start()
    return made


def test_pools_and_rules_by_group_routes_and_words(internet, certificates, gateway):
    """sam is of the staff, pia a partner: each has an address of its group's pool, and pia reaches less, by 3DES."""
    sam = dialled(internet.clients[0], certificates, "sam", "sampass")
    pia = dialled(internet.clients[1], certificates, "pia", "piapass", more="Enable weak encryption")
    assert sam.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.100"
    assert pia.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.150"
    assert sam.environment()["CISCO_SPLIT_INC"] == "1"
    assert sam.environment()["CISCO_SPLIT_INC_0_ADDR"] == "203.0.113.0"
    assert sam.environment()["CISCO_BANNER"] == "Welcome, sam: the canteen is closed."
    assert "CISCO_SPLIT_INC" not in pia.environment()
    assert ping(internet.clients[0], INSIDE_HOST)
    assert ping(internet.clients[1], "203.0.113.1")
    assert not ping(internet.clients[1], INSIDE_HOST)
    told = gateway.journal()
    assert "(pia): SA pair 2 up: 3des/hmac_sha1" in told
    assert "(sam): SA pair 1 up: aes-" in told


def test_time_that_was_granted_ends_a_session(internet, certificates, gateway):
    """Traffic keeps nobody whose time is over, and who is idle hears so."""
    timed = dialled(internet.clients[0], certificates, "timed", "timedpass")
    idle = dialled(internet.clients[1], certificates, "idle", "idlepass")
    busy = internet.clients[0].start("ping", "ping", "-i", "0.5", INSIDE_HOST)
    assert wait_until(lambda: not timed.running.alive, 60), gateway.journal()
    busy.stop()
    assert wait_until(lambda: not idle.running.alive, 60), gateway.journal()
    assert wait_until(lambda: gateway.sessions() == [])
    told = gateway.journal()
    assert "(timed): session ended: " in told
    assert "reason=session-time-over" in next(
        each for each in told.splitlines() if "stop" in each and '"timed"' in each
    )
    assert "reason=session-idle" in next(each for each in told.splitlines() if "stop" in each and '"idle"' in each)


def test_a_filter_that_there_is_not_is_a_refusal_at_both_ends(internet, certificates, gateway):
    lost = dial(internet.clients[1], certificates, "lost", "lostpass")
    assert wait_until(lambda: not lost.running.alive)
    assert not lost.connected
    client = road_warrior(internet.client, certificates)
    refused = lotor.connect(client, "lost", "lostpass")
    assert refused.code == 15, refused
    assert "nowhere" in refused.stderr, refused
    gateway.running.expect("nowhere")
    assert wait_until(lambda: gateway.sessions() == [])
    assert lotor.connect(client, "sam", "sampass").code == 0


def test_a_strongswan_client_has_address_and_route_of_radius(internet, certificates, gateway):
    client = Charon(internet.client, unity=True)
    client.join(
        certificates / "ca.crt",
        GATEWAY,
        identity="CN=gateway",
        user="bob",
        password="bobpass",
        proposals=HOWTO_SUITE,
        esp=HOWTO_SUITE,
    )
    assert "completed successfully" in client.initiate()
    assert "10.99.99.77/32" in internet.client.run("ip", "-br", "address").stdout
    assert "203.0.113.0/24" in client.sessions()
    assert ping(internet.client, INSIDE_HOST)
    assert ping(internet.inside, "10.99.99.77")
    (session,) = gateway.sessions()
    assert (session["user"], session["address"]) == ("bob", "10.99.99.77")
