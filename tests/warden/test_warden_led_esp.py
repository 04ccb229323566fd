"""A daemon that carries ESP in the kernel by its warden: the device with its routes, and one daemon after another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

import pytest

from kernel_esp import DEVICE, NO_ESP, MemoryEsp
from lotor.hosts.network import NetworkHost
from lotor.model.child import Counters
from lotor.model.network import Path, Peer
from lotor.ports.esp import Expired
from lotor.ports.host_esp import Leading
from lotor.warden.admitting import LedNetwork
from lotor.warden.led_esp import LedEsp
from lotor.warden.pool_routes import PoolRoutes
from lotor.warden.warden import hold
from paired import gateway, settings
from privsep.test_privsep_esp import CHILD
from scripted import RecordingRoutes
from warden.test_warden_attendance import HERE, Daemon, certificates, directory, play  # noqa: F401 - fixtures too

POOL = "mode_cfg { network4 10.99.99.1; pool_size 4; auth_source system; }"


class Network(NetworkHost):
    """`led`: by which devices clients came, and how packets get there."""

    def __init__(self):
        super().__init__(groups_of=lambda _: frozenset())
        self.led = []

    async def lead(self, device, leading=None):
        self.led.append((device, leading))
        await super().lead(device, leading)


class Scene:
    def __init__(self, esp):
        self.routes, self.esp = RecordingRoutes(), esp
        self.pool = PoolRoutes(self.routes)
        self.network = Network()
        self.led = LedEsp(lambda: esp, self.pool, LedNetwork(self.network, self.pool))


def led(story, esp=None, *, near=True):
    async def run():
        scene = Scene((esp or MemoryEsp()) if near else None)
        await scene.pool.adapt(settings(gateway() + POOL))
        return await story(scene)

    return asyncio.run(run())


def test_the_routes_to_the_pool_lead_to_the_device_until_it_goes():
    async def story(scene):
        device = await scene.led.open()
        stood = scene.routes.led
        with pytest.raises(OSError, match="there already"):
            await scene.led.open()
        await scene.led.close()
        await scene.led.close()
        return device, stood[0], scene.routes.led, scene.esp.calls

    assert led(story) == (DEVICE, "10.99.99.1/32", None, ["open", "close"])


@pytest.mark.parametrize("leading", Leading)
def test_rules_hear_what_the_kernel_said_of_the_device(leading):
    async def story(scene):
        await scene.led.open()
        await scene.led.close()
        return scene.network.led

    device = replace(DEVICE, leading=leading)
    assert led(story, MemoryEsp(device=device)) == [(device.name, leading), (None, None)]


def test_where_a_route_is_refused_no_device_is_left():
    async def story(scene):
        scene.routes.fault = OSError(1, "no permission to change routes")
        with pytest.raises(OSError, match="no permission"):
            await scene.led.open()
        scene.routes.fault = None
        before = list(scene.esp.calls)
        return before, await scene.led.open()

    assert led(story) == (["open", "close"], DEVICE)


def test_where_the_kernel_refuses_it_may_be_asked_again():
    async def story(scene):
        with pytest.raises(OSError, match="has no ESP"):
            await scene.led.open()
        scene.esp.refuses = None
        return await scene.led.open()

    assert led(story, MemoryEsp(refuses=NO_ESP)) == DEVICE


def test_a_device_that_would_not_go_is_in_nobodys_way():
    class Stuck(MemoryEsp):
        async def close(self):
            await super().close()
            if self.calls.count("close") == 1:
                raise OSError(16, "in use")

    async def story(scene):
        await scene.led.open()
        with pytest.raises(OSError, match="in use"):
            await scene.led.close()
        return await scene.led.open()

    assert led(story, Stuck()) == DEVICE


def test_a_device_that_stays_is_taken_away_by_who_made_it():
    """To another one it is that of a program that lives."""

    class Stuck(MemoryEsp):
        stays = True

        async def close(self):
            await super().close()
            if self.stays:
                raise OSError(16, "in use")

    made = []

    async def run():
        scene = Scene(None)
        scene.led = LedEsp(lambda: made.append(Stuck()) or made[-1], scene.pool, LedNetwork(scene.network, scene.pool))
        await scene.pool.adapt(settings(gateway() + POOL))
        await scene.led.open()
        for call in (scene.led.close, scene.led.close, scene.led.open):
            with pytest.raises(OSError, match="in use"):
                await call()
        made[0].stays = False
        await scene.led.open()
        return [each.calls for each in made], scene.routes.led is not None

    assert asyncio.run(run()) == ([["open", *["close"] * 4], ["open"]], True)


def test_where_routes_stay_the_device_goes_nevertheless():
    async def story(scene):
        await scene.led.open()

        async def refuse():
            raise OSError(1, "no permission to change routes")

        scene.routes.stop = refuse
        with pytest.raises(OSError, match="no permission"):
            await scene.led.close()
        return scene.esp.calls, scene.network.led[-1]

    assert led(story) == (["open", "close"], (None, None))


def test_where_nothing_is_asked_of_the_kernel_it_says_so():
    async def story(scene):
        with pytest.raises(OSError, match="asks for no ESP of the kernel"):
            await scene.led.open()
        await scene.led.close()

    led(story, near=False)


def test_without_a_device_nothing_is_asked_of_the_kernel():
    async def story(scene):
        one = scene.led
        for call in (lambda: one.install(CHILD), lambda: one.activate(1), lambda: one.move(1, CHILD.path), one.notices):
            with pytest.raises(OSError, match="not open"):
                await call()
        return await one.remove(1), await one.counters([1]), scene.esp.calls

    assert led(story) == (None, {}, [])


def test_what_is_asked_of_the_device_is_asked_of_the_kernel():
    async def story(scene):
        await scene.led.open()
        await scene.led.install(CHILD)
        await scene.led.activate(1)
        await scene.led.move(1, CHILD.path)
        scene.esp.said.put_nowait((Expired(1, hard=True),))
        found = await scene.led.counters([1, 2]), await scene.led.notices(), await scene.led.remove(1)
        return found, scene.esp.calls

    found, calls = led(story)
    assert found == ({1: Counters()}, (Expired(1, hard=True),), Counters())
    assert calls == ["open", ("activate", 1), ("move", 1, CHILD.path)]


def test_a_daemon_carries_its_sessions_in_the_kernel_and_its_successor_finds_nothing_of_it(directory, monkeypatch):  # noqa: F811
    """The whole of it, by a real warden: the lease before the pair, and the end of the daemon before its successor."""

    async def begin(place):
        daemon = Daemon(place)
        await daemon.read()
        daemon.opened.append(await daemon.ports.sockets.udp(Peer(HERE, place.port)))
        assert (await daemon.ports.esp.open()).name == "lotor0"
        return daemon

    async def story(place):
        daemon = await begin(place)
        away = Path(Peer(HERE, place.port), Peer(IPv4Address("192.0.2.9"), 4500), floated=True)
        lease_to_come = ip_network("10.99.99.1/32")
        child = replace(CHILD, path=away, local_networks=(ip_network("0.0.0.0/0"),), remote_networks=(lease_to_come,))
        with pytest.raises(OSError, match="refused to install an SA pair"):
            await daemon.ports.esp.install(child)
        lease = await daemon.lease(1, "alice")
        assert ip_network(lease.address) == lease_to_come
        await daemon.ports.esp.install(child)
        await daemon.attach_to("lotor0")
        with pytest.raises(OSError, match="refused to make a TUN device"):
            await daemon.ports.tunnels.open()
        daemon.begin(daemon.ports.esp.notices())
        stood = dict(place.esp.children), place.routes.led[0]
        await daemon.die()
        left = dict(place.esp.children), place.routes.led
        second = await begin(place)
        assert await second.ports.esp.counters([child.id]) == {}
        await second.die()
        return stood, left, child

    stood, left, child = play(directory, monkeypatch, story)
    assert stood == ({child.id: child}, "10.99.99.1/32")
    assert left == ({}, None)


@pytest.mark.parametrize(
    ("wish", "has"), [("auto", False), ("userspace", False), ("kernel", True), ("prefer_kernel", True)]
)
def test_only_a_configuration_that_asks_for_the_kernels_engine_has_a_way_to_it(wish, has):
    assert (hold().esp(settings(f"engine {wish}; {gateway()}")) is not None) is has


def test_a_daemon_after_a_reload_has_what_the_configuration_asks_for_then(directory, monkeypatch):  # noqa: F811
    """The engine of the one that reloads stays as it is; its successor reads the configuration in force."""

    sockets = []

    async def reloaded(place, daemon, engine):
        place.write(engine=engine)
        await daemon.configurations.prepare()
        await daemon.configurations.take_over()
        sockets.append(place.warden.sockets.by_kernel)

    async def story(place):
        first = Daemon(place)
        await first.read()
        await first.ports.esp.open()
        sockets.append(place.warden.sockets.by_kernel)
        await reloaded(place, first, "userspace")
        still = await first.ports.esp.counters([1])
        await first.die()
        second = Daemon(place)
        await second.read()
        with pytest.raises(OSError, match="refused to make the device"):
            await second.ports.esp.open()
        await reloaded(place, second, "kernel")
        await second.die()
        third = Daemon(place)
        await third.read()
        device = await third.ports.esp.open()
        await third.die()
        return still, device

    assert play(directory, monkeypatch, story) == ({}, DEVICE)
    assert sockets == [True, False, True], "those of IKE have the kernel's policies loaded before, where it is to carry"
