"""The gateway as a service of a systemd that has booted: what a client, an administrator and the manager see of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lotor, pki
from lab.booted import Booted
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.node import wait_until
from lab.terminal import Terminal
from lotor.daemon.log_forms import message_id

pytestmark = pytest.mark.root

UNIT = "lotor.service"
FILE = "/etc/lotor/racoon.conf"
FASTER = "[Service]\nWatchdogSec=3\nRestartSec=100ms\n"
NETWORK = 'network { masquerade on; allow user "alice" to any; }\n'
FORWARDING_OFF = "net.ipv4.ip_forward=0"
CREDENTIAL = "[Service]\nLoadCredential=vpngw.key:/etc/keys/vpngw.key\n"

NAME = "vpn.example.net"
PASSWORD = "a good password"
QUESTIONS = (
    *(("Inner network", ""), ("What clients reach", ""), ("DNS servers", "none"), ("first user", "alice")),
    *(("Clients [", ""), ("assword: ", PASSWORD), ("assword: ", PASSWORD)),
)
"""Of `lotor init gateway`, and what a person answers who takes what is proposed."""
LEFT = (
    "find /etc /var/lib/lotor | sort",
    f"systemctl is-enabled {UNIT}; systemctl is-active {UNIT}",
    "nft list ruleset; sysctl net.ipv4.ip_forward; ip -br link; ip rule; ip route",
    "ss -Hlun 'sport = 500 or sport = 4500'",
)


class World:
    """A lab whose gateway boots, and a client in it."""

    def __init__(self, net: Internet, booted: Booted, certificates: Path) -> None:
        self.net, self.booted = net, booted
        self.before = ""
        booted.install()
        self.text = lotor.howto("gateway", auth_source="local", adminsock="", banner="").replace(
            '"vpngw.key"', '"${CREDENTIALS_DIRECTORY}/vpngw.key"'
        )
        self.text += NETWORK
        net.gateway.run("sysctl", "-qw", FORWARDING_OFF)
        booted.write(FILE, self.text)
        booted.write("/etc/openssl/certs/vpngw.crt", (certificates / "vpngw.crt").read_bytes())
        booted.write("/etc/keys/vpngw.key", (certificates / "vpngw.key").read_bytes(), 0o600)
        booted.write(f"/etc/systemd/system/{UNIT}.d/faster.conf", FASTER)
        booted.write(f"/etc/systemd/system/{UNIT}.d/key.conf", CREDENTIAL)
        booted.enable(UNIT)
        booted.boot()
        booted.run("lotor", "user", "add", "--password-stdin", "alice", stdin="alicepass\n")
        self.client = lotor.client(net.clients[0], certificates)
        self.client.start()

    def connects(self) -> bool:
        """The client reaches the inside, once it has dialled again."""
        self.client.call("vd", GATEWAY)
        done = lotor.connect(self.client, "alice", "alicepass")
        assert done.code == 0, done
        return ping(self.client.node, INSIDE_HOST)

    def serves(self) -> bool:
        wait_until(lambda: self.booted.show(UNIT, "ActiveState") in {"active", "failed"}, pause=0.2)
        return self.booted.show(UNIT, "ActiveState") == "active"

    def forget(self) -> None:
        """Nothing of lotor is on the gateway but what the package brings, and nothing is forwarded."""
        self.client.stop()
        self.booted.run("systemctl", "disable", "--now", UNIT)
        self.booted.run(
            "sh", "-c", f"rm -rf /etc/lotor /etc/keys /etc/systemd/system/{UNIT}.d; systemctl daemon-reload"
        )
        self.net.gateway.run("sysctl", "-qw", FORWARDING_OFF)
        self.net.inside.ip("route", "del", "default")
        self.before = self.kept()

    def kept(self) -> str:
        """What a setup could leave on the gateway."""
        return "".join(self.booted.run("sh", "-c", each, check=False).stdout for each in LEFT)

    def a_newcomer_reaches_the_inside(self) -> None:
        node = self.net.client
        authority = self.booted.run("cat", "/etc/lotor/certs/ca.crt").stdout
        node.write("/run/ca.crt", authority)
        node.write("/etc/hosts", f"127.0.0.1 localhost\n{GATEWAY} {NAME}\n")
        with self.client.type("connect", "--ca", "/run/ca.crt", "-u", "alice", NAME) as terminal:
            terminal.expect("assword: ")
            terminal.type(PASSWORD)
            terminal.expect("Ctrl-C ends it")
            assert wait_until(lambda: ping(node, INSIDE_HOST))
            terminal.interrupt()
            assert terminal.end() == 0, terminal.screen

    def said(self) -> list[str]:
        return [each["MESSAGE"] for each in self.booted.journal(UNIT)]

    def restarts(self) -> int:
        return int(self.booted.show(UNIT, "NRestarts"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    certificates = tmp_path_factory.mktemp("pki")
    authority = pki.authority()
    authority.save(certificates, "ca")
    pki.gateway(authority, GATEWAY, "gw.example.org").save(certificates, "vpngw")
    with Internet() as net, contextlib.closing(Booted(net.gateway)) as booted:
        yield World(net, booted, certificates)


def test_it_serves_from_the_start_of_the_system_on(world: World) -> None:
    assert world.serves(), world.said()
    line = "listening on UDP ports 500 and 4500"
    assert world.booted.show(UNIT, "StatusText") == f"no sessions, {line}"
    assert world.connects()
    assert wait_until(lambda: world.booted.show(UNIT, "StatusText") == f"1 session, {line}")
    shown = world.booted.run("lotor", "network", "show", check=False)
    assert "everything is there" in shown.stdout, shown


def test_both_processes_are_in_their_bounds(world: World) -> None:
    warden, daemon = world.booted.processes(UNIT)
    told = {pid: Path(f"/proc/{pid}/status").read_text() for pid in (warden, daemon)}
    assert re.search(r"CapBnd:\t00000000000035e5\n", told[warden])  # the nine
    assert re.search(r"CapBnd:\t0000000000000000\n", told[daemon])
    account = int(world.booted.run("id", "-u", "lotor").stdout)
    assert re.search(rf"Uid:\t{account}\t{account}\t", told[daemon])
    names = Path(f"/proc/{daemon}/environ").read_bytes()
    assert b"NOTIFY_SOCKET" not in names
    assert b"CREDENTIALS" not in names


def test_its_lines_in_the_journal_have_priorities_and_no_second_time(world: World) -> None:
    lines = [each for each in world.booted.journal(UNIT) if each["_TRANSPORT"] == "journal"]
    told = {each["MESSAGE"]: each["PRIORITY"] for each in lines}
    assert told[f"lotor serves with {FILE}"] == "6"
    assert not [each for each in told if each.startswith(("<", "2026", "20"))]
    assert {each["PRIORITY"] for each in lines} >= {"4", "6"}  # SHA-1 is told as weak


def test_the_journal_finds_a_person_an_address_and_an_event(world: World) -> None:
    """By the fields of a daemon that has no rights; the journal knows its user from the kernel."""
    found = world.booted.run("journalctl", "--quiet", "--output=json", "LOTOR_USER=alice", "LOTOR_EVENT=Up")
    up = json.loads(found.stdout.splitlines()[0])
    assert up["_UID"] == world.booted.run("id", "-u", "lotor").stdout.strip()
    assert up["MESSAGE_ID"] == message_id("Up")
    here = world.booted.run("journalctl", "--quiet", "--output=cat", f"LOTOR_SOURCE={up['LOTOR_SOURCE']}").stdout
    assert "tunnel up" in here
    assert not world.booted.run("journalctl", "--quiet", "--output=cat", "LOTOR_USER=mallory").stdout


def test_a_reload_that_fails_says_why_and_changes_nothing(world: World) -> None:
    world.booted.write(FILE, world.text + "\nnonsense;\n")
    done = world.booted.run("systemctl", "reload", UNIT, check=False)
    assert done.code
    world.booted.write(FILE, world.text)
    faults = [each["MESSAGE"] for each in world.booted.journal(UNIT) if each["PRIORITY"] == "3"]
    assert any("nonsense" in each for each in faults)
    assert ping(world.client.node, INSIDE_HOST)
    world.booted.run("systemctl", "reload", UNIT)
    assert world.booted.show(UNIT, "ActiveState") == "active"
    assert world.restarts() == 0


def test_a_killed_daemon_is_the_wardens_matter(world: World) -> None:
    warden, daemon = world.booted.processes(UNIT)
    os.kill(daemon, signal.SIGKILL)
    assert wait_until(lambda: len(found := world.booted.processes(UNIT)) == 2 and found[1] != daemon, pause=0.2)
    assert world.connects()
    assert world.booted.processes(UNIT)[0] == warden
    assert world.restarts() == 0


def test_a_killed_warden_is_started_again(world: World) -> None:
    warden, daemon = world.booted.processes(UNIT)
    os.kill(warden, signal.SIGKILL)
    assert wait_until(lambda: world.restarts() == 1, pause=0.2)
    assert world.serves()
    assert daemon not in world.booted.processes(UNIT)
    assert world.connects()


def test_one_that_hangs_is_noticed_by_the_watchdog(world: World) -> None:
    warden, _ = world.booted.processes(UNIT)
    os.kill(warden, signal.SIGSTOP)
    assert wait_until(lambda: world.restarts() == 2, pause=0.2)
    assert world.serves()
    assert any("watchdog" in each["MESSAGE"].lower() for each in world.booted.journal(UNIT))
    assert world.connects()


def test_pam_judges_within_the_bounds_of_the_service(world: World) -> None:
    world.booted.write("/etc/pam.d/racoon", "auth required pam_unix.so\naccount required pam_unix.so\n")
    world.booted.run("useradd", "--no-create-home", "--shell", "/usr/sbin/nologin", "carol")
    world.booted.run("chpasswd", stdin="carol:pampass\n")
    world.booted.write(FILE, world.text.replace("auth_source local;", "auth_source pam;"))
    world.booted.run("systemctl", "restart", UNIT)
    assert world.serves(), world.said()
    warden, _ = world.booted.processes(UNIT)
    assert re.search(r"CapBnd:\t00000000200035e5\n", Path(f"/proc/{warden}/status").read_text())  # the nine, and audit
    world.client.call("vd", GATEWAY)
    done = lotor.connect(world.client, "carol", "pampass")
    assert done.code == 0, (done, world.said())
    world.client.call("vd", GATEWAY)
    assert lotor.connect(world.client, "carol", "guess").code == 13
    assert len(world.booted.processes(UNIT)) == 2


def test_a_stop_leaves_no_process_and_no_route(world: World) -> None:
    world.booted.run("systemctl", "stop", UNIT)
    assert world.booted.show(UNIT, "ActiveState") == "inactive"
    assert world.booted.show(UNIT, "Result") == "success"
    assert "lotor" not in world.booted.run("ip", "link").stdout
    assert "10.99.99" not in world.booted.run("ip", "route", "show", "table", "all").stdout
    assert "lotor" not in world.booted.run("nft", "list", "tables").stdout
    assert world.booted.run("sysctl", "net.ipv4.ip_forward").stdout.replace(" ", "").strip() == FORWARDING_OFF


def test_a_bad_configuration_is_told_once_and_not_tried_again(world: World) -> None:
    world.booted.write(FILE, world.text + "\nnonsense;\n")
    done = world.booted.run("systemctl", "start", UNIT, check=False)
    world.booted.write(FILE, world.text)
    assert done.code
    assert world.booted.show(UNIT, "ActiveState") == "failed"
    assert world.booted.show(UNIT, "ExecMainStatus") == "4"
    world.booted.run("systemctl", "reset-failed", UNIT)


def test_a_connection_of_a_client_is_a_service_too(world: World) -> None:
    """Beside the gateway, with a control socket of its own."""
    text = lotor.howto("client", adminsock='"/run/lotor/work.sock"', script="")
    world.booted.write("/etc/lotor/work.conf", text)
    world.booted.write("/etc/openssl/certs/ca.crt", (world.client.node.path("/etc/openssl/certs/ca.crt")).read_bytes())
    world.booted.run("systemctl", "start", "lotor-client@work")
    assert world.booted.show("lotor-client@work", "StatusText") == "no tunnels of this host"
    world.booted.run("systemctl", "reload", "lotor-client@work")
    world.booted.run("systemctl", "stop", "lotor-client@work")


def test_a_newcomer_sets_up_a_gateway_and_takes_it_back(world: World) -> None:
    """README's line, where nothing of lotor is but the package; the inside has no way back to the clients."""
    booted = world.booted
    world.forget()
    with Terminal(booted, "lotor", "init", "gateway", NAME, GATEWAY) as terminal:
        for question, answer in QUESTIONS:
            terminal.expect(question)
            terminal.screen = terminal.screen.rpartition(question)[2]
            terminal.type(answer)
        assert terminal.end() == 0, terminal.screen
    world.a_newcomer_reaches_the_inside()
    booted.reboot()
    assert world.serves(), world.said()
    world.a_newcomer_reaches_the_inside()
    undone = booted.run("lotor", "init", "undo")
    assert "not taken back" not in undone.stdout
    assert world.kept() == world.before
