"""The kernel's ESP at the other end of the line: what crosses, and a warden that does nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

import pytest

from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity
from lotor.model.child import Child, Counters, DirectionKeys, Encapsulation, Informed, IpComp, Lifetime
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities, Ending, Expired, Moved
from lotor.ports.host_esp import KernelDevice, Leading
from lotor.privsep import carrying
from lotor.privsep.asking import Asker
from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.far_esp import FarHostEsp
from lotor.privsep.frames import pair
from lotor.privsep.serving import Server, answering
from lotor.privsep.verbs import VERBS
from paired import line

SUITE = EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256)
PATH = Path(Peer(IPv4Address("192.0.2.1"), 4500), Peer(IPv4Address("198.51.100.7"), 4500), floated=True)
KEYS = DirectionKeys(0x1000, Secret(b"K" * 32), Secret(b"I" * 32))
CHILD = Child(
    id=1,
    session=7,
    path=PATH,
    encapsulation=Encapsulation.UDP,
    suite=SUITE,
    inbound=KEYS,
    outbound=replace(KEYS, spi=0x2000),
    local_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")),
    remote_networks=(ip_network("10.99.99.2/32"), ip_network("fd00:99::2/128")),
    lifetime=Lifetime(3000.0, 3600.0, None, 1 << 40),
    compression=IpComp(Compression.DEFLATE, 0x1234, 0x4321),
    esn=True,
)
DEVICE = KernelDevice("lotor0", 1400, Leading.ROUTES, Capabilities(frozenset(Compression), rates=False))
MOVED = Moved(1, Peer(IPv6Address("2001:db8::9"), 4501))


class Warden:
    """What a warden would answer, without its judgement."""

    def __init__(self):
        self.asked = []

    def rows(self):
        told = {
            carrying.OPEN_CARRIER: DEVICE,
            carrying.CLOSE_CARRIER: None,
            carrying.INSTALL_PAIR: None,
            carrying.ACTIVATE_PAIR: None,
            carrying.REMOVE_PAIR: Counters(packets_in=3),
            carrying.MOVE_PAIR: None,
            carrying.PAIRS_TOLD: (Expired(1, hard=True), MOVED),
        }
        rows = dict(answering(self._saying(answer), verb) for verb, answer in told.items())
        return rows | dict([answering(self._count, carrying.COUNT_PAIRS)])

    def _saying(self, answer):
        async def say(request):
            self.asked.append(request)
            return answer

        return say

    async def _count(self, children):
        self.asked.append(len(children))
        return {each: Counters(octets_in=each) for each in children}


def asked(story):
    async def run():
        warden = Warden()
        async with asyncio.timeout(60), line(warden.rows()) as (asker, _):
            return await story(FarHostEsp(asker)), warden.asked

    return asyncio.run(run())


def test_a_device_and_what_the_kernel_tells_cross_as_they_are():
    async def story(far):
        return await far.open(), await far.notices(), await far.remove(1)

    assert asked(story)[0] == (DEVICE, (Expired(1, hard=True), MOVED), Counters(packets_in=3))


@pytest.mark.parametrize("ending", list(Ending))
def test_why_an_sa_pair_ended_crosses(ending):
    told = Expired(1, hard=True, ending=ending)
    assert decode(Expired, encode(Expired, told)) == told


def test_an_end_that_cannot_be_does_not_cross():
    """A soft lifetime has no other cause, and there are so many causes."""
    with pytest.raises(ValueError, match="a soft lifetime"):
        Expired(1, hard=False, ending=Ending.TAKEN_AWAY)
    hard = encode(Expired, Expired(1, hard=True, ending=Ending.LEFT_BEHIND))
    assert len(hard) == 11
    soft, unknown = (hard[:9] + b"\0" + hard[10:]), (hard[:10] + bytes([len(Ending)]))
    for octets in (soft, unknown):
        with pytest.raises(Malformed):
            decode(Expired, octets)


def test_an_sa_pair_crosses_whole_but_for_what_the_kernel_has_no_use_for():
    told = Informed(IPv4Address("10.99.99.2"), IPv4Address("192.0.2.1"), ((6, bytes(255)),) * 40)

    async def story(far):
        await far.install(replace(CHILD, informed=told))
        await far.activate(1)
        await far.move(1, PATH.to(MOVED.remote))
        await far.close()

    (installed, *others) = asked(story)[1]
    assert installed == CHILD
    assert others == [1, carrying.Move(1, PATH.to(MOVED.remote)), None]
    assert "KKKK" not in repr(installed)


@pytest.mark.parametrize("floated", [True, False])
def test_a_move_tells_whether_it_goes_over_nat_traversal(floated):
    move = carrying.Move(1, replace(PATH, floated=floated))
    assert decode(carrying.Move, encode(carrying.Move, move)) == move


def test_the_longest_sa_pair_of_ikev2_crosses():
    wide = tuple(IPv6Network(each << 64, strict=False) for each in range(64))
    most = replace(CHILD, local_networks=wide[:32], remote_networks=wide[32:], replaces=5, rate=1 << 40, esp_frag=1400)
    assert decode(Child, encode(Child, most)) == most
    assert len(encode(Child, most)) <= carrying.LONGEST_CHILD


def test_more_networks_than_cross_are_told_without_a_key():
    many = tuple(IPv6Network(each << 64, strict=False) for each in range(1000))

    async def story(far):
        with pytest.raises(OSError, match="1002 networks") as told:
            await far.install(replace(CHILD, local_networks=many))
        return str(told.value)

    assert "KKKK" not in asked(story)[0]


def test_counters_of_many_are_asked_for_in_bounded_parts():
    async def story(far):
        return await far.counters(iter(range(1000)))

    found, parts = asked(story)
    assert found == {each: Counters(octets_in=each) for each in range(1000)}
    assert parts == [256, 256, 256, 232]


def test_the_figures_of_as_many_as_may_be_fit_an_answer():
    most = Counters(*[2**63 - 1] * 10, last_inbound=1e300)
    octets = encode(carrying.COUNT_PAIRS.answer, dict.fromkeys(range(carrying.MOST_AT_ONCE), most))
    assert len(octets) <= carrying.COUNT_PAIRS.most_answer
    octets = encode(carrying.PAIRS_TOLD.answer, (MOVED,) * carrying.MOST_AT_ONCE)
    assert len(octets) <= carrying.PAIRS_TOLD.most_answer
    furthest = Path(MOVED.remote, MOVED.remote, floated=True)
    assert len(encode(carrying.Move, carrying.Move(2**62, furthest))) <= carrying.MOVE_PAIR.most_request


async def _broken(request):
    raise RuntimeError("secret detail")


@pytest.mark.parametrize(
    ("warden", "told"),
    [
        (lambda end: Server(end, dict(answering(_broken, each) for each in VERBS.values()), lambda _: None), "refused"),
        (lambda end: end.close(), "the warden is gone"),
    ],
    ids=["refuses", "is gone"],
)
def test_a_warden_that_does_nothing_is_an_error_in_words(warden, told):
    async def run():
        daemon, there = pair()
        held = warden(there)
        asker = Asker(daemon, lambda _: None)
        far = FarHostEsp(asker)
        calls = (far.open, lambda: far.install(CHILD), lambda: far.activate(1), lambda: far.remove(1))
        for call in (*calls, lambda: far.move(1, PATH), lambda: far.counters([1]), far.notices):
            with pytest.raises(OSError, match=told):
                await call()
        await far.close()
        asker.close()
        daemon.close()
        there.close()
        return held

    asyncio.run(run())
