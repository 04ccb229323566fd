"""`lotor connect --ca` at a terminal: a second password, Ctrl-C before and after the tunnel is up."""

import json
import os
import signal

from halting import gone, pythons
from lab import lotor
from lab.dialling import connecting, ping, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import BOTH, STRONG
from lab.node import wait_until
from lab.strongswan import Charon


def test_newcomer_18_a_second_password_and_how_to_end_it(internet, certificates):
    gateway = serve(internet, certificates, **BOTH)
    with connecting(internet, certificates) as terminal:
        terminal.expect(f"connecting to {GATEWAY}")
        terminal.type("not this one")
        terminal.expect("refused the login of alice: try again")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.1, Ctrl-C ends it")
        assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
        terminal.interrupt()
        assert terminal.end() == 0, terminal.screen
    assert "VPN connection terminated" in terminal.screen
    assert "not this one" not in terminal.screen
    assert "alicepass" not in terminal.screen
    assert wait_until(lambda: gateway.sessions() == [])


def test_newcomer_17_ctrl_c_at_the_password_is_130(internet, certificates):
    before = lotor.traces(internet.client)
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.interrupt()
        assert terminal.end() == 130, terminal.screen
    assert "interrupted" in terminal.screen
    assert "terminated" not in terminal.screen
    assert lotor.traces(internet.client) == before


def test_newcomer_15_looked_at_and_ended_from_beside(internet, certificates):
    serve(internet, certificates, **BOTH)
    beside = lotor.Lotor(internet.client)
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.1")
        (session,) = beside.sessions()
        assert session["address"] == "10.99.99.1"
        assert "up" in beside.call("explain", GATEWAY).stdout
        done = beside.call("vd", GATEWAY)
        assert done.stdout == "VPN connection terminated\n", done
        assert terminal.end() == 0, terminal.screen
    assert beside.call("status").code == 3


def test_newcomer_20_a_bad_reload_is_a_bad_configuration(internet, certificates):
    gateway = serve(internet, certificates, **BOTH)
    gateway.node.write(lotor.CONFIGURATION, "nonsense;\n")
    done = gateway.call("reload", "-s", "/run/gateway.sock")
    assert done.code == 4, done
    assert "the old configuration stays" in done.stderr


def test_newcomer_16_beside_another_ike_daemon(internet, certificates):
    """Ports 500 and 4500 of the client are taken."""
    gateway = serve(internet, certificates, **BOTH)
    for port in ("500", "4500"):
        internet.client.start(f"port{port}", "socat", "-u", f"UDP4-LISTEN:{port}", "STDOUT")
    assert wait_until(lambda: ":4500 " in internet.client.run("ss", "-uln").stdout)
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.1")
        assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
        (session,) = gateway.sessions()
        terminal.interrupt()
        assert terminal.end() == 0, terminal.screen
    assert session["state"] == "up"


def test_newcomer_1_a_gateway_says_who_has_its_port(internet, certificates):
    gateway = lotor.gateway(internet.gateway, certificates)
    internet.gateway.start("port500", "socat", "-u", "UDP4-LISTEN:500", "STDOUT")
    assert wait_until(lambda: ":500 " in internet.gateway.run("ss", "-uln").stdout)
    done = gateway.call("daemon", "-F", "-f", lotor.CONFIGURATION)
    assert done.code == 7, done
    assert "port 500 of 0.0.0.0 is in use by socat (process " in done.stderr


def test_a_gateway_that_speaks_main_mode_only_is_reached(internet, certificates):
    gateway = serve(internet, certificates, **STRONG, exchange_mode="main")
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("nothing came of aggressive mode, trying main mode")
        terminal.expect("connected as 10.99.99.1")
        (session,) = lotor.Lotor(internet.client).sessions()
        assert session["remote"] == f"{GATEWAY} in main mode"
        terminal.interrupt()
        assert terminal.end() == 0
    assert terminal.screen.count("Password: ") == 1
    assert wait_until(lambda: gateway.sessions() == [])


def test_a_strongswan_gateway_in_main_mode_is_reached(internet, certificates):
    charon = Charon(internet.gateway)
    charon.serve(
        certificates / "vpngw.crt", certificates / "vpngw.key", identity=GATEWAY, method="hybrid", aggressive="no"
    )
    with connecting(internet, certificates) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.10")
        terminal.interrupt()
        assert terminal.end() == 0


def processes(program):
    return json.loads(program.call("status", "--json").stdout)["processes"]


def test_two_processes_hold_a_connection_and_neither_leaves_anything(internet, certificates):
    """`kill -9` of the daemon ends the command, which gives everything back; that of the warden ends the daemon, and
    what was written down to be undone is undone by the next start."""
    serve(internet, certificates, **BOTH)
    before, beside = lotor.traces(internet.client), lotor.Lotor(internet.client)
    for victim, code in (("daemon", 20), ("warden", -signal.SIGKILL)):
        with connecting(internet, certificates) as terminal:
            terminal.expect("Password: ")
            terminal.type("alicepass")
            terminal.expect("connected as 10.99.99.1")
            warden, daemon = processes(beside)
            assert (warden["name"], daemon["name"]) == ("warden", "daemon")
            assert daemon["user"] != "root"
            assert daemon["capabilities"] == []
            running = pythons(terminal)
            assert len(running) == 2
            os.kill(running[1 if victim == "daemon" else 0], signal.SIGKILL)
            assert terminal.end() == code, terminal.screen
            assert wait_until(lambda running=running: gone(running))
        if victim == "daemon":
            assert "the daemon ended unexpectedly (the daemon is gone; killed by SIGKILL)" in terminal.screen
            assert f"unreachable until it is up again, or `lotor vd {GATEWAY}`" in terminal.screen
            assert not ping(internet.client, "198.51.100.1")
            assert beside.call("vd", GATEWAY).stdout == "the host is open again\n"
            assert lotor.traces(internet.client) == before
        assert "lotor0" not in internet.client.run("ip", "link").stdout
    with connecting(internet, certificates, "--single-process") as terminal:
        terminal.expect("one process does everything as root")
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("connected as 10.99.99.1")
        assert [each["name"] for each in processes(beside)] == ["single"]
        terminal.interrupt()
        assert terminal.end() == 0, terminal.screen
    assert lotor.traces(internet.client) == before
