"""Back-off in virtual time: who guesses waits, who is somebody else does not."""

from __future__ import annotations

import asyncio
import heapq
from ipaddress import ip_address, ip_network

import pytest

from lotor.auth import Clock, Throttle, guesses
from lotor.auth import bans as module
from lotor.auth import known as known_module
from lotor.auth.known import Known
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import Busy, WrongPassword
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
        return Accepted(attempt.user) if password == b"right" else Refused(WrongPassword(attempt.user))


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
    assert max(looked_at) <= module.LONGEST_WAIT + module.PAIR.longest
    assert len(looked_at) < 10
    refused_at_once = [verdict for verdict in verdicts if "too many attempts" in verdict.reason.clause]
    assert len(refused_at_once) == 100 - len(looked_at)


def test_a_right_one_among_parallel_ones_is_still_one_login():
    gateway = Gateway()
    assert gateway.run(gateway.attempt("right"), gateway.attempt("right")) == [Accepted(ALICE)] * 2
    assert gateway.throttle.bans.pairs.records == {}


def test_failures_are_forgotten_after_a_while():
    gateway = Gateway()
    gateway.waits(*(gateway.attempt() for _ in range(4)))
    gateway.time.now += module.PAIR.forgets + 10
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
    assert gateway.throttle.bans.pairs.records == {}


def test_a_cancelled_wait_leaves_no_pending_attempt():
    gateway = Gateway()
    gateway.run(gateway.attempt())

    async def cancel():
        task = asyncio.ensure_future(gateway.attempt())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel())
    assert [record.pending for record in gateway.throttle.bans.pairs.records.values()] == [0]


def test_off():
    gateway = Gateway(step=0)
    assert gateway.waits(*(gateway.attempt() for _ in range(5))) == [0] * 5


def test_the_table_is_bounded(monkeypatch):
    monkeypatch.setattr(guesses, "MOST_ENTRIES", 10)
    gateway = Gateway()
    gateway.waits(*(gateway.attempt(user=f"user{number}" * 1000) for number in range(50)))
    assert len(gateway.throttle.bans.pairs.records) <= 10
    assert all(len(name) == 16 for _, name in gateway.throttle.bans.pairs.records)


def test_names_of_strangers_may_be_anything():
    gateway = Gateway()
    assert gateway.run(gateway.attempt(user="\udcff\0")) == [Refused(WrongPassword("\udcff\0"))]


def test_a_reload_forgives_nobody():
    gateway = Gateway()
    gateway.waits(*(gateway.attempt() for _ in range(3)))
    former = gateway.throttle
    gateway.throttle = Throttle(gateway.backend, 1.0, Clock(lambda: gateway.time.now, gateway.time.sleep))
    gateway.throttle.take_over(former)
    assert gateway.waits(gateway.attempt(), gateway.attempt()) == [3, 4]
    gateway.throttle.take_over(gateway.backend)
    assert gateway.waits(gateway.attempt()) == [5]


def spray(gateway: Gateway, count: int, address: str = "198.51.100.7"):
    """Wrong passwords of as many users, one after the other; `address` may hold a number."""
    return gateway.waits(*(gateway.attempt(user=f"u{n}", source=address.format(n)) for n in range(count)))


def test_a9_guesses_at_ever_other_users_from_one_address_come_slower_and_slower():
    waits = spray(Gateway(), 200)
    assert waits[:10] == [0] * 10
    assert waits == sorted(waits)
    assert max(waits) == module.HOST.longest
    assert sum(waits) > 1000


def test_f7_a_network_of_ipv6_gives_its_owner_no_fresh_start_in_each_of_its_parts():
    waits = spray(Gateway(), 200, "2001:db8:0:{0:x}::1")
    assert waits[:40] == [0] * 40
    assert sum(waits) > 500
    assert sum(spray(Gateway(), 200, "2001:db8:{0:x}::1")) == 0


def test_a10_a11_a_user_at_whom_a_thousand_addresses_guess_is_slowed_a_little_and_never_kept_out():
    gateway = Gateway()
    gateway.run(gateway.attempt("right", source="203.0.113.9"))
    crowd = gateway.waits(*(gateway.attempt(source=f"198.51.{n // 250}.{n % 250}") for n in range(1000)))
    assert crowd[:10] == [0] * 10
    assert max(crowd) == module.USER.longest
    assert gateway.waits(gateway.attempt("right", source="192.0.2.77")) == [module.USER.longest]
    assert gateway.waits(gateway.attempt("right", source="203.0.113.9")) == [0], "where she was proved lately"
    assert gateway.waits(gateway.attempt(user=BOB, source="192.0.2.78")) == [0]


def test_a11_the_office_of_a_guesser_gets_in_when_it_was_in_before():
    gateway = Gateway()
    office = [f"colleague{number}" for number in range(50)]
    assert sum(gateway.waits(*(gateway.attempt("right", user=name) for name in office))) == 0
    spray(gateway, 400)
    assert sum(gateway.waits(*(gateway.attempt("right", user=name) for name in office))) == 0
    late = gateway.waits(gateway.attempt("right", user="new"))
    assert 0 < late[0] <= module.LONGEST_WAIT, "who was never there stands in line with the guesser"


def test_f7_those_who_know_their_passwords_do_not_lengthen_the_line_of_a_guesser_in_their_office():
    gateway = Gateway()
    gateway.run(*(gateway.attempt("right", user=f"colleague{number}") for number in range(50)))
    spray(gateway, 400)
    for _ in range(10):
        gateway.run(*(gateway.attempt("right", user=f"colleague{number}") for number in range(50)))
    assert gateway.waits(gateway.attempt("right", user="new"))[0] <= module.LONGEST_WAIT


def test_f7_a_thousand_right_ones_behind_one_address_come_in_at_once():
    gateway = Gateway()
    start = gateway.time.now
    verdicts = gateway.run(*(gateway.attempt("right", user=f"user{number}") for number in range(1000)))
    assert {type(verdict) for verdict in verdicts} == {Accepted}
    assert gateway.time.now == start


def test_f7_an_office_may_mistype_as_often_as_it_has_people():
    gateway = Gateway()
    names = [f"user{number}" for number in range(100)]
    gateway.run(*(gateway.attempt("right", user=name) for name in names))
    assert sum(gateway.waits(*(gateway.attempt(user=f"{name}, mistyped") for name in names))) == 0


def test_f7_failures_of_a_network_are_forgiven_one_by_one():
    gateway = Gateway()
    spray(gateway, 30)
    gateway.time.now += 300
    assert gateway.waits(gateway.attempt(user="x"), gateway.attempt(user="y"))[1] > 0
    gateway.time.now += 1000
    assert gateway.waits(gateway.attempt(user="z")) == [0]


def test_a6_an_attempt_that_nobody_judged_is_no_guess():
    gateway = Gateway()

    async def busy(attempt):
        gateway.backend.seen.append(gateway.time.now)
        return Refused(Busy(attempt.user, 300))

    gateway.backend.judge = busy
    assert gateway.waits(*(gateway.attempt("right") for _ in range(12))) == [0] * 12


def test_a6_who_is_turned_away_because_the_line_is_long_is_told_so():
    gateway = Gateway()
    verdicts = gateway.run(*(gateway.attempt() for _ in range(100)))
    turned = [verdict for verdict in verdicts if not verdict.judged]
    assert turned
    assert all("try again" in verdict.reason.message for verdict in turned)
    assert all(verdict.reason.message == "" for verdict in verdicts if verdict.reason.clause == "wrong password")


def test_a7_a8_names_count_as_directories_know_them():
    """Else each spelling of a name would be a fresh start for who guesses her password."""
    gateway = Gateway()
    gateway.waits(*(gateway.attempt() for _ in range(3)))
    assert gateway.waits(gateway.attempt(user="ALICE"), gateway.attempt(user="alice ")) == [3, 4]
    assert gateway.waits(gateway.attempt(user="alicia")) == [0]


def test_who_was_proved_is_forgotten_after_a_day_and_the_table_is_bounded(monkeypatch):
    monkeypatch.setattr(known_module, "MOST_ENTRIES", 10)
    known = Known()
    places = [(ip_network(f"198.51.100.{number}/32"),) for number in range(50)]
    for number, place in enumerate(places):
        known.note(place, "alice", float(number))
    assert [known.has(place, "alice", 50.0) for place in places] == [False] * 40 + [True] * 10
    assert [known.users(place[0]) for place in places] == [0] * 40 + [1] * 10
    assert not known.has(places[49], "alice", 50.0 + known_module.LATELY)
    assert known.users(places[49][0]) == 0
