"""lotor at both ends: through NAT, through a broken router, with system accounts, and in the foreground."""

import base64
import json
import signal

import pytest

from lab import lotor
from lab.dialling import carries, ping, road_warrior, serve, transfer
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import BOTH, PROGRAM
from lab.node import wait_until
from lab.terminal import Terminal


@pytest.fixture
def client(internet, certificates):
    return road_warrior(internet.client, certificates)


def test_a_whole_visit_leaves_no_trace(internet, certificates, gateway):
    before = lotor.traces(internet.client)
    client = road_warrior(internet.client, certificates)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert done.stdout.startswith("Bound to address 10.99.99.1\n==========")
    assert "Flying pigs LTD" in done.stdout
    assert carries(internet, internet.client, "10.99.99.1")
    assert "10.0.12.1" in internet.client.path("/etc/resolv.conf").read_text()
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])
    assert client.stop() == 0
    assert lotor.traces(internet.client) == before
    assert not leaked("alicepass", client.journal() + gateway.journal())


def leaked(secret, journal):
    """Whether a debug journal shows the secret, plain or in one of the forms that logs like."""
    octets = secret.encode()
    forms = (secret, octets.hex(), octets.hex(" "), octets.hex(":"), base64.b64encode(octets).decode().rstrip("="))
    return any(form.lower() in journal.lower() for form in forms)


def test_a_stopped_client_daemon_says_goodbye_and_cleans_up(internet, certificates, gateway):
    before = lotor.traces(internet.client)
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert client.stop(signal.SIGTERM) == 0
    assert wait_until(lambda: gateway.sessions() == [])
    assert lotor.traces(internet.client) == before


def test_a_killed_client_daemon_is_cleaned_up_at_the_next_start(internet, certificates, gateway):
    before = lotor.traces(internet.client)
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    client.stop(signal.SIGKILL)
    assert lotor.traces(internet.client) != before
    client.start("-d")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert ping(internet.client, INSIDE_HOST)
    assert client.stop() == 0
    assert lotor.traces(internet.client) == before


def test_a_second_connect_says_that_the_tunnel_is_up(internet, client, gateway):
    assert lotor.connect(client, "alice", "alicepass").code == 0
    again = lotor.connect(client, "alice", "alicepass")
    assert again.code == 0
    assert "already connected" in again.stdout
    assert len(gateway.sessions()) == 1


def test_the_saved_password_needs_no_prompt(internet, certificates, gateway):
    program = lotor.client(internet.client, certificates, mode_cfg='on; xauth_login "alice"')
    internet.client.write("/etc/racoon/psk.txt", "# logins\nalice\talicepass\n", 0o600)
    program.start("-d")
    done = program.call("vc", GATEWAY)
    assert done.code == 0, done
    assert ping(internet.client, INSIDE_HOST)


def test_status_tells_who_and_how(internet, client, gateway):
    lotor.connect(client, "alice", "alicepass")
    (session,) = json.loads(client.call("status", "--json").stdout)["sessions"]
    assert (session["user"], session["address"], session["role"]) == ("alice", "10.99.99.1", "client")
    assert ping(internet.client, INSIDE_HOST)
    assert wait_until(lambda: gateway.sessions()[0]["rate_in"] is not None)
    (there,) = gateway.sessions()
    assert (there["device"], there["traffic"]["lost"]) == ("lotor", 0)
    assert there["latency"] > 0
    for words in (["status"], ["status", "-v"], ["status", "alice"]):
        table = gateway.call(*words).stdout
        assert "alice" in table
        assert "10.99.99.1" in table
        assert max(len(line) for line in table.splitlines()) <= 80
    with Terminal(internet.gateway, *PROGRAM, "top", "-s", "/run/gateway.sock") as screen:
        screen.expect("alice")
        screen.expect("daemon 0.")
        screen.type("q")
        screen.expect("\x1b[?1049l")
        assert screen.end() == 0


def test_the_hooks_run_with_racoons_environment(internet, certificates, gateway):
    program = lotor.client(internet.client, certificates)
    script = '#!/bin/sh\n{ echo "event $1"; env | sort; } >> /run/hooks.out\n'
    for name in ("phase1-up.sh", "phase1-down.sh"):
        internet.client.write(f"/etc/racoon/{name}", script, 0o755)
    program.start("-d")
    lotor.connect(program, "alice", "alicepass")
    program.call("vd", GATEWAY)
    told = internet.client.path("/run/hooks.out")
    assert wait_until(lambda: told.exists() and "event phase1_down" in told.read_text())
    up, _, _ = told.read_text().partition("event phase1_down")
    for line in ("event phase1_up", "INTERNAL_ADDR4=10.99.99.1", "REMOTE_ADDR=192.0.2.50", "INTERNAL_DNS4=10.0.12.1"):
        assert line in up


def test_a_broken_router_is_passed(broken_internet, certificates):
    net = broken_internet
    gateway = serve(net, certificates)
    client = road_warrior(net.client, certificates)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert ping(net.client, INSIDE_HOST, "-s", "1400", "-M", "dont")
    assert ping(net.inside, "10.99.99.1", "-s", "1400", "-M", "dont")
    assert transfer(net.inside, net.client, INSIDE_HOST)
    assert transfer(net.client, net.inside, "10.99.99.1")
    assert (net.dropped().fragments, net.dropped().large) == (0, 0)
    assert gateway.sessions()[0]["traffic"]["forged"] == 0


def test_without_ike_fragmentation_the_broken_router_wins(broken_internet, certificates):
    """The other half of the proof: it is `ike_frag` that carries the handshake, not a lab that lets it pass."""
    serve(broken_internet, certificates, ike_frag="off")
    client = lotor.client(broken_internet.client, certificates)
    client.configure(lotor.howto("client", ike_frag="off") + lotor.HURRY)
    client.start()
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 10, done
    assert broken_internet.dropped().fragments + broken_internet.dropped().large > 0


def accounts(node):
    """A passwd and a shadow of the node's own: carol may log in, the others may not."""
    hashed = node.run("openssl", "passwd", "-6", "-stdin", stdin="systempass\n").stdout.strip()
    passwd, shadow = ["root:x:0:0:root:/:/bin/sh"], [f"root:{hashed}:19000:0:99999:7:::"]
    for name, value, expires in (("carol", hashed, ""), ("locked", f"!{hashed}", ""), ("expired", hashed, "1")):
        passwd.append(f"{name}:x:2000:100::/:/bin/sh")
        shadow.append(f"{name}:{value}:19000:0:99999:7::{expires}:")
    node.write("/etc/passwd", "\n".join(passwd) + "\n")
    node.write("/etc/shadow", "\n".join(shadow) + "\n", 0o600)


def test_system_accounts_log_in(internet, certificates):
    """`auth_source system`, as the HOW-TO has it."""
    node = internet.gateway
    accounts(node)
    gateway = lotor.gateway(node, certificates, auth_source="system")
    gateway.start("-d")
    client = road_warrior(internet.client, certificates)
    for user in ("locked", "expired", "root", "nobody-here"):
        refused = lotor.connect(client, user, "systempass")
        assert (refused.code, len(refused.stderr.splitlines())) == (13, 1), refused
    accepted = lotor.connect(client, "carol", "systempass")
    assert accepted.code == 0, accepted
    assert ping(internet.client, INSIDE_HOST)
    assert "systempass" not in gateway.journal()


def test_connect_in_the_foreground_needs_no_daemon_and_no_file(internet, certificates):
    gateway = serve(internet, certificates, **BOTH)
    before = lotor.traces(internet.client)
    certificate = internet.client.write("/etc/ca.crt", (certificates / "ca.crt").read_bytes())
    words = ("connect", "--ca", certificate, "-u", "alice", GATEWAY)
    with Terminal(internet.client, *PROGRAM, *words) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("Bound to address 10.99.99.1")
        assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
        terminal.interrupt()
        terminal.end()
    assert "alicepass" not in terminal.screen
    assert wait_until(lambda: gateway.sessions() == [])
    assert wait_until(lambda: lotor.traces(internet.client) == before)


def test_ctrl_c_at_the_prompt_gives_up_and_leaves_nothing(internet, client, gateway):
    before = lotor.traces(internet.client)
    with client.type("vc", "-u", "alice", GATEWAY) as terminal:
        terminal.expect("Password: ")
        terminal.interrupt()
        terminal.end()
    assert wait_until(lambda: client.sessions() == [] and gateway.sessions() == [])
    assert wait_until(lambda: lotor.traces(internet.client) == before)
    assert lotor.connect(client, "alice", "alicepass").code == 0
