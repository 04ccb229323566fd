"""How long a daemon was silent, on a clock of the test's own."""

from __future__ import annotations

import pytest

from lotor.warden.pulse import EVERY, LONGEST_SILENCE, Pulse


class Hands:
    """Of a clock."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def looks(self, pulse, seconds, every=EVERY):
        for _ in range(int(seconds / every)):
            self.now += every
            pulse.look()


@pytest.fixture
def hands():
    return Hands()


def test_one_that_never_shows_that_it_lives_stands_still(hands):
    pulse = Pulse(hands)
    hands.looks(pulse, LONGEST_SILENCE - EVERY)
    assert not pulse.stands_still
    hands.looks(pulse, EVERY)
    assert pulse.stands_still
    assert pulse.silence == LONGEST_SILENCE


def test_one_sign_of_life_is_a_new_beginning(hands):
    pulse = Pulse(hands)
    for _ in range(10):
        hands.looks(pulse, LONGEST_SILENCE - EVERY)
        assert not pulse.stands_still
        pulse.beat()
    hands.looks(pulse, LONGEST_SILENCE)
    assert pulse.stands_still


def test_time_in_which_the_warden_stood_still_is_nobodys_silence(hands):
    """A container that was frozen for an hour, a machine that was stopped: the daemon slept, too."""
    pulse = Pulse(hands)
    for _ in range(3):
        hands.now += 3600.0
        pulse.look()
    assert pulse.silence == 3 * EVERY
    assert not pulse.stands_still


def test_looks_that_come_thick_and_fast_count_what_passed(hands):
    pulse = Pulse(hands)
    hands.looks(pulse, LONGEST_SILENCE - 1.0, every=0.25)
    assert not pulse.stands_still
    hands.looks(pulse, 1.0, every=0.25)
    assert pulse.stands_still
