"""What the warden orders of the daemon's sessions: each order once, a bounded number, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address

import pytest

from far import FarPort, besieged
from looped import looped
from lotor.ports import orders as port
from lotor.ports.orders import Order, Outcome, Whom, Why
from lotor.privsep.far_orders import FarOrders
from lotor.privsep.ordering import MOST_IN_ANSWER, ORDERS, OUTCOME
from lotor.warden import orders as module
from lotor.warden.leases import MOST_SESSIONS
from lotor.warden.orders import LONGEST_WORD, MOST_LOST, MOST_ORDERS, Orders, rows

INSIDE = IPv4Address("10.99.99.7")


@looped
async def test_an_order_crosses_the_line_and_whoever_gave_it_hears_what_became_of_it():
    orders = Orders()
    with FarPort(FarOrders, rows(orders)) as daemon:
        waiting = asyncio.ensure_future(daemon.next())
        ended = asyncio.ensure_future(orders.end(Whom(user="alice", inside=INSIDE, session="a1-7"), Why.SERVER))
        (order,) = await waiting
        assert order == Order(order.number, Whom("alice", INSIDE, "a1-7"), Why.SERVER)
        await daemon.done(Outcome(order.number, 2))
        assert await ended == 2
        orders.probe(IPv6Address("2001:db8::7"))
        (order,) = await daemon.next()
        assert (order.whom.inside, order.why) == (IPv6Address("2001:db8::7"), Why.SILENT)


@looped
async def test_a_daemon_that_has_nothing_to_do_is_told_so_after_a_while(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.0)
    assert await Orders().next() == ()
    assert port.LONGEST_WAIT < 30  # a line that is silent for longer than a daemon may be is none


@looped
async def test_orders_are_taken_once_each_in_their_order_and_some_at_a_time():
    orders = Orders()
    for number in range(MOST_IN_ANSWER + 1):
        orders.tell(Whom(named=f"user{number}"), Why.LOGOUT)
    first, second = await orders.next(), await orders.next()
    assert [each.whom.named for each in (*first, *second)] == [f"user{number}" for number in range(MOST_IN_ANSWER + 1)]
    assert len(second) == 1


@looped
async def test_with_the_daemon_its_sessions_are_gone_and_so_are_orders_taken_or_not():
    orders = Orders()
    taken = asyncio.ensure_future(orders.end(Whom(user="alice"), Why.LOGOUT))
    await asyncio.sleep(0)
    (order,) = await orders.next()
    waits = asyncio.ensure_future(orders.end(Whom(user="bob"), Why.LOGOUT))
    await asyncio.sleep(0)
    orders.over()
    assert (await taken, await waits) == (0, 0)
    await orders.done(Outcome(order.number, 3))  # late, from nobody
    orders.tell(Whom(user="carol"), Why.LOGOUT)
    assert [each.whom.user for each in await orders.next()] == ["carol"]


@looped
async def test_a_daemon_that_does_not_say_what_became_of_it_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_ANSWER", 0.0)
    with pytest.raises(OSError, match="did not say"):
        await Orders().end(Whom(user="alice"), Why.LOGOUT)


@looped
async def test_orders_that_a_daemon_never_does_are_a_bounded_number():
    orders = Orders()
    for _ in range(MOST_ORDERS + 10):
        orders.tell(Whom(user="alice"), Why.LOGOUT)
    with pytest.raises(OSError, match="no more may"):
        await orders.end(Whom(user="bob"), Why.LOGOUT)
    for _ in range(MOST_ORDERS):  # taken, and not done
        if not orders._waiting:
            break
        await orders.next()
    with pytest.raises(OSError, match="no more may"):
        await orders.end(Whom(user="bob"), Why.LOGOUT)
    orders.over()
    orders.tell(Whom(user="bob"), Why.LOGOUT)
    assert len(await orders.next()) == 1


@looped
async def test_a_full_line_keeps_no_lost_address_back_and_says_what_is_not_done(caplog):
    orders = Orders()
    for _ in range(MOST_ORDERS):
        orders.tell(Whom(user="alice"), Why.SILENT)
    orders.tell(Whom(user="bob"), Why.LOGOUT)
    orders.tell(Whom(inside=INSIDE), Why.LEASE_LOST)
    assert caplog.messages == ["an order (logout) is not done: 1024 orders wait for the daemon, no more may"]
    assert orders._waiting[-1].whom == Whom(inside=INSIDE)
    assert len(orders._waiting) == MOST_ORDERS + 1
    assert MOST_LOST == MOST_SESSIONS


@looped
@pytest.mark.parametrize("whom", [Whom(), Whom(named="x" * (LONGEST_WORD + 1)), Whom(user="\udc80")])
async def test_a_name_that_nobody_has_ends_nobody(whom):
    orders = Orders()
    assert await orders.end(whom, Why.LOGOUT) == 0
    assert not orders._waiting


@looped
async def test_the_longest_orders_fit_into_an_answer():
    orders = Orders()
    for _ in range(MOST_IN_ANSWER):
        word = "x" * LONGEST_WORD
        orders.tell(Whom(word, IPv6Address("2001:db8::7"), word, word), Why.LOGOUT)
    with FarPort(FarOrders, rows(orders)) as daemon:
        assert len(await daemon.next()) == MOST_IN_ANSWER


@looped
async def test_outcomes_of_no_order_change_nothing():
    orders = Orders()
    ended = asyncio.ensure_future(orders.end(Whom(user="alice"), Why.LOGOUT))
    await asyncio.sleep(0)
    (order,) = await orders.next()
    for number in (0, -1, order.number + 1, 2**62):
        await orders.done(Outcome(number, 7))
    assert not ended.done()
    await orders.done(Outcome(order.number, -5))
    await orders.done(Outcome(order.number, 9))
    assert await ended == 0


def test_a_daemon_that_asks_twice_at_a_time_is_let_go():
    async def story(intruder, lost):
        intruder.say(ORDERS, None)
        intruder.say(ORDERS, None)
        assert "more questions" in await lost

    besieged(lambda: rows(Orders()), story)
    assert OUTCOME.most_asked <= MOST_IN_ANSWER
