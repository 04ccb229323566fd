"""What the gateway relies on in every engine that gives addresses."""

from __future__ import annotations

import asyncio
import contextlib
from ipaddress import IPv4Address
from itertools import count

import pytest

from far import FarPort
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.ports.leases import Lease
from lotor.privsep.far_leases import FarLeases
from lotor.warden.leases import HeldLeases
from paired import pool
from scripted import RecordingLeases

FIRST = IPv4Address("10.99.99.1")
ENGINES = {
    "pool": lambda: pool(2),
    "far": lambda: FarPort(FarLeases, HeldLeases(pool(2), count(1)).rows()),
    "recording": lambda: RecordingLeases(Lease(FIRST), Lease(FIRST + 1)),
}


@pytest.fixture(params=ENGINES)
def leases(request):
    engine = ENGINES[request.param]()
    with engine if isinstance(engine, FarPort) else contextlib.nullcontext():
        yield engine


async def take(leases, session, user="alice", grants=NO_GRANTS):
    return await leases.acquire(session, user, grants)


def test_a_session_keeps_its_lease_and_no_two_have_the_same(leases):
    async def play():
        return [await take(leases, session) for session in (1, 1, 2)]

    first, again, second = asyncio.run(play())
    assert first == again
    assert not first.addresses & second.addresses


def test_a_full_pool_says_so_and_serves_again_when_a_lease_came_back(leases):
    async def play():
        await take(leases, 1)
        await take(leases, 2)
        full = await take(leases, 3)
        await leases.release(2)
        await leases.release(2)
        return full, await take(leases, 3)

    full, served = asyncio.run(play())
    assert isinstance(full, Failure)
    assert full.reason.text
    assert isinstance(served, Lease)


def test_whoever_has_no_lease_may_give_it_back(leases):
    asyncio.run(leases.release(77))


def granted(*addresses):
    leases = pool(4)

    async def play():
        return [
            await take(leases, number, grants=Grants(address=IPv4Address(each)))
            for number, each in enumerate(addresses)
        ]

    return asyncio.run(play())


def test_a_granted_address_is_given_or_nothing_is():
    given, taken, foreign = granted("10.99.99.3", "10.99.99.3", "192.0.2.1")
    assert given.address == IPv4Address("10.99.99.3")
    assert taken.reason.text == ("the granted address 10.99.99.3 is in use")
    assert foreign.reason.text == ("the granted address 192.0.2.1 is not in the pool 10.99.99.1-10.99.99.4")


def test_nobody_else_is_given_a_granted_address():
    leases = pool(3)

    async def play():
        await take(leases, 1, grants=Grants(address=FIRST + 1))
        return [await take(leases, session, f"user{session}") for session in (2, 3, 4)]

    found = asyncio.run(play())
    assert [each.address for each in found[:2]] == [FIRST, FIRST + 2]
    assert isinstance(found[2], Failure)
