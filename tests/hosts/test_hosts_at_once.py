"""Work that is done in the turn of its call where nothing has to be waited for."""

from __future__ import annotations

import asyncio

import pytest

from lotor.hosts.at_once import at_once


async def failing(*, waits):
    if waits:
        await asyncio.sleep(0)
    raise LookupError("nothing there")


def nobody(task):
    raise AssertionError("nothing waits")


def test_what_need_not_wait_is_done_in_the_turn_of_its_call():
    async def story():
        turns = []

        async def work():
            return 7

        asyncio.get_running_loop().call_soon(turns.append, 1)
        return await at_once(work(), nobody), len(turns)

    assert asyncio.run(story()) == (7, 0)


def test_what_waits_goes_on_in_a_task_and_every_wait_counts():
    async def story():
        gate, steps, tasks = asyncio.get_running_loop().create_future(), [], []

        async def work():
            steps.append("begun")
            await asyncio.sleep(0)
            steps.append(await gate)
            async with asyncio.timeout(60):
                await asyncio.sleep(0)
            return "done"

        asyncio.get_running_loop().call_soon(gate.set_result, "through")
        return await at_once(work(), tasks.append), steps, [each.done() for each in tasks]

    assert asyncio.run(story()) == ("done", ["begun", "through"], [True])


@pytest.mark.parametrize("waits", [False, True])
def test_a_fault_is_the_callers(waits):
    async def story():
        tasks = []
        with pytest.raises(LookupError, match="nothing there"):
            await at_once(failing(waits=waits), tasks.append)
        return len(tasks)

    assert asyncio.run(story()) == waits


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_it_goes_on_when_its_caller_gives_up(turns):
    async def story():
        ended, tasks = asyncio.Event(), []

        async def work():
            for _ in range(5):
                await asyncio.sleep(0)
            ended.set()

        caller = asyncio.create_task(at_once(work(), tasks.append))
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait({caller})
        await ended.wait()
        return caller.cancelled(), len(tasks)

    assert asyncio.run(story()) == (True, 1)


def test_a_cancellation_of_the_work_itself_is_one():
    async def story():
        cleaned, tasks = [], []

        async def work():
            try:
                await asyncio.sleep(60)
            finally:
                cleaned.append(1)

        caller = asyncio.create_task(at_once(work(), tasks.append))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait({caller})
        return caller.cancelled(), cleaned

    assert asyncio.run(story()) == (True, [1])


def test_calls_keep_their_order():
    async def story():
        turn, order = asyncio.Lock(), []

        async def work(number, *, waits):
            async with turn:
                for _ in range(waits):
                    await asyncio.sleep(0)
                order.append(number)

        every = (at_once(work(number, waits=number % 3), lambda _: None) for number in range(1, 10))
        await asyncio.gather(*every)
        return order

    assert asyncio.run(story()) == list(range(1, 10))
