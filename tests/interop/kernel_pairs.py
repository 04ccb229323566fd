"""Two hosts in a kernel that has ESP, and what passes between them: run by test_interop_kernel_pairs.py.

Each host is a thread with a network of its own. What came of each step is printed as a line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from ipaddress import ip_address, ip_network

from lotor.hosts.xfrm.device import Devices
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.pairs import STAYS, XfrmEsp
from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity
from lotor.model.child import Child, DirectionKeys, Encapsulation, IpComp, Lifetime
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities

NEW_NETWORK = 0x40000000
UDP_ENCAP, ESP_IN_UDP = 100, 2
ALL_PROTOCOLS = 3
SO_RCVBUFFORCE = 33
CBC = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA256)
GCM = EspSuite(Cipher.AES_GCM_16, 128, None)
INNER_A, INNER_B = "10.0.12.1", "10.99.99.1"
PATIENCE, SOON = 60.0, 0.3
"""Seconds in which what must come does, and in which what may come would have."""


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


async def capabilities() -> Capabilities:
    return Capabilities(frozenset(Compression), rates=False, cuts=False)


class Host:
    """`outer`: its addresses outside, `inner`: the one inside."""

    def __init__(self) -> None:
        begun = threading.Event()
        threading.Thread(target=self._live, args=(begun,), daemon=True).start()
        begun.wait()

    def _live(self, begun: threading.Event) -> None:
        if ctypes.CDLL(None).unshare(NEW_NETWORK) != 0:
            raise SystemExit("no network of its own")
        self.thread = threading.get_native_id()
        self.loop = asyncio.new_event_loop()
        self.loop.call_soon(begun.set)
        self.loop.run_forever()

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def run(self, *words):
        """In its network."""

        async def ran():
            return run(*words)

        return self.do(ran())

    def begin(self, outer, inner, others):
        async def begun():
            run("ip", "link", "set", "lo", "up")
            run("ip", "address", "add", inner, "dev", "lo")
            for each in outer:
                run("ip", "address", "add", f"{each}/24", "dev", "veth0")
            run("ip", "link", "set", "veth0", "up")
            self.esp = XfrmEsp(Means(capabilities, Devices(), Xfrm), Wishes(1400))
            device = await self.esp.open()
            run("ip", "link", "set", device.name, "up")
            run("ip", "route", "add", others, "dev", device.name, "src", inner)
            self.encapsulated = [_encapsulated(each, port) for each in outer for port in (4500, 4600)]
            self.inner = _bound((inner, 7))
            self.seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self.seen.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            self.seen.bind(("veth0", ALL_PROTOCOLS))

        self.do(begun())

    def got(self, count, patience=PATIENCE):
        """How many datagrams came, until so many did."""
        came, end = 0, time.monotonic() + patience
        while came < count and time.monotonic() < end:
            try:
                self.inner.recv(2000)
                came += 1
            except BlockingIOError:
                time.sleep(0.005)
        return came

    def sent(self):
        """ESP that left: where to, SPI, sequence number, octets of the datagram, what is in UDP."""
        found = []
        while True:
            try:
                packet, about = self.seen.recvfrom(3000)
            except BlockingIOError:
                return found
            if about[2] == socket.PACKET_OUTGOING and (esp := _esp(packet)):
                found.append((str(ip_address(packet[16:20])), *esp, len(packet), packet[28:]))

    async def bound(self, address):
        return _bound((address, 8))

    def notices(self):
        return [str(each) for each in self.do(asyncio.wait_for(self.esp.notices(), PATIENCE))]


def _bound(where):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    made.bind(where)
    return made


def _encapsulated(address, port):
    made = _bound((address, port))
    made.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESP_IN_UDP)
    return made


def _esp(packet):
    """SPI and number of an IPv4 packet with ESP."""
    if packet[0] >> 4 != 4 or packet[9] not in {socket.IPPROTO_UDP, socket.IPPROTO_ESP}:
        return None
    spi, number = struct.unpack_from("!II", packet, 28 if packet[9] == socket.IPPROTO_UDP else 20)
    return (spi, number) if spi in range(1000, 3000) else None


def at(address, port=4500):
    return Peer(ip_address(address), port)


def keys(spi, suite):
    salted = suite.integrity is None
    return DirectionKeys(spi, Secret(bytes(range(20 if salted else 16))), Secret(bytes(0 if salted else range(32))))


def child(number, *, mirrored=False, suite=CBC, cpis=None, **changes):
    """As A has it, or `mirrored` as B has it."""
    sides = [
        (keys(1000 + number, suite), ip_network("10.0.12.0/24"), at("192.0.2.1")),
        (keys(2000 + number, suite), ip_network(f"{INNER_B}/32"), at("192.0.2.2")),
    ]
    (into, local, here), (out, remote, there) = reversed(sides) if mirrored else sides
    if cpis is not None:
        changes["compression"] = IpComp(Compression.DEFLATE, *(reversed(cpis) if mirrored else cpis))
    path = Path(here, there, floated=True)
    made = Child(number, 1, path, Encapsulation.UDP, suite, into, out, (local,), (remote,))
    return replace(made, **changes)


A, B = Host(), Host()


def tell(name, *value):
    sys.stdout.write(json.dumps([name, *value]) + "\n")


def both(number, **changes):
    A.do(A.esp.install(child(number, **changes)))
    B.do(B.esp.install(child(number, mirrored=True, **changes)))


def neither(number):
    A.do(A.esp.remove(number))
    B.do(B.esp.remove(number))


def cross(data=b"x" * 400, count=3):
    """How many of so many datagrams come to A, then to B."""
    for _ in range(count):
        B.inner.sendto(data, (INNER_A, 7))
    at_a = A.got(count)
    for _ in range(count):
        A.inner.sendto(data, (INNER_B, 7))
    return at_a, B.got(count)


def followed():
    """What A tells of a packet that comes from elsewhere. With IPComp it may not come in itself: what is too short for
    that goes to an SA that the kernel knows by the address of the peer."""
    time.sleep(STAYS)
    B.inner.sendto(b"here", (INNER_A, 7))
    (told,) = A.notices()
    A.got(1, SOON)
    return told


def renewal():
    both(1)
    tell("carries", cross())
    A.do(A.esp.install(child(2, replaces=1, sending=False)))
    B.do(B.esp.install(child(2, mirrored=True, replaces=1)))
    A.sent()
    tell("half renewed", cross(), sorted({each[1] for each in A.sent()}))
    A.do(A.esp.activate(2))
    tell("renewed", cross(), sorted({each[1] for each in A.sent()}))
    neither(1)
    tell("old one removed", cross())


def moves():
    B.do(B.esp.move(2, Path(at("192.0.2.2", 4600), at("192.0.2.1"), floated=True)))
    tell("other port", followed(), cross())
    B.do(B.esp.move(2, Path(at("192.0.2.22"), at("192.0.2.1"), floated=True)))
    told = followed()
    A.sent()
    tell("other address", told, cross(), sorted({each[0] for each in A.sent()}))
    A.do(A.esp.move(2, Path(at("192.0.2.11"), at("192.0.2.22"), floated=True)))
    B.do(B.esp.move(2, Path(at("192.0.2.22"), at("192.0.2.11"), floated=True)))
    tell("own address", cross())


def replays():
    """A packet that came before its peer moved, once more from where the peer is now."""
    B.sent()
    cross()
    recorded = B.sent()[-1]
    B.do(B.esp.move(2, Path(at("192.0.2.2"), at("192.0.2.11"), floated=True)))
    followed()
    before = A.do(A.esp.counters([2]))[2]
    B.encapsulated[0].sendto(recorded[-1], ("192.0.2.11", 4500))
    end = time.monotonic() + PATIENCE
    while (after := A.do(A.esp.counters([2]))[2]).replayed == before.replayed and time.monotonic() < end:
        time.sleep(0.05)
    came, after = A.got(1, SOON), A.do(A.esp.counters([2]))[2]
    tell("replay", came, after.replayed - before.replayed, after.packets_in - before.packets_in)


def flood():
    """Packets leave all the time while the peer moves."""
    stop = threading.Event()

    def pour():
        while not stop.is_set():
            A.inner.sendto(b"x" * 100, (INNER_B, 7))

    A.sent()
    pouring = threading.Thread(target=pour)
    pouring.start()
    for where in ("192.0.2.22", "192.0.2.2", "192.0.2.22"):
        time.sleep(0.1)
        A.do(A.esp.move(2, Path(at("192.0.2.11"), at(where), floated=True)))
    time.sleep(0.1)
    stop.set()
    pouring.join()
    numbers = [each[2] for each in A.sent()]
    tell("flood", len(numbers), numbers == sorted(set(numbers)))
    neither(2)
    while B.got(100, SOON):
        pass


def compressed():
    both(3, cpis=(0x1001, 0x2001))
    A.sent()
    tell("compressed", cross(b"x" * 1000), min(each[3] for each in A.sent()))
    tell("as it is", cross(os.urandom(600)), cross(b"short"))
    B.do(B.esp.move(3, Path(at("192.0.2.22"), at("192.0.2.1"), floated=True)))
    tell("compressed elsewhere", followed(), cross(b"x" * 1000), cross(b"short"))
    neither(3)


def native():
    both(4, suite=GCM, esn=True)
    A.sent()
    tell("in UDP", cross(), _octets())
    _go("192.0.2.2")
    tell("native", cross(), _octets())
    _go("192.0.2.22")
    tell("native elsewhere", cross(), _octets())
    _go("192.0.2.22", 4500)
    tell("in UDP again", cross(), _octets())
    neither(4)


def _octets():
    return sorted({each[3] for each in A.sent()})


def _go(there, port=500):
    """Where both have B of pair 4; beside port 4500 natively."""
    A.do(A.esp.move(4, Path(at("192.0.2.1", port), at(there, port), floated=port == 4500)))
    B.do(B.esp.move(4, Path(at(there, port), at("192.0.2.1", port), floated=port == 4500)))
    A.sent()


def lives():
    """By octets: 428 of each packet."""
    both(5, lifetime=Lifetime(None, None, 1000, 2000))
    for _ in range(8):
        with contextlib.suppress(OSError):  # nobody carries it any more
            A.inner.sendto(b"x" * 400, (INNER_B, 7))
    told = A.notices()
    told += A.notices() if len(told) < 2 else []
    left = A.run("ip", "xfrm", "state").count("proto esp"), A.run("ip", "xfrm", "policy").count("tmpl")
    tell("spent", told, left, A.do(A.esp.remove(5)).packets_out)
    B.do(B.esp.remove(5))


def strangers():
    """Packets of one client with the address of another, who has an SA pair of his own."""
    both(6)
    other = replace(child(7), remote_networks=(ip_network("10.99.99.2/32"),))
    A.do(A.esp.install(other))
    B.do(B.esp.remove(6))
    lying = replace(child(6, mirrored=True), local_networks=(ip_network("10.99.99.2/32"),))
    B.run("ip", "address", "add", "10.99.99.2", "dev", "lo")
    B.do(B.esp.install(lying))
    B.do(B.bound("10.99.99.2")).sendto(b"it is me", (INNER_A, 7))
    tell("another's address", A.got(1, SOON), A.do(A.esp.counters([6]))[6].packets_in)
    neither(6)
    A.do(A.esp.remove(7))


def scripts():
    """A policy of a script at each end, as racoon's phase1-up.sh has it, then a flush of all policies."""
    both(8)
    ends = ("10.0.12.0/24", "192.0.2.1"), (f"{INNER_B}/32", "192.0.2.2")
    tell("a script's policy", _scripted(A, *ends), _scripted(B, *reversed(ends)), cross())
    B.do(B.esp.install(child(9, mirrored=True, replaces=8)))
    A.do(A.esp.install(child(9, replaces=8)))
    neither(8)
    tell("renewed with it", _led(A), _led(B), cross())
    for each in (A, B):
        each.run("ip", "xfrm", "policy", "flush")
    tell("flushed", _led(A, "policy", "tmpl", 3), _led(B, "policy", "tmpl", 3), cross())
    neither(9)


def _scripted(host, own, far):
    words = f"src {own[0]} dst {far[0]} dir out tmpl src {own[1]} dst {far[1]} proto esp mode tunnel"
    host.run("ip", "xfrm", "policy", "add", *words.split())
    return _led(host)


def _led(host, what="state", words="reqid 0 ", count=1):
    """Whether there are so many, soon: of SAs with the policy's number, for example."""
    end = time.monotonic() + PATIENCE
    while host.run("ip", "xfrm", what).count(words) != count and time.monotonic() < end:
        time.sleep(0.05)
    return host.run("ip", "xfrm", what).count(words) == count


def main():
    A.run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", str(B.thread))
    A.begin(["192.0.2.1", "192.0.2.11"], INNER_A, "10.99.99.0/24")
    B.begin(["192.0.2.2", "192.0.2.22"], INNER_B, "10.0.12.0/24")
    for step in (renewal, moves, replays, flood, compressed, native, lives, strangers, scripts):
        step()
    for each in (A, B):
        each.do(each.esp.close())
    listed = [each.run("ip", "xfrm", what) for each in (A, B) for what in ("state", "policy")]
    tell("left", "".join(listed), A.run("ip", "-o", "link").count("lotor"))


try:
    main()
finally:
    sys.stdout.flush()
    sys.stderr.flush()
os._exit(0)  # the threads wait for work
