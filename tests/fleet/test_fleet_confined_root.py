"""A gateway of a fleet asks its database from a process that has given up files and system calls: what the driver
needs is loaded afterwards, over TCP and over a Unix socket."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.root

PROGRAM = """
import asyncio, sys
from ipaddress import IPv4Address

from lotor.config.database import database_of
from lotor.confinement.identity import Identity
from lotor.confinement.sandbox import Files
from lotor.confinement.unprivileged import give_up
from lotor.daemon.back_end_process import TRUSTED

assert not any(name.startswith(("asyncpg", "lotor.fleet")) for name in sys.modules)
given_up = give_up(Identity.of("65534:65534:nobody:nogroup"), int(sys.argv[1]), Files(read=TRUSTED))

from lotor.fleet import FleetStore
from lotor.ports.fleet import Claim, FleetPool, Member


async def play():
    store = FleetStore(database_of(sys.argv[2]), Member("gw", "0" * 32, "1" * 32, 60))
    await store.open()
    await store.pools((FleetPool("p", IPv4Address("10.99.99.1"), 9),))
    print(*await store.claim(Claim(1, "u", "p")), len(await store.news()), given_up.user)
    await store.close()


asyncio.run(play())
"""


@pytest.mark.parametrize(
    "where",
    ["localhost:{port}/lotor", "127.0.0.1:{port}/lotor", ":{port}/lotor?host={home}"],
    ids=["name", "tcp", "unix"],
)
def test_a_confined_process_asks_the_database(server, database, where):
    del database  # it is there
    url = f"postgresql://lotor:fleet%20password@{where.format(port=server.port, home=server.home)}"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(os.getpid()), url], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "10.99.99.1 1 nobody\n", done.stderr[-3000:]
