"""A28: status of thousands of sessions, a page at a time, and strangers at the door as a number."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest

from lotor.control.messages import Sort, Status
from lotor.daemon.processes import alone
from lotor.daemon.status import NEWEST, PAGE, Carried, Program, Surveyed, page, status_view
from lotor.ike.admission import Tally
from lotor.ike.events import LoggedIn, Started, Up
from lotor.model.engines import Engine, EngineChoice
from lotor.model.network import Path, Peer
from lotor.model.offloads import Offloads
from lotor.model.policy import Side
from lotor.runtime.rates import Rate
from lotor.runtime.sessions import Register

HERE = Peer(IPv4Address("192.0.2.50"), 500)


def register(strangers, known):
    """Known sessions first, then strangers."""
    filled = Register()
    for number in range(1, known + strangers + 1):
        path = Path(HERE, Peer(IPv4Address("198.51.100.1"), number))
        filled.follow(Started(number, path, "anonymous", Side.GATEWAY, None))
        if number <= known:
            filled.follow(LoggedIn(number, f"user{number}"))
    return filled


ALONE = asyncio.run(alone().look())[0]


def everybody(_):
    return True


def test_a28_strangers_are_counted_and_only_the_newest_shown():
    seen = page(register(3000, 2), Status(), everybody)
    assert seen.half_open == 3000
    assert [each.id for each in seen.sessions] == [1, 2, *range(3003 - NEWEST, 3003)]
    assert seen.following is None


def test_a28_all_pages_together_are_all_sessions():
    filled, after, found = register(5, 2 * PAGE + 7), 0, []
    sizes = []
    while after is not None:
        seen = page(filled, Status(after), everybody)
        sizes.append(len(seen.sessions))
        found += [each.id for each in seen.sessions]
        after = seen.following
    assert found == list(range(1, 2 * PAGE + 13))
    assert max(sizes) <= PAGE


def test_a28_a_session_that_ends_between_two_pages_costs_no_other_its_place():
    filled = register(0, PAGE + 10)
    first = page(filled, Status(), everybody)
    filled._sessions.pop(first.following)
    second = page(filled, Status(first.following), everybody)
    assert [each.id for each in second.sessions] == list(range(PAGE + 1, PAGE + 11))


def test_a_client_and_who_needs_no_login_are_no_strangers():
    filled = Register()
    filled.follow(Started(1, Path(HERE, HERE), "gateway", Side.CLIENT, 1))
    filled.follow(Started(2, Path(HERE, HERE), "anonymous", Side.GATEWAY, None))
    filled.follow(Up(2, Path(HERE, HERE), ""))
    seen = page(filled, Status(), everybody)
    assert [each.id for each in seen.sessions] == [1, 2]
    assert seen.half_open == 0


def test_n2_what_is_not_the_callers_business_is_not_counted():
    seen = page(register(30, 3), Status(), lambda session: session.user == "user2")
    assert [each.id for each in seen.sessions] == [2]
    assert seen.half_open == 0


def test_f3_what_became_of_first_messages_is_in_the_status():
    offloads = Offloads(tso=True, uso=True, udp_segment=True, udp_gro=True)
    tally = Tally(1, 2, 3, 4, 5, 6, 8, half_open=7, deferring=True)
    filled = Register()
    device = SimpleNamespace(name="lotor0", mtu=1400, offloads=offloads)
    carried = Carried(EngineChoice(Engine.USERSPACE, "engine auto"), device)
    view = status_view(page(filled, Status(), everybody), Program(carried, tally, "lotor.conf", 0.0, ALONE), {}, 9.0)
    assert view["engine"] == {"name": "userspace", "why": "engine auto", "device": "lotor0", "mtu": 1400}
    told = {field.name: getattr(tally, field.name) for field in fields(tally)}
    assert {**view["admission"], "half_open": 7} == told


RATES = {1: Rate(10.0, 0.0, 0.5), 2: Rate(0.0, 500.0, 0.0), 4: Rate(20.0, 20.0)}


def ordered(sort, skip=0):
    """Users 1 to 4, of whom nothing is known of the third."""
    filled = register(0, 4)
    filled.get(4).latency, filled.get(1).latency = 0.5, 0.1
    for number in range(1, 5):
        filled.get(number).since = 1000.0 + number
    surveyed = Surveyed(RATES.get, {2: "vpnc"}.get)
    return page(filled, Status(sort=sort, skip=skip), everybody, surveyed)


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        ("rate", [2, 4, 1, 3]),
        ("in", [4, 1, 2, 3]),
        ("out", [2, 4, 1, 3]),
        ("loss", [1, 2, 3, 4]),
        ("latency", [4, 1, 2, 3]),
        ("user", [1, 2, 3, 4]),
        ("since", [4, 3, 2, 1]),
        ("an order of next year", [1, 2, 3, 4]),
    ],
)
def test_sessions_come_in_the_order_that_is_asked_for_and_what_is_not_known_last(sort, numbers):
    seen = ordered(sort)
    assert [each.id for each in seen.sessions] == numbers
    assert (seen.total, seen.following) == (4, None)
    assert seen.rate == Rate(30.0, 520.0)


def test_every_order_that_may_be_asked_for_is_an_order():
    assert {each.value for each in Sort} == {"rate", "in", "out", "loss", "latency", "user", "since"}


def test_a_screen_asks_for_the_sessions_behind_those_it_has_seen():
    assert [each.id for each in ordered("rate", 2).sessions] == [1, 3]
    assert ordered("rate", 9).sessions == ()
    assert [each.id for each in ordered("rate", -5).sessions] == [2, 4, 1, 3]


@pytest.mark.parametrize("subject", ["user2", "USER2", "2"])
def test_one_person_is_found_by_name_or_number(subject):
    seen = page(register(0, 3), Status(subject=subject), everybody)
    assert [each.id for each in seen.sessions] == [2]
    assert seen.total == 1


def test_an_address_finds_all_sessions_behind_it_and_a_stranger_nobody():
    assert page(register(2, 3), Status(subject="198.51.100.1"), everybody).total == 5
    assert page(register(0, 3), Status(subject="user2"), lambda each: each.user != "user2").sessions == ()
