"""The kernel's tables of SAs and policies as a test has them: in memory, with packets that go through them."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from ipaddress import ip_address, ip_network

from lotor.hosts.xfrm.device import Device
from lotor.hosts.xfrm.entries import (
    OWN_REQIDS,
    CompSa,
    Direction,
    Overrun,
    PoliciesLost,
    Policy,
    PolicyGone,
    PolicySet,
    Sa,
    SaExpired,
    SaId,
    SaMapped,
    SaTaken,
    State,
)
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.pairs import XfrmEsp
from lotor.model.algorithms import Compression
from lotor.model.child import Child, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities
from lotor.ports.host_esp import Leading
from scripted import ESP


@dataclass
class Entry:
    """An SA that is there."""

    sa: Sa | CompSa
    octets: int = 0
    packets: int = 0
    replayed: int = 0
    forged: int = 0
    sent: int = 0
    came: set[int] = field(default_factory=set)

    def state(self):
        highest = max(self.came, default=0)
        came = sorted(number for number in self.came if number > highest - self.width)
        return State(
            self.sa.id,
            self.sa.reqid,
            self.octets,
            self.packets,
            replayed=self.replayed,
            forged=self.forged,
            sent=self.sent,
            received=highest,
            window=json.dumps(came).encode() if came else b"",
        )

    @property
    def width(self):
        return self.sa.replay_window if isinstance(self.sa, Sa) else 0


def asked(method):
    """A question to the kernel."""

    @wraps(method)
    async def noted(self, *about):
        self.calls.append((method.__name__, *about))
        await asyncio.sleep(0)
        self.before(method.__name__, *about)
        answer = await method(self, *about)
        self.after(method.__name__, *about)
        return answer

    return noted


async def came_of(question):
    """Its answer, or why there is none."""
    try:
        return await question
    except OSError as error:
        return error


class KernelTables:
    """`XfrmTable`. `before` and `after` are called with the name of each method and its argument, and may raise: then
    nothing happened, or the answer is lost. `told` hears what `expire`, `arrive` and `overrun` lead to."""

    def __init__(self):
        self.sas: dict[SaId, Entry] = {}
        self.policies: dict[tuple, Policy] = {}
        self.before: Callable = lambda *_: None
        self.after: Callable = lambda *_: None
        self.calls: list[tuple] = []
        self.heard: asyncio.Queue = asyncio.Queue()
        self.closed = 0

    @asked
    async def add(self, sa):
        if sa.id in self.sas:
            raise FileExistsError(errno.EEXIST, f"there is an SA {sa.id}")
        entry = self.sas[sa.id] = Entry(sa)
        if isinstance(sa, Sa):
            entry.sent = sa.sequence
            entry.came = set(json.loads(sa.window)) if sa.window else set()

    @asked
    async def update(self, sa):
        if sa.id not in self.sas:
            raise ProcessLookupError(errno.ESRCH, "no such SA")
        old = self.sas[sa.id].sa
        same = replace(old, source=sa.source, destination=sa.destination, lifetime=sa.lifetime)
        assert sa == same, "nothing else can change"
        assert (old.source.address, old.destination.address) == (sa.source.address, sa.destination.address)
        self.sas[sa.id].sa = sa

    @asked
    async def state(self, sa):
        return self.sas[sa].state() if sa in self.sas else None

    @asked
    async def remove(self, sa):
        return self.sas.pop(sa).state() if sa in self.sas else None

    @asked
    async def unwait(self, sa):
        """There is none that it waits for."""

    @asked
    async def set_policy(self, policy):
        self.policies[policy.selector] = policy

    @asked
    async def remove_policy(self, policy):
        self.policies.pop(policy.selector, None)

    async def add_all(self, sas):
        return [await came_of(self.add(each)) for each in sas]

    async def remove_all(self, sas):
        return [await came_of(self.remove(each)) for each in sas]

    async def set_policies(self, policies):
        return [await came_of(self.set_policy(each)) for each in policies]

    async def remove_policies(self, policies):
        return [await came_of(self.remove_policy(each)) for each in policies]

    @asked
    async def states(self):
        return [entry.state() for entry in self.sas.values() if _is_ours(entry.sa)]

    @asked
    async def list_policies(self):
        return list(self.policies.values())

    @asked
    async def flush(self):
        sas = [each for each, entry in self.sas.items() if _is_ours(entry.sa)]
        policies = [each for each, policy in self.policies.items() if not policy.foreign]
        for sa in sas:
            del self.sas[sa]
        for policy in policies:
            del self.policies[policy]
        return len(sas) + len(policies)

    async def told(self):
        while True:
            told = await self.heard.get()
            if isinstance(told, OSError):
                raise told
            yield told

    def close(self):
        self.closed += 1

    def leave(self, source, destination, octets=100):
        """The SA that an inner packet leaves by, with its number; None: there is no policy for it, or no SA."""
        policy = self._policy(Direction.OUT, source, destination)
        way = [entry for entry in self.sas.values() if policy and _leads(policy, entry.sa)]
        versions = {ip_address(source).version, *(entry.sa.destination.address.version for entry in way)}
        if not way or (policy.comp and len(versions) > 1):  # an SA in transport mode has one IP version
            return None
        entry = way[-1]
        compressing = [entry for entry in self.sas.values() if policy.comp and compresses(policy, entry.sa)]
        for each in [entry, *compressing]:
            each.octets += octets
            each.packets += 1
        entry.sent += 1
        return entry.sa, entry.sent

    def arrive(self, spi, number, inner, outer, octets=100):
        """Whether a packet with this SPI and number comes in: `inner` and `outer` are source and destination."""
        entry = self.sas.get(SaId(outer[1].address, spi))
        if entry is None:
            return False
        if number in entry.came or number <= max(entry.came, default=0) - entry.width:
            entry.replayed += 1
            return False
        entry.came.add(number)
        entry.octets += octets
        entry.packets += 1
        if outer[0] != entry.sa.source:
            self.heard.put_nowait(SaMapped(entry.sa.id, outer[0]))
        ways = [self._policy(direction, *inner) for direction in (Direction.IN, Direction.FORWARD)]
        return all(way is not None and way.reqid == entry.sa.reqid and way.comp != entry.sa.tunnel for way in ways)

    def expire(self, sa, *, hard):
        entry = self.sas[sa]
        self.heard.put_nowait(SaExpired(entry.state(), hard))
        if hard:
            del self.sas[sa]

    def take(self, sa):
        """Another program does; `ip xfrm state delete`."""
        self.heard.put_nowait(SaTaken(self.sas.pop(sa).state()))

    def lead(self, policy):
        """Another program's; `ip xfrm policy add`."""
        self.policies[policy.selector] = policy
        self.heard.put_nowait(PolicySet(policy))

    def unlead(self, policy):
        """By whom ever."""
        del self.policies[policy.selector]
        self.heard.put_nowait(PolicyGone(policy.selector))

    def lose_policies(self):
        self.policies.clear()
        self.heard.put_nowait(PoliciesLost())

    def overrun(self):
        self.heard.put_nowait(Overrun())

    def _policy(self, direction, source, destination):
        source, destination = ip_address(source), ip_address(destination)
        """Of two of one priority the older one: a script's goes before, whatever the device."""
        found = [
            each
            for each in self.policies.values()
            if each.direction is direction and source in each.source and destination in each.destination
        ]
        return min(found, key=lambda each: each.priority, default=None)


def _is_ours(sa):
    return sa.reqid in OWN_REQIDS or (isinstance(sa, Sa) and sa.led)


def _leads(policy, sa):
    return (
        isinstance(sa, Sa)
        and (sa.reqid, sa.interface) == (policy.reqid, policy.interface)
        and policy.spi in {0, sa.keys.spi}
        and (sa.source.address, sa.destination.address) == (policy.tunnel_source, policy.tunnel_destination)
        and sa.tunnel != policy.comp
    )


def compresses(policy, sa):
    ends = policy.tunnel_source, policy.tunnel_destination
    return isinstance(sa, CompSa) and sa.reqid == policy.reqid and (sa.source, sa.destination) == ends


class Devices:
    """`DeviceMaker`."""

    def __init__(self, leading=Leading.ROUTES):
        self.leading = leading
        self.there: list[Device] = []
        self.refusal: OSError | None = None

    async def make(self, mtu):
        if self.refusal is not None:
            raise self.refusal
        device = Device("lotor0", 7, self.leading)
        self.there.append(device)
        return device

    async def remove(self, device):
        if self.refusal is not None:
            raise self.refusal
        if device in self.there:
            self.there.remove(device)


KERNEL = Capabilities(frozenset({Compression.DEFLATE}), rates=False, cuts=False)


class Engine(XfrmEsp):
    """On `kernel`, with `devices`. `now`: the clock. `offload`: the network device that seals; `hindered`: why not."""

    def __init__(self, kernel=None, devices=None, offload="", hindered=""):
        self.kernel = kernel or KernelTables()
        self.devices = devices or Devices()
        self.now = 1000.0
        self.missing: OSError | None = None
        means = Means(self._probe, self.devices, lambda: self.kernel, lambda _: hindered)
        super().__init__(means, Wishes(1400, offload=offload), lambda: self.now)

    async def _probe(self):
        if self.missing is not None:
            raise self.missing
        return KERNEL


def at(address, port=4500):
    return Peer(ip_address(address), port)


def keys(spi):
    return DirectionKeys(spi, Secret(bytes(16)), Secret(bytes(32)))


def pair(number, like=None, remote="198.51.100.7", **changes):
    """An SA pair of the client of this number, or of the one that it is `like`."""
    networks = (ip_network("10.0.12.0/24"),), (ip_network(f"10.99.99.{like or number}/32"),)
    path = Path(at("192.0.2.1"), at(remote), floated=True)
    child = Child(number, 1, path, Encapsulation.UDP, ESP, keys(1000 + number), keys(2000 + number), *networks)
    return replace(child, **changes)


def played(story, engine=None, *, empty=True):
    """What comes of a story with an engine that is open; `empty`: nothing is left behind."""

    async def whole():
        esp = engine or Engine()
        await esp.open()
        try:
            return await story(esp)
        finally:
            await esp.close()
            assert not empty or (esp.kernel.sas, esp.kernel.policies, esp.devices.there) == ({}, {}, [])

    return asyncio.run(whole())


async def heard(esp):
    """What was put into the kernel's socket is done with."""
    quiet = 0
    while quiet < 5:
        await asyncio.sleep(0)
        quiet = quiet + 1 if esp.kernel.heard.empty() and not esp._under_way else 0
    await esp.counters([])
