"""Key pairs made ahead: each is given away once, in the right group, whether a thread is there or not."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from itertools import count

import pytest

from lotor.crypto.groups import key_pair
from lotor.model.algorithms import Group
from lotor.runtime.keypair_pool import POOL_SIZE, KeyPairs
from lotor.runtime.randomness import SystemRandomness


class Later(Executor):
    """Runs what was submitted when the test says so."""

    def __init__(self) -> None:
        self.waiting = []

    def submit(self, call, /, *arguments):
        self.waiting.append((call, arguments))
        return Future()

    def run(self) -> None:
        while self.waiting:
            call, arguments = self.waiting.pop()
            call(*arguments)


class Closed(Executor):
    def submit(self, call, /, *arguments):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")


@pytest.fixture
def later():
    return Later()


def counting():
    numbers = count()
    return lambda group: (group, next(numbers))


def test_the_first_is_made_while_the_caller_waits_and_the_next_are_ready(later):
    pairs = KeyPairs(counting(), later)
    assert pairs.take(Group.MODP2048) == (Group.MODP2048, 0)
    later.run()
    assert [pairs.take(Group.MODP2048)[1] for _ in range(POOL_SIZE)] == list(range(1, POOL_SIZE + 1))
    later.run()
    assert pairs.take(Group.MODP2048) == (Group.MODP2048, POOL_SIZE + 1)


def test_no_more_than_a_few_wait_and_groups_do_not_mix(later):
    made = []

    def make(group):
        made.append(group)
        return group, len(made)

    pairs = KeyPairs(make, later)
    for _ in range(3):
        pairs.take(Group.MODP1024)
    later.run()
    assert len(made) == 3 + POOL_SIZE
    assert pairs.take(Group.MODP4096)[0] is Group.MODP4096
    later.run()
    taken = [pairs.take(Group.MODP1024) for _ in range(2 * POOL_SIZE)]
    assert {group for group, _ in taken} == {Group.MODP1024}
    assert len(set(taken)) == 2 * POOL_SIZE


def test_without_a_thread_pairs_are_made_all_the_same():
    pairs = KeyPairs(counting(), Closed())
    assert [pairs.take(Group.MODP1024)[1] for _ in range(3)] == [0, 1, 2]


def test_a_real_thread_never_gives_a_pair_twice():
    given, lock = [], threading.Lock()
    pairs = KeyPairs(key_pair)

    def take():
        for _ in range(20):
            pair = pairs.take(Group.MODP1024)
            with lock:
                given.append(pair.public)

    takers = [threading.Thread(target=take) for _ in range(3)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert len(set(given)) == 60


@pytest.mark.parametrize("group", [Group.MODP1024, Group.ECP256, Group.CURVE25519])
def test_dice_of_the_system_agree(group):
    randomness = SystemRandomness()
    ours, theirs = randomness.key_pair(group), randomness.key_pair(group)
    assert ours.agree(theirs.public) == theirs.agree(ours.public)
