"""So many at once, and more with time."""

from __future__ import annotations

from lotor.privsep.budget import Budget


def test_so_many_may_happen_at_once():
    budget = Budget(3, 10.0)
    assert [budget.take(1000.0) for _ in range(5)] == [True] * 3 + [False] * 2


def test_another_one_may_with_time():
    budget = Budget(3, 10.0)
    assert all(budget.take(10.0 * number) for number in range(1_000))
    assert [budget.take(10_000.0) for _ in range(4)] == [True, True, True, False]
    assert [budget.take(now) for now in (10_009.0, 10_011.0, 10_012.0, 10_021.0)] == [False, True, False, True]


def test_nothing_is_saved_up_beyond_the_most():
    budget = Budget(2, 1.0)
    assert [budget.take(1e9) for _ in range(3)] == [True, True, False]
