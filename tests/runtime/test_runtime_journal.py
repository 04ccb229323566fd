"""Events as log lines: whose they are, clean, and no more than strangers may cause."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest

from lotor.ike.effects import Tell
from lotor.ike.events import (
    ChildUp,
    Deferring,
    Dropped,
    LoggedIn,
    LoginRefused,
    PathChanged,
    PhaseOneUp,
    Renewed,
    Undeferred,
)
from lotor.model.network import Peer
from lotor.model.policy import Side
from lotor.model.reasons.logins import BackEndFault, WrongPassword
from lotor.model.reasons.protocol import MalformedMessage
from lotor.runtime.journal import REFUSALS_PER_SECOND, STRANGERS_PER_SECOND, Journal
from scripted import ESP, FLOATED, PATH, SUITE, child, ended, established, started


@pytest.fixture
def later():
    return []


@pytest.fixture
def journal(caplog, later):
    caplog.set_level(logging.DEBUG, "lotor")
    return Journal(lambda seconds, call: later.append(call))


def test_lines_carry_session_and_user(journal, caplog):
    for effect in [started(3), *established(3), ended(3)]:
        journal.follow(effect.event)
    assert "session 3: phase 1 begins with 198.51.100.7:500 - 192.0.2.50:500" in caplog.text
    assert "session 3 (alice): address 10.99.99.3 for alice" in caplog.text
    assert "session 3 (alice): session ended: closed by the administrator" in caplog.text


def test_control_characters_of_a_peer_never_reach_the_log(journal, caplog):
    journal.follow(LoginRefused(1, "al\x1b[31mice\n2024 forged line", BackEndFault("", "no\0pe\x07"), PATH.remote))
    assert len(caplog.records) == 1
    assert not set("\x1b\n\0\x07") & set(caplog.records[0].getMessage())


def test_keys_of_an_sa_pair_are_not_in_its_line(journal, caplog):
    journal.follow(ChildUp(1, child(), ESP, True, None))
    assert "SA pair 1 up" in caplog.text
    assert "eeee" not in caplog.text
    assert "iiii" not in caplog.text


def test_strangers_cause_twenty_lines_a_second_and_one_summary(journal, caplog, later):
    for _ in range(500):
        journal.follow(Dropped(0, PATH, "datagram dropped", MalformedMessage("garbage")))
    assert len(caplog.records) == STRANGERS_PER_SECOND
    assert len(later) == 1
    later.pop()()
    assert "480 more lines about unauthenticated peers" in caplog.records[-1].getMessage()
    journal.follow(Dropped(0, PATH, "datagram dropped", MalformedMessage("garbage")))
    assert len(caplog.records) == STRANGERS_PER_SECOND + 2


def refusal(number, user="alice"):
    return LoginRefused(number, user, WrongPassword(user), PATH.remote)


def test_n1_a23_a_refused_login_leaves_its_line_whatever_strangers_send(journal, caplog):
    for number in range(1, 13):
        for _ in range(300):
            journal.follow(Dropped(0, PATH, "datagram dropped", MalformedMessage("garbage")))
        journal.follow(started(number, Side.GATEWAY).event)
        journal.follow(refusal(number))
    told = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert told == [f"session {n}: login from {PATH.remote} as alice refused: wrong password" for n in range(1, 13)]


def test_n1_refused_logins_have_a_budget_of_their_own_and_their_number_is_always_told(journal, caplog, later):
    for number in range(1000):
        journal.follow(refusal(number, f"user{number}"))
    assert len(caplog.records) == REFUSALS_PER_SECOND
    assert len(later) == 1
    later.pop()()
    assert caplog.records[-1].getMessage() == f"{1000 - REFUSALS_PER_SECOND} more logins were refused within a second"
    journal.follow(Dropped(0, PATH, "datagram dropped", MalformedMessage("garbage")))
    journal.follow(refusal(1))
    assert [record.getMessage()[:5] for record in caplog.records[-2:]] == ["datag", "sessi"]


def test_f11_a_peer_that_moves_all_the_time_has_one_line_a_second(journal, caplog, later):
    places = [FLOATED.to(Peer(FLOATED.remote.address, 30000 + n)) for n in range(1001)]
    for session in (3, 4):
        for effect in established(session):
            journal.follow(effect.event)
    caplog.clear()
    for old, new in pairwise(places):
        journal.follow(PathChanged(3, old, new, (1,)))
    journal.follow(PathChanged(4, places[0], places[1], (2,)))
    assert [each.getMessage().partition(":")[0] for each in caplog.records] == [
        "session 3 (alice)",
        "session 4 (alice)",
    ]
    for call in later:
        call()
    assert caplog.records[-1].getMessage().endswith(f"peer moved from {places[1]} to {places[-1]}")
    assert len(caplog.records) == 3
    later.pop()()
    assert len(caplog.records) == 3
    journal.follow(PathChanged(3, places[0], places[1], (1,)))
    assert len(caplog.records) == 4


def test_f11_a_peer_that_came_back_within_the_second_has_no_line_of_its_own(journal, caplog, later):
    here, there = FLOATED, FLOATED.to(Peer(FLOATED.remote.address, 30000))
    for effect in established(3):
        journal.follow(effect.event)
    caplog.clear()
    for old, new in ((here, there), (there, here), (here, there)):
        journal.follow(PathChanged(3, old, new, (1,)))
    later.pop()()
    assert len(caplog.records) == 1


def test_half_made_logins_are_strangers_too_but_users_and_our_own_sessions_are_not(journal, caplog):
    for number in range(100, 200):
        journal.follow(started(number, Side.GATEWAY).event)
    assert len(caplog.records) == STRANGERS_PER_SECOND
    journal.follow(LoggedIn(1, "alice"))
    journal.follow(started(2, Side.CLIENT).event)
    journal.follow(PhaseOneUp(2, FLOATED, SUITE, "gw", "", "", ""))
    assert len(caplog.records) == STRANGERS_PER_SECOND + 3


def test_a_renewal_is_told_under_the_session_and_its_user(journal, caplog):
    for effect in [started(3), *established(3), started(4)]:
        journal.follow(effect.event)
    journal.follow(Renewed(3, 4, FLOATED, SUITE, "03:04"))
    assert caplog.records[-1].getMessage().startswith("session 3 (alice): phase 1 renewed with 198.51.100.7:4500")


def test_the_number_of_a_renewing_attempt_is_a_strangers_again(journal, caplog):
    for effect in [started(1), *established(1), started(2), Tell(LoggedIn(2, "alice"))]:
        journal.follow(effect.event)
    journal.follow(Renewed(1, 2, FLOATED, SUITE, "03:04"))
    caplog.clear()
    for _ in range(100):
        journal.follow(PhaseOneUp(2, FLOATED, SUITE, "gw", "", "", ""))
    assert len(caplog.records) == STRANGERS_PER_SECOND
    assert "alice" not in caplog.text


def test_the_story_of_a_session_is_a_line_of_the_debug_journal(caplog):
    caplog.set_level(logging.DEBUG, "lotor")
    journal = Journal(lambda seconds, call: None, lambda session: f"who: {session}\x1b[2J")
    for effect in [started(3), *established(3), ended(3)]:
        journal.follow(effect.event)
    assert caplog.records[-1].getMessage() == "session 3 (alice): story: who: 3?[2J"
    caplog.set_level(logging.INFO, "lotor")
    caplog.clear()
    for effect in [started(4), ended(4)]:
        journal.follow(effect.event)
    assert "story" not in caplog.text


def test_stories_of_strangers_count_as_lines_of_strangers(caplog):
    caplog.set_level(logging.DEBUG, "lotor")
    journal = Journal(lambda seconds, call: None, lambda session: "who: a stranger")
    for number in range(100):
        for effect in [started(number, Side.GATEWAY), ended(number)]:
            journal.follow(effect.event)
    assert len(caplog.records) == STRANGERS_PER_SECOND


def test_f3_that_first_messages_wait_is_told_whatever_else_strangers_cause(journal, caplog, later):
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            journal.follow(Dropped(0, PATH, "datagram", MalformedMessage("too short")))
        journal.follow(Deferring(0))
        journal.follow(Undeferred(0, 60, 5000, 12))
    assert "answered when they come again" in caplog.messages[-2]
    assert "in 60 s 5000 had no answer, 12 came again" in caplog.messages[-1]
