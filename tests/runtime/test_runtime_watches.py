"""One peer is followed down to the last detail: by address before its login, by name after, and nobody else is."""

from __future__ import annotations

import logging

import pytest

from lotor.ike.events import Dropped, LoggedIn, LoginRefused, LoginRound, Names, Remark
from lotor.model.network import Peer
from lotor.model.policy import Side
from lotor.model.reasons.logins import WrongPassword
from lotor.model.reasons.protocol import MalformedMessage
from lotor.runtime.journal import STRANGERS_PER_SECOND, Journal
from lotor.runtime.watches import LINES_PER_SECOND, MOST, Full, Watch, Watches, address_or_name
from scripted import PATH, ended, established, started

HERE, ELSEWHERE = str(PATH.remote.address), "198.51.100.99"


@pytest.fixture
def later():
    return []


@pytest.fixture
def watches(later):
    return Watches(lambda seconds, call: later.append(call))


@pytest.fixture
def journal(caplog, watches):
    caplog.set_level(logging.DEBUG, "lotor")  # of what reads the log
    logging.getLogger("lotor").setLevel(logging.INFO)
    return Journal(lambda seconds, call: None, watches=watches)


def follow(watches, subject):
    heard, missed = [], []
    return heard, missed, watches.add(Watch(subject, heard.append, missed.append))


def detail(session):
    return LoginRound(session, 1, Names(("password",)))


def test_by_address_before_the_login(journal, watches, caplog):
    heard, _, end = follow(watches, HERE)
    journal.follow(started(3, Side.GATEWAY).event)
    journal.follow(detail(3))
    assert "login, round 1" in caplog.messages[-1]
    assert [type(each).__name__ for each in heard] == ["Started", "LoginRound"]
    end()
    journal.follow(detail(3))
    assert len(heard) == 2
    assert sum("login, round" in each for each in caplog.messages) == 1


def test_by_name_after_the_login(journal, watches, caplog):
    heard, _, _ = follow(watches, "alice")
    for effect in [started(3), *established(3)]:
        journal.follow(effect.event)
    heard.clear()
    journal.follow(Remark(3, "a detail"))
    assert caplog.messages[-1] == "session 3 (alice): a detail"
    journal.follow(ended(3).event)
    journal.follow(Remark(3, "of nobody any more"))
    assert [type(each).__name__ for each in heard] == ["Remark", "Ended"]


def test_nobody_else_leaves_the_level_of_the_log(journal, watches, caplog):
    heard, _, _ = follow(watches, "bob")
    for effect in [started(3), *established(3)]:
        journal.follow(effect.event)
    journal.follow(detail(3))
    journal.follow(LoggedIn(4, "bobby"))
    assert heard == []
    assert not any("round" in each for each in caplog.messages)


def test_a_refused_name_and_a_dropped_message_of_an_address_are_told(journal, watches):
    by_name, _, _ = follow(watches, "mallory")
    by_address, _, _ = follow(watches, HERE)
    journal.follow(LoginRefused(7, "mallory", WrongPassword("mallory"), Peer(PATH.remote.address, 4500)))
    journal.follow(Dropped(0, PATH, "datagram", MalformedMessage("too short")))
    assert [type(each).__name__ for each in by_name] == ["LoginRefused"]
    assert [type(each).__name__ for each in by_address] == ["LoginRefused", "Dropped"]


def test_a_line_stands_in_the_log_once_whatever_its_level(journal, watches, caplog):
    follow(watches, HERE)
    follow(watches, HERE)
    journal.follow(Dropped(0, PATH, "datagram", MalformedMessage("too short")))
    assert len(caplog.records) == 1


def test_a_flood_of_one_peer_is_bounded_in_the_log_and_at_the_terminal(journal, watches, caplog, later):
    heard, missed, _ = follow(watches, HERE)
    for _ in range(1000):
        journal.follow(Dropped(0, PATH, "datagram", MalformedMessage("garbage")))
    assert len(heard) == LINES_PER_SECOND
    assert len(caplog.records) == max(LINES_PER_SECOND, STRANGERS_PER_SECOND)
    later.pop()()
    assert missed == [1000 - LINES_PER_SECOND]
    journal.follow(Dropped(0, PATH, "datagram", MalformedMessage("garbage")))
    assert len(heard) == LINES_PER_SECOND + 1


def test_there_are_only_so_many_watches(watches):
    ends = [follow(watches, ELSEWHERE)[2] for _ in range(MOST)]
    with pytest.raises(Full):
        follow(watches, HERE)
    ends[0]()
    ends[0]()  # twice ends no other one
    follow(watches, HERE)
    with pytest.raises(Full):
        follow(watches, HERE)


def test_an_address_is_found_however_it_is_written():
    assert address_or_name("2001:DB8:0::7") == "2001:db8::7"
    assert address_or_name("alice") == "alice"
