"""Routes to a pool that a reload replaces, while many sessions hold addresses of the old one."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, ip_network

import pytest

from leaping import LeapLoop
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.kinds import Kind
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


def play(story):
    """Its result. Time goes on where all that is to be done is done, not while it is done."""
    with asyncio.Runner(loop_factory=LeapLoop) as runner:
        return runner.run(story)


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

    soon, (changes, left) = play(story())
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

    kept, left = play(story())
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


def radius(more=""):
    """Addresses come with the login, as in the HOW-TO's file: no network4, and where these are nobody says."""
    return settings(gateway() + f"mode_cfg {{ pool_size 253; auth_source radius; conf_source radius; {more} }}")


def at(address, **more):
    return Grants(address=IPv4Address(address), **more)


async def led(routes, *steps, configuration):
    leases = PoolRoutes(routes)
    await leases.adapt(configuration)
    await leases.begin("lotor0", 1400)
    return leases, [await leases.acquire(session, f"user{session}", grants) for session, grants in enumerate(steps)]


def test_an_address_from_elsewhere_has_a_route_before_it_is_given_and_none_behind_its_session():
    async def story():
        routes = Counting()
        leases, given = await led(routes, at("192.0.2.7"), at("192.0.2.9"), configuration=radius())
        before = list(routes.led)
        await leases.release(0)
        behind = list(routes.led)
        await leases.end()
        return [str(each.address) for each in given], before, behind

    assert asyncio.run(story()) == (
        ["192.0.2.7", "192.0.2.9"],
        ["192.0.2.7/32", "192.0.2.9/32"],
        ["192.0.2.9/32"],
    )


def test_a_network_that_addresses_are_granted_from_is_led_once_and_as_a_whole():
    async def story():
        routes = Counting()
        wanted = radius("granted_network 192.0.2.0/24;")
        leases, given = await led(routes, at("192.0.2.7"), at("192.0.2.9"), at("198.51.100.1"), configuration=wanted)
        changes, networks = routes.changes, list(routes.led)
        await leases.release(0)
        await leases.end()
        return changes, networks, given[2].reason.text

    changes, networks, refused = asyncio.run(story())
    assert (changes, networks) == (1, ["192.0.2.0/24"])
    assert refused == "the granted address 198.51.100.1 is not in a granted_network"


def test_an_address_that_the_host_leads_nowhere_is_not_given():
    async def story():
        routes = Counting()
        leases, _ = await led(routes, configuration=radius("granted_network 10.0.0.0/24;"))
        await leases.adapt(radius())
        routes.fault = OSError(16, "busy")
        refused = await leases.acquire(1, "alice", at("192.0.2.7"))
        routes.fault = None
        again = await leases.acquire(2, "bob", at("192.0.2.7"))
        await leases.end()
        return refused, again

    refused, again = asyncio.run(story())
    assert "busy" in refused.reason.text
    assert str(again.address) == "192.0.2.7"


@pytest.mark.parametrize("granted", [at("10.0.0.1"), at("192.0.2.7", address6=IPv6Interface("fd00::1/64"))])
def test_no_client_is_granted_an_address_of_the_gateways_host(granted):
    async def story():
        routes = Counting()
        routes.addresses = {IPv4Address("10.0.0.1"), IPv6Address("fd00::1")}
        leases, given = await led(routes, granted, at("192.0.2.7"), configuration=radius())
        changes = routes.changes
        await leases.end()
        return changes, given

    changes, (refused, given) = asyncio.run(story())
    assert refused.reason.kind is Kind.GRANT_IN_USE
    assert str(given.address) == "192.0.2.7"
    assert changes == 1


@pytest.mark.parametrize(
    ("more", "granted", "kind"),
    [
        ("", at("10.0.12.9"), Kind.GRANT_INSIDE),
        ("", at("192.0.2.7", address6=IPv6Interface("fd00:12::9/64")), Kind.GRANT_INSIDE),
        ("split_network include 10.0.0.0/8;", at("10.50.0.9"), Kind.GRANT_INSIDE),
        ("split_network include 10.0.0.0/8;", at("192.0.2.7"), None),
        ("granted_network 10.0.12.0/28;", at("10.0.12.9"), None),
        ("granted_network 10.0.12.0/28;", at("10.0.12.77"), Kind.GRANT_OUTSIDE_POOL),
    ],
)
def test_no_client_is_granted_an_address_that_a_host_inside_may_have(more, granted, kind):
    """A router of the inside network would lose its traffic to the tunnel. Whoever means it names the network."""

    async def story():
        routes = Counting()
        routes.attached = {ip_network("10.0.12.0/24"), ip_network("fd00:12::/64")}
        leases, (given,) = await led(routes, granted, configuration=radius(more))
        await leases.end()
        return given

    given = asyncio.run(story())
    assert (given.reason.kind if isinstance(given, Failure) else None) is kind


@pytest.mark.parametrize("address", ["127.0.0.1", "224.0.0.5", "255.255.255.254", "0.0.0.0", "169.254.1.1"])
def test_no_client_is_granted_an_address_that_no_host_has(address):
    _, (refused,) = asyncio.run(led(Counting(), at(address), configuration=radius()))
    assert refused.reason.kind is Kind.GRANT_OUTSIDE_POOL


def test_what_a_login_lets_its_client_reach_may_answer_it_for_as_long_as_the_session_lasts():
    """Networks that everybody reaches are known; those of one login join them, and go with it."""
    base = gateway() + "mode_cfg { network4 10.99.99.1; pool_size 9; split_network include 10.0.0.0/16; }"
    grants = Grants(routes=(IPv4Network("10.5.0.0/16"), IPv4Network("10.0.7.0/24")), dns4=(IPv4Address("10.6.0.53"),))

    async def story():
        routes = Counting()
        leases, _ = await led(routes, NO_GRANTS, configuration=settings(base))
        usual, changes = list(routes.partners), routes.changes
        await leases.acquire(7, "alice", grants)
        with_alice = list(routes.partners)
        await leases.adapt(settings(base.replace("10.0.0.0/16", "10.0.0.0/17")))
        reloaded = list(routes.partners)
        await leases.release(7)
        await leases.release(0)
        behind = list(routes.partners)
        await leases.end()
        return usual, changes, with_alice, reloaded, behind

    usual, changes, with_alice, reloaded, behind = asyncio.run(story())
    assert (usual, changes) == (["10.0.0.0/16"], 1)
    assert with_alice == ["10.0.0.0/16", "10.5.0.0/16", "10.6.0.53/32"]
    assert reloaded == ["10.0.0.0/17", "10.5.0.0/16", "10.6.0.53/32"]
    assert behind == ["10.0.0.0/17"]


def test_two_logins_with_the_same_networks_keep_them_until_the_last_one_ends(monkeypatch):
    monkeypatch.setattr(pool_routes, "REST", 0.01)
    base = gateway() + "mode_cfg { network4 10.99.99.1; pool_size 9; split_network include 10.0.0.0/16; }"
    grants = Grants(routes=(IPv4Network("10.5.0.0/16"),))

    async def story():
        routes = Counting()
        leases, _ = await led(routes, grants, grants, configuration=settings(base))
        changes, found = routes.changes, [list(routes.partners)]
        for session in (0, 1):
            await leases.release(session)
            await asyncio.sleep(0.05)
            found.append(list(routes.partners))
        await leases.end()
        return changes, found

    changes, found = play(story())
    assert changes == 2
    assert found == [["10.0.0.0/16", "10.5.0.0/16"], ["10.0.0.0/16", "10.5.0.0/16"], ["10.0.0.0/16"]]


def test_pools_that_stay_the_same_over_a_reload_are_the_same():
    both = (
        gateway() + 'mode_cfg { network4 10.99.99.1; pool_size 4; pool "staff" { network4 10.99.98.1; pool_size 4; } }'
    )

    async def story():
        routes = Counting()
        leases, given = await led(routes, NO_GRANTS, Grants(pool="staff"), configuration=settings(both))
        told = await leases.adapt(settings(both.replace("10.99.99.1", "10.50.0.1")))
        after = list(routes.led)
        await leases.release(0)
        await leases.end()
        return [str(each.address) for each in given], told, after, leases.sessions

    given, told, after, sessions = asyncio.run(story())
    assert given == ["10.99.99.1", "10.99.98.1"]
    assert [each.partition(" now,")[0] for each in told] == [
        "the pools are 10.50.0.1 to 10.50.0.4, 10.99.98.1 to 10.99.98.4"
    ]
    assert "10.99.99.1/32" in after
    assert sessions == 1
