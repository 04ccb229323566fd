"""A program for a kernel with ESP: puts SAs of every kind into it, and tells what became of them, as JSON.

Each function is one of the tests in test_interop_kernel_tables.py, which ask no more than this program answers.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path as File

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lotor.hosts.rtnetlink import attributes_in
from lotor.hosts.xfrm import shapes
from lotor.hosts.xfrm.device import Devices
from lotor.hosts.xfrm.entries import (
    CompSa,
    Direction,
    Overrun,
    Policy,
    Protocol,
    Sa,
    SaExpired,
    SaId,
    SaMapped,
    SaTaken,
    State,
    Wanted,
)
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.netlink import Xfrm, kernel
from lotor.hosts.xfrm.pairs import XfrmEsp
from lotor.hosts.xfrm.probe import Named, capabilities, probe
from lotor.hosts.xfrm.shapes import Message
from lotor.hosts.xfrm.suites import AEADS, CIPHERS
from lotor.model.algorithms import KEY_LENGTHS, Cipher, Compression, EspSuite, Integrity
from lotor.model.child import Child, DirectionKeys, Encapsulation, Lifetime
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities

US, PEER, PEER6 = (ip_address(each) for each in ("192.0.2.1", "198.51.100.7", "2001:db8:1::7"))
US6, HERE = ip_address("2001:db8::1"), ip_address("127.0.0.1")
REQID = 0x6C6F0007
INBOUND, OUTBOUND = 0x10000, 0x20000
"""The first SPIs of a thousand pairs."""
GCM = EspSuite(Cipher.AES_GCM_16, 256, None)
DIGESTS = dict(zip(Integrity, (16, 20, 32, 48, 64), strict=True))
UDP_ENCAP, ESP_IN_UDP = 100, 2
DEVICE = ("ip link add out0 type dummy", "ip address add 192.0.2.1/24 dev out0", "ip link set out0 up")
WAY = "ip route add default via 192.0.2.7"
HOOKS = File(__file__).parents[2] / "share" / "hooks"
TUNNEL = f"INTERNAL_ADDR4=10.99.99.3 SPLIT_INCLUDE_CIDR=10.0.0.0/8 LOCAL_ADDR={US} REMOTE_ADDR={PEER}"
"""What a sample script hears of it."""

xfrm = Xfrm()


def sh(line: str) -> str:
    done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def suites() -> Iterator[EspSuite]:
    """Every cipher with its longest key, every digest, and lengths of AES."""
    for cipher in (*AEADS, *CIPHERS):
        bits = KEY_LENGTHS.get(cipher, (0,))[-1]
        yield EspSuite(cipher, bits, None if cipher in AEADS else Integrity.HMAC_SHA1)
    yield from (EspSuite(Cipher.AES_CBC, 128, each) for each in Integrity)
    yield from (EspSuite(Cipher.AES_GCM_16, bits, None) for bits in (128, 192))


def sa(spi: int, suite: EspSuite = GCM, **more) -> Sa:
    octets = suite.key_bits // 8 or {Cipher.TRIPLE_DES_CBC: 24}.get(suite.cipher, 32)
    key = bytes(range(octets + (4 if suite.cipher in AEADS else 0)))
    digest = bytes(range(DIGESTS[suite.integrity])) if suite.integrity else b""
    ends = {"source": Peer(US, 4500), "destination": Peer(PEER, 61001), "encapsulation": Encapsulation.NONE}
    return Sa(suite=suite, keys=DirectionKeys(spi, Secret(key), Secret(digest)), reqid=REQID, **(ends | more))


def variants(suite: EspSuite) -> Iterator[Sa]:
    """Native and in UDP, over both IP versions, with and without ESN, in both directions."""
    six = {"source": Peer(US6, 4500), "destination": Peer(PEER6, 61001)}
    yield sa(0x1000, suite, outbound=True, mark=0x6C, lifetime=Lifetime(3000, 3600, 10**9, 2 * 10**9))
    yield sa(0x1001, suite, encapsulation=Encapsulation.UDP, replay_window=4096, esn=True)
    yield sa(0x1002, suite, encapsulation=Encapsulation.UDP, outbound=True, esn=True, sequence=1 << 32, **six)
    yield sa(0x1003, suite, replay_window=32, **six)


async def every_suite_is_installed_listed_and_removed() -> list[str]:
    told = []
    for suite in suites():
        entries = list(variants(suite))
        for each in entries:
            await xfrm.add(each)
        listed = {each.id: each for each in await xfrm.states()}
        assert set(listed) == {each.id for each in entries}, (suite, listed)
        assert listed[entries[2].id].sent == 1 << 32
        assert len(listed[entries[1].id].window) == 512
        gone = [await xfrm.remove(each.id) for each in entries]
        assert [each.id for each in gone if each is not None] == [each.id for each in entries]
        assert [await xfrm.remove(each.id) for each in entries] == [None] * 4
        assert await xfrm.states() == []
        told.append(str(suite))
    return told


async def ip_shows_what_was_asked_for() -> str:
    for each in variants(GCM):
        await xfrm.add(each)
    shown = sh("ip -d xfrm state")
    assert await xfrm.flush() == 4
    return re.sub(r"0x[0-9a-f]{40,}", "KEY", shown)


async def an_sa_of_ours_is_the_one_that_ip_makes() -> list[bool]:
    """The octets that the kernel tells of it."""
    key = bytes(range(36)).hex()
    ends = "src 192.0.2.1 dst 198.51.100.7 proto esp spi 0x1001 reqid 0x6c6f0007 mode tunnel"
    how = f"aead rfc4106(gcm(aes)) 0x{key} 128 encap espinudp 4500 61001 0.0.0.0 flag af-unspec esn replay-window 1024"
    same = []
    for extra, more in (("", {}), (" if_id 7 output-mark 0x6c", {"interface": 7, "mark": 0x6C, "outbound": True})):
        made = sh(f"ip xfrm state add {ends} {how}{extra}")
        assert not made, made
        theirs = await _told()
        await xfrm.flush()
        await xfrm.add(sa(0x1001, encapsulation=Encapsulation.UDP, replay_window=1024, esn=True, **more))
        same.append(theirs == await _told())
        await xfrm.flush()
    return same


async def _told() -> tuple[dict, dict]:
    with kernel() as asked:
        (body,) = await asked.dump(Message.GET_SA, b"")
    return shapes.SA.read(body) | {"lived": b""}, attributes_in(body[shapes.SA.size :])


async def a_bundle_with_ipcomp() -> list[str]:
    comp = CompSa(US, PEER, 0x1234, Compression.DEFLATE, REQID)
    esp = sa(0x1000, tunnel=False, outbound=True)
    networks = ip_network("10.99.99.0/24"), ip_network("10.0.0.0/8")
    bundle = Policy(Direction.OUT, *networks, US, PEER, REQID, spi=0x1000, comp=True)
    for each in (comp, esp):
        await xfrm.add(each)
    await xfrm.set_policy(bundle)
    listed = sorted(each.id.protocol.name for each in await xfrm.states())
    assert (await xfrm.state(comp.id)).id == SaId(PEER, 0x1234, Protocol.IPCOMP)
    shown = sh("ip xfrm policy")
    assert await xfrm.flush() == 3
    assert sh("ip xfrm policy") == ""
    return [*listed, *re.findall(r"proto (\w+)", shown)]


async def what_others_put_there_stays() -> dict[str, object]:
    key = f"aead rfc4106(gcm(aes)) 0x{bytes(range(36)).hex()} 128"
    for spi, reqid in ((0x1000, 1), (0x2000, 0x6C6E_FFFF), (0x2001, 0x6C70_0000)):
        ends = f"src 192.0.2.1 dst 198.51.100.7 proto esp spi {spi} reqid {reqid}"
        assert not sh(f"ip xfrm state add {ends} mode tunnel {key}")
    template = "tmpl src 192.0.2.1 dst 198.51.100.7 proto esp reqid 1 mode tunnel"
    assert not sh(f"ip xfrm policy add src 10.7.0.0/24 dst 10.8.0.0/24 dir out {template}")
    before = sh("ip xfrm state") + sh("ip xfrm policy")
    theirs, refused = sa(0x1000), []
    for asked in (xfrm.add(theirs), xfrm.update(theirs)):
        try:
            await asked
        except OSError as error:
            refused.append(str(error.strerror))
    assert (await xfrm.state(theirs.id), await xfrm.remove(theirs.id)) == (None, None)
    came = await xfrm.add_all([theirs, sa(0x1003), theirs])
    assert [type(each) for each in came] == [FileExistsError, type(None), FileExistsError]
    gone = await xfrm.remove_all([theirs.id, sa(0x1003).id, theirs.id])
    assert [each and each.id.spi for each in gone] == [None, 0x1003, None]
    await xfrm.add(sa(0x1001))
    await xfrm.set_policy(Policy(Direction.OUT, ip_network("10.7.0.0/24"), ip_network("10.9.0.0/24"), US, PEER, REQID))
    flushed = await xfrm.flush()
    stayed = before == sh("ip xfrm state") + sh("ip xfrm policy")
    sh("ip xfrm state flush"), sh("ip xfrm policy flush")
    return {"refused": refused, "flushed": flushed, "stayed": stayed}


async def a_thousand_pairs_come_and_go() -> list[object]:
    """Another program has the number of one of them already, and puts an SA in the place of another one's."""
    ends, how = "src 192.0.2.1 dst 198.51.100.7 proto esp", "reqid 1 mode tunnel"
    key = f"aead rfc4106(gcm(aes)) 0x{bytes(range(36)).hex()} 128"
    refused = sh(f"ip xfrm policy add src 10.7.0.0/24 dst 10.8.0.0/24 dir out tmpl {ends} {how}")
    refused += sh(f"ip xfrm state add {ends} spi {OUTBOUND + 500} {how} {key}")
    esp = XfrmEsp(Means(_everything, Devices(), Xfrm), Wishes(1400))
    await esp.open()
    came = [await _installed(esp, number) for number in range(1000)]
    there = len(await xfrm.states()), sum(not each.foreign for each in await xfrm.list_policies())
    refused += sh(f"ip xfrm state delete {ends} spi {OUTBOUND + 700}")
    refused += sh(f"ip xfrm state add {ends} spi {OUTBOUND + 700} {how} {key}")
    gone = [await esp.remove(number + 1) for number in range(1000)]
    left = sh("ip xfrm state"), sh("ip xfrm policy")
    await esp.close()
    spis = [int(each, 16) - OUTBOUND for each in re.findall(r"spi (0x\w+)", left[0])]
    sh("ip xfrm state flush"), sh("ip xfrm policy flush")
    return [refused, came.count(None), there, gone.count(None), sorted(spis), left[1].count("tmpl")]


async def _installed(esp: XfrmEsp, number: int) -> int | None:
    """The number of the error."""
    keys = [DirectionKeys(first + number, Secret(bytes(36)), Secret(b"")) for first in (INBOUND, OUTBOUND)]
    networks = (ip_network("0.0.0.0/0"),), (ip_network(ip_address("10.99.0.1") + number),)
    path = Path(Peer(US, 4500), Peer(PEER, 4500), floated=True)
    try:
        await esp.install(Child(number + 1, number + 1, path, Encapsulation.UDP, GCM, *keys, *networks))
    except OSError as error:
        return error.errno
    return None


async def _everything() -> Capabilities:
    return Capabilities(frozenset(), rates=False, cuts=False)


async def a_lifetime_ends() -> list[str]:
    """By octets, softly and then hard; the packets leave by a device that throws them away."""
    heard = xfrm.told()
    await xfrm.add(sa(0x1000, outbound=True, lifetime=Lifetime(soft_octets=100, hard_octets=5000)))
    inside = ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8")
    await xfrm.set_policy(Policy(Direction.OUT, *inside, US, PEER, REQID, spi=0x1000))
    told = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while not told or not told[-1].hard:
            for _ in range(10):
                try:
                    sender.sendto(bytes(500), ("10.1.1.1", 9))
                except OSError:  # there is no SA any more
                    break
            told.append(await anext(heard))
            assert isinstance(told[-1], SaExpired)
    await xfrm.flush()
    assert told[-1].state.octets >= 5000
    return ["hard" if each.hard else "soft" for each in told]


async def a_peer_comes_from_elsewhere() -> dict[str, object]:
    """What the kernel opens, what it refuses, and where it says that the peer is; then it is there."""
    heard = xfrm.told()
    ends = {"source": Peer(HERE, 4502), "destination": Peer(HERE, 4500), "encapsulation": Encapsulation.UDP}
    entry = sa(0x1000, esn=True, replay_window=64, **ends)
    await xfrm.add(entry)
    with _udp(4500) as receiver, _udp(4501) as sender:
        receiver.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESP_IN_UDP)
        for packet in (_sealed(7), _sealed(7), _sealed(8)[:-1] + b"!"):
            sender.sendto(packet, (str(HERE), 4500))
        moved = await anext(heard)
        assert isinstance(moved, SaMapped)
        state = await _after(entry.id, 3)
        await xfrm.update(replace(entry, source=moved.remote))
        sender.sendto(_sealed(9), (str(HERE), 4500))
        last = await _after(entry.id, 4)
        shown = re.findall(r"sport (\d+)", sh("ip xfrm state"))
    await xfrm.flush()
    figures = [state.packets, state.replayed, state.forged, state.received, last.packets, last.received]
    return {"remote": str(moved.remote), "figures": figures, "ports": shown}


async def _after(sa: SaId, packets: int) -> State:
    """Once so many came, good or bad: the kernel may look at them later."""
    while True:
        state = await xfrm.state(sa)
        assert state is not None
        if state.packets + state.replayed + state.forged >= packets:
            return state


def _udp(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((str(HERE), port))
    return opened


def _sealed(sequence: int) -> bytes:
    """An ESP packet with an IPv4 header in it, as RFC 4303 and RFC 4106 have it, with ESN."""
    key = bytes(range(36))
    inner = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20, 0, 0, 64, 59, 0, bytes(4), HERE.packed)
    head = struct.pack("!II", 0x1000, sequence)
    nonce = sequence.to_bytes(8)
    sealed = AESGCM(key[:32]).encrypt(key[32:] + nonce, inner + b"\1\2\2\4", struct.pack("!III", 0x1000, 0, sequence))
    return head + nonce + sealed


async def made_anew_it_refuses_what_came_before() -> list[int]:
    ends = {"source": Peer(HERE, 4501), "destination": Peer(HERE, 4500), "encapsulation": Encapsulation.UDP}
    entry = sa(0x1000, esn=True, replay_window=64, **ends)
    await xfrm.add(entry)
    with _udp(4500) as receiver, _udp(4501) as sender:
        receiver.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESP_IN_UDP)
        sender.sendto(_sealed(7), (str(HERE), 4500))
        last = await _after(entry.id, 1)
        await xfrm.remove(entry.id)
        await xfrm.add(replace(entry, received=last.received, window=last.window))
        for sequence in (7, 5, 5):
            sender.sendto(_sealed(sequence), (str(HERE), 4500))
        state = await _after(entry.id, 3)
    await xfrm.flush()
    return [state.packets, state.replayed, state.received]


async def the_place_of_an_sa_that_a_packet_waits_for_is_its_own() -> list[object]:
    """Where some program, as `ip xfrm monitor`, listens to what the kernel needs."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6) as listener:
        listener.bind((0, 1))
        networks = ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8")
        await xfrm.set_policy(Policy(Direction.OUT, *networks, US, PEER, REQID, spi=0x1000))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"now", ("10.1.1.1", 9))
        entry = sa(0x1000, outbound=True)
        waiting = (await xfrm.state(entry.id), await xfrm.states(), "0x00001000" in sh("ip xfrm state"))
        await xfrm.add(entry)
        found = await xfrm.remove(entry.id)
        await xfrm.flush()
    return [*waiting, found is not None, sh("ip xfrm state")]


async def a_packet_waits() -> list[object]:
    """By lotor's policy, by that of a script, and with an SA that is there for it."""
    heard, told = xfrm.told(), []
    own = Policy(Direction.OUT, ip_network("192.0.2.0/24"), ip_network("10.1.0.0/16"), US, PEER, REQID, spi=0x1000)
    await xfrm.set_policy(own)
    template = "tmpl src 192.0.2.1 dst 198.51.100.7 proto esp mode tunnel"
    sh(f"ip xfrm policy add src 192.0.2.0/24 dst 10.2.0.0/16 dir out {template}")
    foreign = (await anext(heard)).policy
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for address in ("10.1.0.1", "10.2.0.1"):
            sender.sendto(b"now", (address, 9))
            told.append(await anext(heard) == Wanted(own if address == "10.1.0.1" else foreign))
        await xfrm.unwait(sa(0x1000).id)
        entry = sa(0x1000, outbound=True, led=True)
        await xfrm.add(replace(entry, reqid=0))
        sender.sendto(b"now", ("10.2.0.1", 9))
        carried = (await xfrm.state(entry.id)).packets
    left = await xfrm.flush()
    stayed = sh("ip xfrm policy").count("10.2.0.0/16"), sh("ip xfrm state")
    sh("ip xfrm policy flush")
    return [*told, carried, left, *stayed]


async def the_samples_set_policies_and_take_them_away() -> list[int]:
    """Beside one of lotor's own for the same packets. `ip` shows its label, and that of an SA that serves others'."""
    await xfrm.set_policy(Policy(Direction.OUT, ip_network("10.99.99.3"), ip_network("10.0.0.0/8"), US, PEER, REQID))
    there = []
    for event in ("up", "up", "down"):
        assert not sh(f"env {TUNNEL} {HOOKS}/policies-{event}.sh")
        there.append(sh("ip xfrm policy").count("tmpl"))
    await xfrm.add(replace(sa(0x1000, outbound=True, led=True), reqid=0))
    labels = [sh("ip -s xfrm policy").count("uid 1819243631"), sh("ip -s xfrm state").count(" seq 0x1819243631 ")]
    return [*there, *labels, await xfrm.flush()]


async def ip_monitor_tells_what_is_done() -> list[str]:
    monitor = _monitor()
    entry = sa(0x1001, encapsulation=Encapsulation.UDP)
    way_in = Policy(Direction.IN, ip_network("10.0.0.0/8"), ip_network("10.99.99.0/24"), PEER, US, REQID)
    await xfrm.add(entry)
    await xfrm.update(replace(entry, destination=Peer(PEER, 61002)))
    await xfrm.set_policy(way_in)
    await xfrm.set_policy(replace(way_in, priority=7))
    await xfrm.remove_policy(way_in)
    await xfrm.remove(entry.id)
    told = _told_by(monitor, f"Deleted src {US} dst {PEER}")
    return re.findall(r"^(?:Updated |Deleted )?src.*|dport \d+|priority [1-9]\d*", told, re.MULTILINE)


def _monitor() -> subprocess.Popen[str]:
    """Once it listens."""
    monitor = subprocess.Popen(["stdbuf", "-oL", "ip", "xfrm", "monitor"], stdout=subprocess.PIPE, text=True)
    while not re.search(rf"\s6 +{monitor.pid} ", File("/proc/net/netlink").read_text()):
        pass
    return monitor


def _told_by(monitor: subprocess.Popen[str], last: str) -> str:
    """All until that line."""
    lines = [monitor.stdout.readline()]
    while not lines[-1].startswith(last):
        lines.append(monitor.stdout.readline())
    monitor.terminate()
    monitor.wait()
    return "".join(lines)


async def others_take_sas_away() -> list[object]:
    """With `ip xfrm state delete`, and with a flush, as `setkey -F` does; lotor's own removals are heard as well."""
    heard, told = xfrm.told(), []
    for spi in (0x1000, 0x1001, 0x1002):
        await xfrm.add(sa(spi))
    sh("ip xfrm state delete dst 198.51.100.7 proto esp spi 0x1000")
    await xfrm.remove(sa(0x1001).id)
    sh("ip xfrm state flush")
    while not told or told[-1] != "all":
        event = await anext(heard)
        told.append(hex(event.state.id.spi) if isinstance(event, SaTaken) else "all" if event == Overrun() else event)
    return told


async def the_kernel_carries_every_suite() -> list[int]:
    found = await probe(tuple(suites()))
    assert found.suites == set(suites())
    assert sh("ip xfrm state") == ""
    return [sorted(found.versions), sorted(found.in_udp), len(found.compressions)]


async def a_device_that_seals_nothing_is_no_hindrance() -> dict[str, object]:
    """This kernel hands ESP to no device, and refuses an SA for one, or makes it without."""
    refused = []
    for outbound in (True, False):
        try:
            await xfrm.add(sa(0x1001 + outbound, device="out0", outbound=outbound))
        except OSError as error:
            refused.append(error.strerror)
        await xfrm.flush()
    await xfrm.add(sa(0x1001, device="none", encapsulation=Encapsulation.UDP))
    in_udp = len(await xfrm.states())
    await xfrm.flush()
    esp = XfrmEsp(Means(lambda: capabilities(Named()), Devices(), Xfrm), Wishes(1400, offload="out0"))
    opened = await esp.open()
    networks = (ip_network("10.0.12.0/24"),), (ip_network("10.99.99.1/32"),)
    path, own, theirs = Path(Peer(US, 500), Peer(PEER, 500)), sa(0x1001).keys, sa(0x2002).keys
    await esp.install(Child(1, 1, path, Encapsulation.NONE, GCM, own, theirs, *networks))
    shown = sh("ip xfrm state")
    await esp.close()
    return {
        "refused": refused,
        "in_udp": in_udp,
        "why": opened.hindrance,
        "sas": shown.count("proto esp"),
        "shown": shown,
    }


async def what_the_kernel_lacks_is_found() -> list[object]:
    """Of IPComp in a tunnel the SA of what stays as it is, and of IPComp alone its algorithm."""
    told: list[object] = []
    for gone in (("camellia_generic", "xfrm4_tunnel"), ("deflate",)):
        said = [sh(f"modprobe -r {each}") for each in gone]
        found = await capabilities(Named((tuple(suites()),), compressions=(Compression.DEFLATE,)))
        said += [sh("ip xfrm state"), sh(f"modprobe -a {' '.join(gone)}")]
        told += [sorted(map(str, found.lacking)), len(found.compressions), "".join(said)]
    return told


TESTS = (
    a_device_that_seals_nothing_is_no_hindrance,
    what_the_kernel_lacks_is_found,
    the_kernel_carries_every_suite,
    every_suite_is_installed_listed_and_removed,
    ip_shows_what_was_asked_for,
    an_sa_of_ours_is_the_one_that_ip_makes,
    a_bundle_with_ipcomp,
    what_others_put_there_stays,
    a_thousand_pairs_come_and_go,
    a_lifetime_ends,
    a_peer_comes_from_elsewhere,
    made_anew_it_refuses_what_came_before,
    others_take_sas_away,
    a_packet_waits,
    the_samples_set_policies_and_take_them_away,
    ip_monitor_tells_what_is_done,
    the_place_of_an_sa_that_a_packet_waits_for_is_its_own,
)


async def main() -> dict[str, object]:
    for line in (*DEVICE, WAY):
        sh(line)
    told: dict[str, object] = {}
    for test in TESTS:
        try:
            told[test.__name__] = await asyncio.wait_for(test(), 60)
        except BaseException:  # noqa: BLE001 - the test outside must hear of it, and of the others
            told[test.__name__] = traceback.format_exc()
            await xfrm.flush()
    return told


if __name__ == "__main__":
    json.dump(asyncio.run(main()), sys.stdout)
