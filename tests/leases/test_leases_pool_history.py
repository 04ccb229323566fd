"""A pool that a reload replaces: leases stay with their sessions, and nobody else gets their addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as some

from lotor.leases.pool import Ipv6Range, Pool
from lotor.leases.pool_history import PoolHistory
from lotor.model.judgement import Failure
from lotor.ports.leases import Lease

FIRST = IPv4Address("10.99.99.1")


def address(lease: Lease | Failure) -> str:
    assert isinstance(lease, Lease), lease
    return str(lease.address)


def test_a_lease_outlives_its_pool():
    leases = PoolHistory(Pool(FIRST, 5))
    alice = leases.acquire(1, "alice")
    leases.replace(Pool(IPv4Address("10.50.0.1"), 5))
    assert leases.acquire(1, "alice") == alice
    assert address(leases.acquire(2, "bob")) == "10.50.0.1"
    assert leases.outside() == [alice]
    leases.release(1)
    assert leases.outside() == []
    assert address(leases.acquire(3, "alice")) == "10.50.0.2"


def test_a_smaller_pool_gives_nothing_twice():
    leases = PoolHistory(Pool(FIRST, 5))
    for session in range(5):
        leases.acquire(session, f"user{session}")
    leases.replace(Pool(FIRST, 2))
    assert leases.acquire(10, "late").reason.text == (
        "no free address: all 2 addresses of 10.99.99.1-10.99.99.2 are in use"
    )
    leases.release(4)
    assert isinstance(leases.acquire(10, "late"), Failure)
    leases.release(1)
    assert address(leases.acquire(10, "late")) == "10.99.99.2"


def test_a_larger_pool_goes_on_where_the_old_one_ended():
    leases = PoolHistory(Pool(FIRST, 2))
    assert [address(leases.acquire(n, f"user{n}")) for n in (1, 2)] == ["10.99.99.1", "10.99.99.2"]
    leases.replace(Pool(FIRST, 3))
    assert address(leases.acquire(3, "late")) == "10.99.99.3"
    leases.release(1)
    assert address(leases.acquire(4, "later")) == "10.99.99.1"


def test_users_keep_their_address_over_a_reload():
    leases = PoolHistory(Pool(FIRST, 5))
    for session, user in enumerate(("alice", "bob", "carol")):
        leases.acquire(session, user)
    leases.release(1)
    leases.replace(Pool(FIRST, 9))
    leases.release(2)
    assert address(leases.acquire(11, "new")) == "10.99.99.4"
    assert address(leases.acquire(10, "carol")) == "10.99.99.3"
    leases.replace(Pool(IPv4Address("10.50.0.1"), 5))
    assert address(leases.acquire(12, "bob")) == "10.50.0.1"


def test_without_a_pool_nothing_is_given_and_what_was_given_stays():
    leases = PoolHistory(Pool(FIRST, 5))
    alice = leases.acquire(1, "alice")
    leases.replace(None)
    assert leases.acquire(1, "alice") == alice
    assert isinstance(leases.acquire(2, "bob"), Failure)
    leases.release(1)
    leases.release(1)
    assert leases.outside() == []


def test_an_address_of_ipv6_is_given_once_too():
    beside = Ipv6Range(IPv6Address("2001:db8::1"), 64)
    leases = PoolHistory(Pool(FIRST, 5, beside=beside))
    leases.acquire(1, "alice")
    leases.replace(Pool(IPv4Address("10.50.0.1"), 5, beside=beside))
    other = leases.acquire(2, "bob")
    assert isinstance(other, Lease)
    assert str(other.address6) == "2001:db8::2/64"
    assert address(other) == "10.50.0.2"


@given(
    some.lists(
        some.one_of(
            some.tuples(some.just("acquire"), some.integers(0, 9)),
            some.tuples(some.just("release"), some.integers(0, 9)),
            some.tuples(some.just("replace"), some.tuples(some.integers(0, 6), some.integers(1, 6))),
        ),
        max_size=60,
    )
)
def test_no_two_sessions_ever_share_an_address(steps):
    """IPv6 stays where it is: another pool of IPv4 gives the same addresses of IPv6."""
    beside = Ipv6Range(IPv6Address("fd00:99::1"), 64)
    leases, held = PoolHistory(Pool(FIRST, 4, beside=beside)), {}
    for step, what in steps:
        if step == "acquire":
            lease = leases.acquire(what, f"user{what % 4}")
            assert what not in held or lease == held[what]
            if isinstance(lease, Lease):
                held[what] = lease
        elif step == "release":
            leases.release(what)
            held.pop(what, None)
        else:
            leases.replace(Pool(FIRST + what[0], what[1], beside=beside))
        assert len({address for lease in held.values() for address in lease.addresses}) == 2 * len(held)
        assert len(leases.outside()) <= len(held)


BESIDE = Ipv6Range(IPv6Address("fd00:99::1"), 64)


def test_the_addresses_of_a_lease_are_known_while_it_is_held():
    leases = PoolHistory(Pool(FIRST, 3, beside=BESIDE))
    held = leases.acquire(1, "alice")
    other = leases.acquire(2, "bob")
    leases.replace(Pool(IPv4Address("10.50.0.1"), 2))
    leases.acquire(3, "carol")
    free = [address for n in range(2, 5) for address in (FIRST + n, BESIDE.first + n)]
    for inner in (*({each} for each in held.addresses), held.addresses, {IPv4Address("10.50.0.1")}):
        assert leases.holder(frozenset(inner)) is not None
    assert leases.holder(held.addresses) == "alice"
    for each in (*free, FIRST - 1, BESIDE.first - 1, IPv4Address("10.50.0.2"), IPv6Address("fd00:99::1%eth0")):
        assert leases.holder(frozenset({each})) is None
        assert leases.holder(frozenset({each, held.address})) is None
    assert leases.holder(frozenset({held.address, other.address6.ip})) is None
    assert leases.holder(frozenset()) is None
    leases.release(1)
    assert leases.holder(held.addresses) is None
    assert leases.holder(other.addresses) == "bob"
    leases.replace(None)
    assert leases.holder(frozenset({IPv4Address("10.50.0.1")})) == "carol"


def test_an_address_is_looked_up_and_not_searched_for(monkeypatch):
    """A gateway asks at each session that comes up."""
    leases = PoolHistory(Pool(FIRST, 5_000, beside=BESIDE))
    held = [leases.acquire(n, f"user{n}") for n in range(5_000)]
    made = []
    lease = Pool._lease

    def counted(pool, slot):
        made.append(slot)
        return lease(pool, slot)

    monkeypatch.setattr(Pool, "_lease", counted)
    assert leases.holder(held[4_321].addresses) == "user4321"
    assert leases.holder(frozenset({FIRST + 6_000})) is None
    assert len(made) <= 2


def test_a_pool_that_was_replaced_under_many_sessions_costs_nobody_more(monkeypatch):
    """All addresses of the new pool are held by sessions of the old one, but for the last hundred."""
    leases = PoolHistory(Pool(FIRST, 3_000))
    for session in range(3_000):
        leases.acquire(session, f"user{session}")
    leases.replace(Pool(FIRST, 3_100))
    made = []
    lease = Pool._lease

    def counted(pool, slot):
        made.append(slot)
        return lease(pool, slot)

    monkeypatch.setattr(Pool, "_lease", counted)
    for session in range(3_000, 3_100):
        assert isinstance(leases.acquire(session, f"user{session}"), Lease)
    assert isinstance(leases.acquire(9_999, "late"), Failure)
    for session in range(100):
        leases.release(session)
        assert leases.acquire(10_000 + session, f"other{session}").address == FIRST + session
    assert len(made) == 200
