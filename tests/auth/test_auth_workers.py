"""Who waits for a thread that hashes: fair by source, bounded, and gone when nobody wants the answer."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from lotor.auth import workers as module
from lotor.auth.line import FairLine
from lotor.auth.workers import BusyError, Turn, Workers

STRANGER, OTHER, HONEST = Turn("198.51.100.7"), Turn("198.51.100.8"), Turn("203.0.113.9")
KNOWN = Turn("203.0.113.9", first=True)


class Hall:
    """Workers whose threads stand still until `open`; `order` is that in which checks began."""

    def __init__(self, **settings: int) -> None:
        self.workers = Workers(**settings)
        self.order: list[object] = []
        self._gate = threading.Event()

    def enter(self, name: object, turn: Turn) -> asyncio.Task:
        return asyncio.ensure_future(self.workers.run(lambda: self._check(name), turn))

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def open(self) -> None:
        self._gate.set()

    def _check(self, name: object) -> object:
        self.order.append(name)
        self._gate.wait(60)
        return name


def test_a5_an_honest_login_waits_for_one_check_of_each_source_not_for_the_crowd_of_one():
    async def play():
        hall = Hall(threads=1)
        tasks = [hall.enter(number, STRANGER) for number in range(300)]
        await hall.settle()
        tasks += [hall.enter("other", OTHER), hall.enter("honest", HONEST)]
        await hall.settle()
        hall.open()
        await asyncio.gather(*tasks)
        return hall.order

    order = asyncio.run(play())
    assert order.index("honest") <= 3
    assert order[0] == 0
    assert [name for name in order if isinstance(name, int)] == list(range(300))


def test_f7_who_was_proved_lately_goes_before_everybody_else():
    async def play():
        hall = Hall(threads=1)
        tasks = [hall.enter(number, STRANGER) for number in range(20)]
        await hall.settle()
        tasks += [hall.enter("honest", HONEST), hall.enter("known", KNOWN)]
        await hall.settle()
        hall.open()
        await asyncio.gather(*tasks)
        return hall.order

    assert asyncio.run(play())[:2] == [0, "known"]


def test_f7_a_check_that_nobody_waits_for_never_begins():
    async def play():
        hall = Hall(threads=2)
        gone = [hall.enter(number, STRANGER) for number in range(40)]
        await hall.settle()
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        assert hall.workers.waiting == 0
        honest = hall.enter("honest", HONEST)
        await hall.settle()
        hall.open()
        assert await honest == "honest"
        return hall.order

    assert asyncio.run(play()) == [0, 1, "honest"], "the two that had begun, and nothing else"


def test_f7_a_thread_is_not_lent_twice_while_it_works_for_somebody_who_has_gone():
    async def play():
        hall = Hall(threads=1)
        gone = hall.enter("gone", STRANGER)
        await hall.settle()
        gone.cancel()
        waiting = hall.enter("waiting", HONEST)
        await hall.settle()
        begun = list(hall.order)
        hall.open()
        await waiting
        return begun

    assert asyncio.run(play()) == ["gone"]


def test_a5_in_a_full_room_the_newest_of_the_largest_crowd_gives_way():
    async def play():
        hall = Hall(threads=1, room=10)
        tasks = [hall.enter(number, STRANGER) for number in range(11)]
        await hall.settle()
        honest = [hall.enter("honest", HONEST), hall.enter("known", KNOWN)]
        await hall.settle()
        assert hall.workers.waiting == 10
        refused = await asyncio.gather(*tasks[9:], return_exceptions=True)
        assert [type(each) for each in refused] == [BusyError, BusyError]
        with pytest.raises(BusyError) as busy:
            await hall.workers.run(lambda: None, STRANGER)
        assert busy.value.reason("alice").clause == "10 logins are waiting already"
        hall.open()
        assert await asyncio.gather(*honest) == ["honest", "known"]
        assert await asyncio.gather(*tasks[:9]) == list(range(9))
        assert await hall.workers.run(lambda: "free again", STRANGER) == "free again"

    asyncio.run(play())


def test_f7_a_thousand_people_who_come_back_at_once_find_room_also_from_one_address():
    async def play():
        workers = Workers(threads=2)
        return await asyncio.gather(*(workers.run(lambda number=number: number, HONEST) for number in range(1000)))

    assert asyncio.run(play()) == list(range(1000))


def test_f7_nobody_else_displaces_those_who_were_proved_lately():
    async def play():
        hall = Hall(threads=1, room=3)
        tasks = [hall.enter(number, KNOWN) for number in range(4)]
        await hall.settle()
        with pytest.raises(BusyError):
            await hall.workers.run(lambda: None, HONEST)
        hall.open()
        assert await asyncio.gather(*tasks) == list(range(4))

    asyncio.run(play())


def test_what_a_check_raises_reaches_who_asked():
    async def play():
        def broken():
            raise OSError(5, "a fault of the disk")

        workers = Workers(threads=1)
        with pytest.raises(OSError, match="a fault of the disk"):
            await workers.run(broken, HONEST)
        return await workers.run(lambda: 7, HONEST)

    assert asyncio.run(play()) == 7


def test_checks_run_on_every_processor_and_stand_back_behind_the_rest_of_the_program():
    async def play():
        workers, together = Workers(), threading.Barrier(len(os.sched_getaffinity(0)))

        def check():
            together.wait(60)
            return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

        return await asyncio.gather(*(workers.run(check, HONEST) for _ in range(together.parties)))

    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert set(asyncio.run(play())) == {min(19, here + module.NICENESS)}


def test_a_line_is_empty_again_when_everybody_has_left():
    line: FairLine[str] = FairLine()
    for name in ("a1", "a2", "b1"):
        line.add(name[0], name)
    assert line.crowd() == ("a", "a2")
    line.remove("a", "a1")
    line.remove("a", "never there")
    assert [line.take(), line.take(), line.take()] == ["a2", "b1", None]
    assert (len(line), line.crowd(), line.waiting("a")) == (0, None, 0)
