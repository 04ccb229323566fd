"""The table of the fleet demo: what it counts as a broken promise, and the people who play."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from demo.fleet_table import Accounts, Outcome, accounts, spread
from demo.people import People, Report, Session
from lotor.model.secret import Secret

PEOPLE = {"logins": 9, "failed": 1, "moves": 4, "kept": 3, "returned": 2, "back": [3.0, 1.0, 2.0], "doubles": []}
FINE = Accounts(5, 5, (), ())


def record(kind, name="a-1", user="user1", address="10.99.98.1"):
    return {"Acct-Status-Type": kind, "Acct-Session-Id": name, "User-Name": user, "Framed-IP-Address": address}


def session(seconds, user="user1", address="10.99.98.1"):
    return {"user": user, "address": address, "seconds": seconds}


def test_each_session_has_one_start_and_one_stop():
    told = [{"Acct-Status-Type": "Accounting-On"}, record("Start"), record("Interim-Update"), record("Stop")]
    assert accounts(told, [session(9.0)]) == Accounts(1, 1, (), ())


def test_what_is_missing_is_lost_and_what_came_twice_is_doubled():
    found = accounts([record("Start", "a-1"), *2 * [record("Stop", "a-2")]], [])
    assert found.lost == ("the Stop of a-1", "the Start of a-2")
    assert found.doubled == ("the Stop of a-2",)


def test_a_tunnel_that_a_person_had_is_a_session_at_the_server():
    told = [record("Start"), record("Stop")]
    assert accounts(told, [session(9.0), session(9.0)]).lost == ("a session of user1 with 10.99.98.1",)
    assert accounts(told, [session(9.0), session(0.1)]).lost == (), "its gateway may have died before it knew"
    assert accounts(told, [session(9.0, address="10.99.98.2")]).lost == ("a session of user1 with 10.99.98.2",)


@pytest.mark.parametrize(
    ("outcome", "broken"),
    [
        (Outcome(PEOPLE, 2, FINE), 0),
        (Outcome({**PEOPLE, "doubles": ["10.99.98.1: user1 and user2"]}, 2, FINE), 1),
        (Outcome(PEOPLE, 2, FINE, observed=["10.99.98.1: user1 and user2"]), 1),
        (Outcome(PEOPLE, 2, Accounts(5, 4, ("the Stop of a-1",), ())), 1),
        (Outcome(PEOPLE, 2, Accounts(5, 6, (), ("the Stop of a-1",))), 1),
        (Outcome(PEOPLE, 2, FINE, stray=1), 1),
    ],
)
def test_what_a_broken_promise_is(outcome, broken):
    assert len(outcome.broken()) == broken


def test_the_table_tells_all_of_it():
    table = " ".join(Outcome(PEOPLE, 2, FINE, looks=7).table().split())
    assert "p50, p95, max 2.0 s, " in table
    assert "double leases 0 seen by clients, 0 in 7 looks" in table
    assert spread([]) == ()
    assert spread([1.0]) == (1.0, 1.0, 1.0)


def people():
    return People((IPv4Address("127.0.0.1"), IPv4Address("127.0.0.1")), 3, IPv4Address("127.0.0.1"), Secret("x"))


def had(players, number, person, address, **more):
    players.sessions[number] = Session(person, 0, None, 0.0, **more)
    players.people[person].session = number
    players._configured(number, address)


def test_two_people_with_one_address_are_seen():
    players = people()
    had(players, 1, 0, "10.99.98.1")
    had(players, 2, 1, "10.99.98.2")
    had(players, 3, 2, "10.99.98.1")
    assert players.report == Report(doubles=["10.99.98.1: user2 and user0"])


def test_an_address_of_a_session_that_is_over_may_be_anothers():
    players = people()
    had(players, 1, 0, "10.99.98.1", up=1.0)
    assert players.killed(0) == 1
    assert players.people[0].lost > 0
    had(players, 2, 1, "10.99.98.1")
    assert players.report.doubles == []
