"""Work in its order, whatever the engine behind it does: slow, silent, broken, or asked again and again."""

from __future__ import annotations

import asyncio
import gc
from enum import Enum, auto
from functools import partial

import pytest

from lotor.runtime.lanes import Lanes


class Step(Enum):
    FIRST = auto()
    SECOND = auto()
    THIRD = auto()


class Engine:
    def __init__(self) -> None:
        self.did: list[str] = []
        self.free = asyncio.Event()

    async def do(self, what: str) -> str:
        await self.free.wait()
        self.did.append(what)
        return what

    async def give_up(self) -> None:
        raise asyncio.CancelledError


def test_what_was_asked_for_last_is_done_last():
    async def play():
        engine, lanes = Engine(), Lanes()
        for name, what in (
            (Step.FIRST, "a"),
            (Step.SECOND, "old b"),
            (Step.THIRD, "c"),
            (Step.SECOND, "b"),
        ):
            lanes.follow(1, name, partial(engine.do, what))
            await asyncio.sleep(0)
        engine.free.set()
        await lanes.settled()
        return engine.did

    assert asyncio.run(play()) == ["a", "c", "b"]


def test_a_step_whose_waiter_was_cancelled_can_be_asked_for_again():
    async def play():
        engine, lanes = Engine(), Lanes()
        lanes.follow(1, Step.FIRST, partial(engine.do, "a"))
        await asyncio.sleep(0)
        waiter = asyncio.ensure_future(_wait(lanes.put(1, Step.SECOND, partial(engine.do, "b"))))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.sleep(0)
        again = lanes.put(1, Step.SECOND, partial(engine.do, "b again"))
        engine.free.set()
        return await again

    assert asyncio.run(play()) == "b again"


def test_a_silent_engine_is_told_and_the_next_step_goes_on(caplog):
    async def play():
        engine, lanes = Engine(), Lanes(0.01)
        with pytest.raises(OSError, match="no answer within"):
            await lanes.put(1, Step.FIRST, partial(engine.do, "a"))
        lanes.follow(1, Step.SECOND, partial(engine.do, "b"))
        await lanes.settled()
        engine.free.set()
        return await lanes.put(1, Step.THIRD, partial(engine.do, "c"))

    assert asyncio.run(play()) == "c"
    assert "an engine did not follow: no answer within 0.01 s" in caplog.text


def test_an_engine_that_gives_a_step_up_itself_stops_no_lane():
    async def play():
        engine, lanes = Engine(), Lanes()
        engine.free.set()
        given_up = lanes.put(1, Step.FIRST, engine.give_up)
        after = lanes.put(1, Step.SECOND, partial(engine.do, "b"))
        with pytest.raises(ConnectionAbortedError):
            await given_up
        return await after

    assert asyncio.run(play()) == "b"


def test_who_waits_is_let_go_when_the_program_ends():
    async def play():
        engine, lanes = Engine(), Lanes()
        running = lanes.put(1, Step.FIRST, partial(engine.do, "a"))
        left = lanes.put(1, Step.SECOND, partial(engine.do, "b"))
        await asyncio.sleep(0)
        task = lanes.task(1)
        task.cancel()
        await asyncio.wait({task})
        return running.cancelled(), left.cancelled(), lanes.task(1)

    assert asyncio.run(play()) == (True, True, None)


def test_a_fault_after_everybody_left_leaves_no_traceback(caplog):
    async def play():
        engine, lanes = Engine(), Lanes()

        async def broken():
            await engine.free.wait()
            raise ValueError("never shown")

        waiter = asyncio.ensure_future(_wait(asyncio.shield(lanes.put(1, Step.FIRST, broken))))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.sleep(0)
        engine.free.set()
        await lanes.settled()
        await asyncio.sleep(0)
        gc.collect()

    asyncio.run(play())
    assert not caplog.text


async def _wait(future: asyncio.Future) -> object:
    return await future
