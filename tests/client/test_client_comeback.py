"""When a connection comes back, in virtual time on both clocks."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address

import pytest

from lotor.client.comeback import (
    DOUBT_PAUSE,
    LONG_CALL,
    LONGEST_PAUSE,
    SHORT_CALL,
    SILENCE_PAUSE,
    SILENT,
    SOON,
    STEADY,
    UNJUDGED_PAUSE,
    Comeback,
    Now,
    Step,
)
from lotor.model.reason import Cause
from lotor.model.reasons import catalogue
from lotor.model.reasons.ends import ClosedHere, DeadPeer, NoAnswer, PeerDeleted, Relocated, ShutDown
from lotor.model.reasons.local import BeingSetUp, HostUnfit, NotResolved
from lotor.model.reasons.logins import Busy, NobodyAnswers, RefusedThere, WrongPassword

GATEWAY = IPv4Address("192.0.2.50")
UNHEARD, DEAD, DELETED = NoAnswer(GATEWAY), DeadPeer(GATEWAY, 2), PeerDeleted("gateway")


def never(state, until=1e6, since=0.0):
    """How often it dials from one time to another when nobody answers."""
    now, dialled = since, []
    while now < until:
        step = state.step(now)
        if step is Step.DIAL:
            dialled.append(now)
            now += state.patience(now)
            state.ended(UNHEARD, now)
        else:
            assert step is Step.WAIT
            now = state.due
    return dialled


def up(now=0.0, chance=0.0):
    state = Comeback(lambda: chance)
    assert state.step(now) is Step.DIAL
    state.up(now)
    return state


def test_it_begins_at_once_and_is_quiet_while_it_is_up():
    state = up()
    assert state.step(1e9) is Step.WAIT
    assert state.due == float("inf")


def test_a_connection_that_stood_for_a_while_is_dialled_at_once():
    state = up()
    state.ended(DEAD, STEADY + 1)
    assert state.step(STEADY + 1) is Step.DIAL
    assert state.calling


def test_a_gateway_that_is_back_is_found_within_three_seconds_in_the_first_minute():
    state = up()
    state.ended(DEAD, 100.0)
    dialled = [each for each in never(state, 100 + SOON, 100.0) if each < 100 + SOON]
    gaps = [later - before for before, later in itertools.pairwise(dialled)]
    assert len(gaps) > 10
    assert all(gap <= SHORT_CALL + 1.0 for gap in gaps), "and within a call the first message is sent anew after 1 s"


def test_later_it_is_dialled_ever_more_slowly_but_once_a_minute():
    state = up()
    state.ended(DEAD, 100.0)
    dialled = never(state, 10_000.0, 100.0)
    gaps = [later - before for before, later in itertools.pairwise(dialled)]
    assert gaps[-1] == LONG_CALL + LONGEST_PAUSE
    assert all(later >= before for before, later in itertools.pairwise(gaps[20:]))
    assert state.patience(10_000.0) == LONG_CALL


def test_chance_spreads_clients_and_makes_no_pause_longer():
    found = {}
    for chance in (1.0, 0.0):
        state = up(chance=chance)
        state.ended(DEAD, 100.0)
        found[chance] = never(state, 5000.0, 100.0)
    assert found[1.0][5] < found[0.0][5]
    assert found[1.0][-1] - found[1.0][-2] == LONG_CALL + LONGEST_PAUSE * 0.75


@pytest.mark.parametrize(
    "reason",
    [
        WrongPassword("alice"),
        RefusedThere(GATEWAY, "alice"),
        NobodyAnswers("password", again=False),
        ClosedHere(),
        ShutDown(),
    ],
)
def test_what_cannot_heal_is_not_tried_again(reason):
    """A refused password above all: accounts are locked for that."""
    state = up()
    state.ended(reason, 100.0)
    assert state.step(1e9) is Step.STOP
    assert state.reason is reason
    state.network_changed(200.0)
    state.looked(Now(300.0, 300.0))
    state.looked(Now(400.0, 4000.0))
    state.doubted(500.0)
    assert state.step(1e9) is Step.STOP


def test_a_new_network_is_answered_at_once_in_every_state():
    state = up()
    state.network_changed(50.0)
    assert state.step(50.0) is Step.CHECK
    assert state.step(50.0) is Step.WAIT
    state.ended(DEAD, 60.0)
    assert state.step(60.0) is Step.DIAL
    state.network_changed(60.5)
    assert state.step(60.5) is Step.WAIT, "not more often than once a second"
    assert state.step(61.0) is Step.DIAL, "the call under way is given up"
    state.ended(UNHEARD, 2000.0)
    waiting = state.due
    state.network_changed(2000.5)
    assert state.due == 2000.5 < waiting + 1
    assert state.step(2000.5) is Step.DIAL


def test_networks_that_change_without_end_cost_a_question_a_second():
    state = up()
    asked = 0
    for tick in range(10_000):
        now = 100 + tick / 100
        state.network_changed(now)
        asked += state.step(now) is Step.CHECK
    assert asked <= 101


def test_another_network_in_which_the_session_cannot_go_on_is_dialled_at_once():
    state = up()
    state.ended(Relocated(), 5.0)
    assert state.step(5.0) is Step.DIAL


def test_networks_that_change_without_end_cost_a_call_a_second():
    state, now = up(), 0.0
    for _ in range(100):
        state.ended(Relocated(), now)
        now = state.due
        assert state.step(now) is Step.DIAL
        state.up(now)
    assert now >= 99


@pytest.mark.parametrize("slept", [2.0, 90.0, 1e6])
def test_a_host_that_slept_asks_at_once(slept):
    state = up()
    state.looked(Now(10.0, 1010.0))
    state.looked(Now(11.0, 1011.0))
    assert state.step(11.0) is Step.WAIT
    state.looked(Now(12.0, 1012.0 + slept))
    assert state.step(12.0) is Step.CHECK
    state.ended(DEAD, 13.0)
    state.looked(Now(14.0, 1014.0 + slept))
    first = state.due
    assert first > 13.0, "it was up for a moment only"
    state.looked(Now(14.2, 1014.2 + 2 * slept))
    assert state.step(14.2) is Step.DIAL, "another sleep ends every pause"


def test_clocks_that_jitter_are_no_sleep():
    state = up()
    for tick in range(1000):
        state.looked(Now(float(tick), 1000.0 + tick + (tick % 7) / 10))
        assert state.step(float(tick)) is Step.WAIT


def test_packets_without_an_answer_are_a_doubt_and_doubts_are_bounded():
    state = up()
    asked = []
    for tick in range(1000):
        now = tick / 10
        state.carried(tick, 5, now)
        if state.step(now) is Step.CHECK:
            asked.append(now)
    assert asked[0] <= SILENT + 0.2
    assert all(later - before > SILENCE_PAUSE - 0.01 for before, later in itertools.pairwise(asked))


def test_a_gateway_that_falls_silent_in_the_middle_is_asked_once():
    state = up()
    asked = []
    for tick in range(1000):
        now = tick / 10
        state.carried(0, min(tick, 50), now)
        if state.step(now) is Step.CHECK:
            asked.append(now)
    assert len(asked) == 1
    assert 6.4 <= asked[0] <= 6.7


def test_traffic_both_ways_or_none_is_no_doubt():
    state = up()
    for tick in range(1000):
        state.carried(tick, tick // 10, tick / 10)
        assert state.step(tick / 10) is Step.WAIT
    state = up()
    for tick in range(1000):
        state.carried(0, 0, tick / 10)
        assert state.step(tick / 10) is Step.WAIT


def test_what_anybody_can_say_is_a_doubt_that_is_bounded():
    state = up()
    asked = 0
    for tick in range(1000):
        state.doubted(tick / 10)
        asked += state.step(tick / 10) is Step.CHECK
    assert asked == 100 / DOUBT_PAUSE


def test_a_doubt_about_what_is_down_means_nothing():
    state = up()
    state.ended(DEAD, 10.0)
    due = state.due
    state.doubted(10.1)
    assert state.due == due


def test_two_that_take_a_session_from_each_other_do_so_ever_more_slowly():
    state, now, ups = up(), 0.0, 0
    while now < 3600:
        state.ended(DELETED, now)
        now = state.due
        assert state.step(now) is Step.DIAL
        now += 1
        state.up(now)
        ups += 1
        now += 1
    assert ups < 130


def test_a_gateway_without_room_is_left_alone_for_a_while():
    state = up()
    state.ended(DEAD, 100.0)
    state.step(100.0)
    state.ended(Busy("alice", waiting=9), 101.0)
    assert state.due >= 101.0 + UNJUDGED_PAUSE * 0.75


def test_every_kind_says_whether_it_heals():
    kinds = catalogue.CLASSES.values()
    assert not [each for each in kinds if each.cause in (Cause.LOGIN_REFUSED, Cause.LOGIN_DECLINED) and each.may_heal()]
    assert all(each.may_heal() for each in (HostUnfit, NotResolved, BeingSetUp, Relocated, DeadPeer, NoAnswer))


def test_a_login_whose_verdict_is_missing_is_not_sent_anew_for_every_new_network():
    """A password that was changed meanwhile would be a guess each time, and accounts are locked for guesses."""
    state, dialled = up(), 0
    state.ended(DEAD, 100.0)
    assert state.step(100.0) is Step.DIAL
    state.login_sent(100.5)
    for tick in range(150):
        now = 100.5 + tick * 0.1
        state.network_changed(now)
        dialled += state.step(now) is Step.DIAL
        if dialled:
            state.login_sent(now)
    assert dialled == 1, "and when nothing comes of it, once, after a while"


def test_the_verdict_itself_ends_the_wait_for_it():
    state = up()
    state.ended(DEAD, 100.0)
    assert state.step(100.0) is Step.DIAL
    state.login_sent(100.5)
    state.network_changed(101.0)
    state.ended(UNHEARD, 102.0)
    assert state.step(103.5) is Step.DIAL
    state.network_changed(104.6)
    assert state.step(104.6) is Step.DIAL, "nothing was sent in this call"
