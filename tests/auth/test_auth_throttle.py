"""Back-off in virtual time: who guesses waits, who is somebody else does not."""

from __future__ import annotations

import asyncio
import heapq
from ipaddress import ip_address

import pytest

from lotor.auth import Clock, Throttle
from lotor.auth import throttle as module
from lotor.auth.workers import BusyError, Workers
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.secret import Secret

ALICE, BOB = "alice", "bob"


class Time:
    """Stands still until everybody sleeps; then jumps to the next to wake."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._count += 1
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, event))
        await event.wait()

    async def run(self, *attempts):
        tasks = [asyncio.ensure_future(one) for one in attempts]
        while not all(task.done() for task in tasks):
            for _ in range(50):
                await asyncio.sleep(0)
            if self._sleepers and not all(task.done() for task in tasks):
                self.now, _, event = heapq.heappop(self._sleepers)
                event.set()
        return [task.result() for task in tasks]


class Backend:
    """`right` is the password; `seen` when each attempt was looked at."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.seen: list[float] = []

    async def judge(self, attempt: LoginAttempt):
        self.seen.append(self.time.now)
        password = attempt.answer(Field.PASSWORD).reveal()
        if password == b"broken":
            raise RuntimeError("a fault of the back end")
        if password == b"more":
            return Challenge("code?", (Field.ANSWER,), None)
        return Accepted(attempt.user) if password == b"right" else Refused(attempt.user, "wrong password")


class Gateway:
    def __init__(self, step: float = 1.0) -> None:
        self.time = Time()
        self.backend = Backend(self.time)
        self.throttle = Throttle(self.backend, step, Clock(lambda: self.time.now, self.time.sleep))

    def attempt(self, password: str = "wrong", user: str = ALICE, source: str = "198.51.100.7", port: int = 4500):
        answers = ((Field.PASSWORD, Secret(password)),)
        return self.throttle.judge(LoginAttempt(user, answers, Peer(ip_address(source), port)))

    def run(self, *attempts):
        return asyncio.run(self.time.run(*attempts))

    def waits(self, *attempts):
        """How long each of the attempts, one after the other, waits to be looked at."""
        waits = []
        for attempt in attempts:
            before = self.time.now
            self.run(attempt)
            waits.append(self.backend.seen[-1] - before)
        return waits


def test_a_second_for_each_failure_up_to_ten():
    gateway = Gateway()
    assert gateway.waits(*(gateway.attempt() for _ in range(13))) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]


def test_the_right_password_is_accepted_after_the_wait_and_clears_the_record():
    gateway = Gateway()
    gateway.waits(gateway.attempt(), gateway.attempt())
    assert gateway.run(gateway.attempt("right")) == [Accepted(ALICE)]
    assert gateway.waits(gateway.attempt("right"), gateway.attempt("right")) == [0, 0]


def test_others_do_not_wait():
    gateway = Gateway()
    gateway.waits(*(gateway.attempt() for _ in range(5)))
    assert gateway.waits(gateway.attempt(source="203.0.113.9"), gateway.attempt(user=BOB)) == [0, 0]


def test_another_port_is_the_same_source():
    gateway = Gateway()
    assert gateway.waits(gateway.attempt(port=1), gateway.attempt(port=2), gateway.attempt(port=3)) == [0, 1, 2]


def test_a_host_has_all_addresses_of_its_ipv6_network():
    gateway = Gateway()
    mine = [gateway.attempt(source=f"2001:db8::{number}") for number in range(3)]
    assert gateway.waits(*mine) == [0, 1, 2]
    assert gateway.waits(gateway.attempt(source="2001:db8:0:1::1")) == [0]


def test_waiting_by_oneself_counts():
    gateway = Gateway()
    gateway.waits(gateway.attempt(), gateway.attempt())
    gateway.time.now += 1.5
    assert gateway.waits(gateway.attempt()) == [0.5]


def test_parallel_guesses_gain_nothing():
    gateway = Gateway()
    start = gateway.time.now
    verdicts = gateway.run(*(gateway.attempt() for _ in range(100)))
    looked_at = [seen - start for seen in gateway.backend.seen]
    assert looked_at[:5] == [0, 1, 3, 6, 10]
    assert max(looked_at) <= module.LONGEST_WAIT + module.LONGEST_PENALTY
    assert len(looked_at) < 10
    refused_at_once = [verdict for verdict in verdicts if "too many attempts" in verdict.why]
    assert len(refused_at_once) == 100 - len(looked_at)


def test_a_right_one_among_parallel_ones_is_still_one_login():
    gateway = Gateway()
    assert gateway.run(gateway.attempt("right"), gateway.attempt("right")) == [Accepted(ALICE)] * 2
    assert gateway.throttle.records == {}


def test_failures_are_forgotten_after_a_while():
    gateway = Gateway()
    gateway.waits(*(gateway.attempt() for _ in range(4)))
    gateway.time.now += module.FORGET_AFTER + 10
    assert gateway.waits(gateway.attempt(), gateway.attempt()) == [0, 1]


def test_a_challenge_is_neither_failure_nor_success():
    gateway = Gateway()
    assert gateway.waits(gateway.attempt("more"), gateway.attempt("more")) == [0, 0]
    gateway.waits(gateway.attempt())
    assert gateway.waits(gateway.attempt("more"), gateway.attempt()) == [1, 2]


def test_a_back_end_that_raises_leaves_no_line_behind():
    gateway = Gateway()
    with pytest.raises(RuntimeError):
        gateway.run(gateway.attempt("broken"))
    assert gateway.throttle.records == {}


def test_a_cancelled_wait_leaves_no_pending_attempt():
    gateway = Gateway()
    gateway.run(gateway.attempt())

    async def cancel():
        task = asyncio.ensure_future(gateway.attempt())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())
    assert [record.pending for record in gateway.throttle.records.values()] == [0]


def test_off():
    gateway = Gateway(step=0)
    assert gateway.waits(*(gateway.attempt() for _ in range(5))) == [0] * 5


def test_the_table_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST_ENTRIES", 10)
    gateway = Gateway()
    gateway.waits(*(gateway.attempt(user=f"user{number}" * 1000) for number in range(50)))
    assert len(gateway.throttle.records) <= 10
    assert all(len(name) == 16 for _, name in gateway.throttle.records)


def test_names_of_strangers_may_be_anything():
    gateway = Gateway()
    assert gateway.run(gateway.attempt(user="\udcff\0")) == [Refused("\udcff\0", "wrong password")]


def test_workers_are_bounded():
    async def flood():
        workers = Workers(threads=1, most_waiting=2)
        running = asyncio.Event()
        loop = asyncio.get_running_loop()
        release = __import__("threading").Event()

        def hold():
            loop.call_soon_threadsafe(running.set)
            release.wait(10)
            return "done"

        tasks = [asyncio.ensure_future(workers.run(hold)) for _ in range(3)]
        await running.wait()
        with pytest.raises(BusyError, match="3 logins are waiting"):
            await workers.run(hold)
        tasks[2].cancel()
        await asyncio.gather(tasks[2], return_exceptions=True)
        with pytest.raises(BusyError):
            await workers.run(hold)
        release.set()
        assert await asyncio.gather(*tasks[:2]) == ["done", "done"]
        assert await workers.run(lambda: "free again") == "free again"
        workers.close()

    asyncio.run(flood())


def test_a_reload_forgives_nobody():
    gateway = Gateway()
    gateway.waits(*(gateway.attempt() for _ in range(3)))
    former = gateway.throttle
    gateway.throttle = Throttle(gateway.backend, 1.0, Clock(lambda: gateway.time.now, gateway.time.sleep))
    gateway.throttle.succeed(former)
    assert gateway.waits(gateway.attempt(), gateway.attempt()) == [3, 4]
    gateway.throttle.succeed(gateway.backend)
    assert gateway.waits(gateway.attempt()) == [5]
