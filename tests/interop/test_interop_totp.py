"""A second factor of lotor's own users with real clients: asked for in a second round, or behind the password."""

import time

from lab import lotor
from lab.dialling import dial, dialled, ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import CONFIGURATION, PROGRAM, Lotor
from lab.node import wait_until
from lab.terminal import Terminal
from lab.vpnc import Vpnc
from lotor.auth.facts import key_text
from lotor.crypto.totp import STEP, code_of
from lotor.model.secret import Secret

KEY = Secret(b"12345678901234567890")


class Phone:
    """An app that is looked at more often than every 30 seconds: each look takes a code that was not used."""

    def __init__(self) -> None:
        self.last = 0

    def code(self) -> str:
        self.last = max(self.last + 1, int(time.time() // STEP))
        wait_until(lambda: self.last <= int(time.time() // STEP) + 1, 60, pause=1.0)
        return code_of(KEY, self.last)


class Stateful(Lotor):
    """Its state is the node's own, also where this host has none."""

    def launch(self, *options):
        words = ("env", "STATE_DIRECTORY=/run/state", *PROGRAM, "daemon", "-F", "-f", CONFIGURATION, *options)
        return self.node.start("lotor", *words)


def serving(internet, certificates, **changes):
    """alice has a second factor and a fixed address."""
    program = Stateful(lotor.gateway(internet.gateway, certificates, **changes).node)
    lotor.add_user(program, "alice", "alicepass")
    table = f"name,address,groups,totp,expires\n@staff,,,,\nalice,10.99.99.42,staff,{key_text(KEY)},2099-12-31\n"
    done = program.call("user", "import", "--update", "-", stdin=table)
    assert done.code == 0, done
    program.start("-d")
    return program


def test_vpnc_with_a_code_behind_the_password_and_in_a_second_round(internet, certificates):
    gateway = serving(internet, certificates)
    phone = Phone()
    code = phone.code()
    vpnc = dialled(internet.client, certificates, password=f"alicepass{code}")
    assert vpnc.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.42"
    assert ping(internet.client, INSIDE_HOST)
    assert vpnc.disconnect() == 0
    again = dial(internet.clients[1], certificates, password=f"alicepass{code}")
    assert wait_until(lambda: not again.running.alive)
    assert not again.connected
    gateway.running.expect("the code is wrong or was used before")
    assert wait_until(lambda: gateway.sessions() == [])
    person = Vpnc(internet.client, GATEWAY, certificates / "ca.crt", ("203.0.113.0/24",))
    with person.typed("alice") as terminal:
        terminal.expect("Password for VPN alice@")
        terminal.type("alicepass")
        terminal.expect("asscode for VPN alice@")
        terminal.type(phone.code())
        assert wait_until(lambda: person.connected), terminal.screen
        assert ping(internet.client, INSIDE_HOST)


def test_lotor_with_a_code_in_a_second_round_and_behind_the_password(internet, certificates):
    gateway = serving(internet, certificates, **lotor.BOTH)
    phone = Phone()
    certificate = internet.client.write("/etc/ca.crt", (certificates / "ca.crt").read_bytes())
    words = (*PROGRAM, "connect", "--ca", certificate, "-u", "alice", GATEWAY)
    with Terminal(internet.client, *words) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("Code of your authenticator app")
        terminal.expect("Passcode: ")
        code = phone.code()
        terminal.type(code)
        terminal.expect("connected as 10.99.99.42")
        assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
        terminal.interrupt()
        assert terminal.end() == 0, terminal.screen
    assert code not in terminal.screen
    with Terminal(internet.client, *words) as terminal:
        terminal.expect("Password: ")
        terminal.type(f"alicepass{phone.code()}")
        terminal.expect("connected as 10.99.99.42")
        terminal.interrupt()
        assert terminal.end() == 0, terminal.screen
    assert gateway.call("user", "set", "alice", "expires=2026-01-01").code == 0
    with Terminal(internet.client, *words) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("your access has ended")
        terminal.interrupt()
    gateway.running.expect("the user's last day was 2026-01-01")
    assert gateway.stop() == 0
