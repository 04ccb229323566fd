"""A login may grant its session a time: when it is over the session ends, whatever the client renews meanwhile."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lotor.ike.events import Ended, LoggedIn, Regranted, Renewed
from lotor.ike.intents import Disconnect, Regrant
from lotor.ike.questions import CheckLogin
from lotor.model import grants
from lotor.model.grants import Grants
from lotor.model.kinds import Kind
from lotor.model.login import Accepted
from lotor.model.reasons.ends import ClosedHere, SessionTimeOver
from peers.world import CLIENT, GATEWAY, connect, is_up, pair

LIFE = 300


def granting(*seconds, life=28800):
    """A session whose login granted the first of these; each renewal of phase 1 is granted the next, the last ones the
    last."""
    lasting = [replace(each, proposals=(replace(each.proposals[0], lifetime=life),)) for each in (GATEWAY, CLIENT)]
    world, gateway, client = pair(gateway=lasting[0], client=lasting[1])
    left = list(seconds)

    def check(question):
        return Accepted("alice", Grants(session_time=left.pop(0) if len(left) > 1 else left[0]))

    gateway.answers[CheckLogin] = check
    connect(world, client, gateway)
    begun = world.now
    assert world.run(20, lambda: (is_up(client) and is_up(gateway)) or bool(gateway.of(Ended)))
    return world, gateway, client, begun


def end_of(world, gateway, begun, longest):
    """Whole seconds from the beginning to the end of the first session, and why it ended."""
    assert world.run(longest, lambda: any(each.session == 1 for each in gateway.of(Ended)))
    (ended,) = [each for each in gateway.of(Ended) if each.session == 1]
    return int(world.now - begun), ended.reason


def test_a_session_ends_when_its_time_is_over_and_the_client_hears_it():
    world, gateway, client, begun = granting(3600.0)
    seconds, reason = end_of(world, gateway, begun, 2 * 3600)
    assert seconds == 3600
    assert reason == SessionTimeOver(3600)
    assert (reason.kind, reason.text) == (Kind.SESSION_TIME_OVER, "the 3600 s that the login granted are over")
    assert world.run(5, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.kind is Kind.PEER_DELETED
    assert not gateway.installed
    assert len(gateway.pool) == 253


def test_a_login_without_a_time_lasts():
    world, gateway, _client, _ = granting(None)
    world.run(4 * 3600)
    assert not gateway.of(Ended)


def test_whoever_renews_phase_one_gets_no_more_time():
    world, gateway, _client, begun = granting(1000.0, life=LIFE)
    seconds, reason = end_of(world, gateway, begun, 5000)
    assert len(gateway.of(Renewed)) >= 3
    assert (seconds, reason) == (1000, SessionTimeOver(1000))


def test_a_renewal_may_shorten_the_time():
    world, gateway, _client, begun = granting(1000.0, 100.0, life=LIFE)
    _, reason = end_of(world, gateway, begun, 5000)
    first = next(number for number, each in enumerate(gateway.events) if isinstance(each, Renewed))
    assert not [each for each in gateway.events[:first] if isinstance(each, Ended)]
    assert reason == SessionTimeOver(100)
    assert world.now - begun < 1000


def test_a_renewal_without_a_time_leaves_that_of_the_login():
    world, gateway, _client, begun = granting(1000.0, None, life=LIFE)
    assert end_of(world, gateway, begun, 5000) == (1000, SessionTimeOver(1000))


@pytest.mark.parametrize("seconds", [0.0, -5.0, math.nan])
def test_no_time_at_all_is_over_at_once(seconds):
    world, gateway, _client, begun = granting(seconds)
    assert gateway.of(LoggedIn)
    assert [each.reason.kind for each in gateway.of(Ended)] == [Kind.SESSION_TIME_OVER]
    assert world.now - begun < 20
    assert not gateway.installed


def test_a_session_that_ended_before_leaves_no_alarm():
    world, gateway, client, _ = granting(3600.0)
    world.do(client, client.endpoint.command(Disconnect(1, ClosedHere()), world.now))
    assert world.run(5, lambda: bool(gateway.of(Ended)))
    world.run(100)
    assert gateway.endpoint.deadline() is None


def regrant(world, gateway, grants, *, timed, session=1):
    world.do(gateway, gateway.endpoint.command(Regrant(session, grants, timed), world.now))


@pytest.mark.parametrize("seconds", [100.0, 9000.0])
def test_a_server_may_shorten_and_lengthen_the_time(seconds):
    world, gateway, client, _ = granting(3600.0)
    regrant(world, gateway, Grants(session_time=seconds), timed=True)
    asked = world.now
    assert end_of(world, gateway, asked, 4 * 3600)[1] == SessionTimeOver(int(seconds))
    assert round(world.now - asked) == seconds
    assert world.run(5, lambda: bool(client.of(Ended)))


def test_a_server_may_take_the_end_away():
    world, gateway, _client, _ = granting(3600.0)
    regrant(world, gateway, Grants(), timed=True)
    world.run(4 * 3600)
    assert not gateway.of(Ended)


def test_what_a_server_changes_beside_the_time_leaves_it_as_it_is_and_is_told():
    world, gateway, _client, begun = granting(3600.0)
    changed = Grants(session_time=3600.0, idle_time=60.0, accounting_classes=(b"gold",))
    regrant(world, gateway, changed, timed=False)
    (told,) = gateway.of(Regranted)
    assert told == Regranted(1, "alice", "idle time 60 s, 1 Class", changed)
    assert told.text() == "alice goes on with other grants: idle time 60 s, 1 Class"
    assert end_of(world, gateway, begun, 2 * 3600)[0] == 3600


def test_a_renewal_leaves_what_a_server_has_lengthened():
    """Its login counts from then on: it may shorten the time once more."""
    world, gateway, _client, begun = granting(1000.0, None, life=LIFE)
    regrant(world, gateway, Grants(session_time=5000.0), timed=True)
    seconds, _ = end_of(world, gateway, begun, 9000)
    assert seconds >= 5000
    assert len(gateway.of(Renewed)) >= 3


def test_nothing_is_granted_to_a_session_that_is_not_there_or_not_logged_in():
    world, gateway, client = pair(gateway=GATEWAY, client=CLIENT)
    connect(world, client, gateway)
    regrant(world, gateway, Grants(session_time=1.0), timed=True)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    regrant(world, gateway, Grants(session_time=1.0), timed=True, session=77)
    world.run(60)
    assert not gateway.of(Ended)
    assert not gateway.of(Regranted)


def test_what_a_change_comes_to_in_words():
    everything = Grants(session_time=1.5, idle_time=60.0, accounting_interval=300.0, accounting_classes=(b"a", b"b"))
    words = "session time 1.5 s, idle time 60 s, accounting interval 300 s, 2 Class"
    assert grants.told(Grants(), everything, timed=True) == words
    assert grants.told(everything, Grants(), timed=True).count("without end") == 3
    assert grants.told(everything, everything, timed=False) == "the same"
