"""lotor's client over IKEv2, as a person uses it: at a gateway of strongSwan, and at one of lotor."""

from __future__ import annotations

import signal

import pytest

from lab import lotor, pki
from lab.dialling import carries, carries6, connecting, moves, ping
from lab.ikev2 import person, serve, serve_by_strongswan
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import Lotor
from lab.node import LabError, wait_until
from lab.pings import Pings
from lab.strongswan import Charon
from lab.traffic import Stream, serve_streams

WAYS = {
    "mschapv2": ({}, "eap mschapv2;"),
    "gtc": ({"eap": "gtc"}, "eap mschapv2, gtc;"),
    "certificate": ({"proof": "pubkey"}, 'my_auth pubkey; certificate_type x509 "user.crt" "user.key";'),
    "key": ({"proof": "psk", "user": "%any"}, 'my_auth psk; peers_auth psk; my_identifier fqdn "alice";'),
}


@pytest.mark.parametrize("way", WAYS)
def test_at_a_gateway_of_strongswan(internet, alices, way):
    options, more = WAYS[way]
    gateway = serve_by_strongswan(internet, alices, **options)
    before = lotor.traces(internet.client)
    client = person(internet.client, alices, more, keys="* alicepass\n" if way == "key" else "")
    done = lotor.connect(client, "alice", "alicepass") if "eap" in more else client.call("vc", GATEWAY)
    assert done.code == 0, done
    assert "Bound to address 10.99.99.10" in done.stdout
    assert carries(internet, internet.client, "10.99.99.10")
    assert "10.99.99.1" in internet.client.path("/etc/resolv.conf").read_text()
    (session,) = client.sessions()
    assert (session["address"], session["ike"]) == ("10.99.99.10", 2)
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: "ESTABLISHED" not in gateway.sessions())
    noted = internet.client.path("/etc/noted").read_text().splitlines()
    assert noted == ["phase1_up 10.99.99.10 10.99.99.1", "phase1_down 10.99.99.10 10.99.99.1"]
    client.stop()
    assert lotor.traces(internet.client) == before


@pytest.mark.parametrize("kind", ["lotor", "strongswan"])
def test_without_a_file(internet, certificates, kind):
    """A second password, and how to end it."""
    ours = kind == "lotor"
    gateway = serve(internet, certificates) if ours else serve_by_strongswan(internet, certificates)
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.type("not this one")
        terminal.expect("refused the login of alice: try again")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.1")
        (session,) = Lotor(internet.client).sessions()
        assert session["ike"] == 2
        assert ping(internet.client, INSIDE_HOST)
        terminal.interrupt()
        assert terminal.end() == 0, terminal.screen
    assert "IKEv1" not in terminal.screen
    assert "alicepass" not in terminal.screen
    assert wait_until(lambda: gateway.sessions() == [] if ours else "ESTABLISHED" not in gateway.sessions())


def test_a_gateway_of_strongswan_that_speaks_ikev1_alone_is_reached(internet, certificates):
    charon = Charon(internet.gateway)
    charon.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity=GATEWAY)
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("nothing came of IKEv2, trying IKEv1")
        terminal.expect("connected as 10.99.99.10")
        terminal.interrupt()
        assert terminal.end() == 0


HURRY = "timer { counter 2; interval 1 sec; }"


def test_what_goes_wrong_is_said_at_both_ends(internet, alices, tmp_path):
    """With the exit codes of IKEv1."""
    gateway, node = serve(internet, alices), internet.client

    def refused(user="alice", password="alicepass", files=alices, **options):
        client = person(node, files, **options)
        done = lotor.connect(client, user, password)
        client.stop()
        assert len(done.stderr.splitlines()) == 1, done
        return done.code, done.stderr

    wrong, unknown = refused(password="wrong"), refused(user="nobody")
    assert wrong[0] == unknown[0] == 13
    assert wrong[1].replace("alice", "nobody") == unknown[1], "nobody learns which users there are"
    assert wait_until(lambda: gateway.journal().count("refused") >= 2)
    pki.authority("Another CA").save(tmp_path, "ca")
    code, text = refused(files=tmp_path)
    assert (code, "issued by CN=Lab CA, and only CN=Another CA of" in text) == (12, True), text
    gateway.running.expect("AUTHENTICATION_FAILED")
    code, text = refused(more="eap gtc; ike2_proposal aes 256 sha512 modp8192;")
    assert (code, "NO_PROPOSAL_CHOSEN" in text) == (11, True), text
    assert wait_until(lambda: "no proposal" in gateway.journal().lower())
    code, text = refused(more='my_auth pubkey; certificate_type x509 "user.crt" "user.key";')
    assert (code, "does not accept" in text) == (19, True), text
    gateway.stop()
    code, text = refused(user="alice", more=f"eap gtc; }} {HURRY} remote 192.0.2.99 {{ ike_version 2; mode_cfg on;")
    assert (code, "no answer" in text) == (10, True), text
    assert "10.99.99." not in node.run("ip", "-br", "address").stdout


def test_a_connection_stays(internet, certificates):
    """Through another network, and a gateway that dies and starts anew; a refused password is not sent again."""
    gateway = serve(internet, certificates)
    serve_streams(internet.inside)
    client = person(internet.client, certificates, "eap mschapv2; auto_connect on; kill_switch on;")
    before = lotor.traces(internet.client)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    (first,) = client.sessions()
    stream = Stream(internet.client)
    assert stream.goes_on()

    moves(internet.client, "198.51.100.77")
    assert stream.goes_on(), client.journal()
    (moved,) = client.sessions()
    assert moved["session"] == first["session"], "the same session, from another address"
    assert moved["local"] == "198.51.100.77:4500"
    assert [each["address"] for each in gateway.sessions()] == ["10.99.99.1"]
    internet.rebind()
    assert stream.goes_on(), "the NAT forgot its ports"

    gateway.running.stop(signal.SIGKILL)
    gateway.start()
    assert stream.goes_on(), client.journal()
    (back,) = client.sessions()
    assert (back["address"], back["ike"]) == (first["address"], 2)
    assert back["session"] != first["session"]

    gateway.stop()
    assert wait_until(lambda: "connecting again" in client.call("status").stdout)
    assert "dev lotor0" in internet.client.ip("route", "get", INSIDE_HOST), "nothing leaves in clear"
    gateway.call("user", "passwd", "--mschap", "--password-stdin", "alice", stdin="another one\n")
    gateway.start()
    assert wait_until(lambda: "does not come back" in client.journal(), 60), client.journal()
    assert wait_until(lambda: client.sessions() == [])
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    moves(internet.client, "198.51.100.10")
    assert wait_until(lambda: lotor.traces(internet.client) == before)


def test_strongswan_moves_with_the_client_renews_keys_and_dies(internet, certificates):
    gateway = serve_by_strongswan(internet, certificates)
    client = person(internet.client, certificates, "auto_connect on;")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    (first,) = client.sessions()
    for words in (("--child", "net"), ("--ike", "ra"), ("--child", "net")):
        gateway.control("--rekey", *words)
        assert ping(internet.client, INSIDE_HOST), words
    moves(internet.client, "198.51.100.77")
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST)), client.journal()
    (moved,) = client.sessions()
    assert (moved["session"], moved["local"]) == (first["session"], "198.51.100.77:4500")
    gateway.running.stop(signal.SIGKILL)
    serve_by_strongswan(internet, certificates)
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST), 60), client.journal()
    (back,) = client.sessions()
    assert (back["session"] != first["session"], back["ike"]) == (True, 2)


def test_at_a_gateway_of_lotor(internet, certificates):
    gateway = serve(internet, certificates)
    client = person(internet.client, certificates)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert carries(internet, internet.client, "10.99.99.1")
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])
    assert ping(internet.client, "192.0.2.1")


def through(node, address):
    """Whether what is sent to an address goes into the tunnel."""
    return "lotor0" in node.run("ip", "route", "get", address, check=False).stdout


SPLIT = (
    'split_network include 203.0.113.0/24, fd00:113::/64; split_dns "example.org"; default_domain "corp.example"; '
    "network6 fd00:99::1; dns6 fd00:113::53;"
)


@pytest.mark.parametrize("kind", ["lotor", "strongswan"])
def test_ipv6_and_only_the_inside_networks(both_internet, certificates, kind):
    """The gateway of strongSwan says so by its traffic selectors alone."""
    net = both_internet
    before = lotor.traces(net.client)
    if kind == "lotor":
        serve(net, certificates, inside=SPLIT)
    else:
        serve_by_strongswan(net, certificates, networks="203.0.113.0/24, fd00:113::/64", ipv6=True)
    client = person(net.client, certificates)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    (session,) = client.sessions()
    assert carries(net, net.client, session["address"])
    assert carries6(net, net.client, session["address6"])
    assert not through(net.client, "192.0.2.1")
    assert not through(net.client, "2001:db8::1")
    names = net.client.path("/etc/resolv.conf").read_text()
    assert "fd00:113::53" in names
    assert ("corp.example" in names) is (kind == "lotor")
    assert client.call("vd", GATEWAY).code == 0
    client.stop()
    assert wait_until(lambda: lotor.traces(net.client) == before)


def asked(gateway, words):
    """Whether strongSwan renews keys: it finds none while the client renews the same."""
    try:
        gateway.control("--rekey", *words)
    except LabError as error:
        if "no matching SAs to rekey found" in str(error):
            return False
        raise
    return True


def test_keys_are_renewed_by_either_end_and_no_packet_is_lost(internet, certificates):
    gateway = serve_by_strongswan(internet, certificates)
    client = person(internet.client, certificates, "eap mschapv2; ike2_lifetime 15 sec;", lifetime="10 sec")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    (first,) = client.sessions()
    flood = Pings(internet.client, INSIDE_HOST, 500)
    for words in (("--child", "net"), ("--ike", "ra"), ("--child", "net")):
        assert wait_until(lambda words=words: asked(gateway, words))
    assert flood.lost() == []
    assert gateway.sessions().count("ESTABLISHED") == 1, gateway.sessions()
    (last,) = client.sessions()
    assert last["session"] == first["session"]
    assert "IKE SA renewed" in client.journal(), client.journal()
    assert "parsed CREATE_CHILD_SA request" in gateway.journal(), "the client began none"
