"""What is counted, and under which labels."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from lotor.ike.events import ChildUp, Dead, Dropped, Ended, LoggedIn, LoginRefused, PhaseOneUp, Renewed, Started, Up
from lotor.metrics.counting import Counting, Histogram
from lotor.metrics.families import BUCKETS, FAMILIES
from lotor.metrics.view import counted
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reasons.ends import DeadPeer, ShutDown
from lotor.model.reasons.local import PoolExhausted
from lotor.model.reasons.logins import WrongPassword

HERE = Peer(IPv4Address("192.0.2.50"), 500)
PATH = Path(HERE, Peer(IPv4Address("198.51.100.1"), 500))
POOL = PoolExhausted(IPv4Address("10.99.99.1"), IPv4Address("10.99.99.1"), 1)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counting(clock):
    return Counting(clock)


def started(number, side=Side.GATEWAY):
    return Started(number, PATH, "anonymous", side, None)


def phase_one(number):
    return PhaseOneUp(number, PATH, None, "peer", "", "", "")


def told(counting, name):
    return {tuple(each["labels"]): each["value"] for each in counted(counting)[name]}


def test_a_login_is_counted_by_its_result_and_a_refused_one_by_its_reason(counting):
    counting.follow(LoggedIn(1, "alice"))
    counting.follow(LoginRefused(2, "bob", WrongPassword("bob"), HERE))
    counting.follow(LoginRefused(3, "bob", WrongPassword("bob"), HERE))
    assert told(counting, "lotor_logins_total") == {("accepted",): 1, ("refused",): 2}
    assert told(counting, "lotor_logins_refused_total") == {("login-wrong-password",): 2}


def test_what_did_not_happen_is_0_where_its_labels_are_known(counting):
    assert told(counting, "lotor_logins_total") == {("accepted",): 0, ("refused",): 0}
    assert told(counting, "lotor_renewals_total") == {(): 0}
    assert "lotor_logins_refused_total" not in counted(counting)


def test_an_end_is_that_of_a_session_or_of_an_attempt(counting):
    for number in (1, 2):
        counting.follow(started(number))
    counting.follow(Up(1, PATH, "alice"))
    counting.follow(Ended(1, ShutDown(), established=True))
    counting.follow(Ended(2, POOL, established=True))
    assert told(counting, "lotor_sessions_ended_total") == {(ShutDown().kind.value,): 1}
    assert told(counting, "lotor_attempts_failed_total") == {(POOL.kind.value,): 1}


def test_handshakes_and_connections_take_their_time(counting, clock):
    counting.follow(started(1))
    clock.now += 0.2
    counting.follow(phase_one(1))
    clock.now += 4
    counting.follow(Up(1, PATH, "alice"))
    handshakes, connections = (counting.histograms[f"lotor_{each}_seconds"] for each in ("handshake", "connect"))
    assert handshakes.total == pytest.approx(0.2)
    assert connections.total == pytest.approx(4.2)
    assert handshakes.counts[BUCKETS.index(0.25)] == connections.counts[BUCKETS.index(5.0)] == 1


def test_a_renewal_is_no_connection_and_leaves_nothing_behind(counting, clock):
    counting.follow(started(1))
    counting.follow(Up(1, PATH, "alice"))
    counting.follow(started(2))
    clock.now += 3
    counting.follow(Renewed(1, 2, PATH, None, ""))
    counting.follow(Ended(1, ShutDown(), established=True))
    assert told(counting, "lotor_renewals_total") == {(): 1}
    assert sum(counting.histograms["lotor_connect_seconds"].counts) == 1
    assert (counting._began, counting._up) == ({}, set())


def test_ten_thousand_strangers_leave_nothing_behind(counting):
    for number in range(10_000):
        counting.follow(started(number))
        counting.follow(Ended(number, ShutDown(), established=False))
    assert (counting._began, counting._up) == ({}, set())
    assert len(counting.counters) == 1


def test_dead_peers_dropped_messages_and_sa_pairs_are_counted(counting):
    counting.follow(Dead(1, PATH, DeadPeer(HERE.address, 30)))
    counting.follow(Dropped(0, PATH, "a message", POOL))
    counting.follow(ChildUp(1, None, None, initiated=True, rekey_at=None))
    assert told(counting, "lotor_peers_dead_total") == {(): 1}
    assert told(counting, "lotor_messages_dropped_total") == {(POOL.kind.value,): 1}
    assert told(counting, "lotor_sa_pairs_total") == {(): 1}


def test_a_bucket_holds_what_is_as_long_as_its_end_and_the_last_one_everything_longer():
    histogram = Histogram()
    for seconds in (0, BUCKETS[0], BUCKETS[0] + 0.001, BUCKETS[-1], BUCKETS[-1] + 1):
        histogram.add(seconds)
    assert histogram.counts == [2, 1, *[0] * (len(BUCKETS) - 3), 1, 1]


def test_whatever_is_counted_has_a_family(counting):
    counting.follow(LoginRefused(2, "bob", WrongPassword("bob"), HERE))
    counting.follow(Ended(2, POOL, established=True))
    counting.follow(Dropped(0, PATH, "a message", POOL))
    families = counted(counting)
    assert len(families) >= 9
    assert families.keys() <= FAMILIES.keys()
    wrong = [
        name for name, each in families.items() for one in each if len(one["labels"]) != len(FAMILIES[name].labels)
    ]
    assert wrong == []
