"""What a gateway relies on in every ledger of who is logged in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.leases.ledger import MemorySessions
from lotor.model.network import Peer
from lotor.ports.sessions import Presence
from scripted import RecordingSessions

HERE, THERE = Peer(IPv4Address("198.51.100.7"), 4500), Peer(IPv4Address("203.0.113.9"), 4500)
ALICE, AGAIN, BOB = (
    Presence("a-1", "alice", HERE, 1000.0),
    Presence("a-2", "alice", THERE, 1001.0),
    Presence("b-1", "bob", HERE, 1002.0),
)
ENGINES = {"memory": MemorySessions, "recording": RecordingSessions}


@pytest.fixture(params=ENGINES)
def sessions(request):
    return ENGINES[request.param]()


def play(*steps):
    async def whole():
        return [await step for step in steps]

    return asyncio.run(whole())


def test_nobody_is_there_at_first(sessions):
    assert play(sessions.all(), sessions.of("alice")) == [(), ()]


def test_who_enters_is_there_until_the_session_leaves(sessions):
    *_, both, of_alice, later = play(
        sessions.enter(ALICE),
        sessions.enter(BOB),
        sessions.enter(AGAIN),
        sessions.all(),
        sessions.of("alice"),
        sessions.leave("a-1"),
    )
    assert (both, of_alice, later) == ((ALICE, BOB, AGAIN), (ALICE, AGAIN), None)
    assert play(sessions.of("alice"), sessions.all()) == [(AGAIN,), (BOB, AGAIN)]


def test_a_session_that_enters_again_is_there_once_as_it_is_now(sessions):
    moved = replace(ALICE, source=THERE)
    play(sessions.enter(ALICE), sessions.enter(BOB), sessions.enter(moved), sessions.enter(moved))
    assert play(sessions.all(), sessions.of("alice")) == [(moved, BOB), (moved,)]


def test_a_session_that_is_another_persons_now_is_nobody_elses(sessions):
    changed = replace(ALICE, user="bob")
    play(sessions.enter(ALICE), sessions.enter(changed))
    assert play(sessions.of("alice"), sessions.of("bob")) == [(), (changed,)]
    play(sessions.leave("a-1"))
    assert play(sessions.of("bob"), sessions.all()) == [(), ()]


def test_an_unknown_session_may_leave(sessions):
    play(sessions.leave("x"), sessions.enter(ALICE), sessions.leave("a-1"), sessions.leave("a-1"))
    assert play(sessions.all()) == [()]


def test_names_are_told_apart_as_they_are_spelled(sessions):
    play(sessions.enter(ALICE), sessions.enter(replace(AGAIN, user="Alice")))
    assert play(sessions.of("alice")) == [(ALICE,)]
