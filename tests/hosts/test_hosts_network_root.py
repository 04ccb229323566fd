"""`network { }` on a host of its own: what is forwarded, translated, clamped and refused, and how all of it goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest

from hosts.private_namespace import Tun, datagram, in_namespace, ip, picture
from lotor.config import loads
from lotor.hosts.changes import Machine
from lotor.hosts.commands import Commands
from lotor.hosts.netlink import Netlink
from lotor.hosts.network import NetworkHost, Whose, standing
from lotor.hosts.network_table import Plan, difference, found

pytestmark = pytest.mark.root

POOL = (ip_network("10.99.99.0/24"),)
ALICE, BOB, CAROL = ("10.99.99.1", "10.99.99.2", "10.99.99.3")
INSIDE = "10.0.12.10"
GROUPS = {"alice": frozenset({"staff"}), "carol": frozenset({"staff", "guests"})}
FORWARD = "net/ipv4/ip_forward"
REPLY, SYN = 0x12, 0x02


def plan(text: str, clients=POOL) -> Plan:
    network = loads(f"network {{ {text} }}").settings.network
    assert network is not None
    return Plan(network, clients)


def switches() -> dict[str, str]:
    """All of the kernel's switches that forwarding could touch."""
    found: dict[str, str] = {}
    for place in ("net/ipv4", "net/ipv6"):
        for name in (
            "ip_forward",
            "conf/*/forwarding",
            "conf/*/accept_redirects",
            "conf/*/accept_ra",
            "conf/*/proxy_*",
        ):
            found |= {str(each): each.read_text() for each in Path("/proc/sys", place).glob(name)}
    return found


def whole() -> tuple[object, ...]:
    return switches(), picture(), ip("-4 neigh show proxy"), ip("-6 neigh show proxy")


def value(name: str, changed: str | None = None) -> str:
    """What a switch of the kernel stands at, once it was changed."""
    place = Path("/proc/sys", name)
    if changed is not None:
        place.write_text(changed)
    return place.read_text().strip()


def nft(*words: str) -> str | None:
    done = subprocess.run(["nft", *words], check=False, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def there():
    listed = nft("-j", "list", "table", "inet", "lotor_network")
    return found(listed) if listed is not None else None


class Site:
    """A gateway between clients, who are behind `lotor0`, and the inside."""

    def __init__(self, state: Path) -> None:
        self.tunnel, self.inside = Tun("lotor0"), Tun("inside0", "10.0.12.1/24")
        ip("link set lotor0 mtu 1300 up")
        ip("route add 10.99.99.0/24 dev lotor0")
        for name in ("net/ipv4/conf/all/accept_redirects", "net/ipv4/ip_forward"):
            Path("/proc/sys", name).write_text("0")
        self.host = NetworkHost(state / "network", groups_of=lambda user: GROUPS.get(user, frozenset()))

    def begun(self, source: str, target: str = INSIDE, port: int = 22, *, mss: int = 1460) -> list[bytes]:
        """What comes out inside after a client begins a TCP connection."""
        self.inside.packets()
        self.tunnel.arrive(segment((source, 40000), (target, port), SYN, mss))
        return [each for each in self.inside.packets() if each[0] >> 4 == 4]

    def passes(self, source: str, target: str = INSIDE, port: int = 22) -> bool:
        return bool(self.begun(source, target, port))


def segment(source: tuple[str, int], target: tuple[str, int], flags: int, mss: int = 1460) -> bytes:
    options = struct.pack("!BBH", 2, 4, mss)
    tcp = struct.pack("!HHIIBBHHH", source[1], target[1], 7, 8, 6 << 4, flags, 1000, 0, 0) + options
    ends = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    tcp = tcp[:16] + _sum(ends + struct.pack("!BBH", 0, 6, len(tcp)) + tcp) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + ends
    return head[:10] + _sum(head) + head[12:] + tcp


def _sum(octets: bytes) -> bytes:
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def told_mss(packet: bytes) -> int:
    return int(struct.unpack_from("!H", packet, 42)[0])


async def everybody(host: NetworkHost) -> None:
    await host.lead("lotor0")
    for number, (user, address) in enumerate((("alice", ALICE), ("bob", BOB), ("carol", CAROL)), 1):
        await host.admit(number, Whose(user), frozenset({IPv4Address(address)}))


@in_namespace
def test_packets_are_forwarded_translated_and_clamped_and_all_of_it_goes(tmp_path: Path) -> None:
    site = Site(tmp_path)
    Path("/proc/sys/net/ipv4/conf/inside0/forwarding").write_text("1")
    before = whole()

    async def story() -> None:
        assert not site.passes(ALICE)
        await site.host.use(plan("masquerade interface inside0;"))
        await everybody(site.host)
        [packet] = site.begun(ALICE)
        assert socket.inet_ntoa(packet[12:16]) == "10.0.12.1"
        assert told_mss(packet) == 1260
        site.inside.arrive(segment((INSIDE, 22), ("10.0.12.1", 40000), REPLY))
        [answer] = [each for each in site.tunnel.packets() if each[0] >> 4 == 4]
        assert socket.inet_ntoa(answer[16:20]) == ALICE
        assert told_mss(answer) == 1260
        await site.host.stop()
        assert whole() == before
        await site.host.stop()

    asyncio.run(story())


@in_namespace
def test_rules_hold_in_their_order_for_proved_users(tmp_path: Path) -> None:
    site = Site(tmp_path)
    rules = f"""deny group "guests" to any; allow group "staff" to {INSIDE} tcp 22, 443;
                allow user "bob" to 10.0.12.11; allow everyone to 10.0.12.53 udp 53;"""

    async def story() -> None:
        await site.host.use(plan(rules))
        await site.host.lead("lotor0")
        assert not site.passes(ALICE), "nobody is logged in"
        await everybody(site.host)
        assert site.passes(ALICE)
        assert site.passes(ALICE, port=443)
        assert not site.passes(ALICE, port=80)
        assert not site.passes(ALICE, "10.0.12.11")
        assert not site.passes(BOB)
        assert site.passes(BOB, "10.0.12.11", 80)
        assert not site.passes(CAROL), "the first rule that fits"
        site.inside.packets()
        site.tunnel.arrive(datagram((CAROL, 5), ("10.0.12.53", 53), b"?"))
        assert not site.inside.packets()
        site.tunnel.arrive(datagram((BOB, 5), ("10.0.12.53", 53), b"?"))
        assert site.inside.packets()
        site.host.dismiss(1)
        await site.host.admit(4, Whose("bob"), frozenset({IPv4Address(ALICE)}))
        assert not site.passes(ALICE), "another has the address now"
        assert site.passes(ALICE, "10.0.12.11")
        await site.host.use(plan('allow user "bob" to 10.0.12.99;'))
        assert not site.passes(ALICE, "10.0.12.11"), "a known connection, too"
        assert site.passes(ALICE, "10.0.12.99")
        await site.host.use(plan(""))
        assert site.passes(CAROL, "10.0.12.11")

    asyncio.run(story())


@in_namespace
def test_clients_answer_the_inside_and_reach_this_host_by_the_rules(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def story() -> None:
        await site.host.use(plan('allow user "alice" to 10.0.12.1;'))
        await everybody(site.host)
        site.tunnel.packets()
        site.inside.arrive(segment((INSIDE, 5000), (BOB, 3389), SYN))
        assert [each for each in site.tunnel.packets() if each[0] >> 4 == 4]
        site.inside.packets()
        site.tunnel.arrive(segment((BOB, 3389), (INSIDE, 5000), REPLY))
        assert site.inside.packets()
        for source, kind in ((ALICE, 6), (BOB, 1)):  # a reset of the kernel's TCP, or word of the refusal
            site.tunnel.arrive(segment((source, 41000), ("10.0.12.1", 9), SYN))
            [answer] = [each for each in site.tunnel.packets() if each[0] >> 4 == 4]
            assert answer[9] == kind

    asyncio.run(story())


@in_namespace
def test_a_refusal_of_nft_leaves_what_was(tmp_path: Path) -> None:
    site = Site(tmp_path)
    fails = tmp_path / "bin"
    fails.mkdir()
    (fails / "nft").write_text("#!/bin/sh\necho 'Error: No such file or directory'\nexit 1\n")
    (fails / "nft").chmod(0o755)

    async def story() -> None:
        before = whole()
        broken = NetworkHost(tmp_path / "other", Machine(Netlink(), Commands(str(fails))))
        with pytest.raises(OSError, match=r"No such file or directory"):
            await broken.use(plan("masquerade on;"))
        assert whole() == before
        assert standing(tmp_path / "other") is None
        await site.host.use(plan('allow user "alice" to any;'))
        await everybody(site.host)
        there = whole()
        site.host._machine = Machine(Netlink(), Commands(str(fails)))
        with pytest.raises(OSError, match="was not made"):
            await site.host.use(plan("masquerade on; proxy_arp inside0;"))
        assert whole() == there
        with pytest.raises(OSError, match="was not made"):
            await site.host.admit(9, Whose("alice"), frozenset({IPv4Address("10.99.99.9")}))
        site.host._machine = Machine()
        await site.host.admit(10, Whose("alice"), frozenset({IPv4Address("10.99.99.10")}))
        assert site.passes("10.99.99.10")
        assert not site.passes("10.99.99.9")
        assert site.passes(ALICE)

    asyncio.run(story())


@in_namespace
def test_a_host_whose_switches_are_shut_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path)
    before = whole()
    subprocess.run(["mount", "--bind", "-o", "ro", "/proc/sys", "/proc/sys"], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", "/proc/sys"], check=True)
    with pytest.raises(OSError, match=r"net.ipv4.ip_forward cannot be set to 1: Read-only .* --sysctl"):
        asyncio.run(site.host.use(plan("masquerade on;")))
    assert whole() == before
    asyncio.run(site.host.use(plan("masquerade on; forward off;")))
    asyncio.run(site.host.stop())
    assert whole() == before


@in_namespace
def test_a_table_that_is_flushed_is_made_anew_with_who_is_there(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def story() -> None:
        await site.host.use(plan('allow user "alice" to any;'))
        await everybody(site.host)
        await asyncio.sleep(0.2)
        assert nft("flush", "ruleset") is not None
        for _ in range(1200):
            await asyncio.sleep(0.05)
            if difference(site.host.plan, there()) == []:
                break
        assert difference(site.host.plan, there()) == []
        assert site.passes(ALICE)
        assert not site.passes(BOB)
        assert nft("add rule inet lotor_network access accept") is not None
        assert "somebody added a rule in access: accept" in difference(site.host.plan, there())

    asyncio.run(story())


@in_namespace
def test_what_somebody_changed_meanwhile_stays(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def story() -> None:
        await site.host.use(plan(""))
        assert value(FORWARD) == "1"
        value("net/ipv4/conf/all/accept_redirects", "1")
        await site.host.stop()
        assert (value(FORWARD), value("net/ipv4/conf/all/accept_redirects")) == ("0", "1")
        value(FORWARD, "1")
        await site.host.use(plan(""))
        await site.host.stop()
        assert value(FORWARD) == "1"

    asyncio.run(story())


@in_namespace
def test_one_that_was_killed_is_cleaned_up_and_one_that_runs_is_left_alone(tmp_path: Path) -> None:
    Site(tmp_path)
    before = whole()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        asyncio.run(NetworkHost(tmp_path / "network").use(plan("masquerade on; proxy_arp inside0;")))
        os.write(writer, b".")
        signal.pause()
        os._exit(9)
    os.read(reader, 1)
    there = whole()
    other = NetworkHost(tmp_path / "network")
    with pytest.raises(OSError, match=f"process {child} of lotor"):
        asyncio.run(other.use(plan("")))
    assert whole() == there
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert asyncio.run(other.clean()) == 3
    assert whole() == before


@in_namespace
def test_ipv6_goes_on_taking_advertisements_and_is_answered_for(tmp_path: Path) -> None:
    site = Site(tmp_path)
    conf = Path("/proc/sys/net/ipv6/conf")
    (conf / "inside0/accept_ra").write_text("1")
    ip("-6 neigh add proxy fd00:99::2 dev inside0")
    before = whole()
    clients = (ip_network("10.99.99.0/30"), ip_network("fd00:99::/126"))

    async def story() -> None:
        await site.host.use(plan("proxy_arp inside0; masquerade on;", clients))
        assert (conf / "all/forwarding").read_text() == "1\n"
        assert (conf / "inside0/accept_ra").read_text() == "2\n"
        assert (conf / "inside0/proxy_ndp").read_text() == "1\n"
        shown = ip("-6 neigh show proxy dev inside0") + ip("-4 neigh show proxy dev inside0")
        assert sorted(line.split()[0] for line in shown.splitlines()) == sorted(
            str(each) for network in clients for each in network
        )
        fewer = (ip_network("10.99.99.2/31"), ip_network("fd00:99::/126"))
        await site.host.use(plan("proxy_arp inside0;", fewer))
        assert sorted(line.split()[0] for line in ip("-4 neigh show proxy dev inside0").splitlines()) == [
            "10.99.99.2",
            "10.99.99.3",
        ]
        assert json.loads(ip("-j -6 neigh show proxy dev inside0"))
        await site.host.stop()
        assert whole() == before

    asyncio.run(story())


@in_namespace
def test_a_device_that_went_down_and_up_is_answered_for_again(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def story() -> None:
        await site.host.use(plan("proxy_arp inside0;", (ip_network("10.99.99.0/31"),)))
        shown = ip("-4 neigh show proxy")
        assert shown.count("inside0") == 2
        ip("link set inside0 down")
        assert ip("-4 neigh show proxy") == ""
        ip("link set inside0 up")
        for _ in range(3000):
            await asyncio.sleep(0.02)
            if ip("-4 neigh show proxy") == shown:
                break
        assert ip("-4 neigh show proxy") == shown
        await site.host.stop()
        assert ip("-4 neigh show proxy") == ""

    asyncio.run(story())


@in_namespace
def test_a_device_that_is_missing_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path)
    before = whole()
    with pytest.raises(OSError, match="the device eth7 was not found"):
        asyncio.run(site.host.use(plan("proxy_arp eth7;")))
    assert whole() == before
