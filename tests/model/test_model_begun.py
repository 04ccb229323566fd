"""Work that is begun before anybody waits: over at once, or a rest that goes on, is cancelled or is closed."""

from __future__ import annotations

import asyncio
import errno
from enum import Enum, auto

import pytest

from lotor.model.begun import Over, Rest, begin, finished
from lotor.runtime.lanes import Lanes


class Step(Enum):
    ONE = auto()
    OTHER = auto()


async def at_once():
    return 7


def test_what_does_not_wait_is_over():
    assert begin(at_once()) == Over(7)
    assert begin(finished(at_once)) == Over(7)


def test_what_raises_before_it_waits_raises_here():
    async def refused():
        raise OSError(errno.EPERM, "no")

    with pytest.raises(OSError, match="no"):
        begin(refused())


def test_the_rest_gets_what_it_waits_for():
    async def waits(first, second):
        return await first + await second

    async def play():
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        rest = begin(waits(first, second))
        assert isinstance(rest, Rest)
        loop.call_soon(first.set_result, 3)
        loop.call_soon(second.set_result, 4)
        return await rest

    assert asyncio.run(play()) == 7


def test_the_rest_goes_on_where_its_future_is_there_before_anybody_waits():
    async def waits(future):
        return await future

    async def play():
        future = asyncio.get_running_loop().create_future()
        rest = begin(waits(future))
        future.set_result("here")
        return await rest

    assert asyncio.run(play()) == "here"


@pytest.mark.parametrize("give_up", ["cancel", "close"])
def test_a_rest_that_is_given_up_hears_of_it(give_up):
    heard = []

    async def waits(future):
        try:
            await future
        except BaseException as error:
            heard.append(type(error))
            raise

    async def play():
        rest = begin(waits(asyncio.get_running_loop().create_future()))
        if give_up == "close":
            rest.close()
            return
        task = asyncio.create_task(finished(lambda: rest))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())
    assert heard == [{"cancel": asyncio.CancelledError, "close": GeneratorExit}[give_up]]


def test_a_lane_does_a_step_that_does_not_wait_before_it_returns_and_in_no_turn():
    async def play():
        lanes, done = Lanes(at_once=True), []

        async def step():
            done.append("done")
            return 5

        outcome = lanes.put("key", Step.ONE, step)
        return done, outcome.result(), lanes.task("key")

    assert asyncio.run(play()) == (["done"], 5, None)


def test_behind_a_step_that_waits_the_others_keep_their_order():
    async def play():
        lanes, done, gate = Lanes(at_once=True), [], asyncio.Event()

        async def slow():
            await gate.wait()
            done.append("slow")

        async def quick():
            done.append("quick")

        lanes.follow("key", Step.ONE, slow)
        lanes.follow("key", Step.OTHER, quick)
        await asyncio.sleep(0)
        gate.set()
        await lanes.settled()
        return done

    assert asyncio.run(play()) == ["slow", "quick"]


def test_what_goes_wrong_at_once_is_told_like_what_goes_wrong_later(caplog):
    async def play():
        lanes = Lanes(at_once=True)

        async def refuses():
            raise OSError(errno.EPERM, "not permitted")

        async def gives_up():
            raise asyncio.CancelledError

        lanes.follow("key", Step.ONE, refuses)
        return lanes.put("key", Step.OTHER, gives_up).exception()

    assert asyncio.run(play()).errno == errno.ECONNABORTED
    assert "an engine did not follow: not permitted" in caplog.text


def test_the_time_of_a_step_counts_from_where_it_waits():
    async def play():
        lanes = Lanes(0.001, at_once=True)

        async def silent():
            await asyncio.get_running_loop().create_future()

        outcome = lanes.put("key", Step.ONE, silent)
        await lanes.settled()
        return outcome.exception()

    assert asyncio.run(play()).errno == errno.ETIMEDOUT
