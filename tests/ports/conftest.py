"""Every engine of a port, and the fake that stands for it in tests: the kits here run against each of them."""

from __future__ import annotations

import contextlib
import socket
from ipaddress import ip_address

import pytest

from kernel_esp import DEVICE, MemoryEsp
from kernel_tables import Engine
from lotor.dataplane.kernel.engine import Kernel
from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import open_udp
from lotor.model.network import Peer
from lotor.model.offloads import NO_OFFLOADS
from scripted import RecordingEngine


class SocketTun:
    """A socket pair in the place of a device."""

    name, framed = "fake0", False

    def __init__(self, fd):
        self.fd = fd


async def socket_of_udp(version):
    """In the place of a raw one, which takes rights."""
    return socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[version], socket.SOCK_DGRAM)


@contextlib.contextmanager
def userspace():
    inside, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with inside, device, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nat_t:
        nat_t.bind(("127.0.0.1", 0))
        yield Userspace(SocketTun(device.fileno()), nat_t, raw_esp=socket_of_udp, wanted=NO_OFFLOADS)


@contextlib.contextmanager
def kernel():
    with open_udp(Peer(ip_address("127.0.0.1"), 0)) as nat_t:
        yield Kernel(MemoryEsp(), DEVICE, nat_t)


class OpensItself(Engine):
    """Elsewhere a program is not without its device."""

    async def install(self, child):
        with contextlib.suppress(BlockingIOError):  # it is open
            await self.open()
        await super().install(child)


@contextlib.contextmanager
def tables():
    with open_udp(Peer(ip_address("127.0.0.1"), 0)) as nat_t:
        yield Kernel(OpensItself(), DEVICE, nat_t)


ESP_ENGINES = {"userspace": userspace, "kernel": kernel, "the kernel's tables": tables}
ESP_ENGINES |= {"recording": lambda: contextlib.nullcontext(RecordingEngine())}


@pytest.fixture(params=ESP_ENGINES)
def esp(request):
    """An ESP engine with `carrier` and `interface` beside it."""
    with ESP_ENGINES[request.param]() as engine:
        yield engine
