"""Routes to a pool that a reload replaces, while many sessions hold addresses of the old one."""

from __future__ import annotations

import asyncio

from lotor.model.grants import NO_GRANTS
from lotor.warden import pool_routes
from lotor.warden.pool_routes import PoolRoutes
from paired import gateway, settings
from scripted import RecordingRoutes


class Counting(RecordingRoutes):
    """How often the host was changed."""

    def __init__(self):
        super().__init__()
        self.changes = 0

    async def _lead(self, networks, partners):
        self.changes += 1
        await super()._lead(networks, partners)


def pool(first, size):
    return settings(gateway() + f"mode_cfg {{ network4 {first}; pool_size {size}; auth_source system; }}")


async def replaced(sessions):
    """So many sessions hold addresses of a pool that another one has replaced."""
    routes = Counting()
    leases = PoolRoutes(routes)
    await leases.adapt(pool("10.99.99.1", sessions))
    await leases.begin("lotor0", 1400)
    for session in range(sessions):
        await leases.acquire(session, f"user{session}", NO_GRANTS)
    await leases.adapt(pool("10.50.0.1", 4))
    routes.changes = 0
    return leases, routes


def strays(routes):
    return [each for each in routes.led if not each.startswith("10.50.")]


def test_many_sessions_that_end_at_once_change_the_host_twice(monkeypatch):
    monkeypatch.setattr(pool_routes, "REST", 0.05)

    async def story():
        leases, routes = await replaced(200)
        for session in range(199):
            await leases.release(session)
        soon = routes.changes
        await asyncio.sleep(0.1)
        later = routes.changes, strays(routes)
        await leases.end()
        return soon, later

    soon, (changes, left) = asyncio.run(story())
    assert soon == 1
    assert (changes, left) == (2, ["10.99.99.200/32"])


def test_one_session_that_ends_takes_its_route_along():
    async def story():
        leases, routes = await replaced(3)
        await leases.release(1)
        left = strays(routes)
        await leases.end()
        return left, routes.changes

    assert asyncio.run(story()) == (["10.99.99.1/32", "10.99.99.3/32"], 1)


def test_sessions_within_the_new_pool_change_nothing_when_they_end():
    """A pool that grew has the addresses of all who came before."""

    async def story():
        leases, routes = await replaced(0x40)
        await leases.adapt(pool("10.99.99.1", 0x80))
        routes.changes = 0
        for session in range(0x40):
            await leases.release(session)
        await leases.end()
        return routes.changes

    assert asyncio.run(story()) == 0


def test_a_route_that_the_host_keeps_is_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(pool_routes, "AFTER_A_FAULT", 0.01)

    async def story():
        leases, routes = await replaced(2)
        routes.fault = OSError(16, "busy")
        await leases.release(0)
        kept = strays(routes)
        routes.fault = None
        await asyncio.sleep(0.05)
        left = strays(routes)
        await leases.end()
        return kept, left

    kept, left = asyncio.run(story())
    assert kept == ["10.99.99.1/32", "10.99.99.2/32"]
    assert left == ["10.99.99.2/32"]
    assert "a route to an address that nobody has any more stays: busy" in caplog.text


def test_what_is_to_come_later_does_not_come_after_the_end(monkeypatch):
    monkeypatch.setattr(pool_routes, "REST", 0.01)

    async def story():
        leases, routes = await replaced(3)
        await leases.release(0)
        await leases.release(1)
        await leases.end()
        before = routes.changes
        await asyncio.sleep(0.05)
        await leases.release(2)
        return routes.led, routes.changes - before

    assert asyncio.run(story()) == (None, 0)
