"""Records between start and stop: each session in its own time, spread, a bounded number at once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from lotor.runtime import interims
from lotor.runtime.interims import AT_ONCE, MOST_STALE, TURN_S, UNSURE_S, Interims


class Play:
    """Interims by a clock that the test moves."""

    def __init__(self, interval=600.0):
        self.now, self.interval, self.told = 0.0, interval, []
        self.turns = []
        self.interims = Interims(lambda _: self.interval, self.tell, lambda: self.now)

    async def tell(self, due):
        self.told += [(self.now, each) for each in due]
        self.turns.append(len(due))

    async def on(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now += TURN_S
            await self.interims.look()


def run(story):
    async def play():
        stage = Play()
        try:
            await story(stage)
        finally:
            stage.interims.stop()

    asyncio.run(play())


def test_each_session_is_told_of_once_in_each_interval():
    async def story(stage):
        for session in range(100):
            stage.interims.begin(session)
        await stage.on(3000)
        told = Counter(session for _, session in stage.told)
        assert set(told) == set(range(100))
        assert set(told.values()) <= {4, 5}  # the first one came after half of an interval to all of it

    run(story)


def test_sessions_that_came_at_once_are_spread():
    async def story(stage):
        for session in range(3000):
            stage.interims.begin(session)
        await stage.on(600)
        assert sum(stage.turns) == 3000
        assert max(stage.turns) <= 3 * 3000 * TURN_S / 300

    run(story)


def test_more_than_may_be_at_once_wait_for_another_turn(monkeypatch):
    monkeypatch.setattr(interims, "GOLDEN", 0.0)

    async def story(stage):
        for session in range(5 * AT_ONCE):
            stage.interims.begin(session)
        await stage.on(302)
        assert stage.turns[:5] == [AT_ONCE] * 5
        assert sum(stage.turns) == 5 * AT_ONCE

    run(story)


def test_who_has_ended_is_not_told_of_any_more():
    async def story(stage):
        stage.interims.begin(1)
        stage.interims.begin(2)
        stage.interims.end(1)
        stage.interims.end(7)
        await stage.on(600)
        assert [session for _, session in stage.told] == [2]

    run(story)


def test_a_session_that_comes_again_under_the_same_number_has_one_record_in_each_interval():
    async def story(stage):
        for _ in range(5):
            stage.interims.begin(1)
            stage.interims.end(1)
        stage.interims.begin(1)
        await stage.on(600)
        assert len(stage.told) == 1

    run(story)


def test_turns_of_sessions_that_ended_do_not_pile_up():
    async def story(stage):
        stage.interval = 86400.0
        stage.interims.begin(0)
        for session in range(1, 5 * MOST_STALE):
            stage.interims.begin(session)
            stage.interims.end(session)
        assert len(stage.interims._due) <= MOST_STALE + 3
        await stage.on(TURN_S)
        stage.now += 86400
        await stage.interims.look()
        assert [session for _, session in stage.told] == [0]

    run(story)


def test_a_fault_costs_one_turn(monkeypatch, caplog):
    monkeypatch.setattr(interims, "TURN_S", 0.001)

    async def story(stage):
        told = asyncio.Event()

        async def tell(due):
            if caplog.messages:
                told.set()
            raise ValueError("secret")

        stage.interims._tell, stage.interval = tell, 0.001
        stage.interims._now = asyncio.get_running_loop().time
        stage.interims.begin(1)
        await asyncio.wait_for(told.wait(), 60)

    run(story)
    assert "internal error: accounts between start and stop: ValueError at " in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("first", [None, 600.0])
def test_a_reload_turns_records_on_and_off_for_sessions_that_are_up(first):
    async def story(stage):
        stage.interval = first
        stage.interims.begin(1)
        stage.interval = None
        await stage.on(1000)
        assert stage.told == []
        stage.interval = 100.0
        await stage.on(UNSURE_S + 101)
        assert len(stage.told) in (1, 2)

    run(story)


def test_it_looks_by_itself_until_it_is_stopped(monkeypatch):
    monkeypatch.setattr(interims, "TURN_S", 0.0)

    async def play():
        stage = Play()
        stage.interims.begin(1)
        stage.now = 600.0
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(stage.told) == 1
        stage.interims.stop()
        stage.now = 5000.0
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(stage.told) == 1

    asyncio.run(play())
