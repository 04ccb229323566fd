"""Guesses by EAP, of which a login has many packets: it waits once, and counts once."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from lotor.auth import Clock, Throttle
from lotor.auth.throttle import MOST_HELD
from lotor.model.login import Accepted, Challenge, EapPacket, LoginAttempt, Proved, Refused
from lotor.model.network import Peer
from lotor.model.reasons.logins import BackEndFault, ServerRefused
from lotor.model.secret import Secret

THERE = Peer(ip_address("198.51.100.7"), 4500)
NO = Refused(ServerRefused("alice", "radius"))
YES = Accepted("alice", proved=Proved(Secret(bytes(64)), packet=b"\x03\x07\x00\x04"))
TLS, FAILED, RETRY, ACKNOWLEDGED = b"\x01\x08\x00\x06\x15\x00", b"\x01\x08\x00\x06\x1a\x04", b"\x1a\x02", b"\x1a\x04"


class Server:
    """Says what it is told to, one after the other; each conversation has a name of its own."""

    def __init__(self):
        self.says, self.tickets, self.abandoned = [], 0, []

    async def judge(self, attempt):
        said = self.says.pop(0)
        if isinstance(said, bytes):
            self.tickets += 1
            return Challenge("", (), b"%d" % self.tickets, said)
        return said

    async def abandon(self, conversation):
        self.abandoned.append(conversation)


class Gateway:
    def __init__(self):
        self.now, self.server = 100.0, Server()
        self.throttle = Throttle(self.server, 1.0, Clock(lambda: self.now, self._sleep, lambda: 0.0))

    async def _sleep(self, seconds):
        self.now += seconds

    async def round(self, said, conversation=b"", data=b"\x15\x00"):
        self.server.says = [said]
        packet = EapPacket(b"\x02\x07" + (4 + len(data)).to_bytes(2) + data)
        return await self.throttle.judge(LoginAttempt("alice", (), THERE, conversation, shown=packet))

    async def login(self, *says, last=NO, data=b"\x15\x00"):
        """The seconds that it took."""
        began, ticket = self.now, b""
        for each in (*says, last):
            verdict = await self.round(each, ticket, data)
            ticket = getattr(verdict, "conversation", b"")
        return self.now - began

    @property
    def failures(self):
        return sum(each.failures for each in self.throttle.bans.users.records.values())


@pytest.fixture
def gateway():
    return Gateway()


def test_a_login_of_many_packets_waits_for_none_of_them(gateway):
    assert asyncio.run(gateway.login(*[TLS] * 12, last=YES)) == 0


def test_guesses_wait_and_count_once_each(gateway):
    async def guesses():
        return [await gateway.login(*[TLS] * 8) for _ in range(4)]

    waits = asyncio.run(guesses())
    assert waits == sorted(waits)
    assert waits[0] == 0
    assert waits[-1] > 2
    assert gateway.failures == pytest.approx(4, abs=1)


def test_logins_that_are_begun_side_by_side_stand_in_line(gateway):
    """Who opens many conversations before he guesses in any of them has to wait for each."""

    async def begun():
        times = []
        for _ in range(4):
            began = gateway.now
            await gateway.round(TLS)
            times.append(gateway.now - began)
        return times

    times = asyncio.run(begun())
    assert times[-1] > times[1] > 0


def test_another_try_in_the_same_conversation_waits_as_a_new_login(gateway):
    """FreeRADIUS lets a client try again inside of MSCHAPv2 (R=1)."""

    async def retried():
        ticket, times = b"", []
        for _ in range(4):
            began = gateway.now
            ticket = (await gateway.round(FAILED, ticket, RETRY)).conversation
            times.append(gateway.now - began)
        return times

    times = asyncio.run(retried())
    assert times == sorted(times)
    assert times[-1] > 2
    assert gateway.failures == pytest.approx(3, abs=1), "the last one is not over yet"


def test_a_failure_that_is_acknowledged_and_refused_counts_once(gateway):
    async def refused():
        ticket = (await gateway.round(FAILED)).conversation
        return await gateway.round(NO, ticket, ACKNOWLEDGED)

    assert asyncio.run(refused()) == NO
    assert gateway.failures == pytest.approx(1, abs=0.1)


def test_who_goes_after_a_failure_has_guessed_and_who_goes_before_has_not(gateway):
    async def gone(packet):
        ticket = (await gateway.round(packet)).conversation
        await gateway.throttle.abandon(ticket)
        return ticket

    first = asyncio.run(gone(TLS))
    assert gateway.failures == 0
    second = asyncio.run(gone(FAILED))
    assert gateway.failures == pytest.approx(1, abs=0.1)
    assert gateway.server.abandoned == [first, second]
    assert not gateway.throttle._held


def test_a_yes_after_a_failure_is_a_yes(gateway):
    async def mistyped():
        ticket = (await gateway.round(FAILED)).conversation
        return await gateway.round(YES, ticket, RETRY)

    assert asyncio.run(mistyped()) == YES


def test_a_fault_counts_for_nothing(gateway):
    asyncio.run(gateway.login(TLS, last=Refused(BackEndFault("alice", "it does not answer"))))
    assert gateway.failures == 0


def test_a_bounded_number_is_held_and_the_oldest_waits_anew(gateway):
    async def many():
        first = (await gateway.round(TLS)).conversation
        gateway.throttle._held.update({b"x%d" % each: gateway.throttle._held[first] for each in range(MOST_HELD)})
        await gateway.round(TLS)
        return first in gateway.throttle._held, len(gateway.throttle._held)

    assert asyncio.run(many()) == (False, MOST_HELD + 1)
