"""What a daemon that an intruder owns has of the kernel's ESP, over a real line."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from far import until
from kernel_esp import DEVICE, NO_ESP, MemoryEsp
from lotor.model.algorithms import Cipher
from lotor.model.child import Counters, Encapsulation, IpComp, Lifetime
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Expired, Moved
from lotor.ports.host_esp import Leading
from lotor.privsep.asking import Refused
from lotor.privsep.carrying import (
    ACTIVATE_PAIR,
    CLOSE_CARRIER,
    COUNT_PAIRS,
    INSTALL_PAIR,
    MOVE_PAIR,
    OPEN_CARRIER,
    PAIRS_TOLD,
    REMOVE_PAIR,
    Move,
)
from lotor.privsep.far_esp import FarHostEsp
from lotor.privsep.faults import Fault
from lotor.warden import carrying as module
from lotor.warden.carrying import ANY_ENDS, ENDS_OF_A_SESSION, OF_A_SESSION, Carrying, Surroundings, rows
from lotor.warden.pairs import MOST_NETWORKS, Grounds
from paired import BLOCK, client, gateway, line, settings
from privsep.test_privsep_esp import CHILD as DUAL

HERE, PEER = IPv4Address("192.0.2.1"), IPv4Address("198.51.100.7")
PATH = Path(Peer(HERE, 4500), Peer(PEER, 4500), floated=True)
LEASED, INSIDE = ip_network("10.99.99.2/32"), ip_network("10.99.99.77/32")
EVERYWHERE = ip_network("0.0.0.0/0")
CHILD = replace(DUAL, path=PATH, local_networks=(EVERYWHERE,), remote_networks=(LEASED,), compression=None)
OF_CLIENT = replace(CHILD, local_networks=(INSIDE,), remote_networks=(EVERYWHERE,))
GATEWAY, CLIENT = gateway(), client(str(PEER)).replace("remote", "remote", 1).replace("{", "{ mode_cfg on;", 1)
WITHOUT_LOGIN = BLOCK.format(peer="anonymous", files="", method="pre_shared_key")
BARE = client(str(PEER)).replace("{", "{ mode_cfg off;", 1)
NAMED = """
sainfo address 0.0.0.0/0 any address 10.20.0.0/16 any {
    encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate;
}
"""


@pytest.fixture(autouse=True)
def no_time_goes_by(monkeypatch):
    """For budgets, however busy the machine is."""
    monkeypatch.setattr("lotor.privsep.serving.FORGIVEN_AFTER", 1e9)
    for name in ("OPENED_AGAIN", "CHANGED_AGAIN", "COUNTED_AGAIN"):
        monkeypatch.setattr(module, name, 1e9)


class SlowEsp(MemoryEsp):
    """What changes something waits for `go`; `began` counts it."""

    def __init__(self, **named):
        super().__init__(**named)
        self.go, self.began = asyncio.Event(), 0
        self.go.set()
        self.fault = None

    async def open(self):
        device = await super().open()
        await self.go.wait()
        return device

    async def install(self, child):
        self.began += 1
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        await super().install(child)

    async def remove(self, child):
        await self.go.wait()
        return await super().remove(child)


class Scene:
    """A warden's end, as the kernel has it in `esp`."""

    def __init__(self, text, *, leading=Leading.ROUTES, refuses=None):
        self.esp = SlowEsp(refuses=refuses, device=replace(DEVICE, leading=leading))
        self.in_force = [settings(text)]
        self.wanted, self.tunnel, self.leases = True, None, 4
        self.leased, self.inside = {LEASED.network_address}, {INSIDE.network_address}
        self.own, self.ports = {HERE, IPv6Address("2001:db8::1")}, {500, 4500}
        grounds = Grounds(
            lambda: self.in_force,
            lambda address: address in self.leased,
            lambda: self.inside,
            lambda address: address in self.own,
            lambda: self.ports,
        )
        around = Surroundings(lambda: self.wanted, lambda: self.tunnel, lambda: self.leases, grounds)
        self.carrying = Carrying(self.esp, around)

    def has_begun(self, installs):
        return self.esp.began == installs


def play(story, text=GATEWAY, *, opens=True, **named):
    """`story(asker, scene)`, and `scene` afterwards."""

    async def run():
        scene = Scene(text, **named)
        async with asyncio.timeout(60), line(rows(scene.carrying)) as (asker, lost):
            scene.lost = lost
            if opens:
                await asker.ask(OPEN_CARRIER, None)
            result = await story(asker, scene)
        return result, scene

    return asyncio.run(run())


async def said(asker, verb, request):
    """`refused`, the sentence of a fault, or the answer."""
    try:
        answer = (await asker.ask(verb, request)).value
    except Refused:
        return "refused"
    return answer.sentence if isinstance(answer, Fault) else answer


def installed(*children, text=GATEWAY, leading=Leading.ROUTES, before=lambda scene: None):
    """What becomes of each."""

    async def story(asker, scene):
        before(scene)
        return [await said(asker, INSTALL_PAIR, each) for each in children]

    return play(story, text, leading=leading)[0]


# --- the device ------------------------------------------------------------------------------------------------------


def test_nothing_is_there_unless_the_configuration_wants_the_kernels_engine(caplog):
    async def story(asker, scene):
        scene.wanted = False
        return await said(asker, OPEN_CARRIER, None), await said(asker, INSTALL_PAIR, CHILD)

    (opened, pair), scene = play(story, opens=False)
    assert (opened, pair) == ("refused", "the kernel's ESP is not open")
    assert scene.esp.calls == []
    assert "no configuration wants the kernel's ESP" in caplog.text


def test_a_daemon_has_one_device_at_a_time():
    async def story(asker, scene):
        second = await said(asker, OPEN_CARRIER, None)
        name = scene.carrying.device
        await asker.ask(CLOSE_CARRIER, None)
        return second, name, scene.carrying.device, await said(asker, OPEN_CARRIER, None)

    found, scene = play(story)
    assert found == ("refused", "lotor0", None, scene.esp.device)
    assert scene.esp.calls == ["open", "close", "open"]


def test_beside_a_tun_device_there_is_none():
    async def story(asker, scene):
        scene.tunnel = "lotor0"
        return await said(asker, OPEN_CARRIER, None)

    found, scene = play(story, opens=False)
    assert found == "refused"
    assert scene.esp.calls == []


def test_why_the_kernel_refuses_is_told_and_it_is_not_asked_without_end():
    async def story(asker, scene):
        return [await said(asker, OPEN_CARRIER, None) for _ in range(20)]

    found, scene = play(story, opens=False, refuses=NO_ESP)
    assert found == [NO_ESP.strerror] * module.MOST_OPENED + ["refused"] * (20 - module.MOST_OPENED)
    assert scene.esp.calls == ["open"] * module.MOST_OPENED


def test_a_device_that_is_taken_away_while_it_is_made_is_gone():
    async def story(asker, scene):
        scene.esp.go.clear()
        opening = asyncio.ensure_future(said(asker, OPEN_CARRIER, None))
        await until(lambda: scene.esp.calls == ["open"])
        opening.cancel()
        closing = asyncio.ensure_future(said(asker, CLOSE_CARRIER, None))
        await asyncio.sleep(0)
        scene.esp.go.set()
        return await closing, scene.carrying.device, await said(asker, INSTALL_PAIR, CHILD)

    found, scene = play(story, opens=False)
    assert found == (None, None, "the kernel's ESP is not open")
    assert scene.esp.calls == ["open", "close"]


# --- which pairs -----------------------------------------------------------------------------------------------------


def numbered(**changes):
    return replace(CHILD, **changes)


ODD = {
    "no number": numbered(id=0),
    "a reserved SPI": numbered(inbound=replace(CHILD.inbound, spi=255)),
    "a large SPI": numbered(outbound=replace(CHILD.outbound, spi=2**32)),
    "no key": numbered(inbound=replace(CHILD.inbound, encryption=Secret(b""))),
    "a cipher of IKE alone": numbered(suite=replace(CHILD.suite, cipher=Cipher.IDEA_CBC)),
    "nothing that proves packets": numbered(suite=replace(CHILD.suite, integrity=None)),
    "a life without an end": numbered(lifetime=Lifetime(hard_seconds=1e300)),
    "no life": numbered(lifetime=Lifetime(soft_seconds=0.0)),
    "less than nothing": numbered(lifetime=Lifetime(hard_octets=-1)),
    "a wide window": numbered(replay_window=4097),
    "a negative window": numbered(replay_window=-1),
    "a small datagram": numbered(esp_frag=1),
    "a CPI of three octets": numbered(compression=IpComp(DUAL.compression.algorithm, 0x10000, 0x1234)),
    "no networks": numbered(remote_networks=()),
    "many networks": numbered(local_networks=(EVERYWHERE,) * (MOST_NETWORKS + 1)),
    "UDP beside NAT traversal": numbered(path=replace(PATH, floated=False)),
    "native ESP on NAT traversal": numbered(encapsulation=Encapsulation.NONE),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_sa_pair_has_the_numbers_of_one(odd):
    assert installed(ODD[odd], CHILD) == ["refused", None]


def between(local, remote, port=4500, other=4500):
    return Path(Peer(ip_address(local), port), Peer(ip_address(remote), other), floated=True)


WAYS = {
    "from another host": between("192.0.2.99", PEER),
    "from a port of others": between(HERE, PEER, port=53),
    "to itself": between(HERE, "127.0.0.1"),
    "to many": between(HERE, "224.0.0.5"),
    "to everybody": between(HERE, "255.255.255.255"),
    "to nobody": between(HERE, "0.0.0.0"),
    "to IPv4 in IPv6": between("2001:db8::1", "::ffff:198.51.100.7"),
    "between two versions": between(HERE, "2001:db8::7"),
    "to no port": between(HERE, PEER, other=0),
    "to a port that is none": between(HERE, PEER, other=2**16),
}


@pytest.mark.parametrize("way", WAYS)
def test_esp_leaves_from_this_host_and_goes_to_a_peer(way):
    async def story(asker, scene):
        new = await said(asker, INSTALL_PAIR, replace(CHILD, path=WAYS[way]))
        await asker.ask(INSTALL_PAIR, CHILD)
        return new, await said(asker, MOVE_PAIR, Move(CHILD.id, WAYS[way]))

    found, scene = play(story)
    assert found == ("refused", "refused")
    assert not [each for each in scene.esp.calls if each[0] == "move"]


def test_a_pair_moves_where_its_peer_is():
    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, CHILD)
        for child in (CHILD.id, 99):
            await asker.ask(MOVE_PAIR, Move(child, between(HERE, "203.0.113.9", other=1025)))

    _, scene = play(story)
    assert [each[1] for each in scene.esp.calls if each[0] == "move"] == [CHILD.id]


def natively(path):
    return replace(path, floated=False)


def test_a_pair_moves_between_udp_and_native_esp():
    """Native ESP has no port of the daemon's; its other ends are those of any path."""
    ways = (natively(PATH), natively(between(HERE, "203.0.113.9", port=500, other=500)), PATH)
    wrong = [natively(WAYS[each]) for each in WAYS if each != "from a port of others"]

    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, CHILD)
        good = [await said(asker, MOVE_PAIR, Move(CHILD.id, each)) for each in ways]
        scene.ports.discard(4500)
        bad = [await said(asker, MOVE_PAIR, Move(CHILD.id, each)) for each in (*wrong, PATH)]
        return good, set(bad)

    found, scene = play(story)
    assert found == ([None] * 3, {"refused"})
    assert [each[2] for each in scene.esp.calls if each[0] == "move"] == list(ways)
    assert (scene.esp.children[1].path, scene.esp.children[1].encapsulation) == (PATH, Encapsulation.UDP)


FOREIGN = {
    "another's address": ip_network("10.99.99.3/32"),
    "the pool": ip_network("10.99.99.0/24"),
    "everywhere": EVERYWHERE,
    "a server": ip_network("9.9.9.9/32"),
    "another version": ip_network("fd00::1/128"),
}


@pytest.mark.parametrize("leading", Leading)
@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_gateways_peer_has_inside_what_this_daemons_sessions_were_given(foreign, leading):
    wrong = replace(CHILD, remote_networks=(FOREIGN[foreign],))
    beside = replace(CHILD, remote_networks=(LEASED, FOREIGN[foreign]))
    assert installed(wrong, beside, CHILD, leading=leading) == ["refused", "refused", None]


def test_an_address_that_was_given_back_is_nobodys():
    gone = replace(CHILD, id=2)
    assert installed(gone, before=lambda scene: scene.leased.clear()) == ["refused"]


@pytest.mark.parametrize("leading", Leading)
def test_a_client_has_inside_what_a_gateway_gave_that_its_host_takes(leading):
    own = replace(OF_CLIENT, local_networks=(ip_network(HERE),))
    wide = replace(OF_CLIENT, local_networks=(ip_network("10.99.99.0/24"),))
    both = replace(OF_CLIENT, local_networks=(INSIDE, EVERYWHERE))
    found = installed(own, wide, both, OF_CLIENT, text=CLIENT, leading=leading)
    assert found == ["refused", "refused", "refused", None]


@pytest.mark.parametrize(
    ("words", "became"),
    [("", "refused"), ("ike_version both; follow_redirects off;", "refused"), ("ike_version both;", None)],
)
def test_a_clients_pair_goes_to_a_gateway_of_its_configuration_or_where_that_sends_it(words, became):
    away = between(HERE, "203.0.113.9")
    text = CLIENT.replace("{", "{ " + words, 1)

    async def story(asker, scene):
        new = await said(asker, INSTALL_PAIR, replace(OF_CLIENT, path=away))
        await asker.ask(INSTALL_PAIR, replace(OF_CLIENT, id=2))
        return new, await said(asker, MOVE_PAIR, Move(2, away))

    assert play(story, text)[0] == (became, became)


def test_a_client_without_a_given_address_takes_no_packets_of_its_host():
    """Where policies alone lead into the tunnel, they see everything that leaves from the host's own address."""
    bare = replace(OF_CLIENT, local_networks=(ip_network(HERE),))
    named = replace(bare, id=2, remote_networks=(ip_network("10.20.1.0/24"),))
    assert installed(bare, named, text=BARE, leading=Leading.ROUTES) == [None, None]
    (everything, part) = installed(bare, named, text=BARE + NAMED, leading=Leading.POLICIES)
    assert "would take the host's own packets: a sainfo must name these networks" in everything
    assert part is None


def test_a_peer_without_an_address_of_the_pool_takes_no_packets_of_the_gateway():
    brought = replace(CHILD, remote_networks=(ip_network("203.0.113.9/32"),))
    named = replace(CHILD, id=2, remote_networks=(ip_network("10.20.0.0/16"),))
    found = installed(brought, named, text=WITHOUT_LOGIN + NAMED, leading=Leading.POLICIES)
    assert "a sainfo must name these networks" in found[0]
    assert found[1] is None
    assert installed(brought, named, text=WITHOUT_LOGIN + NAMED) == [None, None]


def test_a_peer_without_an_address_of_the_pool_brings_none_of_this_host():
    own, wide = (replace(CHILD, remote_networks=(ip_network(each),)) for each in (f"{HERE}/32", "203.0.113.0/24"))
    assert installed(own, wide, text=WITHOUT_LOGIN) == ["refused", "refused"]


def test_what_a_pair_joins_its_successor_joins_whatever_changed_meanwhile():
    """A reload, another address of a gateway: a renewal ends no session."""
    named = replace(CHILD, remote_networks=(ip_network("10.20.0.0/16"),))
    successor = replace(named, id=2, replaces=1)
    wider = replace(successor, id=3, remote_networks=(ip_network("10.0.0.0/8"),))
    stranger = replace(successor, id=4, replaces=99)

    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, named)
        scene.in_force = [settings(GATEWAY)]
        return [await said(asker, INSTALL_PAIR, each) for each in (successor, wider, stranger)]

    assert play(story, WITHOUT_LOGIN + NAMED, leading=Leading.POLICIES)[0] == [None, "refused", "refused"]


def test_an_address_that_was_given_back_is_not_kept_by_renewals():
    """It may be another gateway's meanwhile."""

    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, CHILD)
        good = await said(asker, INSTALL_PAIR, replace(CHILD, id=2, replaces=1))
        scene.leased.clear()
        return good, await said(asker, INSTALL_PAIR, replace(CHILD, id=3, replaces=2))

    assert play(story)[0] == (None, "refused")


# --- how many, how often ---------------------------------------------------------------------------------------------


def test_pairs_are_as_many_as_sessions_may_have():
    async def story(asker, scene):
        scene.leases = 2
        found = [await said(asker, INSTALL_PAIR, replace(CHILD, id=each)) for each in range(1, 100)]
        await asker.ask(REMOVE_PAIR, 1)
        return found.count(None), await said(asker, INSTALL_PAIR, replace(CHILD, id=100))

    found, scene = play(story)
    assert found == (2 * OF_A_SESSION, None)
    assert len(scene.esp.children) == 2 * OF_A_SESSION


def test_networks_that_pairs_join_are_as_many_as_sessions_may_have():
    """Each costs three policies of the kernel."""
    wide = tuple(ip_network(f"10.{each}.0.0/16") for each in range(32))

    async def story(asker, scene):
        scene.leases = 40
        scene.leased = {LEASED.network_address + each for each in range(32)}
        many = replace(CHILD, local_networks=wide, remote_networks=tuple(map(ip_network, scene.leased)))
        found = [await said(asker, INSTALL_PAIR, replace(many, id=each)) for each in range(1, 20)]
        await asker.ask(REMOVE_PAIR, 1)
        return found.count(None), await said(asker, INSTALL_PAIR, replace(many, id=20)), scene.carrying._ends

    most = (40 * ENDS_OF_A_SESSION + ANY_ENDS) // 1024
    assert play(story)[0] == (most, None, most * 1024)


def test_of_a_number_that_is_there_the_first_pair_stays():
    other = replace(CHILD, outbound=replace(CHILD.outbound, spi=0x3000))
    assert installed(CHILD, other) == [None, "SA pair 1 is installed already"]


def test_the_kernel_is_asked_no_more_often_than_people_come(monkeypatch):
    monkeypatch.setattr(module, "MOST_CHANGED", 100)

    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, CHILD)
        found = [await said(asker, ACTIVATE_PAIR, CHILD.id) for _ in range(120)]
        found += [await said(asker, INSTALL_PAIR, replace(CHILD, id=2)), await said(asker, MOVE_PAIR, Move(1, PATH))]
        await scene.carrying.let_go()
        return found, await said(asker, OPEN_CARRIER, None)

    (found, next_daemon), scene = play(story)
    assert found.count(None) == 99
    assert next_daemon == scene.esp.device


def test_counters_are_looked_at_no_more_often_than_people_look(monkeypatch):
    monkeypatch.setattr(module, "MOST_COUNTED", 600)

    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, CHILD)
        return [await said(asker, COUNT_PAIRS, tuple(range(1, 257))) for _ in range(3)]

    assert play(story)[0] == [{1: Counters()}, {1: Counters()}, "refused"]


def test_pairs_that_are_withdrawn_one_after_the_other_come_to_an_end(monkeypatch):
    monkeypatch.setattr(module, "MOST_UNDER_WAY", 10)

    async def story(asker, scene):
        scene.esp.go.clear()
        found = []
        for number in range(1, 21):
            task = asyncio.ensure_future(said(asker, INSTALL_PAIR, replace(CHILD, id=number)))
            await until(partial(scene.has_begun, min(number, 10)))
            if number > 10:
                found.append(await task)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        scene.esp.go.set()
        left = len(scene.carrying._pairs)
        await scene.carrying.let_go()
        return found, left

    (found, left), scene = play(story)
    assert found == ["refused"] * 10
    assert left == 10
    assert scene.esp.children == {}


# --- order, and the end ----------------------------------------------------------------------------------------------


def test_what_is_removed_while_it_is_being_installed_is_gone():
    async def story(asker, scene):
        scene.esp.go.clear()
        begun = asyncio.ensure_future(said(asker, INSTALL_PAIR, CHILD))
        await until(partial(scene.has_begun, 1))
        begun.cancel()
        removed = asyncio.ensure_future(said(asker, REMOVE_PAIR, CHILD.id))
        await asyncio.sleep(0)
        scene.esp.go.set()
        return await removed, await said(asker, REMOVE_PAIR, CHILD.id)

    found, scene = play(story)
    assert found == (Counters(), None)
    assert scene.esp.children == {}


def test_a_pair_that_the_kernel_refuses_is_none():
    async def story(asker, scene):
        scene.esp.fault = OSError(17, "an SA with the SPI is there")
        refused = await said(asker, INSTALL_PAIR, CHILD)
        scene.esp.fault = None
        return refused, await said(asker, INSTALL_PAIR, CHILD)

    assert play(story)[0] == ("an SA with the SPI is there", None)


def test_of_pairs_of_nobody_nothing_is_asked_of_the_kernel():
    async def story(asker, scene):
        asked = ((ACTIVATE_PAIR, 7), (REMOVE_PAIR, 7), (MOVE_PAIR, Move(7, PATH)), (COUNT_PAIRS, (7, 8)))
        return [await said(asker, verb, request) for verb, request in asked]

    found, scene = play(story)
    assert found == [None, None, None, {}]
    assert scene.esp.calls == ["open"]


def test_news_are_those_of_the_daemons_own_pairs_and_none_is_lost():
    moved = Moved(1, Peer(IPv4Address("203.0.113.9"), 1025))

    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, CHILD)
        withdrawn = asyncio.ensure_future(said(asker, PAIRS_TOLD, None))
        await asyncio.sleep(0)
        withdrawn.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await withdrawn
        scene.esp.said.put_nowait((Expired(99, hard=True),))
        scene.esp.said.put_nowait((Expired(1, hard=False),) * 300 + (Expired(98, hard=True), moved))
        far = FarHostEsp(asker)
        return await far.notices(), await far.notices()

    (first, second), _ = play(story)
    assert first == (Expired(1, hard=False),) * 256
    assert second == (Expired(1, hard=False),) * 44 + (moved,)


def test_who_waits_for_news_hears_that_the_device_is_gone():
    async def story(asker, scene):
        waiting = asyncio.ensure_future(said(asker, PAIRS_TOLD, None))
        await asyncio.sleep(0)
        await asker.ask(CLOSE_CARRIER, None)
        return await waiting

    assert play(story)[0] == "the kernel's ESP is not open"


def test_nothing_of_a_dead_daemon_is_left_also_of_what_is_under_way():
    async def story(asker, scene):
        await asker.ask(INSTALL_PAIR, CHILD)
        scene.esp.go.clear()
        begun = asyncio.ensure_future(said(asker, INSTALL_PAIR, replace(CHILD, id=2)))
        waiting = asyncio.ensure_future(said(asker, PAIRS_TOLD, None))
        await until(partial(scene.has_begun, 2))
        over = asyncio.ensure_future(scene.carrying.let_go())
        await asyncio.sleep(0)
        assert not over.done()
        scene.esp.go.set()
        await over
        await asyncio.gather(begun, waiting)
        assert scene.esp.children == {}
        await asker.ask(OPEN_CARRIER, None)
        return await said(asker, REMOVE_PAIR, 1), await said(asker, INSTALL_PAIR, CHILD)

    found, scene = play(story)
    assert found == (None, None)
    assert scene.esp.calls == ["open", "close", "open"]


def test_where_nothing_was_begun_nothing_is_taken_away():
    async def story(asker, scene):
        await asker.ask(CLOSE_CARRIER, None)
        await scene.carrying.let_go()

    assert play(story, opens=False)[1].esp.calls == []


def test_what_is_refused_quotes_no_key(caplog):
    caplog.set_level("DEBUG")
    installed(*ODD.values(), replace(CHILD, remote_networks=(EVERYWHERE,)), CHILD)
    assert "KKK" not in caplog.text
    assert "III" not in caplog.text
