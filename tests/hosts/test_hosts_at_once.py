"""Work that is done in the turn of its call where nothing has to be waited for."""

from __future__ import annotations

import asyncio

import pytest

from lotor.hosts.at_once import begun


async def failing(*, waits):
    if waits:
        await asyncio.sleep(0)
    raise LookupError("nothing there")


def test_what_need_not_wait_is_done():
    async def story():
        async def work():
            return 7

        outcome = begun(work())
        return outcome.done(), await asyncio.shield(outcome)

    assert asyncio.run(story()) == (True, 7)


def test_what_waits_goes_on_in_a_task_and_every_wait_counts():
    async def story():
        gate, steps = asyncio.get_running_loop().create_future(), []

        async def work():
            steps.append("begun")
            await asyncio.sleep(0)
            steps.append(await gate)
            async with asyncio.timeout(60):
                await asyncio.sleep(0)
            return "done"

        outcome = begun(work())
        steps.append("called")
        asyncio.get_running_loop().call_later(0.001, gate.set_result, "through")
        return await outcome, steps

    assert asyncio.run(story()) == ("done", ["begun", "called", "through"])


@pytest.mark.parametrize("waits", [False, True])
def test_a_fault_is_the_callers(waits):
    async def story():
        outcome = begun(failing(waits=waits))
        assert outcome.done() != waits
        with pytest.raises(LookupError, match="nothing there"):
            await asyncio.shield(outcome)

    asyncio.run(story())


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_it_goes_on_when_its_caller_gives_up(turns):
    async def story():
        ended = asyncio.Event()

        async def work():
            for _ in range(5):
                await asyncio.sleep(0)
            ended.set()

        async def call():
            await asyncio.shield(begun(work()))

        caller = asyncio.create_task(call())
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait({caller})
        await ended.wait()
        return caller.cancelled()

    assert asyncio.run(story())


@pytest.mark.parametrize("waits", [False, True])
def test_a_cancellation_of_the_work_itself_is_one(waits):
    async def story():
        cleaned = []

        async def work():
            try:
                if not waits:
                    raise asyncio.CancelledError
                await asyncio.sleep(60)
            finally:
                cleaned.append(1)

        outcome = begun(work())
        await asyncio.sleep(0)
        outcome.cancel()
        await asyncio.wait({outcome})
        return outcome.cancelled(), cleaned

    assert asyncio.run(story()) == (True, [1])


def test_calls_keep_their_order():
    async def story():
        turn, order = asyncio.Lock(), []

        async def work(number, *, waits):
            async with turn:
                for _ in range(waits):
                    await asyncio.sleep(0)
                order.append(number)

        await asyncio.gather(*(begun(work(number, waits=number % 3)) for number in range(1, 10)))
        return order

    assert asyncio.run(story()) == list(range(1, 10))
