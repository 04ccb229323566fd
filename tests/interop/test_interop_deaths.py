"""`kill -9` of the warden or of its daemon at named moments: the other one notices, nothing is left, all comes back.

By default each moment has one victim, the other one on the next day; with LOTOR_DEATHS=all both die at each moment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from halting import Halts, gone, halted, pythons, victims_of
from lab import lotor, pki
from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.node import Node, wait_until
from lotor.store import Store, addresses
from lotor.store.addresses import Held

pytestmark = pytest.mark.interop


@dataclass(frozen=True)
class Moment:
    """`side` stands still where `place` is called first, after `after`: a start, a connect, a disconnect, a reload, a
    stop, a rekey. `starting`: no daemon was ready before, so that its death is a start that failed."""

    side: str
    after: str
    place: str
    starting: bool = False


MOMENTS = {
    "before privileges fall": Moment("gateway", "start", "lotor.confinement.unprivileged:give_up", starting=True),
    "while privileges are tried": Moment("gateway", "start", "lotor.confinement.trials:of_confinement", starting=True),
    "the daemon reads the configuration": Moment("gateway", "start", "lotor.daemon.active_config:equip", starting=True),
    "the warden opens a port": Moment("gateway", "start", "lotor.hosts.sockets:HostSockets.open", starting=True),
    "the warden makes the device": Moment("gateway", "start", "lotor.hosts.tun:HostTunnels.open", starting=True),
    "the warden leads the pool": Moment("gateway", "start", "lotor.hosts.gateway:GatewayHost._lead", starting=True),
    "before it is ready": Moment("gateway", "start", "lotor.daemon.serving:Daemon._signals", starting=True),
    "when it is ready": Moment("gateway", "start", "lotor.warden.child:Child._is_ready"),
    "phase 1": Moment("gateway", "connect", "lotor.ike.v1.aggressive:responder"),
    "the warden signs": Moment("gateway", "connect", "lotor.keys.keyring:Keyring.sign"),
    "a login is judged": Moment("gateway", "connect", "lotor.auth.checks:Checks.prove"),
    "a lease is asked for": Moment("gateway", "connect", "lotor.leases.pool:Pool.acquire"),
    "mode config": Moment("gateway", "connect", "lotor.ike.v1.modecfg:give"),
    "an SA pair is installed": Moment("gateway", "connect", "lotor.dataplane.userspace.engine:Userspace.install"),
    "up with traffic": Moment("gateway", "status", "lotor.daemon.status:page"),
    "a renewal": Moment("gateway", "rekey", "lotor.ike.v1.child_rekey:_retire_succeeded"),
    "before a reload is taken over": Moment("gateway", "reload", "lotor.warden.warden:Warden.take_over"),
    "after a reload is taken over": Moment("gateway", "reload", "lotor.runtime.present:Present.replace"),
    "a script runs": Moment("client", "connect", "lotor.hooks.scripts:ScriptHooks._run_judged"),
    "the address is set": Moment("client", "connect", "lotor.hosts.client:_Work.address"),
    "routes are attached": Moment("client", "connect", "lotor.hosts.client:_Work.routes"),
    "DNS is attached": Moment("client", "connect", "lotor.hosts.naming:Naming.begin"),
    "the host is given back": Moment("client", "disconnect", "lotor.hosts.client:LinuxHost.detach"),
    "the gateway says goodbye": Moment("gateway", "stop", "lotor.daemon.wiring:Wiring.stop"),
    "the client says goodbye": Moment("client", "stop", "lotor.daemon.wiring:Wiring.stop"),
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    authority = pki.authority()
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY).save(directory, "vpngw")
    return directory


@pytest.fixture
def internet() -> Iterator[Internet]:
    with Internet() as net:
        yield net
        for program in (each for node in net.nodes for each in node.programs):
            sys.stdout.write(f"--- {program.name}\n{program.text()[-8000:]}\n")


ADDRESS = "10.99.99.77"
"""What the user had before: nobody gets it by chance."""


def remember(gateway: Node, directory: Path, user: str, address: str) -> None:
    """A gateway as it stands after a former life, in which the user had this address."""
    file = directory / "lotor.db"

    async def fill() -> None:
        store = Store(file)
        await store.open()
        await store.run(lambda connection: addresses.write(connection, [Held(IPv4Address(address), user, held=False)]))
        await store.close()

    asyncio.run(fill())
    gateway.write("/etc/racoon/lotor.db", file.read_bytes(), 0o600)
    text = gateway.path(lotor.CONFIGURATION).read_text()
    gateway.write(lotor.CONFIGURATION, 'store "/etc/racoon/lotor.db";\n' + text)


class Story:
    """Gateway and client, one of which stands still at a moment; the person's commands run beside."""

    def __init__(self, net: Internet, certificates: Path, directory: Path, moment: Moment) -> None:
        self.net, self.moment = net, moment
        self.halts = Halts(directory, moment.place)
        self.gateway = lotor.gateway(net.gateway, certificates)
        lotor.add_user(self.gateway, "alice", "alicepass")
        remember(net.gateway, directory, "alice", ADDRESS)
        changes = {"lifetime": "time 30 sec"} if moment.after == "rekey" else {}
        self.client = lotor.client(net.client, certificates, mode_cfg='on; xauth_login "alice"', **changes)
        net.client.write("/etc/racoon/psk.txt", "alice\talicepass\n", 0o600)
        self.before = self.traces()
        self.program = self.gateway if moment.side == "gateway" else self.client

    def traces(self) -> str:
        return lotor.traces(self.net.gateway) + lotor.traces(self.net.client)

    def begin(self) -> None:
        """Both run; where the moment is one of the start, the one that stands still does not serve yet."""
        for program in (self.gateway, self.client):
            halting = program is self.program
            environment = self.halts.environment if halting else {}
            program.running = program.node.start(
                "lotor", *lotor.PROGRAM, "daemon", "-F", "-d", "-f", lotor.CONFIGURATION, environment=environment
            )
            if not (halting and self.moment.after == "start"):
                program.running.expect("lotor serves with")

    def act(self) -> None:
        """What leads to the moment."""
        if self.moment.after == "start":
            return
        if self.moment.after == "connect":
            self.net.client.start("vc", *lotor.PROGRAM, "vc", GATEWAY)
            return
        done = self.client.call("vc", GATEWAY)
        assert done.code == 0, done
        self._further()

    def _further(self) -> None:
        program = self.program
        assert program.running is not None
        if self.moment.after == "disconnect":
            self.net.client.start("vd", *lotor.PROGRAM, "vd", GATEWAY)
        elif self.moment.after in {"reload", "status"}:
            self.net.client.start("ping", "ping", "-i0.05", INSIDE_HOST)
            program.node.start("asks", *lotor.PROGRAM, self.moment.after)
        elif self.moment.after == "stop":
            os.kill(pythons(program.running)[0], signal.SIGTERM)

    def kill(self, victim: str) -> None:
        running = self.program.running
        assert running is not None
        stands = self.halts.wait(running)
        processes = pythons(running)
        self.halts.disarm()
        killed = processes[0] if victim == "warden" else processes[1]
        os.kill(killed, signal.SIGKILL)
        if stands != killed and victim == "daemon":
            os.kill(stands, signal.SIGCONT)
        assert wait_until(lambda: gone(processes if victim == "warden" else [killed]))


def works_again(story: Story) -> bool:
    """A person who tries again comes through, and traffic flows."""
    story.client.call("vd", GATEWAY)
    return wait_until(lambda: story.client.call("vc", GATEWAY).code == 0) and ping(story.net.client, INSIDE_HOST)


@pytest.mark.parametrize(("name", "victim"), victims_of(sorted(MOMENTS), ("warden", "daemon")))
def test_a_process_is_killed(internet, certificates, tmp_path, name, victim):
    story = Story(internet, certificates, tmp_path, MOMENTS[name])
    story.begin()
    story.act()
    story.kill(victim)
    running = story.program.running
    if victim == "warden" or story.moment.starting or story.moment.after == "stop":
        running.process.wait(60)
        assert halted(running) == []
        story.program.start("-d")
    assert works_again(story)
    assert {each["address"] for each in story.client.sessions() if each["address"]} == {ADDRESS}
    assert story.client.stop() == 0
    assert story.gateway.stop() == 0
    assert story.traces() == story.before
