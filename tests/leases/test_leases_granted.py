"""Several pools, and addresses that a back end grants: within a pool, beside it, of IPv6, and of a pool by name."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lotor.leases.pool import Ipv6Range, Pool
from lotor.leases.pool_history import PoolHistory
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.kinds import Kind
from lotor.ports.leases import Lease

FIRST, STAFF, BESIDE = IPv4Address("10.99.99.1"), IPv4Address("10.99.98.1"), IPv6Address("fd00:99::1")
ELSEWHERE = (IPv4Network("192.0.2.0/24"), IPv6Network("fd00:77::/64"))


def pools(size=4, allowed=ELSEWHERE):
    beside = Ipv6Range(BESIDE, 64)
    leases = PoolHistory(Pool(FIRST, size, beside=beside), {"staff": Pool(STAFF, size)})
    leases.allow(allowed)
    return leases


def of(text):
    return Grants(address=IPv4Address(text))


def six(text):
    return Grants(address6=IPv6Interface(f"{text}/64"))


def kind(answer):
    assert isinstance(answer, Failure), answer
    return answer.reason.kind


def test_a_pool_is_chosen_by_name_and_by_address():
    leases = pools()
    assert leases.acquire(1, "alice", Grants(pool="staff")).address == STAFF
    assert leases.acquire(2, "bob").address == FIRST
    assert leases.acquire(3, "carol", of("10.99.98.3")).address == STAFF + 2
    assert kind(leases.acquire(4, "dave", Grants(pool="nobody"))) is Kind.GRANT_POOL_UNKNOWN
    assert len(leases) == 3


def test_one_pool_that_is_full_is_not_helped_out_by_another():
    leases = pools(1)
    leases.acquire(1, "alice", Grants(pool="staff"))
    assert kind(leases.acquire(2, "bob", Grants(pool="staff"))) is Kind.POOL_EXHAUSTED
    assert leases.acquire(2, "bob").address == FIRST


def test_an_address_from_elsewhere_is_given_once_and_only_where_it_may_be():
    leases = pools()
    given_ = leases.acquire(1, "alice", of("192.0.2.7"))
    assert given_ == Lease(IPv4Address("192.0.2.7"))
    assert leases.acquire(1, "alice") == given_
    assert kind(leases.acquire(2, "bob", of("192.0.2.7"))) is Kind.GRANT_IN_USE
    assert kind(leases.acquire(2, "bob", of("198.51.100.7"))) is Kind.GRANT_OUTSIDE_POOL
    assert leases.outside() == [given_]
    assert leases.holder(given_.addresses) == "alice"
    assert leases.release(1) == given_
    assert leases.acquire(2, "bob", of("192.0.2.7")) == given_


def test_without_a_pool_an_address_is_granted_or_there_is_none():
    leases = PoolHistory(None)
    assert kind(leases.acquire(1, "alice")) is Kind.POOL_NOT_CONFIGURED
    leases.allow(ELSEWHERE)
    assert kind(leases.acquire(1, "alice")) is Kind.GRANT_MISSING
    assert leases.acquire(1, "alice", of("192.0.2.1")).address == IPv4Address("192.0.2.1")
    refused = leases.acquire(2, "bob", of("203.0.113.1"))
    assert refused.reason.text == "the granted address 203.0.113.1 is not in a granted_network"


@pytest.mark.parametrize("address6", ["fd00:99::3", "fd00:77::3"])
def test_an_address_of_ipv6_is_granted_in_place_of_the_pools(address6):
    leases = pools()
    lease = leases.acquire(1, "alice", six(address6))
    assert (lease.address, str(lease.address6)) == (FIRST, f"{address6}/64")
    assert kind(leases.acquire(2, "bob", six(address6))) is Kind.GRANT_IN_USE
    assert leases.holder(frozenset({IPv6Address(address6)})) == "alice"
    assert leases.holder(lease.addresses) == "alice"
    assert leases.outside() == [lease]
    leases.release(1)
    assert leases.holder(frozenset({IPv6Address(address6)})) is None
    assert leases.acquire(2, "bob", six(address6)).address6.ip == IPv6Address(address6)


def test_the_address_of_ipv6_that_a_slot_does_not_use_may_be_granted_to_another():
    leases = pools()
    leases.acquire(1, "alice", six("fd00:77::1"))
    assert leases.acquire(2, "bob", six("fd00:99::1")).address == FIRST + 1
    assert leases.acquire(3, "carol").address6.ip == BESIDE + 2
    leases.release(1)
    assert leases.acquire(4, "dave").address == FIRST + 3
    assert kind(leases.acquire(5, "erin")) is Kind.POOL_EXHAUSTED  # alice's slot would have the address that bob has
    leases.release(2)
    assert isinstance(leases.acquire(5, "erin"), Lease)


def test_an_address_of_ipv6_outside_is_refused():
    assert kind(pools().acquire(1, "alice", six("fd00:55::1"))) is Kind.GRANT_OUTSIDE_POOL


def test_a_pool_that_stays_over_a_reload_goes_on_and_the_others_go():
    leases = pools()
    staff = leases.pools["staff"]
    kept = leases.acquire(1, "alice", Grants(pool="staff"))
    gone = leases.acquire(2, "bob", six("fd00:99::4"))
    leases.replace(Pool(IPv4Address("10.50.0.1"), 4), {"staff": staff})
    assert leases.outside() == [gone]
    assert leases.acquire(1, "alice") == kept
    assert leases.acquire(3, "carol", Grants(pool="staff")).address == STAFF + 1
    assert leases.acquire(4, "dave").address == IPv4Address("10.50.0.1")
    leases.release(2)
    assert leases.outside() == []
    leases.replace(None, {"staff": staff})
    assert kind(leases.acquire(5, "erin")) is Kind.GRANT_MISSING


ADDRESSES = some.sampled_from([f"10.99.99.{n}" for n in range(1, 6)] + ["192.0.2.1", "10.99.98.2", "203.0.113.9"])
ADDRESSES6 = some.sampled_from([f"fd00:99::{n}" for n in range(1, 6)] + ["fd00:77::1", "fd00:55::1"])
GRANTS = some.builds(
    Grants,
    address=some.none() | ADDRESSES.map(IPv4Address),
    address6=some.none() | ADDRESSES6.map(lambda text: IPv6Interface(f"{text}/64")),
    pool=some.sampled_from(["", "", "staff", "nobody"]),
)
STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("acquire"), some.integers(0, 7), GRANTS),
        some.tuples(some.just("release"), some.integers(0, 7), some.none()),
        some.tuples(some.just("replace"), some.integers(0, 3), some.booleans()),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_two_sessions_share_an_address_and_who_was_granted_one_has_it(steps):
    leases, held = pools(), {}
    for step, number, what in steps:
        if step == "acquire":
            lease = leases.acquire(number, f"user{number % 3}", what)
            assert number not in held or lease == held[number]
            if isinstance(lease, Lease) and number not in held:
                assert what.address in (None, lease.address)
                assert what.address6 in (None, lease.address6)
                held[number] = lease
        elif step == "release":
            assert leases.release(number) == held.pop(number, None)
        else:
            staff = leases.pools.get("staff") if what else None
            named = {"staff": staff or Pool(STAFF, 1 + number)}
            leases.replace(Pool(FIRST + number, 4, beside=Ipv6Range(BESIDE, 64)), named)
        together = [address for lease in held.values() for address in lease.addresses]
        assert len(set(together)) == len(together)
        assert len(leases) == len(held)
        assert set(leases.given()) == set(held.values())
        for each, lease in held.items():
            assert leases.holder(lease.addresses) == f"user{each % 3}"
    for number in list(held):
        leases.release(number)
    assert leases.given() == leases.outside() == []
    assert not any(pool._barred for pool in leases.pools.values())
