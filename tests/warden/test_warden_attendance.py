"""A warden and its daemons, one after another, over a real line: a whole life, and death in the middle of anything."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path as File

import pytest

import vacant
from far import PATIENCE, until
from kernel_esp import MemoryEsp
from lab import pki
from lotor.auth import Throttle
from lotor.daemon.active_config import equip
from lotor.daemon.attended import far_ports
from lotor.hosts.sockets import HostSockets
from lotor.model.configuration import ModeConfiguration
from lotor.model.grants import NO_GRANTS
from lotor.model.judgement import Failure, Signature
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.ports.hooks import HookContext, HookEvent
from lotor.ports.host import Attachment
from lotor.privsep.asking import Asker
from lotor.privsep.far_configurations import FarConfigurations
from lotor.privsep.far_files import FarFiles
from lotor.privsep.frames import pair
from lotor.privsep.serving import Server
from lotor.runtime.present import Present
from lotor.warden import loading, warden
from lotor.warden.attendance import Attendance
from lotor.warden.warden import Hold, Warden
from scripted import RecordingHost, RecordingRoutes
from trust.conftest import MADE_OF
from visiting import GATEWAY_FILE
from warden.test_warden_logins import Accounts, Standing

HERE, CALLED = IPv4Address("127.0.0.1"), IPv4Address("192.0.2.50")
CLIENT = """
remote 192.0.2.50 {{
    exchange_mode aggressive; ca_type x509 "ca.crt"; mode_cfg on;
    proposal {{
        encryption_algorithm aes 256; hash_algorithm sha256; authentication_method hybrid_rsa_client; dh_group 14;
    }}
}}
"""
AWAY = Path(Peer(HERE, 4500), Peer(IPv4Address("192.0.2.9"), 4500), floated=True)
TAKEN = ModeConfiguration(IPv4Address("10.7.7.7"))
THERE = Peer(IPv4Address("192.0.2.9"), 500)
UP, DOWN = HookEvent.PHASE1_UP, HookEvent.PHASE1_DOWN


@pytest.fixture(scope="module")
def certificates():
    authority = pki.authority()
    return {"ca": authority, "vpngw": pki.gateway(authority, "127.0.0.1")}


@pytest.fixture
def directory(tmp_path, certificates):
    for name, certificate in certificates.items():
        certificate.save(tmp_path, name)
    for name in ("motd", "users"):
        (tmp_path / name).write_text("")
    for event in (UP, DOWN):
        script = tmp_path / f"{event.value}.sh"
        waits = f"if [ -p {tmp_path}/hold ]; then read line <{tmp_path}/hold; fi\n" if event is UP else ""
        script.write_text(f"#!/bin/sh\necho {event.value} $INTERNAL_ADDR4 >>{tmp_path}/told\n{waits}")
        script.chmod(0o755)
    return tmp_path


@dataclass
class Made:
    name: str
    fd: int
    framed = False

    def close(self):
        os.close(self.fd)


class Tunnels:
    """Devices that are none."""

    def __init__(self, place):
        self.place, self.made = place, []

    async def open(self):
        await self.place.reach("tunnel")
        self.made.append(f"lotor{len(self.made)}")
        return Made(self.made[-1], os.open("/dev/null", os.O_RDONLY))


class Routes(RecordingRoutes):
    def __init__(self, place):
        super().__init__()
        self.place = place

    async def _lead(self, networks, partners):
        await self.place.reach("routes")
        await super()._lead(networks, partners)


class Host(RecordingHost):
    def __init__(self, place):
        super().__init__([])
        self.place = place

    async def attach(self, attachment):
        await self.place.reach("attach")
        await super().attach(attachment)


class Place:
    """A warden. What is in `held` does not come to its end until `go`; `at` tells where something waits now."""

    def __init__(self, directory):
        self.directory, self.port = directory, vacant.port()
        self.held, self.at, self.go = set(), [], asyncio.Event()
        self.reading = threading.Event()
        self.reading.set()
        self.accounts, self.standing = Accounts(), Standing()
        self.throttle = Throttle(self.accounts, 1.0, self.standing.clock)
        self.host, self.routes, self.tunnels = Host(self), Routes(self), Tunnels(self)
        self.esp = MemoryEsp()
        self.write()
        hold = Hold(HostSockets(), self.tunnels, self.host, self.routes, esp=lambda _: self.esp)
        self.warden = Warden(self.load, loading.load(self.file), hold)
        self.attendance = Attendance(self.warden)

    @property
    def file(self):
        return self.directory / "gateway.conf"

    def load(self):
        self.at.append("load")
        self.reading.wait(PATIENCE)
        return loading.load(self.file)

    def write(self, **changes):
        scripts = "".join(f'script "{self.directory}/{each.value}.sh" {each.value};' for each in (UP, DOWN))
        text = (GATEWAY_FILE + CLIENT).format(directory=self.directory, pool=changes.get("pool", 20))
        listens = f"isakmp 127.0.0.1[{self.port}]; isakmp_natt 127.0.0.1[{self.port}];"
        text = text.replace("adminsock disabled;", f"adminsock disabled; {listens}")
        text = f"engine {changes.get('engine', 'prefer_kernel')}; {text}"
        self.file.write_text(text.replace("exchange_mode aggressive;", f"exchange_mode aggressive; {scripts}", 1))

    async def reach(self, where):
        if where in self.held:
            self.at.append(where)
            await self.go.wait()

    def given(self):
        """All that sessions hold."""
        return self.warden._pool._pools.given()

    def told(self):
        told = self.directory / "told"
        return told.read_text().splitlines() if told.exists() else []


class Daemon:
    """One daemon's end of the line, with the ports that it has there; its death is the kernel's work alone."""

    def __init__(self, place):
        self.place = place
        self.ends = pair()
        self.over = asyncio.get_running_loop().create_future()
        self.server = Server(self.ends[1], place.attendance.begin(), self._lost)
        self.asker = Asker(self.ends[0], lambda _: None)
        self.configurations = FarConfigurations(self.asker)
        self.opened, self.tasks = [], []

    def _lost(self, why):
        if not self.over.done():
            self.over.set_result(why)

    def begin(self, work):
        """Nobody waits for it: the daemon dies before."""
        self.tasks.append(asyncio.ensure_future(work))

    async def read(self):
        provision = await self.configurations.present()
        self.present = Present(await asyncio.to_thread(partial(equip, files=FarFiles(self.asker)), provision))
        self.ports = far_ports(self.asker, self.present)

    async def open(self):
        self.opened.append(await self.ports.sockets.udp(Peer(HERE, self.place.port)))
        self.tunnel = await self.ports.tunnels.open()
        self.opened.append(self.tunnel)

    def sign(self):
        (own,) = (each.my_identity for each in self.present.now.policy.remotes if each.side is Side.GATEWAY)
        id_b = bytes([own.kind, own.protocol]) + own.port.to_bytes(2, "big") + own.data
        return self.ports.signer.sign("anonymous", replace(MADE_OF, id_b=id_b))

    def judge(self, user="alice", password="sesame", **more):
        return self.ports.logins.judge(LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), THERE, **more))

    def lease(self, session, user):
        return self.ports.leases.acquire(session, user, NO_GRANTS)

    def attach(self, session=1):
        return self.attach_to(self.tunnel.name, session)

    def attach_to(self, device, session=1):
        outer = Path(Peer(HERE, 4500), Peer(CALLED, 4500), floated=True)
        return self.ports.host.attach(Attachment(session, device, 1400, outer, TAKEN))

    def run(self, event, address):
        context = HookContext(Side.GATEWAY, AWAY, "alice", "01:02", ModeConfiguration(address), "alice")
        return self.ports.hooks.run("anonymous", event, context)

    async def serve(self):
        """From its first question to two sessions and a connection of its own. Where `alice` was put."""
        await self.read()
        await self.open()
        assert isinstance(await self.sign(), Signature)
        assert await self.judge() == Accepted("alice")
        await self.lease(1, "bob")
        lease = await self.lease(2, "alice")
        await self.run(UP, lease.address)
        await self.attach()
        return lease.address

    async def die(self):
        """As by kill -9: its descriptors are closed, nothing else is said."""
        self.asker.close()
        for each in (*self.opened, self.ends[0]):
            each.close()
        await self.over
        self.server.close()
        self.ends[1].close()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.place.attendance.let_go()


def play(directory, monkeypatch, story):
    """`story(place)` with all that the warden opened closed again."""

    async def run():
        place = Place(directory)
        monkeypatch.setattr(warden, "logins_of", lambda *_: place.throttle)
        before = descriptors()
        async with asyncio.timeout(PATIENCE):
            await place.warden.start()
            try:
                found = await story(place)
            finally:
                place.reading.set()
                await place.attendance.close()
                await place.warden.stop()
            assert descriptors() <= before
            return found

    return asyncio.run(run())


def descriptors():
    """Sockets and devices; the event loop's own threads open none."""
    found = set()
    for each in File("/proc/self/fd").iterdir():
        with suppress(OSError):
            if (target := str(each.readlink())).startswith(("socket:", "/dev/null", "/memfd:")):
                found.add((each.name, target))
    return found


def test_a_whole_life(directory, monkeypatch):
    """Everything that a daemon asks its warden for, and a reload that is taken over."""

    async def story(place):
        daemon = Daemon(place)
        address = await daemon.serve()
        stood = place.routes.led, dict(place.host.attached)
        place.write(pool=4)
        prepared = await daemon.configurations.prepare()
        before = place.warden.present()
        told = await daemon.configurations.take_over()
        await daemon.run(DOWN, address)
        await daemon.ports.host.detach(1)
        await daemon.ports.leases.release(2)
        left = list(map(str, [each.address for each in place.given()]))
        reloaded = before is not place.warden.present(), place.warden.present() == prepared
        await daemon.die()
        return str(address), stood, told, reloaded, left, place

    address, (led, attached), told, reloaded, left, place = play(directory, monkeypatch, story)
    assert address == "10.99.99.2"
    assert led[0] == "10.99.99.1/32"
    assert attached[1].configuration.address == TAKEN.address
    assert told == ("the pool is 10.99.99.1 to 10.99.99.4 now, addresses that are given stay until their sessions end",)
    assert reloaded == (True, True)
    assert left == ["10.99.99.1"]
    assert place.told() == ["phase1_up 10.99.99.2", "phase1_down 10.99.99.2"]


def test_what_the_host_refuses_is_not_taken_over(directory, monkeypatch):
    async def story(place):
        daemon = Daemon(place)
        await daemon.serve()
        before = place.warden.present()
        place.write(pool=4)
        await daemon.configurations.prepare()
        place.routes.fault = OSError(1, "no permission to change routes")
        with pytest.raises(OSError, match="no permission to change routes"):
            await daemon.configurations.take_over()
        place.routes.fault = None
        leases = [await daemon.lease(number, f"user {number}") for number in range(10, 28)]
        kept = place.warden.present() is before
        in_force = len(place.warden.settings)
        await daemon.die()
        return kept, in_force, leases

    kept, in_force, leases = play(directory, monkeypatch, story)
    assert (kept, in_force) == (True, 1)
    assert not any(isinstance(each, Failure) for each in leases)


async def at_once(place, daemon):
    pass


async def while_the_files_are_read_again(place, daemon):
    await daemon.read()
    place.reading.clear()
    daemon.begin(daemon.configurations.prepare())
    await until(lambda: "load" in place.at)


async def while_its_device_is_made(place, daemon):
    await daemon.read()
    place.held.add("tunnel")
    daemon.begin(daemon.ports.tunnels.open())
    await until(lambda: "tunnel" in place.at)


async def while_routes_lead_to_its_device(place, daemon):
    """And somebody waits for an address behind them."""
    await daemon.read()
    place.held.add("routes")
    daemon.begin(daemon.ports.tunnels.open())
    await until(lambda: "routes" in place.at)
    daemon.begin(daemon.lease(7, "alice"))
    await asyncio.sleep(0)


async def while_it_has_something_signed(place, daemon):
    await daemon.read()
    for _ in range(30):
        daemon.begin(daemon.sign())
    await asyncio.sleep(0)


async def while_a_login_is_judged(place, daemon):
    await daemon.read()
    place.accounts.go = False
    before = len(place.accounts.judged)
    daemon.begin(daemon.judge("carol"))
    await until(lambda: len(place.accounts.judged) > before)


async def between_two_rounds_of_a_login(place, daemon):
    await daemon.read()
    assert isinstance(await daemon.judge("carol", "code"), Challenge)


async def while_a_script_runs(place, daemon):
    await daemon.read()
    await daemon.open()
    await daemon.judge()
    lease = await daemon.lease(1, "alice")
    os.mkfifo(place.directory / "hold")
    before = len(place.told())
    daemon.begin(daemon.run(UP, lease.address))
    await until(lambda: len(place.told()) > before)


async def while_a_connection_is_attached(place, daemon):
    await daemon.serve()
    place.held.add("attach")
    daemon.begin(daemon.attach(2))
    await until(lambda: "attach" in place.at)


async def between_the_halves_of_a_reload(place, daemon):
    await daemon.serve()
    place.write(pool=4)
    await daemon.configurations.prepare()


async def while_a_reload_is_taken_over(place, daemon):
    await between_the_halves_of_a_reload(place, daemon)
    place.held.add("routes")
    daemon.begin(daemon.configurations.take_over())
    await until(lambda: "routes" in place.at)


async def in_the_middle_of_its_work(place, daemon):
    await daemon.serve()


MOMENTS = [
    at_once,
    while_the_files_are_read_again,
    while_its_device_is_made,
    while_routes_lead_to_its_device,
    while_it_has_something_signed,
    while_a_login_is_judged,
    between_two_rounds_of_a_login,
    while_a_script_runs,
    while_a_connection_is_attached,
    between_the_halves_of_a_reload,
    while_a_reload_is_taken_over,
    in_the_middle_of_its_work,
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_what_a_dead_daemon_held_is_given_back_and_its_successor_serves(directory, monkeypatch, moment):
    """Users get the address that they had, and a guesser is no fresh start."""

    async def story(place):
        first = Daemon(place)
        had = await first.serve()
        assert isinstance(await first.judge("eve", "guess"), Refused)
        await first.die()
        second = Daemon(place)
        await moment(place, second)
        dying = asyncio.ensure_future(second.die())
        await until(second.over.done)
        await resume(place)
        await dying
        check_that_nothing_is_left(place)
        third = Daemon(place)
        again = await third.serve()
        guess = asyncio.ensure_future(third.judge("eve", "sesame"))
        await until(lambda: place.standing.sleepers)
        waits = not guess.done()
        await third.die()
        guess.cancel()
        check_that_nothing_is_left(place)
        return had, again, waits, place

    had, again, waits, place = play(directory, monkeypatch, story)
    assert again == had
    assert waits
    ups, downs = ([line for line in place.told() if line.startswith(each.value)] for each in (UP, DOWN))
    assert len(ups) == len(downs) >= 2
    assert len(set(place.tunnels.made)) == len(place.tunnels.made)


async def resume(place):
    """What was held comes to its end, also where the daemon has gone meanwhile."""
    place.reading.set()
    place.accounts.go = True
    place.held.clear()
    place.go.set()


def check_that_nothing_is_left(place):
    assert place.given() == []
    assert place.host.attached == {}
    assert (place.routes.led, place.routes.partners) == (None, [])
    assert len(place.accounts.abandoned) == place.accounts.ticket
    assert len(place.warden.settings) == 1
    (place.directory / "hold").unlink(missing_ok=True)
