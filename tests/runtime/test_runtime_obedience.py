"""Which sessions an order means, and what becomes of them."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address, IPv6Interface

import pytest

from far import until
from looped import looped
from lotor.ike.events import Configured, LoggedIn, Started, Up
from lotor.ike.intents import Check, Disconnect, Regrant
from lotor.model.configuration import ModeConfiguration
from lotor.model.grants import Grants
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reasons.ends import DisconnectedByServer, LeaseLost, LoggedOut
from lotor.ports.orders import Changes, Whom, Why
from lotor.runtime import obedience as module
from lotor.runtime.obedience import Obedience, meant
from lotor.runtime.sessions import Register
from lotor.warden.orders import Orders

PATH = Path(Peer(IPv4Address("192.0.2.50"), 500), Peer(IPv4Address("198.51.100.1"), 500))
USERS = {1: "alice", 2: "alice", 3: "bob", 4: "10.99.99.1", 5: "cafe00-3"}


def register():
    found = Register(start="cafe00")
    for number, user in USERS.items():
        found.follow(Started(number, PATH, "anonymous", Side.GATEWAY, None))
        found.follow(LoggedIn(number, user, Grants()))
        six = IPv6Interface(f"2001:db8::{number}/64")
        given = ModeConfiguration(IPv4Address(f"10.99.99.{number}"), address6=six)
        found.follow(Configured(number, user, str(given.address), given))
    found.follow(Started(6, PATH, "anonymous", Side.GATEWAY, None))
    found.follow(Started(9, PATH, "gw", Side.CLIENT, None))
    found.follow(LoggedIn(9, "alice", Grants()))
    return found


@pytest.mark.parametrize(
    ("whom", "numbers"),
    [
        (Whom(user="alice"), [1, 2]),
        (Whom(user="Alice"), []),
        (Whom(inside=IPv4Address("10.99.99.3")), [3]),
        (Whom(inside=IPv6Address("2001:db8::2")), [2]),
        (Whom(session="cafe00-2"), [2]),
        (Whom(user="alice", session="cafe00-3"), []),
        (Whom(user="bob", inside=IPv4Address("10.99.99.3"), session="cafe00-3"), [3]),
        (Whom(named="alice"), [1, 2]),
        (Whom(named="10.99.99.1"), [1]),
        (Whom(named="2001:db8::3"), [3]),
        (Whom(named="cafe00-3"), [3]),
        (Whom(named="3"), []),
        (Whom(named="198.51.100.1"), []),
        (Whom(), []),
        (Whom(user="alice", port=2), [2]),
        (Whom(port=9), []),  # a client's own
        (Whom(port=6), []),  # nobody has logged in
        (Whom(source=IPv4Address("198.51.100.1")), [1, 2, 3, 4, 5]),
        (Whom(source=IPv4Address("198.51.100.1"), inside=IPv4Address("10.99.99.3")), [3]),
        (Whom(source=IPv4Address("198.51.100.2")), []),
        (Whom(user="bob", called=IPv4Address("192.0.2.50")), [3]),
        (Whom(user="bob", called=IPv4Address("192.0.2.51")), []),
        (Whom(inside=IPv4Address("10.99.99.3"), beside=(IPv6Address("2001:db8::3"),)), [3]),
        (Whom(inside=IPv4Address("10.99.99.3"), beside=(IPv6Address("2001:db8::2"),)), []),
    ],
)
def test_an_order_means_sessions_of_the_gateway_by_all_that_it_says(whom, numbers):
    assert [each.id for each in meant(whom, register().all())] == numbers


async def obeyed(orders, whom, why, commanded):
    obedience = Obedience(orders, register(), commanded.append)
    obedience.start()
    try:
        return await orders.end(whom, why)
    finally:
        obedience.stop()


@looped
@pytest.mark.parametrize(
    ("why", "intent"),
    [
        (Why.LOGOUT, Disconnect(3, LoggedOut("bob"))),
        (Why.LEASE_LOST, Disconnect(3, LeaseLost())),
        (Why.SERVER, Disconnect(3, DisconnectedByServer("bob"))),
        (Why.SILENT, Check(3, PATH)),
    ],
)
async def test_an_order_becomes_an_intent_and_its_outcome_is_told(why, intent):
    commanded = []
    assert await obeyed(Orders(), Whom(inside=IPv4Address("10.99.99.3")), why, commanded) == 1
    assert commanded == [intent]


@looped
async def test_a_change_is_of_sessions_that_are_up_and_leaves_what_it_does_not_name():
    orders, commanded, known = Orders(), [], register()
    known.follow(LoggedIn(1, "alice", Grants(idle_time=60.0, session_time=3600.0, filter="guests")))
    known.follow(Up(1, PATH, "alice"))
    obedience = Obedience(orders, known, commanded.append)
    obedience.start()
    changes = Changes(session_time=7200.0, idle_time=0.0, accounting_interval=300.0, classes=(b"gold",))
    assert await orders.change(Whom(user="alice"), changes) == 1
    assert await orders.change(Whom(user="alice"), Changes(accounting_interval=0.0)) == 1
    assert await orders.change(Whom(user="bob"), changes) == 0
    obedience.stop()
    changed = Grants(session_time=7200.0, accounting_interval=300.0, accounting_classes=(b"gold",), filter="guests")
    same = Grants(idle_time=60.0, session_time=3600.0, filter="guests")
    assert commanded == [Regrant(1, changed, timed=True), Regrant(1, same, timed=False)]


@looped
async def test_an_order_of_a_session_that_is_not_here_does_nothing():
    commanded = []
    assert await obeyed(Orders(), Whom(named="mallory"), Why.LOGOUT, commanded) == 0
    assert commanded == []


class Broken:
    """Answers first with a fault."""

    def __init__(self, fault):
        self.faults, self.orders = [fault], Orders()

    async def next(self):
        if self.faults:
            raise self.faults.pop()
        return await self.orders.next()

    async def done(self, outcome):
        await self.orders.done(outcome)


@looped
@pytest.mark.parametrize("fault", [OSError(1, "the warden is gone"), RuntimeError("secret")])
async def test_after_a_fault_orders_are_obeyed_again(fault, monkeypatch):
    monkeypatch.setattr(module, "DEAF", 0.0)
    broken, commanded = Broken(fault), []
    obedience = Obedience(broken, register(), commanded.append)
    obedience.start()
    assert await broken.orders.end(Whom(user="bob"), Why.LOGOUT) == 1
    obedience.stop()


@looped
async def test_a_core_that_fails_for_one_order_obeys_the_next(monkeypatch):
    monkeypatch.setattr(module, "DEAF", 0.0)
    orders, commanded = Orders(), []

    def command(intent):
        if not commanded:
            commanded.append(None)
            raise RuntimeError
        commanded.append(intent)

    obedience = Obedience(orders, register(), command)
    obedience.start()
    orders.tell(Whom(user="bob"), Why.LOGOUT)
    await asyncio.wait_for(until(lambda: commanded), 60)
    assert await orders.end(Whom(user="bob"), Why.LOGOUT) == 1
    obedience.stop()


@looped
async def test_a_core_that_fails_for_one_order_obeys_those_that_came_with_it(monkeypatch):
    """One of them may say that another gateway has the address: it comes once."""
    monkeypatch.setattr(module, "DEAF", 0.0)
    orders, commanded = Orders(), []

    def command(intent):
        if intent.session == 3:
            raise RuntimeError
        commanded.append(intent)

    orders.tell(Whom(user="bob"), Why.LOGOUT)
    orders.tell(Whom(inside=IPv4Address("10.99.99.2")), Why.LEASE_LOST)
    obedience = Obedience(orders, register(), command)
    obedience.start()
    await asyncio.wait_for(until(lambda: commanded and not orders._open), 60)
    obedience.stop()
    assert commanded == [Disconnect(2, LeaseLost())]
