"""Tickets (RFC 5723), lotor at lotor: who came with a code comes back without, also to a gateway that was killed."""

from __future__ import annotations

import signal
import time

from lab import lotor
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST
from lab.lotor import CONFIGURATION, PROGRAM, Lotor
from lab.node import wait_until
from lab.terminal import Terminal
from lotor.auth.facts import key_text
from lotor.crypto.totp import STEP, code_of
from lotor.model.secret import Secret

KEY = Secret(b"12345678901234567890")
TICKETS = {**lotor.BOTH, "exchange_mode": f"{lotor.BOTH['exchange_mode']}; resumption 8 hour"}
STORE = 'store "/run/history.db";\n'


class Stateful(Lotor):
    """Its state is the node's own."""

    def launch(self, *options):
        words = ("env", "STATE_DIRECTORY=/run/state", *PROGRAM, "daemon", "-F", "-f", CONFIGURATION, *options)
        return self.node.start("lotor", *words)


def serving(internet, certificates):
    """alice has a second factor."""
    program = Stateful(lotor.gateway(internet.gateway, certificates, **TICKETS).node)
    text = internet.gateway.path(CONFIGURATION).read_text()
    program.configure(text + STORE)
    lotor.add_user(program, "alice", "alicepass")
    table = f"name,address,groups,totp,expires\n@staff,,,,\nalice,10.99.99.42,staff,{key_text(KEY)},2099-12-31\n"
    done = program.call("user", "import", "--update", "-", stdin=table)
    assert done.code == 0, done
    program.start("-d")
    return program


def test_who_came_with_a_code_comes_back_without_one(internet, certificates):
    gateway = serving(internet, certificates)
    certificate = internet.client.write("/etc/ca.crt", (certificates / "ca.crt").read_bytes())
    words = (*PROGRAM, "connect", "--keep", "--ca", certificate, "-u", "alice", GATEWAY)
    with Terminal(internet.client, *words) as terminal:
        terminal.expect("Password: ")
        terminal.type("alicepass")
        terminal.expect("Passcode: ")
        terminal.type(code_of(KEY, int(time.time() // STEP)))
        terminal.expect("connected as 10.99.99.42")
        assert wait_until(lambda: ping(internet.client, INSIDE_HOST))

        for end in (signal.SIGKILL, signal.SIGTERM):
            gateway.running.stop(end)
            gateway.start("-d")
            terminal.expect("back after")
            assert wait_until(lambda: ping(internet.client, INSIDE_HOST)), gateway.journal()
            gateway.running.expect("is back by a ticket, without a login")

        gateway.must("user", "lock", "alice")
        gateway.running.stop(signal.SIGKILL)
        gateway.start("-d")
        assert terminal.end() != 0, terminal.screen
    assert terminal.screen.count("Passcode") == terminal.screen.count("Password") == 1, terminal.screen
    assert "as alice refused: the user is locked" in gateway.journal(), "it logs in with what it still has"
    gateway.running.expect("the ticket counts no more: the user is locked")
    past = gateway.must("history").stdout
    assert past.count("resumed") == 2, past
