"""What is relied on in everything that changes a host: a client's, and the routes of a gateway. Real ones work in a
network namespace of their own."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from far import FarPort
from hosts.private_namespace import Tun, in_namespace, ip, picture
from hosts.test_hosts_client_root import attachment, client
from lotor.hosts.gateway import GatewayHost
from lotor.privsep.far_host import FarHost
from lotor.warden.hosting import Around, Hosting, rows
from paired import client as configured
from paired import settings
from scripted import RecordingHooks, RecordingHost, RecordingRoutes

POOL, OTHER = [IPv4Network("10.99.99.0/24")], [IPv4Network("10.99.98.0/25"), IPv4Network("10.99.97.0/24")]
TAKEN = [IPv4Network("10.99.96.0/24")]


def moved(to="10.99.99.4", session=1, device="lotor0"):
    before = attachment(session=session, device=device)
    return replace(before, configuration=replace(before.configuration, address=IPv4Address(to)))


def split(one, network):
    """The same for one network: two tunnels for everything cannot be on one host."""
    return replace(one, configuration=replace(one.configuration, split_include=(IPv4Network(network),)))


class LinuxPlace:
    """A host with an outer link and two TUN devices. `play` tells a story to it, in its namespace."""

    def __init__(self, directory):
        self.directory = directory

    def play(self, story):
        def body():
            self.devices = [Tun("outer0", "192.0.2.2/24"), Tun("lotor0"), Tun("lotor1")]
            ip("route add default via 192.0.2.1 dev outer0")
            ip("route add 10.99.96.0/24 dev outer0 proto kernel scope link")
            asyncio.run(story(self, self.make()))

        in_namespace(body)()

    def make(self):
        return client(self.directory)

    def stands(self):
        resolv_conf = self.directory / "etc" / "resolv.conf"
        return picture() | {"dns": resolv_conf.read_text() if resolv_conf.exists() else ""}

    def change(self, host):
        ip("addr add 192.0.2.9/24 dev outer0")

    def refused(self, host):
        """An attachment that is refused."""
        return attachment(device="nosuch0")


class FarPlace(LinuxPlace):
    """The same at the other end of a line. Its warden takes either device for its own."""

    def make(self):
        wanted = settings(configured())
        around = Around(lambda: [wanted], lambda: Either("lotor0", "lotor1"), lambda _: None, lambda _: None)
        return FarPort(FarHost, rows(Hosting(super().make(), RecordingHooks([]), around)))


class Either:
    def __init__(self, *names):
        self.names = names

    def __eq__(self, name):
        return name in self.names

    def __hash__(self):
        return hash(self.names)


class RecordingPlace:
    """The fake of the tests."""

    def __init__(self, _):
        self.host = RecordingHost([])

    def play(self, story):
        asyncio.run(story(self, self.host))

    def stands(self):
        return dict(self.host.attached)

    def change(self, host):
        host.change()

    def refused(self, host):
        host.fault = host.unfit = OSError(19, "there is no device nosuch0")
        return attachment(device="nosuch0")


HOSTS = {"linux": LinuxPlace, "far": FarPlace, "recording": RecordingPlace}


class LinuxRoutesPlace(LinuxPlace):
    def make(self):
        return GatewayHost(self.directory / "run")

    @contextlib.contextmanager
    def refusing(self, routes):
        """Networks that the host cannot lead."""
        yield POOL + TAKEN


class RecordingRoutesPlace(RecordingPlace):
    def __init__(self, _):
        self.host = RecordingRoutes()

    def stands(self):
        return (self.host.led, self.host.partners)

    @contextlib.contextmanager
    def refusing(self, routes):
        routes.fault = OSError(17, "the route to 10.99.96.0/24 was refused: File exists")
        yield POOL + TAKEN
        routes.fault = None


ROUTES = {"linux": LinuxRoutesPlace, "recording": RecordingRoutesPlace}


def engines(table):
    return [
        pytest.param(each, marks=pytest.mark.root) if issubclass(each, LinuxPlace) else each for each in table.values()
    ]


@pytest.fixture(params=engines(HOSTS), ids=list(HOSTS))
def host(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture(params=engines(ROUTES), ids=list(ROUTES))
def routes(request, tmp_path):
    return request.param(tmp_path)


# --- a client's host -------------------------------------------------------------------------------------------------


def test_what_attach_changes_detach_undoes(host):
    async def story(place, engine):
        before = place.stands()
        await engine.attach(attachment())
        assert place.stands() != before
        await engine.detach(1)
        assert place.stands() == before
        assert await engine.recover() == 0

    host.play(story)


def test_to_admit_changes_nothing(host):
    async def story(place, engine):
        before = place.stands()
        await engine.admit(attachment())
        assert place.stands() == before

    host.play(story)


def test_unknown_sessions_are_detached_without_a_word(host):
    async def story(place, engine):
        before = place.stands()
        await engine.detach(77)
        await engine.attach(attachment())
        await engine.detach(1)
        await engine.detach(1)
        assert place.stands() == before

    host.play(story)


def test_the_same_again_changes_nothing(host):
    async def story(place, engine):
        before = place.stands()
        await engine.attach(attachment())
        once = place.stands()
        await engine.attach(attachment())
        assert place.stands() == once
        await engine.detach(1)
        assert place.stands() == before

    host.play(story)


def test_a_second_one_of_a_session_takes_the_place_of_the_first(host):
    async def story(place, engine):
        before = place.stands()
        await engine.attach(moved())
        alone = place.stands()
        await engine.detach(1)
        await engine.attach(attachment())
        await engine.attach(moved())
        assert shape(place.stands()) == shape(alone)
        await engine.detach(1)
        assert place.stands() == before

    host.play(story)


def shape(stands):
    """Handles of nftables and orders of making aside."""
    return {name: sorted(str(each).splitlines()) for name, each in stands.items() if name != "nft"}


def test_whoever_follows_takes_the_place_of_a_session_that_has_ended(host):
    async def story(place, engine):
        before = place.stands()
        await engine.attach(attachment())
        first = place.stands()
        await engine.attach(replace(attachment(session=2), follows=1))
        assert shape(place.stands()) == shape(first) or isinstance(place, RecordingPlace)
        await engine.detach(1)
        assert place.stands() != before, "nothing of it is the first one's any more"
        await engine.detach(2)
        assert place.stands() == before

    host.play(story)


def test_who_follows_nobody_is_attached_like_any_other(host):
    async def story(place, engine):
        before = place.stands()
        await engine.attach(replace(attachment(session=2), follows=1))
        assert place.stands() != before
        await engine.detach(2)
        assert place.stands() == before

    host.play(story)


def test_changes_of_the_network_are_waited_for(host):
    async def story(place, engine):
        waiting = asyncio.ensure_future(engine.changed(0))
        await asyncio.sleep(0.05)
        await engine.attach(attachment())
        await engine.detach(1)
        await asyncio.sleep(0.2)
        assert not waiting.done(), "what the host itself changes is no news"
        place.change(engine)
        async with asyncio.timeout(60):
            seen = await waiting
        assert seen != 0
        assert await engine.changed(0) == seen, "what happened before the question counts"

    host.play(story)


def test_sessions_do_not_undo_each_other(host):
    async def story(place, engine):
        before = place.stands()
        await engine.attach(split(attachment(session=1), "10.0.12.0/24"))
        first = place.stands()
        await engine.attach(split(moved(session=2, device="lotor1"), "10.0.13.0/24"))
        assert place.stands() != first
        await engine.detach(2)
        assert place.stands() == first
        await engine.detach(1)
        assert place.stands() == before

    host.play(story)


def test_what_is_refused_is_refused_with_a_sentence_and_leaves_nothing(host):
    async def story(place, engine):
        before, unfit = place.stands(), place.refused(engine)
        for ask in (engine.admit, engine.attach):
            with pytest.raises(OSError, match=r"\w") as refusal:
                await ask(unfit)
            assert (refusal.value.strerror or str(refusal.value)).strip()
        assert place.stands() == before
        await engine.detach(1)
        assert place.stands() == before

    host.play(story)


@pytest.mark.parametrize("steps", [0, 1, 3, 7, 15])
def test_whoever_is_cancelled_leaves_nothing_that_detach_does_not_undo(host, steps):
    async def story(place, engine):
        before = place.stands()
        asked = asyncio.ensure_future(engine.attach(attachment()))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})
        await engine.detach(1)
        assert place.stands() == before
        await engine.attach(attachment())
        assert place.stands() != before

    host.play(story)


# --- the routes of a gateway -----------------------------------------------------------------------------------------


def test_what_start_changes_stop_undoes(routes):
    async def story(place, engine):
        before = place.stands()
        await engine.start("lotor0", 1300, POOL)
        assert place.stands() != before
        await engine.stop()
        assert place.stands() == before

    routes.play(story)


def test_stop_may_come_without_a_start_and_again(routes):
    async def story(place, engine):
        before = place.stands()
        await engine.stop()
        await engine.start("lotor0", 1300, POOL)
        await engine.stop()
        await engine.stop()
        assert place.stands() == before

    routes.play(story)


def test_other_networks_take_the_place_of_the_first(routes):
    async def story(place, engine):
        before = place.stands()
        await engine.start("lotor0", 1300, POOL)
        first = place.stands()
        await engine.serve(OTHER)
        assert place.stands() != first
        await engine.serve(POOL)
        assert led(place.stands()) == led(first)
        await engine.stop()
        assert place.stands() == before

    routes.play(story)


def led(stands):
    return sorted(stands["route show table all"].splitlines()) if isinstance(stands, dict) else stands


def test_the_same_networks_again_change_nothing(routes):
    async def story(place, engine):
        await engine.start("lotor0", 1300, POOL, [IPv4Network("203.0.113.0/24")])
        first = place.stands()
        await engine.serve(POOL, [IPv4Network("203.0.113.0/24")])
        assert place.stands() == first

    routes.play(story)


def test_nothing_is_served_before_the_start(routes):
    async def story(place, engine):
        before = place.stands()
        with pytest.raises(OSError, match="there is no device to lead the pool to"):
            await engine.serve(POOL)
        assert place.stands() == before

    routes.play(story)


def test_networks_that_cannot_be_led_leave_what_was(routes):
    async def story(place, engine):
        before = place.stands()
        with place.refusing(engine) as networks:
            with pytest.raises(OSError, match=r"10\.99\.96\.0/24 was refused"):
                await engine.start("lotor0", 1300, networks)
            assert place.stands() == before
        await engine.start("lotor0", 1300, POOL)
        first = place.stands()
        with place.refusing(engine) as networks:
            with pytest.raises(OSError, match=r"10\.99\.96\.0/24 was refused"):
                await engine.serve(networks)
            assert led(place.stands()) == led(first)
        await engine.stop()
        assert place.stands() == before

    routes.play(story)


@pytest.mark.parametrize("steps", [0, 1, 3, 7, 15])
def test_whoever_is_cancelled_leaves_nothing_that_stop_does_not_undo(routes, steps):
    async def story(place, engine):
        before = place.stands()
        await engine.start("lotor0", 1300, POOL)
        asked = asyncio.ensure_future(engine.serve(OTHER))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})
        await engine.stop()
        assert place.stands() == before

    routes.play(story)
