"""The warden's configuration while daemons come, ask, withdraw and die: it changes whole or stays."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kernel_esp import MemoryEsp
from lotor.config import ConfigError
from lotor.hosts.sockets import HostSockets
from lotor.hosts.xfrm.words import left_with_nothing
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.grants import NO_GRANTS
from lotor.warden import loading, warden
from lotor.warden.warden import Hold, Warden
from scripted import RecordingHost, RecordingRoutes
from visiting import GATEWAY_FILE

FIRST, SECOND = "10.99.99.", "10.50.0."


class Device:
    """One that is none."""

    name, fd, framed, closed = "lotor0", -1, True, False

    def close(self):
        self.closed = True


class Tunnels:
    async def open(self):
        return Device()


class Routes(RecordingRoutes):
    """Each change waits until the test lets it go on."""

    def __init__(self):
        super().__init__()
        self.reached, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def _lead(self, networks, partners):
        self.reached.set()
        await self.gate.wait()
        await super()._lead(networks, partners)


class House:
    """A warden, with a file that says `FIRST` and can be made to say `SECOND`."""

    def __init__(self, directory):
        self.file = directory / "gateway.conf"
        self.text = GATEWAY_FILE.format(directory=directory, pool=4)
        self.file.write_text(self.text)
        self.routes = Routes()
        self.lacks, self.asked = frozenset(), []
        near = HostSockets(), Tunnels(), RecordingHost([]), self.routes
        hold = Hold(*near, esp=lambda _: MemoryEsp(), lacking=self.lacking)
        self.warden = Warden(self.load, self.load(), hold)

    async def lacking(self, settings):
        """What the kernel says; a refusal is raised."""
        self.asked.append(str(settings.mode_cfg.network4))
        if isinstance(self.lacks, OSError):
            raise self.lacks
        return self.lacks

    def load(self):
        return loading.load(self.file)

    def change(self):
        self.file.write_text(self.text.replace(FIRST, SECOND))

    async def open(self):
        return await self.warden.privileged.tunnels.open()

    async def address(self):
        return str((await self.warden.privileged.leases.acquire(1, "alice", NO_GRANTS)).address)

    def pools(self):
        """Of the configurations that a daemon may have something of."""
        return [str(each.mode_cfg.network4) for each in self.warden.settings]


def play(directory, story):
    async def whole():
        house = House(directory)
        await house.warden.start()
        try:
            return await story(house)
        finally:
            house.routes.gate.set()
            await house.warden.stop()

    return asyncio.run(whole())


async def turns(count=20):
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_a_dead_daemon_had_prepared_is_forgotten(directory):
    async def story(house):
        house.change()
        await house.warden.prepare()
        assert len(house.pools()) == 2
        await house.warden.let_go()
        return house.pools()

    assert play(directory, story) == [f"{FIRST}1"]


def test_what_nobody_takes_over_is_forgotten_after_a_while(directory, monkeypatch):
    """A reload that fails in the daemon, or a daemon that prepares and waits: nothing is allowed for ever by it."""
    monkeypatch.setattr(warden, "PENDING", 0.0)

    async def story(house):
        house.change()
        await house.warden.prepare()
        await turns()
        with pytest.raises(OSError, match="out of date: reload it again"):
            await house.warden.take_over()
        return house.pools()

    assert play(directory, story) == [f"{FIRST}1"]


def test_a_reload_is_over_whatever_comes_of_it(directory):
    """Whoever follows reloads hears of each end: taken over, withdrawn, faulty, or the daemon dead."""
    heard = []

    async def story(house):
        house.warden.follow_reloads(heard.append)
        await house.warden.prepare()
        await house.warden.take_over()
        await turns()
        for end in (house.warden.withdraw, house.warden.let_go):
            await house.warden.prepare()
            await end()
        house.file.write_text("nonsense;")
        with pytest.raises(ConfigError):
            await house.warden.prepare()
        return list(heard)

    assert play(directory, story) == [True, False] * 4


AES = EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256)


def test_the_kernel_is_asked_for_what_a_reload_names_where_it_carries_esp(directory):
    """By what was read, and by nobody where ESP is carried in user space."""

    async def story(house):
        house.lacks = frozenset({AES})
        house.change()
        unasked = await house.warden.prepare()
        await house.warden.privileged.esp.open()
        first = await house.warden.prepare()
        house.lacks = frozenset()
        return unasked.lacking, first.lacking, (await house.warden.prepare()).lacking, house.asked

    assert play(directory, story) == (frozenset(), {AES}, frozenset(), [f"{SECOND}1"] * 2)


def test_a_sainfo_of_which_the_kernel_carries_nothing_is_a_mistake_of_the_file(directory):
    """At the line that asks for the kernel's engine, in the words of the start; the reload is over."""
    heard = []

    async def story(house):
        house.warden.follow_reloads(heard.append)
        await house.warden.privileged.esp.open()
        house.lacks = left_with_nothing((AES,))
        house.text = f"\nengine kernel;\n{house.text}"
        house.change()
        with pytest.raises(ConfigError) as caught:
            await house.warden.prepare()
        with pytest.raises(OSError, match="out of date"):
            await house.warden.take_over()
        return caught.value.problems, house.pools(), list(heard)

    (problem,), pools, told = play(directory, story)
    assert (problem.line, problem.source_line) == (2, "engine kernel;")
    assert "none of the algorithms of a sainfo (aes-256/hmac_sha256): load their modules" in problem.text
    assert (pools, told) == ([f"{FIRST}1"], [True, False])


def test_what_is_prepared_later_has_its_whole_time(directory):
    async def story(house):
        await house.warden.prepare()
        house.change()
        await house.warden.prepare()
        await house.warden.take_over()
        with pytest.raises(OSError, match="out of date"):
            await house.warden.take_over()
        return house.pools()

    assert play(directory, story) == [f"{SECOND}1"]


def test_a_change_that_nobody_waits_for_any_more_is_made_whole(directory):
    async def story(house):
        await house.open()
        house.change()
        await house.warden.prepare()
        house.routes.gate.clear()
        house.routes.reached.clear()
        taken = asyncio.ensure_future(house.warden.take_over())
        await house.routes.reached.wait()
        taken.cancel()
        await asyncio.gather(taken, return_exceptions=True)
        house.routes.gate.set()
        await turns()
        return house.pools(), await house.address(), house.routes.led

    assert play(directory, story) == ([f"{SECOND}1"], f"{SECOND}1", ["10.50.0.1/32", "10.50.0.2/31", "10.50.0.4/32"])


def test_the_next_daemon_begins_behind_a_change_that_has_begun(directory):
    async def story(house):
        await house.open()
        house.change()
        await house.warden.prepare()
        house.routes.gate.clear()
        house.routes.reached.clear()
        taken = asyncio.ensure_future(house.warden.take_over())
        await house.routes.reached.wait()
        taken.cancel()
        gone = asyncio.ensure_future(house.warden.let_go())
        await turns()
        assert not gone.done()
        house.routes.gate.set()
        await gone
        return house.pools(), house.routes.led

    assert play(directory, story) == ([f"{SECOND}1"], None)


def test_files_are_read_by_one_at_a_time_also_where_nobody_waits(directory, monkeypatch):
    """A daemon that asks and withdraws fills no queue: whoever asks next begins behind what was begun."""
    go, loads, most = threading.Event(), [], []
    load = House.load

    def slow(house):
        loads.append(None)
        most.append(len(loads))
        go.wait(60)
        loads.pop()
        return load(house)

    async def story(house):
        monkeypatch.setattr(house.warden, "_load", lambda: slow(house))
        for _ in range(30):
            asked = asyncio.ensure_future(house.warden.prepare())
            await turns()
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        house.change()
        last = asyncio.ensure_future(house.warden.prepare())
        await turns()
        go.set()
        await last
        return house.pools()

    try:
        assert play(directory, story) == [f"{FIRST}1", f"{SECOND}1"]
    finally:
        go.set()
    assert most == [1, 1]


def test_files_that_cannot_be_read_are_read_again(directory):
    async def story(house):
        house.file.write_text("nonsense")
        for _ in range(2):
            with pytest.raises(ConfigError):
                await house.warden.prepare()
        house.change()
        await house.warden.prepare()
        return house.pools()

    assert play(directory, story) == [f"{FIRST}1", f"{SECOND}1"]


def test_followers_hear_of_what_counts_and_of_nothing_else(directory):
    async def story(house):
        heard = []
        house.warden.follow(lambda settings: heard.append(str(settings.mode_cfg.network4)))
        await house.open()
        house.change()
        await house.warden.prepare()
        house.routes.fault = OSError(28, "No space left on device")
        with pytest.raises(OSError, match="No space"):
            await house.warden.take_over()
        assert (heard, house.pools()) == ([], [f"{FIRST}1"])
        house.routes.fault = None
        await house.warden.prepare()
        await house.warden.take_over()
        return heard

    assert play(directory, story) == [f"{SECOND}1"]


def test_a_device_that_nobody_waits_for_leaves_room_for_the_next(directory):
    async def story(house):
        house.routes.gate.clear()
        opened = asyncio.ensure_future(house.open())
        await house.routes.reached.wait()
        opened.cancel()
        await asyncio.gather(opened, return_exceptions=True)
        house.routes.gate.set()
        return (await house.open()).name, house.routes.led

    assert play(directory, story) == ("lotor0", ["10.99.99.1/32", "10.99.99.2/31", "10.99.99.4/32"])
