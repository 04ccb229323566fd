"""Clients of lotor's gateway over IKEv2, strongSwan and lotor, judged by a FreeRADIUS with which they speak EAP."""

from __future__ import annotations

import pytest

from lab.dialling import carries, ping
from lab.freeradius import SECRET, USERS, Server
from lab.ikev2 import join, person
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import CERTIFICATES, PROGRAM, Lotor, connect
from lab.node import LabError, wait_until
from lab.pings import Pings
from lab.strongswan import Charon
from lab.strongswan_v2 import Gateway
from lab.terminal import Terminal

CONFIGURATION = """
path certificate "{certificates}";
listen {{ adminsock "/run/gateway.sock"; }}
remote anonymous {{
    ike_version 2;
    eap radius;
    certificate_type x509 "vpngw.crt" "vpngw.key";
    my_identifier fqdn "gw.example.org";
    generate_policy on;
    nat_traversal on;
    proposal {{
        encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14;
    }}
}}
radiuscfg {{ auth "{server}" "MyDirtySecret"; acct "{server}" "MyDirtySecret"; }}
mode_cfg {{
    network4 10.99.99.1; pool_size 100; dns4 10.0.12.1; auth_source radius; conf_source radius; accounting radius;
}}
network {{ forward off; mss_clamp off; allow filter "guests" to any; }}
sainfo anonymous {{
    lifetime time 1 hour;
    encryption_algorithm aes_gcm_16 256, aes 256;
    authentication_algorithm hmac_sha256, hmac_sha1;
    compression_algorithm deflate;
}}
"""

TIMED = """\
timed   Cleartext-Password := "timedpass"
        Session-Timeout := 12,
        Filter-Id := "guests"
"""


@pytest.fixture
def server(internet):
    return Server(internet.inside, INSIDE_HOST, TIMED + USERS, eap=True)


@pytest.fixture
def gateway(internet, certificates, server):
    found = Lotor(internet.gateway)
    found.configure(CONFIGURATION.format(certificates=CERTIFICATES, server=INSIDE_HOST))
    for name, mode in (("vpngw.crt", 0o644), ("vpngw.key", 0o600)):
        internet.gateway.write(f"{CERTIFICATES}/{name}", (certificates / name).read_bytes(), mode)
    found.start()
    return found


def test_the_server_judges_grants_and_keeps_account(internet, certificates, gateway, server):
    client = join(internet.client, certificates, user="bob", password="bobpass")
    assert "completed successfully" in client.initiate()
    assert carries(internet, internet.client, "10.99.99.77")
    (session,) = gateway.sessions()
    assert (session["user"], session["address"]) == ("bob", "10.99.99.77")
    assert (session["grants"]["filter"], session["grants"]["session_time"]) == ("guests", 3600)
    assert wait_until(lambda: server.of("bob", "Start"))
    client.terminate()
    assert wait_until(lambda: server.of("bob", "Stop"))
    assert wait_until(lambda: gateway.sessions() == [])
    asked = internet.inside.path(f"{Server.DIRECTORY}/asked").read_text()
    assert 'Connect-Info = "lotor IKEv2 EAP"' in asked
    (started,) = server.of("bob", "Start")
    assert f'Acct-Session-Id = "{started["Acct-Session-Id"]}"' in asked, "a login has the id of its account"


def test_rules_of_the_server_hold(internet, certificates, gateway):
    client = join(internet.client, certificates, user="erin", password="erinpass")
    assert "completed successfully" in client.initiate()
    assert not ping(internet.client, INSIDE_HOST)
    assert [each["address"] for each in gateway.sessions()] == ["10.99.99.76"]


def test_a_wrong_password_is_refused_by_the_server(internet, certificates, gateway):
    client = join(internet.client, certificates, user="bob", password="wrong")
    with pytest.raises(LabError, match="EAP"):
        client.initiate(20)
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_login_is_made_anew_before_its_time_is_over(internet, certificates, gateway, server):
    """strongSwan hears of it (AUTH_LIFETIME, RFC 4478) and logs in beside what it has: no packet is lost, and it is one
    session with one address and one account. Another one, with less patience than that time, logs in anew once, and not
    for ever."""
    client = join(internet.client, certificates, user="timed", password="timedpass", more="over_time = 6s")
    hasty = join(internet.clients[1], certificates, user="timed", password="timedpass")
    assert "completed successfully" in client.initiate()
    assert "completed successfully" in hasty.initiate()

    def inside():
        """A login that is under way anew has no address of its own."""
        return {each["address"]: each for each in gateway.sessions() if each["address"]}

    before = inside()["10.99.99.1"]
    assert Pings(internet.client, INSIDE_HOST, 700, 0.02).lost() == [], gateway.journal()
    client.running.expect("received AUTH_LIFETIME of 12s, scheduling reauthentication in 6s")
    assert wait_until(lambda: "10.99.99.2" not in inside()), "the other one's time is over"
    (after,) = inside().values()
    assert (after["session"], after["address"], after["user"]) == (before["session"], "10.99.99.1", "timed")
    assert gateway.journal().count(f"session {after['session']} (timed): IKE SA renewed") >= 2
    assert hasty.journal().count("received AUTH_LIFETIME") in {1, 2}
    client.terminate()
    assert wait_until(lambda: len(server.of("timed", "Stop")) == 2)
    assert len(server.of("timed", "Start")) == 2
    (left, over) = sorted(server.of("timed", "Stop"), key=lambda each: -int(each["Acct-Session-Time"]))
    assert (left["Acct-Terminate-Cause"], over["Acct-Terminate-Cause"]) == ("User-Request", "Session-Timeout")
    assert int(left["Acct-Session-Time"]) > 12


# --- lotor's client --------------------------------------------------------------------------------------------------

INSIDE = {
    "TTLS with PAP": "eap ttls; ttls_inside pap;",
    "TTLS with MSCHAPv2": "eap ttls;",
    "PEAP": "eap peap;",
}
NAMED = 'eap_server "radius.example.net";'


@pytest.fixture
def alices(internet, certificates, server, tmp_path):
    """Of a client, which trusts the authority of the server beside that of the gateway."""
    authority = internet.inside.path(f"{Server.DIRECTORY}/ca.crt").read_bytes()
    (tmp_path / "ca.crt").write_bytes((certificates / "ca.crt").read_bytes() + authority)
    return tmp_path


def test_inside_of_tls_with_the_server(internet, alices, gateway):
    """The server begins with MSCHAPv2, which the client declines."""
    for way, more in INSIDE.items():
        client = person(internet.client, alices, more + NAMED)
        refused = connect(client, "bob", "wrong")
        assert refused.code == 13, (way, refused)
        done = connect(client, "bob", "bobpass")
        assert done.code == 0, (way, done, client.journal(), gateway.journal())
        assert carries(internet, internet.client, "10.99.99.77")
        assert [each["user"] for each in gateway.sessions()] == ["bob"]
        client.stop()
        assert wait_until(lambda: gateway.sessions() == [])


def test_a_server_that_the_client_does_not_know_hears_no_password(internet, certificates, alices, gateway):
    """Of another authority, or with a name that nobody gave it here."""
    for known, more, told in ((certificates, NAMED, "RADIUS CA"), (alices, "", "radius.example.net, not 192.0.2.50")):
        client = person(internet.client, known, INSIDE["TTLS with PAP"] + more)
        done = connect(client, "bob", "bobpass")
        assert done.code == 12, done
        assert told in done.stderr
        assert "eap_server" in done.stderr
        client.stop()
    asked = internet.inside.path(f"{Server.DIRECTORY}/asked").read_text()
    assert "User-Password" not in asked, "nothing came inside"
    assert wait_until(lambda: gateway.sessions() == [])


def test_connect_without_a_file_at_a_server_that_begins_with_ttls(internet, alices, gateway, server):
    """Its certificate has a name that nobody typed, so that it hears no password; then somebody does."""
    settings = internet.inside.path(f"{Server.DIRECTORY}/radiusd.conf")
    settings.write_text(settings.read_text().replace("default_eap_type = mschapv2", "default_eap_type = ttls", 1))
    server.running.stop()
    server.start()
    authority = internet.client.write("/etc/both.crt", (alices / "ca.crt").read_bytes())
    words = (*PROGRAM, "connect", "--ca", authority, "-u", "bob")
    with Terminal(internet.client, *words, GATEWAY) as terminal:
        terminal.expect("Password: ")
        terminal.type("bobpass")
        assert terminal.end() == 12, terminal.screen
    assert "radius.example.net, not 192.0.2.50" in terminal.screen
    assert "--eap-server NAME" in terminal.screen
    assert "User-Password" not in internet.inside.path(f"{Server.DIRECTORY}/asked").read_text()
    with Terminal(internet.client, *words, "--eap-server", "radius.example.net", GATEWAY) as terminal:
        terminal.expect("Password: ")
        terminal.type("bobpass")
        terminal.expect("connected as 10.99.99.77")
        assert [each["user"] for each in gateway.sessions()] == ["bob"]
        terminal.interrupt()
        terminal.end()


PASSES_ON = """
charon {{ plugins {{ eap-radius {{ servers {{ inside {{
    address = {server}
    secret = {secret} }} }} }} }} }}
"""


def test_lotor_at_a_gateway_of_strongswan_with_that_server(internet, certificates, alices, server):
    """It passes EAP on as well; what Debian has of strongSwan speaks no PEAP itself, and no PAP inside of TTLS."""
    charon = Charon(internet.gateway)
    settings = charon.directory / "strongswan.conf"
    text = settings.read_text().replace("eap-tls eap-ttls", "eap-tls eap-ttls eap-radius")
    settings.write_text(text + PASSES_ON.format(server=INSIDE_HOST, secret=SECRET))
    charon.serve_v2(certificates / "vpngw.crt", certificates / "vpngw.key", Gateway(eap="radius"))
    for way in ("TTLS with PAP", "PEAP"):
        client = person(internet.client, alices, INSIDE[way] + NAMED)
        assert connect(client, "bob", "wrong").code == 13
        done = connect(client, "bob", "bobpass")
        assert done.code == 0, (way, done, client.journal(), charon.journal())
        assert ping(internet.client, INSIDE_HOST)
        client.stop()
