"""Policies in this machine's kernel, and what it says to SAs: `ip xfrm` sees the same, and what others put there stays.

Needs root. Kernels without ESP have policies, too; SAs are tried in tests/interop, in a kernel that has it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import struct
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import ClassVar
from unittest.mock import patch

import pytest

from hosts.private_namespace import in_namespace, ip
from lotor.hosts.rtnetlink import Kernel
from lotor.hosts.xfrm import messages, shapes
from lotor.hosts.xfrm.entries import (
    OWN_INTERFACE,
    Direction,
    Overrun,
    PoliciesLost,
    Policy,
    PolicyGone,
    PolicySet,
    SaExpired,
)
from lotor.hosts.xfrm.listening import Listening
from lotor.hosts.xfrm.messages import read_told
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.probe import probe
from lotor.hosts.xfrm.shapes import NETLINK_XFRM, Group, Message

pytestmark = pytest.mark.root

REQID = 0x6C6F0007
OUT = Policy(
    Direction.OUT,
    ip_network("10.99.99.0/24"),
    ip_network("10.0.0.0/8"),
    ip_address("192.0.2.1"),
    ip_address("198.51.100.7"),
    REQID,
    spi=0xC0FFEE01,
    priority=1000,
)
FOREIGN = "xfrm policy add src 10.7.0.0/24 dst 10.8.0.0/24 dir out tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 1"
THE_SAME = f"xfrm policy add src {OUT.source} dst {OUT.destination} dir out tmpl proto esp reqid 1 mode transport"


def listed() -> list[str]:
    """Each policy in one line."""
    return [re.sub(r"\s+", " ", each).strip() for each in re.split(r"\n(?=src)", ip("-d xfrm policy")) if each.strip()]


def do(asked) -> None:
    async def done() -> None:
        await asked

    asyncio.run(done())


@in_namespace
def test_a_policy_as_ip_shows_it():
    do(Xfrm().set_policy(OUT))
    (shown,) = listed()
    assert shown == (
        "src 10.99.99.0/24 dst 10.0.0.0/8 dir out priority 1000 ptype main "
        "tmpl src 192.0.2.1 dst 198.51.100.7 proto esp spi 0xc0ffee01 reqid 1819213831 mode tunnel"
    )


@in_namespace
def test_a_policy_with_an_interface_and_ipcomp_as_ip_shows_it():
    do(Xfrm().set_policy(replace(OUT, direction=Direction.FORWARD, comp=True, interface=OWN_INTERFACE, spi=0)))
    (shown,) = listed()
    assert "tmpl src 192.0.2.1 dst 198.51.100.7 proto comp reqid 1819213831 mode tunnel level use" in shown
    assert "tmpl src 0.0.0.0 dst 0.0.0.0 proto esp reqid 1819213831 mode transport" in shown
    assert f"if_id {OWN_INTERFACE:#x}" in shown


@in_namespace
def test_a_policy_takes_the_place_of_lotors_own():
    do(Xfrm().set_policy(OUT))
    do(Xfrm().set_policy(replace(OUT, spi=0xC0FFEE02, priority=7)))
    (shown,) = listed()
    assert "spi 0xc0ffee02" in shown
    assert "priority 7" in shown


@in_namespace
def test_the_policy_of_another_program_for_the_same_packets_is_not_replaced_nor_taken_away():
    """Whoever came first."""
    ip(THE_SAME)
    before = listed()
    do(Xfrm().set_policy(OUT))
    assert len(listed()) == 2
    ip(THE_SAME.replace(" add ", " delete ").partition(" tmpl")[0])
    assert f"reqid {REQID}" in "".join(listed())
    ip(THE_SAME)
    do(Xfrm().remove_policy(OUT))
    assert listed() == before


@in_namespace
def test_a_policy_is_taken_away_once():
    for policy in (OUT, replace(OUT, interface=OWN_INTERFACE), replace(OUT, direction=Direction.IN)):
        do(Xfrm().set_policy(policy))
    do(Xfrm().remove_policy(OUT))
    assert len(listed()) == 2
    assert not any("dir out" in each and "if_id" not in each for each in listed())
    do(Xfrm().remove_policy(OUT))
    assert len(listed()) == 2


@in_namespace
def test_of_many_policies_each_is_set_and_taken_away_and_another_programs_stay():
    """More than leave in one datagram, twice, and one that the kernel refuses in their middle."""
    many = [replace(OUT, source=ip_network(f"10.{number}.0.0/16")) for number in range(60)]
    many[30] = replace(OUT, destination=ip_network("2001:db8::/64"))
    ip(THE_SAME.replace(str(OUT.source), "10.7.0.0/16"))
    before = listed()
    found = []

    async def story():
        table = Xfrm()
        came = [await table.set_policies(many) for _ in range(2)]
        found.extend([place for place, each in enumerate(refusals) if each is not None] for refusals in came)
        found.append(len(listed()))
        found.append(set(await table.remove_policies(many[:30] + many[31:])))

    asyncio.run(story())
    assert found == [[30], [30], 60, {None}]
    assert listed() == before


class Counted(Kernel):
    """`there`: those that are open; `made`: how often one was."""

    there: ClassVar[set] = set()
    made = 0

    def __init__(self, *words):
        super().__init__(*words)
        self.there.add(self)
        Counted.made += 1

    def close(self):
        super().close()
        self.there.discard(self)


@in_namespace
def test_one_socket_is_kept_while_somebody_listens():
    """Not one whose question was withdrawn or refused, and two calls at a time have one each."""
    other = replace(OUT, source=ip_network("10.98.0.0/16"))
    found = []

    async def story():
        table = Xfrm()
        heard = table.told()
        for _ in range(3):
            await table.set_policy(other)
        found.append((Counted.made, len(Counted.there)))
        with pytest.raises(OSError, match="the kernel refused the policy"):
            await table.set_policy(replace(OUT, destination=ip_network("2001:db8::/64")))
        found.append((Counted.made, len(Counted.there)))
        await asyncio.gather(table.set_policy(other), table.remove_policy(other))
        with table._socket(), table._socket():
            found.append((Counted.made, len(Counted.there)))
        found.append((Counted.made, len(Counted.there)))
        table.close()
        await heard.aclose()
        await table.remove_policy(other)
        found.append(len(Counted.there))

    with patch("lotor.hosts.xfrm.netlink.Kernel", Counted):
        asyncio.run(story())
    assert found == [(1, 1), (1, 0), (3, 2), (3, 1), 0]


@in_namespace
def test_only_lotors_policies_are_flushed():
    ip(FOREIGN)
    before = listed()
    networks = [ip_network("10.0.0.0/8"), ip_network("2001:db8:7::/64")]
    for direction in Direction:
        for interface in (0, OWN_INTERFACE):
            policy = replace(OUT, direction=direction, interface=interface)
            do(Xfrm().set_policy(policy))
            do(Xfrm().set_policy(replace(policy, source=networks[1], destination=networks[1])))
    assert len(listed()) == 13
    flushed = []

    async def flush():
        flushed.append(await Xfrm().flush())
        flushed.append(await Xfrm().flush())

    asyncio.run(flush())
    assert flushed == [12, 0]
    assert listed() == before


SCRIPT6 = "src 2001:db8:9::1 dst ::/0 dir out tmpl src 2001:db8::1 dst 2001:db8:1::7 proto esp mode tunnel"
SCRIPT = "src 10.99.99.1 dst 10.0.0.0/8 dir out tmpl src 192.0.2.1 dst 198.51.100.7 proto esp mode tunnel"
AS_SET = Policy(
    Direction.OUT,
    ip_network("10.99.99.1/32"),
    ip_network("10.0.0.0/8"),
    ip_address("192.0.2.1"),
    ip_address("198.51.100.7"),
    reqid=0,
    foreign=True,
)
AS_SET6 = replace(
    AS_SET,
    source=ip_network("2001:db8:9::1/128"),
    destination=ip_network("::/0"),
    tunnel_source=ip_address("2001:db8::1"),
    tunnel_destination=ip_address("2001:db8:1::7"),
)


@in_namespace
def test_what_others_do_to_policies_is_told():
    """What lotor sets itself is not; what is led in, or out in another way, is nothing to it."""
    found, listed = [], []

    async def story():
        table = Xfrm()
        told = table.told()
        await table.set_policy(OUT)
        ip(f"xfrm policy add {SCRIPT}")
        ip(f"xfrm policy add {SCRIPT.replace('dir out', 'dir in')}")
        ip(f"xfrm policy add {SCRIPT.replace('10.99.99.1', '10.99.99.2').replace('tunnel', 'transport')}")
        ip("xfrm policy add src 10.99.99.4 dst 10.0.0.0/8 dir out action block")
        ip(f"xfrm policy add {SCRIPT6}")
        listed.extend(await table.list_policies())
        ip("xfrm policy delete src 2001:db8:9::1/128 dst ::/0 dir out")
        ip(f"xfrm policy update {SCRIPT.replace('dir out', 'dir out priority 9 if_id 7')}")
        ip("xfrm policy delete src 10.99.99.1 dst 10.0.0.0/8 dir out if_id 7")
        ip("xfrm policy delete src 10.99.99.1 dst 10.0.0.0/8 dir out")
        await table.remove_policy(OUT)
        ip("xfrm policy flush")
        ip(f"xfrm policy add {SCRIPT} reqid 9")
        while not found or found[-1] != PolicySet(replace(AS_SET, reqid=9)):
            found.append(await anext(told))
        table.close()

    do(story())
    on_device = replace(AS_SET, interface=7, priority=9)
    networks = (ip_network(f"10.99.99.{number}/32") for number in (2, 4))
    otherwise = [PolicyGone(replace(AS_SET, source=each).selector) for each in networks]
    assert set(listed) == {OUT, AS_SET, AS_SET6}
    assert [each for each in found if each not in otherwise] == [
        *(PolicySet(AS_SET), PolicySet(AS_SET6), PolicyGone(AS_SET6.selector)),
        *(PolicySet(on_device), PolicyGone(on_device.selector), PolicyGone(AS_SET.selector)),
        *(PolicyGone(OUT.selector), PoliciesLost(), PolicySet(replace(AS_SET, reqid=9))),
    ]


@in_namespace
def test_what_lotor_makes_itself_and_the_keys_of_sas_never_come_here():
    kinds = [Message.NEW_SA, Message.UPDATE_SA, Message.NEW_POLICY, Message.UPDATE_POLICY, Message.DELETE_POLICY]
    own, foreign, came = messages.policy(OUT), messages.policy(AS_SET), []
    with Listening(NETLINK_XFRM)._socket as listener, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6) as sender:
        for kind, body in itertools.product(kinds, (own, foreign)):
            head = struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0)
            sender.sendto(head + body, (0, 1 << Group.SA - 1))
        with suppress(BlockingIOError):
            while octets := listener.recv(4096):
                came.append((struct.unpack_from("=H", octets, 4)[0], octets[16:] == own))
    assert came == [
        *((Message.NEW_POLICY, False), (Message.UPDATE_POLICY, False)),
        *((Message.DELETE_POLICY, True), (Message.DELETE_POLICY, False)),
    ]


@in_namespace
def test_a_probe_leaves_nothing():
    """Whatever this kernel answers."""

    with suppress(OSError):
        do(probe())
    assert ip("xfrm state") + ip("xfrm policy") == ""


def heard(multicast: list[bytes]) -> list[object]:
    """What is told when root sends to the group of ends of lifetimes, and then all is closed."""
    found = []

    async def hear() -> None:
        xfrm = Xfrm()
        told = xfrm.told()
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as sender:
            for each in multicast:
                sender.sendto(each, (0, 1 << Group.EXPIRE - 1))
        asyncio.get_running_loop().call_later(0.01, xfrm.close)
        found.extend([each async for each in told])
        assert [each async for each in told] == []

    do(hear())
    return found


@in_namespace
def test_close_ends_what_is_heard():
    assert heard([]) == []


@in_namespace
def test_nobody_but_the_kernel_is_heard():
    """Who has the rights may send to its groups."""
    entry = shapes.SA.write(id=shapes.ID.write(destination=bytes(16), spi=9, protocol=50), family=2, reqid=REQID)
    body = shapes.EXPIRE.write(sa=entry, hard=1)
    forged = struct.pack("=IHHII", 16 + len(body), Message.EXPIRE, 0, 0, 0) + body
    assert isinstance(read_told(Message.EXPIRE, body), SaExpired)
    assert heard([forged]) == []


@in_namespace
def test_what_others_do_with_their_sas_keeps_nothing_waiting():
    """Between two datagrams that are nothing to lotor everything else has its turn."""
    read = []

    class Counting(Listening):
        def _read(self):
            read.append(1)
            return super()._read()

    async def hear() -> None:
        listening = Counting(NETLINK_XFRM)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as sender:
            for _ in range(100):
                sender.sendto(bytes(16), (0, 1 << Group.SA - 1))
        asyncio.get_running_loop().call_soon(listening.close)
        assert [each async for each in listening.told()] == []

    do(hear())
    assert len(read) == 1


@in_namespace
def test_more_than_there_is_room_for_is_told():
    assert heard([bytes(60_000)] * 200) == [Overrun()]
