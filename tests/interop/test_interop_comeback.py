"""A connection that stays: through a change of the client's network, a gateway that dies and starts anew, and a process
that dies; what is open inside the tunnel goes on, and at the end nothing is left."""

from __future__ import annotations

import signal

import pytest

from lab import lotor
from lab.dialling import moves, road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import PROGRAM
from lab.node import wait_until
from lab.terminal import Terminal
from lab.traffic import Stream, serve_streams

SCRIPTS = "".join(f' script "/etc/note.sh" {event};' for event in ("phase1_up", "phase1_down"))
LEASE = "10.99.99.1"
STAYS = {"passive": f"off; auto_connect on; kill_switch on;{SCRIPTS}".removesuffix(";")}
NOTE = '#!/bin/sh\necho "$1 $INTERNAL_ADDR4" >>/etc/noted\n'


def test_a_connection_stays(internet, certificates):
    gateway = serve(internet, certificates)
    serve_streams(internet.inside)
    before = lotor.traces(internet.client)
    internet.client.write("/etc/note.sh", NOTE, 0o755)
    client = road_warrior(internet.client, certificates, **STAYS)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    (first,) = client.sessions()
    stream = Stream(internet.client)
    assert stream.goes_on()

    moves(internet.client, "198.51.100.77")
    assert stream.goes_on(), client.journal()
    (moved,) = client.sessions()
    assert moved["session"] == first["session"], "the same session, from another address"
    assert moved["local"] == "198.51.100.77:4500"
    assert client.journal().count("address 10.99.99.1") == 1
    assert [each["address"] for each in gateway.sessions()] == ["10.99.99.1"]

    gateway.running.stop(signal.SIGKILL)
    gateway.start()
    assert stream.goes_on(), client.journal()
    (back,) = client.sessions()
    assert back["session"] != first["session"]
    assert back["address"] == first["address"]
    assert client.journal().count("address 10.99.99.1") == 2
    noted = internet.client.path("/etc/noted")
    scripts = ["phase1_up", LEASE, "phase1_down", LEASE, "phase1_up", LEASE]
    assert wait_until(lambda: noted.read_text().split() == scripts), noted.read_text()

    gateway.stop()
    assert wait_until(lambda: "connecting again" in client.call("status").stdout)
    gateway.call("user", "passwd", "--password-stdin", "alice", stdin="another one\n")
    gateway.start()
    assert wait_until(lambda: "does not come back" in client.journal(), 60), client.journal()
    gateway.running.expect("as alice refused")
    assert gateway.journal().count("as alice refused") == 1, "a password that is refused is not sent again"
    assert wait_until(lambda: client.sessions() == [])
    assert "dev lotor0" in internet.client.ip("route", "get", INSIDE_HOST), "nothing leaves in clear"
    assert "unreachable until" in client.call("status").stdout
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert "dev eth0" in internet.client.ip("route", "get", INSIDE_HOST)
    assert wait_until(lambda: noted.read_text().count("phase1_down") == 2)
    assert noted.read_text().count("phase1_up") == 2
    client.stop()
    moves(internet.client, "198.51.100.10")
    assert lotor.traces(internet.client) == before


@pytest.mark.parametrize("more", [(), ("--single-process",)])
def test_a_command_in_the_foreground_comes_back_and_ends_for_what_does_not_heal(internet, certificates, more):
    gateway = serve(internet, certificates, **lotor.BOTH)
    before, beside = lotor.traces(internet.client), lotor.Lotor(internet.client)
    certificate = internet.client.write("/etc/ca.crt", (certificates / "ca.crt").read_bytes())
    command = (*PROGRAM, "connect", "--keep", "--ca", certificate, "-u", "alice", *more, GATEWAY)
    with Terminal(internet.client, *command) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.1")
        (first,) = beside.sessions()
        gateway.running.stop(signal.SIGKILL)
        gateway.start()
        terminal.expect("; connecting again")
        terminal.expect("back after ")
        (back,) = beside.sessions()
        assert (back["address"], back["session"] != first["session"]) == (first["address"], True)
        gateway.stop()
        terminal.expect("; connecting again")
        if more:
            gateway.call("user", "passwd", "--password-stdin", "alice", stdin="another one\n")
            gateway.start()
            assert terminal.end() == 13, terminal.screen
            gateway.running.expect("as alice refused")
            assert gateway.journal().count("as alice refused") == 1
            assert "refused the login of alice" in terminal.screen
        else:
            assert beside.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
            assert terminal.end() == 0, terminal.screen
    assert terminal.screen.count("connection lost: ") == 2
    assert terminal.screen.count("back after ") == 1
    assert "alicepass" not in terminal.screen
    if more:
        assert lotor.traces(internet.client) != before, "the host stays closed without the command"
        assert beside.call("vd", GATEWAY).stdout == "the host is open again\n"
    assert lotor.traces(internet.client) == before
