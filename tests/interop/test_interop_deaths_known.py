"""`kill -9` of the warden, its daemon or its back ends where a gateway writes what it must know, or asks a server:
the user is back, with the same address, and each session has one start and one end at the server.

By default each moment has one victim, another one each day; with LOTOR_DEATHS=all each of them dies at each moment,
which takes three times as long.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from halting import Halts, family, gone, halted, pythons, victims_of
from interop.test_interop_deaths import remember
from interop.test_interop_radius import FILE, with_section
from lab import freeradius, lotor
from lab.dialling import ping, road_warrior
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until

BACK = 90.0
"""Seconds in which a user is back. 10 are promised; a machine that does other things has much longer, and what it took
is told: pytest -rP."""
SECTION = """\
mode_cfg {
	network4 10.99.99.1;
	pool_size 253;
	auth_source radius;
	accounting radius;
	accounting_interval 1 sec;
	pfs_group 2;
}
"""
ADDRESS = "10.99.99.77"
"""What alice had before: nobody gets it by chance."""


@dataclass(frozen=True)
class Moment:
    """The gateway stands still where `place` is called first, after `after`: a connect, the code of a second round, a
    ban, a disconnect, a stop, or nothing that a person does behind a connect."""

    after: str
    place: str


MOMENTS = {
    "a password is judged": Moment("connect", "lotor.backends.present:PresentBackEnds.judge"),
    "a code is judged": Moment("code", "lotor.radius.conversations:Conversations.take"),
    "a lease is written": Moment("connect", "lotor.store.addresses:write"),
    "a start is written": Moment("connect", "lotor.store.account_rows:account_text"),
    "history is written": Moment("connect", "lotor.store.sessions:write"),
    "figures are written": Moment("nothing", "lotor.store.account_rows:went_on"),
    "a ban is written": Moment("ban", "lotor.store.bans:write"),
    "a lease is given back": Moment("disconnect", "lotor.warden.remembering:RememberedLeases.release"),
    "an end is written": Moment("stop", "lotor.store.account_rows:ended"),
}
UP = {"nothing", "ban"}
"""Where the user was there already, and comes back without a person."""


class Gateway:
    """With a RADIUS server behind it, which judges and keeps accounts; alice's client stays."""

    def __init__(self, internet, certificates, directory, moment):
        self.net, self.moment = internet, moment
        self.halts = Halts(directory, moment.place)
        self.server = freeradius.Server(internet.inside, INSIDE_HOST)
        self.program = lotor.gateway(internet.gateway, certificates)
        node = self.program.node
        self.program.configure(with_section(node.path(lotor.CONFIGURATION).read_text(), SECTION))
        node.write("/etc/hosts", f"{INSIDE_HOST} radius.example.net\n")
        node.write("/etc/radius.conf", FILE, 0o600)
        remember(node, directory, "alice", ADDRESS)
        self.client = road_warrior(internet.client, certificates, passive="off; auto_connect on")

    def start(self):
        self.program.running = self.program.node.start(
            "lotor", *lotor.PROGRAM, "daemon", "-F", "-f", lotor.CONFIGURATION, environment=self.halts.environment
        )
        self.program.running.expect("lotor serves with")

    def act(self):
        """What leads to the moment."""
        node, after = self.net.client, self.moment.after
        if after == "connect":
            node.start(
                "vc", "sh", "-c", f"echo alicepass | {' '.join(lotor.PROGRAM)} vc -u alice --password-stdin {GATEWAY}"
            )
        elif after == "code":
            terminal = self.client.type("vc", "-u", "carol", GATEWAY)
            terminal.expect("Password: ")
            terminal.type("carolpass")
            terminal.expect("Code of your token?")
            terminal.type(freeradius.CODE)
            return terminal
        else:
            done = lotor.connect(self.client, "alice", "alicepass")
            assert done.code == 0, done
        if after == "ban":
            self.program.node.start("bans", *lotor.PROGRAM, "ban", "add", "-f", lotor.CONFIGURATION, "mallory")
        elif after == "disconnect":
            node.start("vd", *lotor.PROGRAM, "vd", GATEWAY)
        elif after == "stop":
            os.kill(pythons(self.program.running)[0], signal.SIGTERM)
        return None

    def kill(self, victim):
        running = self.program.running
        stands = self.halts.wait(running)
        processes = named(running)
        self.halts.disarm()
        killed = processes[victim]
        os.kill(killed, signal.SIGKILL)
        if victim == "warden":
            assert wait_until(lambda: gone(list(processes.values()))), "a process without its warden ends"
            return
        if stands != killed:
            os.kill(stands, signal.SIGCONT)
        assert wait_until(lambda: gone([killed]))

    def dialled_again(self):
        """A person who sees no end of it tries again."""
        if self.returned():
            return True
        self.client.call("vd", GATEWAY)
        return lotor.connect(self.client, "alice", "alicepass").code == 0

    def returned(self):
        """Whether alice is there, at both ends, with traffic."""
        sessions = [each for each in self.client.sessions() if each["address"]]
        return bool(sessions) and ping(self.net.client, INSIDE_HOST)

    def told(self):
        """Of alice. What was not answered, or whose answer nobody could note, is told once more: of the same time."""
        found = self.server.of("alice", "Start", "Interim-Update", "Stop")
        return {(each["Acct-Session-Id"], each["Acct-Status-Type"], each["Event-Timestamp"]) for each in found}

    def accounted(self):
        """Whether all that began has ended at the server, too: what waits goes on a while after its process is back."""
        kinds = Counter(kind for _, kind, _ in self.told())
        return 0 < kinds["Start"] <= kinds["Stop"]


def named(running):
    """The processes of a gateway by their names."""
    warden, *others = pythons(running)
    words = {each: open(f"/proc/{each}/cmdline", "rb").read() for each in others}  # noqa: SIM115, PTH123
    backs = [each for each, line in words.items() if b"back" in line]
    return {"warden": warden, "back ends": backs[0], "daemon": next(each for each in others if each not in backs)}


VICTIMS = ("warden", "daemon", "back ends")


@pytest.mark.parametrize(("name", "victim"), victims_of(sorted(MOMENTS), VICTIMS))
def test_a_user_is_back_with_the_same_address(internet, certificates, tmp_path, name, victim):
    moment = MOMENTS[name]
    gateway = Gateway(internet, certificates, tmp_path, moment)
    gateway.start()
    terminal = gateway.act()
    gateway.kill(victim)
    if terminal is not None:
        terminal.close()
    if victim == "warden" or moment.after == "stop":
        gateway.program.running.process.wait(60)
        assert halted(gateway.program.running) == []
        gateway.program.start()
    began = time.monotonic()
    if moment.after not in UP:
        assert wait_until(gateway.dialled_again, BACK), gateway.program.journal()
    assert wait_until(gateway.returned, BACK), gateway.program.journal()
    sys.stdout.write(f"{name}, {victim} killed: back after {time.monotonic() - began:.1f} s\n")
    assert {each["address"] for each in gateway.client.sessions() if each["address"]} == {ADDRESS}
    assert gateway.client.stop() == 0
    assert wait_until(gateway.accounted, BACK), sorted(gateway.told())
    assert gateway.program.stop() == 0
    assert family(gateway.program.running.process.pid)[1:] == []
    kinds = Counter((session, kind) for session, kind, _ in gateway.told())
    ids = {session for session, _ in kinds}
    assert {kinds[session, kind] for session in ids for kind in ("Start", "Stop")} == {1}, sorted(gateway.told())
