"""What is remembered of attempts, for how long, and what a flood of strangers may not drive out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.explain.attempts import (
    MOST_AT_THE_DOOR,
    MOST_FAILED,
    MOST_LINES,
    MOST_STRANGERS,
    MOST_WELL,
    Attempts,
)
from lotor.explain.narrative import line, outcome
from lotor.ike.effects import Tell
from lotor.ike.events import ChildDown, Dropped, LoggedIn, LoginRefused, Names, Offered, Renewed, Started
from lotor.model.network import Peer
from lotor.model.policy import Side
from lotor.model.reasons.logins import BackEndFault, UnknownUser, WrongPassword
from lotor.model.reasons.protocol import MalformedMessage
from scripted import BYE, FLOATED, PATH, SUITE, ended, established, started

NO = WrongPassword("mallory")


def tell(attempts, *effects):
    for effect in effects:
        attempts.follow(effect.event if isinstance(effect, Tell) else effect)


@pytest.fixture
def attempts():
    clock = iter(range(1, 10**6))
    return Attempts(lambda: float(next(clock)))


def test_an_attempt_is_found_by_number_login_identity_and_addresses(attempts):
    tell(attempts, started(7), *established(7))
    for subject in ("7", "alice", "ALICE", "vpn.example.net", "192.0.2.50", "10.99.99.3"):
        assert [each.session for each in attempts.find(subject)] == [7], subject
    assert attempts.find("bob") == attempts.find("") == attempts.find("0") == []


def test_the_newest_comes_first_dead_or_alive(attempts):
    tell(attempts, started(1), *established(1), ended(1), started(2), ended(2, NO), started(3))
    assert [(each.session, outcome(each)) for each in attempts.all()] == [
        (3, "connecting"),
        (2, "failed"),
        (1, "ended"),
    ]


def test_memory_is_bounded_and_failures_outlive_successes(attempts):
    for number in range(1, 1000):
        tell(attempts, started(number), *established(number), ended(number))
        tell(attempts, started(number + 5000, Side.GATEWAY))
        tell(attempts, LoginRefused(number + 5000, "mallory", NO, PATH.remote), ended(number + 5000, NO))
    kept = attempts.all()
    assert len([each for each in kept if each.failed]) == MOST_FAILED > MOST_WELL
    assert len(kept) == MOST_FAILED + MOST_WELL
    assert attempts.failures == 999


def test_strangers_drive_out_only_strangers(attempts):
    tell(
        attempts, started(1, Side.GATEWAY), LoginRefused(1, "alice", WrongPassword("alice"), PATH.remote), ended(1, NO)
    )
    for number in range(2, 5000):
        tell(attempts, started(number, Side.GATEWAY), ended(number, WrongPassword(f"mallory{number}")))
    assert [each.session for each in attempts.find("alice")] == [1]
    assert len(attempts.all()) == MOST_STRANGERS + 1


def test_a_client_that_tries_again_and_again_is_one_story(attempts):
    for number in range(1, 6):
        tell(attempts, started(number, Side.GATEWAY), ended(number, NO))
    (told,) = attempts.all()
    assert (told.session, told.times, attempts.failures) == (5, 5, 1)
    assert attempts.find("2") == [told]
    assert "ended: login refused: login of mallory refused: wrong password (5 times)" in line(told)
    tell(attempts, started(6, Side.GATEWAY), ended(6, UnknownUser("mallory")))
    assert len(attempts.all()) == 2
    for number in range(7, 9):
        tell(
            attempts,
            started(number, Side.GATEWAY),
            LoginRefused(number, "alice", WrongPassword("alice"), PATH.remote),
            ended(number, NO),
        )
    assert len(attempts.find("alice")) == 2


def test_the_door_remembers_addresses_and_not_every_datagram(attempts):
    for number in range(10_000):
        remote = Peer(IPv4Address("203.0.113.0") + number % 100, 500)
        tell(attempts, Dropped(0, replace(PATH, remote=remote), "main mode message", MalformedMessage(f"no {number}")))
    kept = attempts.all()
    assert len(kept) == MOST_AT_THE_DOOR
    assert all(len(each.happened) <= MOST_LINES for each in kept)
    assert "no 9999" in line(attempts.find("203.0.113.99")[0])


def test_one_session_cannot_tell_without_end(attempts):
    tell(attempts, started(1), *established(1))
    for number in range(1000):
        tell(attempts, Dropped(1, PATH, "rekey", MalformedMessage(f"no {number}")))
        pair = established(1)[3].event
        tell(attempts, pair.but(child=replace(pair.child, id=number)))
    tell(attempts, ChildDown(1, 999, BYE))
    found = attempts.get(1)
    assert len(found.happened) == len(found.pairs) == MOST_LINES
    assert found.pairs[999].endswith("down: closed by the administrator")


def test_what_a_peer_says_is_clean_and_short(attempts):
    evil = "x\x1b[2J\n" + "y" * 5000
    tell(attempts, started(1, Side.GATEWAY), Offered(1, "main mode", Names([evil]), Names([evil]), evil, 16))
    tell(attempts, LoginRefused(1, evil, BackEndFault(evil, evil), PATH.remote), ended(1, BackEndFault(evil, evil)))
    told = line(attempts.get(1))
    assert not set("\x1b\n") & set(told)
    assert len(told) < 10_000


def test_keys_of_sa_pairs_are_not_kept(attempts):
    tell(attempts, started(1), *established(1))
    assert "SPI 0x00001001" in line(attempts.get(1))
    assert "eeee" not in repr(attempts.get(1))


def test_a_renewal_is_the_sessions_and_its_attempt_is_no_failure(attempts):
    tell(attempts, started(1), *established(1), started(2), Renewed(1, 2, FLOATED, SUITE, "03:04"))
    assert [each.session for each in attempts.all()] == [1]
    assert any("phase 1 renewed" in each for each in attempts.get(1).happened)
    assert attempts.failures == 0


def test_events_of_unknown_sessions_are_nothing(attempts):
    tell(attempts, LoggedIn(9, "alice"), ended(9))
    assert attempts.all() == []


def test_a_gateways_own_identity_is_not_taken_for_the_clients(attempts):
    tell(attempts, Started(1, PATH, "gw", Side.CLIENT, 1))
    tell(attempts, Offered(1, "main mode", Names(), Names(["xauth", "unity", "dpd"]), "me", 16))
    assert attempts.get(1).vendors == ()
