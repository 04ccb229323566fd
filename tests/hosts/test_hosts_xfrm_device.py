"""The device of the kernel's engine: which kind, whose, and what people read."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from ipaddress import IPv4Address
from itertools import count
from typing import Self

import pytest

from lotor.hosts import rtnetlink
from lotor.hosts.rtnetlink import LINK, attributes_in, u32, written
from lotor.hosts.sockets import HostSockets
from lotor.hosts.xfrm import bypass, device
from lotor.hosts.xfrm.device import GROUP, Devices, OfInfo, OfLink
from lotor.hosts.xfrm.entries import OWN_INTERFACE
from lotor.model.network import Peer
from lotor.ports.host_esp import Leading


class Memory:
    """A kernel's devices: `kinds` are those that it can make. `thief`: another program takes a name first."""

    def __init__(self, kinds: tuple[bytes, ...] = (b"xfrm", b"dummy")) -> None:
        self.kinds = kinds
        self.refusal = 0
        self.thief: list[str] = []
        self.alias_refused = False
        self.links: dict[int, dict[int, bytes]] = {}
        self._indices = count(7)

    def __call__(self) -> Memory:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    async def add(self, kind: int, body: bytes) -> None:
        assert kind == rtnetlink.NEW_LINK
        if self.refusal:
            raise OSError(self.refusal, os.strerror(self.refusal))
        attributes = LINK.read(body)[1]
        if attributes_in(attributes[OfLink.INFO])[OfInfo.KIND] not in self.kinds:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        for name in self.thief[:1]:
            self.put(name)
            self.thief.remove(name)
        if any(each[OfLink.NAME] == attributes[OfLink.NAME] for each in self.links.values()):
            raise FileExistsError(errno.EEXIST, "File exists")
        self.links[next(self._indices)] = attributes

    async def change(self, kind: int, body: bytes) -> None:
        (_, _, index, _, _), attributes = LINK.read(body)
        if index not in self.links:
            raise OSError(errno.ENODEV, "No such device")
        if kind == rtnetlink.DELETE_LINK:
            del self.links[index]
        elif self.alias_refused:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        else:
            self.links[index] |= attributes

    async def dump(self, kind: int, _: bytes) -> list[bytes]:
        assert kind == rtnetlink.GET_LINK
        return [LINK.write(0, 0, index, 0, 0, attributes=each) for index, each in self.links.items()]

    def put(self, name: str, **own: bytes) -> None:
        more = {getattr(OfLink, each.upper()): value for each, value in own.items()}
        self.links[next(self._indices)] = {OfLink.NAME: f"{name}\0".encode(), **more}

    @property
    def names(self) -> list[str]:
        return [each[OfLink.NAME].rstrip(b"\0").decode() for each in self.links.values()]


@pytest.fixture
def kernel(monkeypatch):
    memory = Memory()
    monkeypatch.setattr(device, "Kernel", memory)
    return memory


def make(mtu=1400):
    return asyncio.run(Devices().make(mtu))


def left_by(pid: int, started: int = 1, processes: int | None = None) -> bytes:
    return f"lotor {pid} {started} {device._processes() if processes is None else processes}\0".encode()


def test_an_xfrm_interface_where_the_kernel_has_them(kernel):
    made = make()
    assert (made.name, made.leading) == ("lotor0", Leading.ROUTES)
    link = kernel.links[made.index]
    assert link[OfLink.MTU] == u32(1400)
    info = attributes_in(link[OfLink.INFO])
    assert info == {OfInfo.KIND: b"xfrm", OfInfo.DATA: written({OfInfo.NUMBER: u32(OWN_INTERFACE)})}
    asyncio.run(Devices().remove(made))
    asyncio.run(Devices().remove(made))
    assert kernel.links == {}


def test_a_dummy_where_it_has_none(kernel):
    kernel.kinds = (b"dummy",)
    made = make()
    assert made.leading is Leading.POLICIES
    assert attributes_in(kernel.links[made.index][OfLink.INFO]) == {OfInfo.KIND: b"dummy"}


def test_neither_is_told_with_what_helps(kernel):
    kernel.kinds = ()
    with pytest.raises(OSError, match="neither xfrm interfaces nor dummy devices: try `modprobe xfrm_interface`"):
        make()
    assert kernel.links == {}


def test_names_of_other_devices_stay_theirs(kernel):
    kernel.put("lotor0")
    kernel.thief = ["lotor1"]
    assert make().name == "lotor2"
    assert kernel.names == ["lotor0", "lotor1", "lotor2"]


def test_names_that_are_taken_away_again_and_again_come_to_an_end(kernel):
    kernel.thief = [f"lotor{each}" for each in range(20)]
    with pytest.raises(OSError, match="take the names of lotor's devices"):
        make()


@pytest.mark.parametrize("alias", [left_by(2**22 + 1), b"", b"lotor one two three\0"])
def test_what_a_killed_program_left_is_taken_away(kernel, alias):
    kernel.put("lotor0", group=u32(GROUP), alias=alias)
    kernel.put("lotor7", alias=left_by(2**22 + 1))
    kernel.put("eth0")
    assert make().name == "lotor0"
    assert kernel.names == ["lotor7", "eth0", "lotor0"]
    assert GROUP == OWN_INTERFACE


@pytest.mark.parametrize(
    ("processes", "told"), [(None, r"process \d+\)"), (1, r"process \d+ of another container\)")], ids=["here", "there"]
)
def test_a_program_that_lives_keeps_its_device(kernel, processes, told):
    mine = device.Owner.myself()
    kernel.put("lotor0", group=u32(GROUP), alias=left_by(mine.pid, mine.started, processes))
    for ask in (make, lambda: asyncio.run(Devices().clean())):
        with pytest.raises(OSError, match=rf"another lotor \({told} carries ESP in this kernel by lotor0 already"):
            ask()
    assert kernel.names == ["lotor0"]


def test_an_interface_of_somebody_else_with_our_number_is_named(kernel):
    data = written({OfInfo.NUMBER: u32(OWN_INTERFACE)})
    kernel.put("ipsec9", info=written({OfInfo.KIND: b"xfrm\0", OfInfo.DATA: data}))
    with pytest.raises(OSError, match=r"ipsec9 has the number of lotor's xfrm interface.*`ip link delete ipsec9`"):
        make()


@pytest.mark.parametrize(
    ("number", "text"),
    [(errno.EPERM, "run as root or give CAP_NET_ADMIN"), (errno.ENOMEM, "the xfrm device lotor0 cannot be made: Can")],
)
def test_a_refusal_in_words(kernel, number, text):
    kernel.refusal = number
    with pytest.raises(OSError, match=text):
        make()


def test_a_device_that_cannot_be_signed_does_not_stay(kernel):
    kernel.alias_refused = True
    with pytest.raises(OSError, match="Cannot allocate memory"):
        make()
    assert kernel.links == {}


class Asked:
    """A socket that keeps what it was asked for, and refuses at first `refusals`, as a kernel whose XFRM is not
    loaded."""

    def __init__(self, family: socket.AddressFamily, *refusals: int) -> None:
        self.family = family
        self.refusals = list(refusals)
        self.told: list[tuple[object, ...]] = []

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        if self.refusals:
            number = self.refusals.pop(0)
            raise OSError(number, os.strerror(number))
        self.told.append((level, option, len(value), struct.unpack_from("=H", value, 40)[0], *value[160:162]))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_datagrams_of_a_socket_go_past_policies_both_ways(family):
    """The octets are `struct xfrm_userpolicy_info`: 168, a selector of 56 first."""
    level, option = {socket.AF_INET: (0, 17), socket.AF_INET6: (41, 35)}[family]
    wanted = [(level, option, 168, family, direction, 0) for direction in (0, 1)]
    bypass.past_policies(asked := Asked(family))
    assert asked.told == wanted


@pytest.mark.parametrize("refusals", [(errno.EPERM,), (errno.ENOPROTOOPT,), (errno.EINVAL,)])
def test_a_kernel_that_has_no_policies_of_sockets_is_none_the_worse(refusals):
    bypass.past_policies(asked := Asked(socket.AF_INET, *refusals))
    assert asked.told == []
    assert asked.refusals == []


@pytest.mark.parametrize("by_kernel", [True, False])
def test_xfrm_is_loaded_before_the_first_socket_and_only_where_the_kernel_is_to_carry(monkeypatch, by_kernel):
    done = []
    monkeypatch.setattr(bypass, "load", lambda: done.append("load"))
    monkeypatch.setattr(bypass, "past_policies", lambda _: done.append("past"))
    HostSockets(by_kernel=by_kernel).open(Peer(IPv4Address("127.0.0.1"), 0), shared=False).close()
    assert done == ["load", "past"] if by_kernel else ["past"]


def test_a_kernel_without_xfrm_has_nothing_to_load(monkeypatch):
    def none(*_):
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    bypass.load()
    monkeypatch.setattr(bypass.socket, "socket", none)
    bypass.load()
