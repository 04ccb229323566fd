"""A daemon in an attacker's hands asks whether logins are right: what it learns, over a real socket pair."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from far import FarPort, Intruder, besieged, until
from lotor.auth import Throttle
from lotor.auth.clock import Clock
from lotor.model.grants import Grants
from lotor.model.kinds import Kind
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret
from lotor.privsep.far_logins import FarLogins
from lotor.privsep.frames import Kind as FrameKind
from lotor.privsep.logging_in import ABANDON, CHECK_LOGIN, LONGEST_TICKET, MOST_LOGINS
from lotor.warden import logins as warden_logins
from lotor.warden.logins import HeldLogins

GROUPS = frozenset({"staff"})
THERE = Peer(IPv4Address("192.0.2.9"), 500)


def attempt(password: str = "guess", user: str = "alice", source: Peer = THERE, **more) -> LoginAttempt:
    return LoginAttempt(user, ((Field.PASSWORD, Secret(password)),), source, **more)


class Accounts:
    """A back end: the password is `sesame`; whoever gives it as `code` is asked for another round. `go`: it answers."""

    def __init__(self) -> None:
        self.judged: list[LoginAttempt] = []
        self.left: list[LoginAttempt] = []
        self.abandoned: list[bytes] = []
        self.go = True
        self.ticket = 0

    async def judge(self, attempt):
        self.judged.append(attempt)
        while not self.go:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                self.left.append(attempt)
                raise
        if attempt.answer(Field.PASSWORD).reveal() == b"code":
            self.ticket += 1
            return Challenge("code?", (Field.PASSCODE,), b"ticket %d" % self.ticket)
        right = attempt.answer(Field.PASSWORD).reveal() == b"sesame"
        return Accepted(attempt.user) if right else Refused(WrongPassword(attempt.user))

    async def abandon(self, conversation):
        self.abandoned.append(conversation)


class Standing:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.clock = Clock(now=lambda: self.time, sleep=self.sleep)

    async def sleep(self, seconds):
        waking = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, waking))
        await waking

    def move(self, seconds):
        self.time += seconds
        for at, waking in self.sleepers:
            if at <= self.time and not waking.done():
                waking.set_result(None)


async def calm():
    """Everything that can go on has."""
    for _ in range(200):
        await asyncio.sleep(0)


GUESSES = 40


def guessed(rows, standing, accounts, *, seconds: int) -> list[int]:
    """How many guesses at one user from one address were looked at after each second."""

    async def story(intruder, lost):
        for number in range(GUESSES):
            intruder.say(CHECK_LOGIN, attempt(f"guess {number}", known=True))
        counts = []
        for _ in range(seconds):
            await calm()
            counts.append(len(accounts.judged))
            standing.move(1)
        assert not lost.done()
        return counts

    return besieged(rows, story)


def test_a_daemon_guesses_no_faster_than_the_throttle_lets_it():
    """Also one that says of each attempt that its user was proved there lately."""
    standing, accounts = Standing(), Accounts()
    throttle = Throttle(accounts, 1.0, standing.clock)
    counts = guessed(HeldLogins(throttle).rows, standing, accounts, seconds=12)
    assert counts[0] == 1
    assert counts[-1] <= 5
    assert not any(each.known for each in accounts.judged)


def test_a_new_daemon_is_no_fresh_start_for_who_guesses():
    standing, accounts = Standing(), Accounts()
    throttle = Throttle(accounts, 1.0, standing.clock)
    first = guessed(HeldLogins(throttle).rows, standing, accounts, seconds=4)
    second = guessed(HeldLogins(throttle).rows, standing, accounts, seconds=4)
    assert second[0] == first[-1], "the line of the first daemon's guesses has not moved"


def test_a_daemon_that_lies_about_addresses_is_slowed_down_by_the_name():
    """Some guesses are free for a user from wherever; then each waits up to three seconds."""
    standing, accounts = Standing(), Accounts()
    throttle = Throttle(accounts, 1.0, standing.clock)

    async def story(intruder, _):
        for number in range(60):
            source = Peer(IPv6Address((0x20010DB8 << 96) + (number << 80)), 500)
            intruder.say(CHECK_LOGIN, attempt(f"guess {number}", source=source, known=True))
            await calm()
            if len(accounts.judged) <= number:
                return number, max(at for at, _ in standing.sleepers)
        return None

    free, wait = besieged(HeldLogins(throttle).rows, story)
    assert free == 11
    assert 0 < wait <= 3


def test_a_daemon_goes_on_with_no_conversation_but_its_own():
    accounts = Accounts()
    first, second = HeldLogins(accounts), HeldLogins(accounts)

    async def begin(intruder, _):
        return await intruder.ask(CHECK_LOGIN, attempt("code"))

    challenge = besieged(first.rows, begin)

    async def steal(intruder, _):
        answers = [
            await intruder.ask(CHECK_LOGIN, attempt("sesame", conversation=ticket))
            for ticket in (challenge.conversation, b"ticket 2", b"\0", b"x" * LONGEST_TICKET)
        ]
        await intruder.ask(ABANDON, challenge.conversation)
        return answers

    stolen = besieged(second.rows, steal)
    assert stolen == [FrameKind.REFUSED] * 4
    assert len(accounts.judged) == 1
    assert accounts.abandoned == []

    async def go_on(intruder, _):
        twice = [intruder.say(CHECK_LOGIN, attempt("sesame", conversation=challenge.conversation)) for _ in range(2)]
        return [await intruder.hear(CHECK_LOGIN, ticket) for ticket in twice]

    right, again = besieged(first.rows, go_on)
    assert right == Accepted("alice")
    assert again is FrameKind.REFUSED, "a ticket is worth one round"


def test_the_conversations_of_a_dead_daemon_are_abandoned():
    accounts = Accounts()
    held = HeldLogins(accounts)

    async def story(intruder, lost):
        tickets = [(await intruder.ask(CHECK_LOGIN, attempt("code"))).conversation for _ in range(5)]
        await intruder.ask(ABANDON, tickets[0])
        await intruder.ask(CHECK_LOGIN, attempt("wrong", conversation=tickets[1]))
        accounts.go = False
        for conversation in (b"", tickets[2]):
            intruder.say(CHECK_LOGIN, attempt("code", conversation=conversation))
        await until(lambda: len(accounts.judged) == 8)
        intruder.end.close()
        await lost
        await held.let_go()
        await until(lambda: len(accounts.left) == 2)
        await calm()
        return tickets

    tickets = besieged(held.rows, story)
    assert sorted(accounts.abandoned) == sorted([tickets[0], *tickets[2:]])


def test_an_owned_daemon_holds_no_more_conversations_than_may_be(monkeypatch):
    monkeypatch.setattr(warden_logins, "MOST_OPEN", 10)
    accounts = Accounts()

    async def story(intruder, _):
        return [(await intruder.ask(CHECK_LOGIN, attempt("code"))).conversation for _ in range(25)]

    tickets = besieged(HeldLogins(accounts).rows, story)
    assert accounts.abandoned == tickets[:15]


def test_a_flood_of_logins_ends_at_the_number_that_may_be():
    accounts = Accounts()
    accounts.go = False

    async def story(intruder, lost):
        for _ in range(MOST_LOGINS + 1):
            while True:
                try:
                    intruder.say(CHECK_LOGIN, attempt())
                    break
                except BlockingIOError:
                    await asyncio.sleep(0)
        return await lost

    assert "more questions at a time" in besieged(HeldLogins(accounts).rows, story)
    assert len(accounts.judged) <= MOST_LOGINS


def test_whoever_stops_waiting_at_a_daemon_leaves_the_line_in_the_warden():
    accounts = Accounts()
    accounts.go = False
    held = HeldLogins(accounts)

    async def play(port):
        waiting = [asyncio.ensure_future(port.judge(attempt())) for _ in range(100)]
        await until(lambda: len(accounts.judged) == 100)
        for each in waiting[1:]:
            each.cancel()
        await until(lambda: len(accounts.left) == 99)
        accounts.go = True
        return await waiting[0]

    with FarPort(FarLogins, held.rows()) as port:
        assert isinstance(asyncio.run(play(port)), Refused)
        assert port.lost == []


def test_a_round_that_nobody_waits_for_can_be_abandoned():
    accounts = Accounts()

    async def play(port):
        challenge = await port.judge(attempt("code"))
        accounts.go = False
        second = asyncio.ensure_future(port.judge(attempt("sesame", conversation=challenge.conversation)))
        await until(lambda: len(accounts.judged) == 2)
        second.cancel()
        await until(lambda: accounts.left)
        await port.abandon(challenge.conversation)
        return challenge.conversation

    with FarPort(FarLogins, HeldLogins(accounts).rows()) as port:
        assert accounts.abandoned == [asyncio.run(play(port))]


def test_answers_that_were_given_twice_cross_once():
    """A client may send what it likes as often as it likes; of one field the last counts."""
    accounts = Accounts()
    many = tuple((field, Secret(b"x" * 1024)) for field in Field for _ in range(40))
    asked = LoginAttempt("alice", (*many, (Field.PASSWORD, Secret("sesame"))), THERE)

    with FarPort(FarLogins, HeldLogins(accounts).rows()) as port:
        assert asyncio.run(port.judge(asked)) == Accepted("alice")
        too_long = asyncio.run(port.judge(attempt("x" * 20_000)))
    assert too_long.reason.kind is Kind.LOGIN_BACK_END_FAULT
    assert not too_long.judged
    assert len(accounts.judged) == 1


def test_a_ticket_that_is_too_long_is_abandoned_and_not_told(caplog):
    class Talkative(Accounts):
        async def judge(self, attempt):
            return Challenge("code?", (Field.PASSCODE,), bytes(LONGEST_TICKET + 1))

    accounts = Talkative()

    async def story(intruder, _):
        return await intruder.ask(CHECK_LOGIN, attempt())

    assert besieged(HeldLogins(accounts).rows, story) is FrameKind.REFUSED
    assert accounts.abandoned == [bytes(LONGEST_TICKET + 1)]


def test_a_back_end_that_cannot_abandon_holds_up_nobody(caplog):
    class Deaf(Accounts):
        async def abandon(self, conversation):
            self.abandoned.append(conversation)
            raise RuntimeError("secret detail")

    accounts = Deaf()
    held = HeldLogins(accounts)

    async def story(intruder, _):
        for _ in range(3):
            await intruder.ask(CHECK_LOGIN, attempt("code"))
        await held.let_go()

    besieged(held.rows, story)
    assert len(accounts.abandoned) == 3
    assert "secret detail" not in caplog.text
    assert caplog.text.count("could not be abandoned: RuntimeError") == 3


@pytest.mark.parametrize("password", ["sesame", "guess"])
def test_no_password_is_in_any_line_of_the_journal(caplog, password):
    async def story(intruder: Intruder, _):
        await intruder.ask(CHECK_LOGIN, attempt(password, conversation=b"nobody's"))
        await intruder.ask(CHECK_LOGIN, attempt(password))

    caplog.set_level("DEBUG")
    besieged(HeldLogins(Accounts()).rows, story)
    assert password not in caplog.text


def test_who_has_logged_in_is_known_with_the_groups_of_the_login(monkeypatch):
    monkeypatch.setattr(warden_logins, "MOST_ACCEPTED", 2)

    class Grouped(Accounts):
        async def judge(self, attempt):
            verdict = await super().judge(attempt)
            return replace(verdict, grants=Grants(groups=GROUPS)) if isinstance(verdict, Accepted) else verdict

    held = HeldLogins(Grouped())

    async def story(intruder, _):
        for user, password in (("alice", "sesame"), ("bob", "guess"), ("carol", "code"), ("dave", "sesame")):
            await intruder.ask(CHECK_LOGIN, attempt(password, user))
        before = [held.accepted(user) for user in ("alice", "bob", "carol", "dave", "eve")]
        for user in ("alice", "eve"):
            await intruder.ask(CHECK_LOGIN, attempt("sesame", user))
        return before, [held.accepted(user) for user in ("alice", "dave", "eve")]

    assert besieged(held.rows, story) == ([GROUPS, None, None, GROUPS, None], [GROUPS, None, GROUPS])


def test_an_account_of_another_daemon_is_none(caplog):
    """A login may name the account of its own daemon's session, or none."""
    accounts = Accounts()

    async def story(intruder, _):
        wrong = ("5f3a-17", "5f3b-", "5f3b-x", "5f3b-1\n", "17", "5f3b-" + "1" * 64)
        told = [await intruder.ask(CHECK_LOGIN, attempt("sesame", account=each)) for each in wrong]
        return told, [await intruder.ask(CHECK_LOGIN, attempt("sesame", account=each)) for each in ("", "5f3b-17")]

    refused, _ = besieged(HeldLogins(accounts, "5f3b").rows, story)
    assert set(refused) == {FrameKind.REFUSED}
    assert [each.account for each in accounts.judged] == ["", "5f3b-17"]
