"""A28: status of thousands of sessions, a page at a time, and strangers at the door as a number."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import IPv4Address

from lotor.daemon.processes import alone
from lotor.daemon.status import NEWEST, PAGE, Program, page, status_view
from lotor.ike.admission import Tally
from lotor.ike.events import LoggedIn, Started, Up
from lotor.model.network import Path, Peer
from lotor.model.offloads import Offloads
from lotor.model.policy import Side
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


def everybody(_):
    return True


def test_a28_strangers_are_counted_and_only_the_newest_shown():
    seen = page(register(3000, 2), 0, everybody)
    assert seen.half_open == 3000
    assert [each.id for each in seen.sessions] == [1, 2, *range(3003 - NEWEST, 3003)]
    assert seen.following is None


def test_a28_all_pages_together_are_all_sessions():
    filled, after, found = register(5, 2 * PAGE + 7), 0, []
    sizes = []
    while after is not None:
        seen = page(filled, after, everybody)
        sizes.append(len(seen.sessions))
        found += [each.id for each in seen.sessions]
        after = seen.following
    assert found == list(range(1, 2 * PAGE + 13))
    assert max(sizes) <= PAGE


def test_a28_a_session_that_ends_between_two_pages_costs_no_other_its_place():
    filled = register(0, PAGE + 10)
    first = page(filled, 0, everybody)
    filled._sessions.pop(first.following)
    second = page(filled, first.following, everybody)
    assert [each.id for each in second.sessions] == list(range(PAGE + 1, PAGE + 11))


def test_a_client_and_who_needs_no_login_are_no_strangers():
    filled = Register()
    filled.follow(Started(1, Path(HERE, HERE), "gateway", Side.CLIENT, 1))
    filled.follow(Started(2, Path(HERE, HERE), "anonymous", Side.GATEWAY, None))
    filled.follow(Up(2, Path(HERE, HERE), ""))
    seen = page(filled, 0, everybody)
    assert [each.id for each in seen.sessions] == [1, 2]
    assert seen.half_open == 0


def test_n2_what_is_not_the_callers_business_is_not_counted():
    seen = page(register(30, 3), 0, lambda session: session.user == "user2")
    assert [each.id for each in seen.sessions] == [2]
    assert seen.half_open == 0


def test_f3_what_became_of_first_messages_is_in_the_status():
    offloads = Offloads(tso=True, uso=True, udp_segment=True, udp_gro=True)
    tally = Tally(1, 2, 3, 4, 5, 6, 8, half_open=7, deferring=True)
    filled = Register()
    view = status_view(page(filled, 0, everybody), Program(offloads, tally, "lotor.conf", 0.0, alone()), {}, 9.0)
    told = {field.name: getattr(tally, field.name) for field in fields(tally)}
    assert {**view["admission"], "half_open": 7} == told
