"""What the daemon relies on in whoever makes its TUN device, also where that is another process."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from hosts.private_namespace import in_namespace
from lotor.hosts.sockets import HostSockets
from lotor.hosts.tun import HostTunnels
from lotor.privsep.far_tunnels import FarTunnels
from lotor.warden.opening import Opening, rows
from paired import line

pytestmark = pytest.mark.root


@asynccontextmanager
async def host():
    yield HostTunnels()


@asynccontextmanager
async def far():
    async with line(rows(Opening(HostSockets(), HostTunnels(), list))) as (asker, _):
        yield FarTunnels(asker)


ENGINES = {"host": host, "far": far}


@pytest.mark.parametrize("engine", ENGINES)
@in_namespace
def test_a_device_is_there_until_it_is_closed(engine):
    async def run():
        async with asyncio.timeout(60), ENGINES[engine]() as tunnels:
            device = await tunnels.open()
            assert device.name == "lotor0"
            assert not device.framed
            assert device.name in here()
            device.close()
            device.close()
            assert device.name not in here()

    asyncio.run(run())


def here():
    return {name for _, name in socket.if_nameindex()}
