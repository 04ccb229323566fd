"""What Python's collector looks at while a program serves: what is new, and once a day everything."""

from __future__ import annotations

import gc

import pytest

from lotor.daemon import collector


@pytest.fixture
def settled():
    before = gc.get_threshold()
    collector.settle()
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(collector._looked)
    gc.unfreeze()


def circle():
    made = [None]
    made[0] = made
    return made


def looked_at():
    """How many objects a look at the oldest ones would see."""
    return len(gc.get_objects(generation=2))


@pytest.mark.usefixtures("settled")
def test_what_was_seen_is_not_looked_at_again():
    kept = [circle() for _ in range(5000)]
    gc.collect()
    assert looked_at() == 0
    more = [circle() for _ in range(10)]
    gc.collect(1)
    assert looked_at() < 1000
    assert len(kept) + len(more) == 5010


@pytest.mark.usefixtures("settled")
def test_a_circle_that_nobody_has_any_more_is_found_at_the_latest_a_day_later(monkeypatch):
    found = []

    class Left:
        def __del__(self):
            found.append(True)

    left = Left()
    left.itself = left
    gc.collect()
    del left
    gc.collect()
    assert not found
    monkeypatch.setattr(collector, "_next_whole", 0.0)
    gc.collect()
    gc.collect()
    assert found == [True]
    assert looked_at() == 0


@pytest.mark.usefixtures("settled")
def test_what_is_in_no_circle_goes_with_its_last_reference():
    found = []

    class Left:
        def __del__(self):
            found.append(True)

    left = Left()
    gc.collect()
    del left
    assert found == [True]


@pytest.mark.usefixtures("settled")
def test_no_look_sees_more_than_a_bounded_number():
    """Ten thousand sessions come, and each look at the oldest objects is a small one."""
    seen, kept = [], []

    def look(phase, info):
        if phase == "start" and info["generation"] == 2:
            seen.append(sum(len(gc.get_objects(generation=each)) for each in range(3)))

    gc.callbacks.insert(0, look)
    try:
        kept += [[{}, [number]] for number in range(100_000)]
    finally:
        gc.callbacks.remove(look)
    assert len(seen) > 3
    assert max(seen) < 40_000
