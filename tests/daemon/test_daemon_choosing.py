"""Which engine carries ESP: by what the configuration wants, and by what the host has."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from kernel_esp import DEVICE, NO_ESP, MemoryEsp
from lotor.config import loads
from lotor.daemon.choosing import Means, choose
from lotor.daemon.exits import Exit, StartError
from lotor.dataplane.kernel import carrier
from lotor.dataplane.kernel.engine import Kernel
from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import open_udp
from lotor.model.engines import Engine, EngineChoice, EngineWish, Wanted
from lotor.model.network import Peer
from lotor.model.offloads import NO_OFFLOADS
from lotor.ports.host_esp import Leading

HOME = Peer(ip_address("127.0.0.1"), 0)


class SocketTun:
    name, framed = "lotor0", False

    def __init__(self):
        self.fd, self.other = (each.detach() for each in socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))

    def close(self):
        for each in (self.fd, self.other):
            os.close(each)


class Host:
    """Of a daemon: its kernel's ESP, and TUN devices. `made`: those that it made."""

    def __init__(self, esp=None, refuses=None):
        self.esp, self.tunnels, self.sockets = esp or MemoryEsp(), self, SimpleNamespace(raw_esp=None)
        self.made, self.refuses = [], refuses

    async def open(self):
        if self.refuses is not None:
            raise self.refuses
        self.made.append(SocketTun())
        return self.made[-1]


def play(wish, host, story=lambda carrying, udp: carrying, offload=""):
    """What was chosen, after its end."""

    async def whole():
        with open_udp(HOME) as udp:
            async with AsyncExitStack() as held:
                carrying = await choose(Wanted(wish, offload), Means(host, [udp], NO_OFFLOADS, held))
                return story(carrying, udp)

    return asyncio.run(whole())


def encapsulates(_, udp):
    return udp.getsockopt(socket.IPPROTO_UDP, carrier.UDP_ENCAP)


@pytest.mark.parametrize("wish", [EngineWish.AUTO, EngineWish.USERSPACE])
def test_who_does_not_ask_for_the_kernels_engine_does_not_touch_the_kernel(wish, caplog):
    host = Host()
    carrying = play(wish, host)
    assert isinstance(carrying.engine, Userspace)
    assert (carrying.carrier, carrying.interface) == (carrying.engine.carrier, carrying.engine.interface)
    assert carrying.choice.engine is Engine.USERSPACE
    assert carrying.choice.why.startswith(f"engine {wish.value}")
    assert (host.esp.calls, caplog.text) == ([], "")
    assert play(wish, Host(), encapsulates) == 0


@pytest.mark.parametrize("wish", [EngineWish.KERNEL, EngineWish.PREFER_KERNEL])
def test_who_asks_for_the_kernels_engine_gets_it_where_there_is_one(wish):
    host = Host()
    carrying = play(wish, host)
    assert isinstance(carrying.engine, Kernel)
    assert (carrying.carrier, carrying.interface) == (carrying.engine.carrier, carrying.engine.interface)
    assert (carrying.interface.name, carrying.interface.mtu) == ("lotor0", 1400)
    assert carrying.choice == EngineChoice(Engine.KERNEL, f"engine {wish.value}")
    assert (host.esp.calls, host.made) == (["open", "close"], [])
    assert play(wish, Host(), encapsulates) == carrier.ESP_IN_UDP


@pytest.mark.parametrize(("leading", "mtu", "told"), [("POLICIES", 458, 1), ("POLICIES", 1400, 0), ("ROUTES", 458, 0)])
def test_without_an_xfrm_interface_esp_frag_is_not_for_all_packets(caplog, leading, mtu, told):
    class Esp(MemoryEsp):
        async def open(self):
            return replace(await super().open(), leading=Leading[leading], mtu=mtu)

    with caplog.at_level(logging.WARNING):
        play(EngineWish.KERNEL, Host(Esp()))
    assert caplog.text.count("esp_frag: this kernel has no xfrm interface") == told


def test_where_the_kernel_has_no_esp_a_gateway_that_must_have_it_does_not_start():
    host = Host(MemoryEsp(refuses=NO_ESP))
    with pytest.raises(
        StartError, match=r"^engine kernel: this kernel has no ESP: modprobe esp4; `lotor doctor`"
    ) as refused:
        play(EngineWish.KERNEL, host)
    assert refused.value.code is Exit.NO_DEVICE
    assert host.made == []


def test_where_the_kernel_has_no_esp_user_space_does_it_and_one_line_tells(caplog):
    host = Host(MemoryEsp(refuses=NO_ESP))
    with caplog.at_level(logging.WARNING):
        carrying = play(EngineWish.PREFER_KERNEL, host)
    assert isinstance(carrying.engine, Userspace)
    why = "engine prefer_kernel: this kernel has no ESP: modprobe esp4"
    assert carrying.choice == EngineChoice(Engine.USERSPACE, why, fell_back=True)
    assert [each.getMessage() for each in caplog.records] == [f"{why}; ESP is carried in user space"]
    assert play(EngineWish.PREFER_KERNEL, Host(MemoryEsp(refuses=NO_ESP)), encapsulates) == 0


def test_who_names_a_device_for_the_kernels_esp_asks_for_the_kernels_engine():
    host = Host()
    carrying = play(EngineWish.AUTO, host, offload="eth1")
    assert isinstance(carrying.engine, Kernel)
    assert carrying.choice == EngineChoice(Engine.KERNEL, "engine auto, esp_offload eth1")
    assert host.made == []


def test_who_names_a_device_and_has_no_esp_in_the_kernel_is_told_so_in_one_line(caplog):
    with caplog.at_level(logging.WARNING):
        carrying = play(EngineWish.AUTO, Host(MemoryEsp(refuses=NO_ESP)), offload="eth1")
    assert isinstance(carrying.engine, Userspace)
    why = "engine auto, esp_offload eth1: this kernel has no ESP: modprobe esp4"
    assert carrying.choice == EngineChoice(Engine.USERSPACE, why, fell_back=True)
    assert [each.getMessage() for each in caplog.records] == [f"{why}; ESP is carried in user space"]


def test_who_wants_user_space_and_names_a_device_has_user_space():
    host = Host()
    carrying = play(EngineWish.USERSPACE, host, offload="eth1")
    assert carrying.choice == EngineChoice(Engine.USERSPACE, "engine userspace")
    assert host.esp.calls == []


@pytest.mark.parametrize("wish", [EngineWish.AUTO, EngineWish.KERNEL, EngineWish.PREFER_KERNEL])
def test_a_device_that_does_nothing_for_esp_is_told_once_and_the_kernel_carries(wish, caplog):
    """What the file asks for decides, not whether the device is there today."""
    why = "there is no network device eth1"
    host = Host(MemoryEsp(device=replace(DEVICE, hindrance=why)))
    with caplog.at_level(logging.WARNING):
        carrying = play(wish, host, offload="eth1")
    assert carrying.choice == EngineChoice(Engine.KERNEL, f"engine {wish.value}, esp_offload eth1; {why}")
    assert [each.getMessage() for each in caplog.records] == [
        f"esp_offload: {why}; the kernel does all of its cryptography itself"
    ]


def test_sockets_that_the_kernel_does_not_take_leave_no_device_behind(monkeypatch):
    monkeypatch.setattr(carrier, "UDP_ENCAP", 9999)
    host = Host()
    carrying = play(EngineWish.PREFER_KERNEL, host)
    assert isinstance(carrying.engine, Userspace)
    assert host.esp.calls == ["open", "close"]


@pytest.mark.parametrize(("fault", "code"), [(PermissionError(1, "no right"), Exit.NOT_ROOT), (OSError("?"), 6)])
def test_without_a_device_nothing_starts(fault, code):
    for wish, host in ((EngineWish.AUTO, Host(refuses=fault)), (EngineWish.KERNEL, Host(MemoryEsp(fault)))):
        with pytest.raises(StartError) as refused:
            play(wish, host)
        assert refused.value.code == code


def test_the_directive_has_a_word_for_each_wish():
    assert loads("").settings.engine == Wanted()
    for wish in EngineWish:
        assert loads(f"engine {wish.value};").settings.engine == Wanted(wish)
