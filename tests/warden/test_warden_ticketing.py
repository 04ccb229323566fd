"""A daemon in an attacker's hands asks for tickets, and shows some: what it gets, over a real socket pair."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from far import FarPort, besieged
from lotor.auth.clock import Clock
from lotor.auth.readmission import Readmission
from lotor.auth.ticket_file import TicketFile
from lotor.auth.tickets import Terms, TicketLogins
from lotor.model.algorithms import Cipher, EapMethod, Group, Hash, Ike2Suite
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure
from lotor.model.login import Accepted, LoginAttempt, Refused, TicketShown
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import WrongPassword
from lotor.model.secret import Secret
from lotor.model.ticket import LONGEST_TICKET, Opened, Resumable, Sealing, Ticket
from lotor.privsep.far_tickets import FarTickets
from lotor.privsep.frames import Kind as FrameKind
from lotor.privsep.logging_in import CHECK_LOGIN, MOST_LOGINS, OPEN_TICKET, SEAL_TICKET
from lotor.warden.logins import HeldLogins
from lotor.warden.ticketing import BURST, HeldTickets

OWN, OTHER = "aaaa", "bbbb"
"""How the ids of the sessions of two daemons begin."""
THERE = Peer(IPv4Address("192.0.2.9"), 500)
SUITE = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.CURVE25519)
NAMES = (Identity(IdKind.KEY_ID, b"alice"), Identity(IdKind.FQDN, b"vpn.example.net"))
STATE = Resumable("anonymous", SUITE, Secret(b"d" * 32), *NAMES)


class Users:
    """alice, whose password is `sesame`; she comes back as long as her entry is `mark`."""

    def __init__(self):
        self.entry = b"m" * 32
        self.judged = []

    async def judge(self, attempt):
        self.judged.append(attempt)
        shown = attempt.shown
        right = attempt.answer(Field.PASSWORD).reveal() == b"sesame"
        right = shown.mark == self.entry if isinstance(shown, Readmission) else right
        return Accepted(attempt.user) if right and attempt.user == "alice" else Refused(WrongPassword(attempt.user))

    async def abandon(self, conversation):
        pass

    async def mark(self, user):
        return self.entry if user == "alice" else None


@pytest.fixture
def warden(tmp_path):
    users = Users()
    tickets = TicketLogins(users, users, TicketFile(tmp_path / "tickets"))
    tickets.terms = {"anonymous": Terms(3600, frozenset({EapMethod.GTC}))}
    return tickets


def rows(warden, beginning=OWN, **more):
    held = (HeldLogins(warden, beginning), HeldTickets(warden, beginning, **more))
    return lambda: {number: row for each in held for number, row in each.rows().items()}


def login(number=1, password="sesame", **more):
    answers = ((Field.PASSWORD, Secret(password)),)
    return LoginAttempt("alice", answers, THERE, account=f"{OWN}-{number}", ike=2, **more)


def showing(ticket, user="alice", number=2, **more):
    return LoginAttempt(user, (), THERE, account=f"{OWN}-{number}", shown=TicketShown(ticket), ike=2, **more)


def test_a_daemon_gets_tickets_for_logins_of_its_own_alone(warden):
    async def story(intruder, lost):
        before = await intruder.ask(SEAL_TICKET, Sealing(f"{OWN}-1", "alice", STATE))
        await intruder.ask(CHECK_LOGIN, login(password="wrong"))
        wrong = await intruder.ask(SEAL_TICKET, Sealing(f"{OWN}-1", "alice", STATE))
        await intruder.ask(CHECK_LOGIN, login())
        asked = (f"{OWN}-2", "alice"), (f"{OWN}-1", "bob"), (f"{OWN}-1", ""), (f"{OWN}-1", "root")
        others = [await intruder.ask(SEAL_TICKET, Sealing(*each, STATE)) for each in asked]
        ids = (f"{OTHER}-1", OWN, "", f"{OWN}-1x", f"{OWN}--1")
        foreign = [await intruder.ask(SEAL_TICKET, Sealing(each, "alice", STATE)) for each in ids]
        good = await intruder.ask(SEAL_TICKET, Sealing(f"{OWN}-1", "alice", STATE))
        assert not lost.done()
        return [before, wrong, *others], foreign, good

    failed, foreign, good = besieged(rows(warden), story)
    assert all(isinstance(each, Failure) for each in failed)
    assert foreign == [FrameKind.REFUSED] * 5
    assert isinstance(good, Ticket)


def test_a_login_of_a_dead_daemon_gives_its_successor_no_ticket(warden):
    async def log_in(intruder, _):
        return await intruder.ask(CHECK_LOGIN, login())

    async def ask(intruder, _):
        return [await intruder.ask(SEAL_TICKET, Sealing(f"{each}-1", "alice", STATE)) for each in (OWN, OTHER)]

    besieged(rows(warden), log_in)
    foreign, own = besieged(rows(warden, OTHER), ask)
    assert foreign is FrameKind.REFUSED
    assert isinstance(own, Failure)


def test_a_daemon_makes_no_tickets_of_its_own(warden):
    """Neither by octets that it makes up, nor with a login, a conversation or another name beside one that is good."""

    async def story(intruder, lost):
        await intruder.ask(CHECK_LOGIN, login())
        good = (await intruder.ask(SEAL_TICKET, Sealing(f"{OWN}-1", "alice", STATE))).octets
        made = [b"", b"x", b"x" * LONGEST_TICKET, good[:-1], good[:8] + bytes(len(good) - 8), good + good]
        told = [await intruder.ask(CHECK_LOGIN, showing(each)) for each in made]
        told.append(await intruder.ask(CHECK_LOGIN, showing(good, user="bob")))
        told.append(await intruder.ask(CHECK_LOGIN, replace(showing(good), answers=login().answers)))
        opened = [await intruder.ask(OPEN_TICKET, each) for each in made]
        assert not lost.done()
        return told, opened

    told, opened = besieged(rows(warden), story)
    assert all(isinstance(each, Refused) for each in told)
    assert all(isinstance(each, Failure) for each in opened)
    assert len(warden._backend.judged) == 1, "no back end was asked"


def test_what_it_may_show_counts_once_and_as_its_user_is_then(warden):
    async def story(intruder, _):
        await intruder.ask(CHECK_LOGIN, login())
        sealing = Sealing(f"{OWN}-1", "alice", STATE)
        first, second = [(await intruder.ask(SEAL_TICKET, sealing)).octets for _ in range(2)]
        shown = [intruder.say(CHECK_LOGIN, showing(first, number=each)) for each in range(2, 12)]
        told = [await intruder.hear(CHECK_LOGIN, each) for each in shown]
        warden._users.entry = b"another"
        return told, await intruder.ask(CHECK_LOGIN, showing(second))

    told, late = besieged(rows(warden), story)
    assert sum(isinstance(each, Accepted) for each in told) == 1
    assert isinstance(late, Refused)


def test_a_ticket_that_is_longer_than_any_is_no_question(warden):
    async def story(intruder, lost):
        intruder.say(OPEN_TICKET, b"x" * 8192)
        return await lost

    assert besieged(rows(warden), story)


def test_a_flood_is_answered_no_faster_than_gateways_need_it(warden):
    time, sleepers = [0.0], []

    async def sleep(seconds):
        sleepers.append(seconds)
        await asyncio.get_running_loop().create_future()

    clock = Clock(now=lambda: time[0], sleep=sleep)

    async def story(intruder, lost):
        for _ in range(BURST):
            await intruder.ask(OPEN_TICKET, b"none")
        assert sleepers == []
        for _ in range(10):
            intruder.say(OPEN_TICKET, b"none")
        while len(sleepers) < 9:  # noqa: ASYNC110 - the clock tells nobody
            await asyncio.sleep(0)
        assert not lost.done()

    besieged(rows(warden, clock=clock), story)


def test_the_far_port_says_what_the_near_one_says(warden):
    async def play(port):
        await warden.judge(login())
        ticket = await port.seal(Sealing(f"{OWN}-1", "alice", STATE))
        foreign = await port.seal(Sealing(f"{OTHER}-1", "alice", STATE))
        long = await port.seal(Sealing(f"{OWN}-1", "alice" * 4096, STATE))
        opened = [await port.open(each) for each in (ticket.octets, b"none", b"x" * (LONGEST_TICKET + 1))]
        return foreign, long, opened

    with FarPort(FarTickets, HeldTickets(warden, OWN).rows()) as port:
        foreign, long, (good, *bad) = asyncio.run(play(port))
        assert good == Opened("alice", STATE)
        assert all(isinstance(each, Failure) for each in (foreign, long, *bad))
        assert port.lost == []


def test_as_many_may_be_under_way_as_logins():
    assert SEAL_TICKET.most_asked == OPEN_TICKET.most_asked == MOST_LOGINS
