"""The pool: fresh ones first, then those free for long, never twice, and a returning user's own address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lotor.leases.pool import MOST_REMEMBERED, Ipv6Range, Pool, smallest_network
from lotor.model.judgement import Failure
from lotor.ports.leases import Lease

FIRST = IPv4Address("10.99.99.1")


def address(lease: Lease | Failure) -> str:
    assert isinstance(lease, Lease), lease
    return str(lease.address)


def test_n7_the_base_comes_first_and_who_left_is_not_followed_at_once():
    pool = Pool(FIRST, 253)
    assert [address(pool.acquire(n, f"user{n}")) for n in range(3)] == ["10.99.99.1", "10.99.99.2", "10.99.99.3"]
    pool.release(1)
    pool.release(0)
    assert address(pool.acquire(10, "new")) == "10.99.99.4"
    assert address(pool.acquire(11, "newer")) == "10.99.99.5"
    assert address(pool.acquire(12, "user0")) == "10.99.99.1"


def test_n7_of_those_that_somebody_had_the_longest_free_is_given_first():
    pool = Pool(FIRST, 4)
    for session in range(4):
        pool.acquire(session, f"user{session}")
    for session in (2, 0, 3, 1):
        pool.release(session)
    assert address(pool.acquire(9, "user3")) == "10.99.99.4"
    assert [address(pool.acquire(10 + n, f"stranger{n}")) for n in range(3)] == [
        "10.99.99.3",
        "10.99.99.1",
        "10.99.99.2",
    ]
    assert isinstance(pool.acquire(20, "late"), Failure)


def test_n7_a_pool_that_is_nearly_full_still_serves():
    """Nothing else is free: who left a moment ago is followed all the same."""
    pool = Pool(FIRST, 2)
    pool.acquire(1, "alice")
    pool.acquire(2, "bob")
    for session in range(3, 100):
        pool.release(session - 1 if session > 3 else 2)
        assert address(pool.acquire(session, f"user{session}")) == "10.99.99.2"


def test_n7_who_comes_and_goes_under_many_names_does_not_get_the_address_of_who_left_last():
    pool = Pool(FIRST, 50)
    pool.acquire(1, "alice")
    pool.release(1)
    for session in range(2, 51):
        assert address(pool.acquire(session, f"user{session}")) != "10.99.99.1"
        pool.release(session)
    assert address(pool.acquire(99, "alice")) == "10.99.99.1"


def test_n7_a_pool_after_a_reload_knows_which_addresses_somebody_had():
    old, new = Pool(FIRST, 4), Pool(FIRST, 5)
    for session in range(3):
        old.acquire(session, f"user{session}")
    for session in (1, 2, 0):
        old.release(session)
    for user, last in old.memories():
        new.remember(user, last)
    given = [address(new.acquire(10 + n, f"stranger{n}")) for n in range(5)]
    assert given == ["10.99.99.4", "10.99.99.5", "10.99.99.2", "10.99.99.3", "10.99.99.1"]


def test_a_session_keeps_its_lease():
    pool = Pool(FIRST, 2)
    assert pool.acquire(7, "alice") == pool.acquire(7, "alice")
    assert len(pool) == 1


def test_a_returning_user_gets_the_address_of_last_time():
    pool = Pool(FIRST, 10)
    for session, user in enumerate(("alice", "bob", "carol")):
        pool.acquire(session, user)
    for session in range(3):
        pool.release(session)
    assert address(pool.acquire(10, "carol")) == "10.99.99.3"
    assert address(pool.acquire(11, "dora")) == "10.99.99.4"
    assert address(pool.acquire(12, "alice")) == "10.99.99.1"


def test_two_sessions_of_a_user_have_two_addresses():
    pool = Pool(FIRST, 10)
    pool.acquire(1, "alice")
    pool.release(1)
    assert {address(pool.acquire(n, "alice")) for n in (2, 3)} == {"10.99.99.1", "10.99.99.2"}


def test_a_full_pool_says_so():
    pool = Pool(FIRST, 253)
    for session in range(253):
        assert isinstance(pool.acquire(session, "u"), Lease)
    why = "no free address: all 253 addresses of 10.99.99.1-10.99.99.253 are in use"
    assert pool.acquire(253, "u").reason.text == (why)
    pool.release(100)
    assert address(pool.acquire(253, "u")) == "10.99.99.101"


def test_a_pool_of_one():
    pool = Pool(FIRST, 1)
    pool.acquire(1, "alice")
    assert pool.acquire(2, "bob").reason.text == ("no free address: the only address, 10.99.99.1, is in use")


def test_unknown_sessions_are_ignored():
    pool = Pool(FIRST, 2)
    pool.release(5)
    pool.acquire(1, "alice")
    pool.release(1)
    pool.release(1)
    assert [address(pool.acquire(n, "bob")) for n in (2, 3)] == ["10.99.99.2", "10.99.99.1"]


@pytest.mark.parametrize(
    ("first", "last", "network"),
    [
        ("10.99.99.1", "10.99.99.253", "10.99.99.0/24"),
        ("10.99.99.1", "10.99.99.1", "10.99.99.1/32"),
        ("10.99.99.4", "10.99.99.7", "10.99.99.4/30"),
        ("10.99.99.250", "10.99.100.5", "10.99.96.0/21"),
    ],
)
def test_the_smallest_network(first, last, network):
    assert str(smallest_network(IPv4Address(first), IPv4Address(last))) == network


def test_netmask():
    assert Pool(FIRST, 253).acquire(1, "u").netmask == IPv4Address("255.255.255.0")
    mask = IPv4Address("255.255.0.0")
    assert Pool(FIRST, 253, mask).acquire(1, "u").netmask == mask
    assert Pool(FIRST, 253, IPv4Address("0.0.0.0")).acquire(1, "u").netmask == IPv4Address("255.255.255.0")


@pytest.mark.parametrize(("first", "size"), [("10.0.0.1", 0), ("255.255.255.250", 7)])
def test_impossible_pools(first, size):
    with pytest.raises(ValueError, match="pool_size"):
        Pool(IPv4Address(first), size)
    assert Pool(IPv4Address("255.255.255.250"), 6).last == IPv4Address("255.255.255.255")


def test_memory_stays_bounded():
    pool = Pool(FIRST, 4)
    for session in range(5000):
        pool.acquire(session, "alice")
        pool.release(session)
    assert len(pool._returned) <= 4
    for session in range(MOST_REMEMBERED + 10):
        pool.acquire(session, f"user{session}")
        pool.release(session)
    assert len(pool._last_slot) == MOST_REMEMBERED


@given(
    some.integers(1, 5),
    some.lists(some.tuples(some.booleans(), some.integers(0, 7), some.sampled_from("abc")), max_size=60),
)
def test_never_twice_and_always_when_there_is_one(size, steps):
    pool, held = Pool(FIRST, size), {}
    for take, session, user in steps:
        if not take:
            pool.release(session)
            held.pop(session, None)
            continue
        lease = pool.acquire(session, user)
        if isinstance(lease, Failure):
            assert len(held) == size
            continue
        assert held.get(session, lease.address) == lease.address
        held[session] = lease.address
        assert len(set(held.values())) == len(held) == len(pool)
        assert FIRST <= lease.address <= pool.last


def test_the_address_of_ipv6_has_the_same_place_in_its_pool():
    pool = Pool(FIRST, 10, beside=Ipv6Range(IPv6Address("fd00:99::1"), 64))
    leases = [pool.acquire(n, f"user{n}") for n in range(3)]
    assert [str(lease.address6) for lease in leases] == ["fd00:99::1/64", "fd00:99::2/64", "fd00:99::3/64"]
    assert [str(lease.address) for lease in leases] == ["10.99.99.1", "10.99.99.2", "10.99.99.3"]
    pool.release(1)
    pool.acquire(9, "new")
    pool.release(9)
    assert pool.acquire(10, "user1") == leases[1]


def test_a_pool_without_it_gives_none():
    assert Pool(FIRST, 10).acquire(1, "alice").address6 is None


def test_a_pool_that_leaves_ipv6_is_refused():
    last = IPv6Address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")
    Pool(FIRST, 2, beside=Ipv6Range(last, 64))
    with pytest.raises(ValueError, match="go beyond IPv6"):
        Pool(FIRST, 3, beside=Ipv6Range(last, 64))
