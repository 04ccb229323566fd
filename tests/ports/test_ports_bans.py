"""What the throttle relies on in everything that remembers guessers."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address

import pytest

from lotor.auth import Clock
from lotor.auth.bans import MemoryBans
from lotor.model.network import Peer
from lotor.ports.bans import Outcome
from scripted import RecordingBans

HERE, THERE = Peer(IPv4Address("198.51.100.7"), 500), Peer(IPv4Address("203.0.113.9"), 500)
ENGINES = {
    "memory": lambda: MemoryBans(clock=Clock(lambda: 1000.0)),
    "memory, nobody waits": lambda: MemoryBans(0.0),
    "recording": RecordingBans,
}


@pytest.fixture(params=ENGINES)
def bans(request):
    return ENGINES[request.param]()


async def login(bans, outcome, user="alice", source=HERE):
    turn = await bans.enter(user, source)
    await bans.leave(turn.ticket, outcome)
    return turn


def play(*steps):
    async def whole():
        return [await step for step in steps]

    return asyncio.run(whole())


def test_a_stranger_neither_waits_nor_is_known(bans):
    (turn,) = play(bans.enter("alice", HERE))
    assert (turn.known, turn.wait) == (False, 0.0)


def test_no_two_attempts_under_way_have_one_ticket(bans):
    turns = play(*(bans.enter(f"user{number}", HERE) for number in range(100)))
    assert len({turn.ticket for turn in turns}) == 100


def test_who_was_proved_is_known_from_there_and_only_there(bans):
    proved, again, port, elsewhere, other = play(
        login(bans, Outcome.PROVED),
        login(bans, Outcome.UNJUDGED),
        login(bans, Outcome.UNJUDGED, source=Peer(HERE.address, 4501)),
        login(bans, Outcome.UNJUDGED, source=THERE),
        login(bans, Outcome.UNJUDGED, user="bob"),
    )
    assert [each.known for each in (proved, again, port, elsewhere, other)] == [False, True, True, False, False]


@pytest.mark.parametrize("outcome", [Outcome.WRONG, Outcome.UNJUDGED])
def test_who_was_not_proved_is_not_known(bans, outcome):
    assert not play(login(bans, outcome), login(bans, Outcome.WRONG))[1].known


def test_an_attempt_leaves_once(bans):
    async def story():
        turn = await bans.enter("alice", HERE)
        await bans.leave(turn.ticket, Outcome.UNJUDGED)
        await bans.leave(turn.ticket, Outcome.PROVED)
        return await bans.enter("alice", HERE)

    assert not asyncio.run(story()).known


def test_unknown_tickets_are_ignored(bans):
    play(bans.leave(77, Outcome.PROVED), bans.leave(0, Outcome.WRONG))
    assert not play(login(bans, Outcome.WRONG))[0].known


def test_names_of_strangers_may_be_anything_and_addresses_of_either_version(bans):
    strange = Peer(IPv6Address("2001:db8::1"), 500)
    turns = play(*(login(bans, Outcome.PROVED, user, strange) for user in ("", "\udcff\0", "x" * 100000)))
    assert [turn.known for turn in turns] == [False] * 3


def test_another_step_counts_for_attempts_that_are_under_way_as_well(bans):
    async def story():
        first = await bans.enter("alice", HERE)
        bans.change(0.0)
        await bans.leave(first.ticket, Outcome.WRONG)
        turn = await bans.enter("alice", HERE)
        bans.change(1.0)
        await bans.leave(turn.ticket, Outcome.PROVED)
        return turn, await bans.enter("alice", HERE)

    turn, last = asyncio.run(story())
    assert turn.wait == 0.0
    assert last.known


# --- those that count ------------------------------------------------------------------------------------------------


def test_each_wrong_one_makes_the_next_wait_longer_and_many_at_once_stand_in_line():
    bans = MemoryBans(clock=Clock(lambda: 1000.0))
    waits = [turn.wait for turn in play(*(bans.enter("alice", HERE) for _ in range(100)))]
    assert waits[:5] == [0.0, 1.0, 3.0, 6.0, 10.0]
    assert waits[-1] is None
    assert sum(wait is not None for wait in waits) < 10


def test_who_is_turned_away_has_noted_nothing():
    bans = MemoryBans(clock=Clock(lambda: 1000.0))
    play(*(bans.enter("alice", HERE) for _ in range(100)))
    under_way = len(bans._open)
    turn = play(bans.enter("alice", HERE))[0]
    assert turn.wait is None
    assert len(bans._open) == under_way < 10


def test_attempts_that_nobody_ends_are_bounded_in_number(monkeypatch):
    from lotor.auth import bans as module

    monkeypatch.setattr(module, "MOST_OPEN", 10)
    bans = MemoryBans(clock=Clock(lambda: 1000.0))
    turns = play(*(bans.enter(f"user{number}", HERE) for number in range(50)))
    assert len(bans._open) == 10
    play(bans.leave(turns[0].ticket, Outcome.PROVED))
    assert not play(bans.enter("user0", HERE))[0].known
