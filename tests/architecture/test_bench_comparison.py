"""What the comparison with other programs makes of its measurements: outages, figures that apt tells, the page."""

from __future__ import annotations

import pytest

from bench.comeback import EVENTS, Outage, judge, table
from bench.comparison import fetched
from bench.pages import LOTOR, Setup, Side, page, rows
from bench.recipes import DUTIES, RECIPES
from bench.rivals import RIVALS

OTHER = "OpenVPN"
LOG = """sent 10.0
got 10.0 10.02
sent 11.0
sent 12.0
sent 13.0
got 13.0 13.5
sent 14.0
got 14.0 14.01
sent 15.0
sent 15."""


def setups(lotor: float, other: float) -> dict[str, Setup]:
    return {
        name: Setup(*[Side(2, figure, 5.0, 1.0, ("typed",))] * 2) for name, figure in ((LOTOR, lotor), (OTHER, other))
    }


def test_an_outage_lasts_until_the_first_answer_and_counts_what_was_lost_since_it_began():
    assert judge(LOG, began=10.5, back=12.5) == Outage(1.0, 2)  # what was sent a second ago is under way
    assert judge(LOG, began=10.5, back=14.5) == Outage(None, 2)
    assert judge("", began=1.0, back=2.0) == Outage(None, 0)


def test_what_does_not_come_back_most_times_has_no_seconds():
    once, never = Outage(1.0, 100, stream=True), Outage(None, 9000, stream=False)
    both = {"a": (once, once, never), "b": (once, never, never)}
    told = table({name: {event: list(outages) for event in EVENTS} for name, outages in both.items()})
    assert "| a | 1.00 | 100; TCP broke 1 of 3 times |" in told
    assert "| b | back 1 of 3 times | all |" in told


@pytest.mark.parametrize(
    ("line", "megabytes"),
    [
        ("Need to get 8,088 kB of archives.", 8.088),
        ("Need to get 8088 kB/12.5 MB of archives.", 12.5),
        ("Need to get 0 B/1,530 B of archives.", 0.00153),
        ("nothing", 0.0),
    ],
)
def test_what_apt_fetches(line, megabytes):
    assert fetched(line) == pytest.approx(megabytes)


def test_the_page_says_why_lotor_is_not_the_first():
    behind = page(setups(9.0, 2.0), {}, "told")
    assert "| gateway: seconds of the machine (1) | 9 | **2** |" in behind
    assert "1. gateway: seconds of the machine: most of it" in behind
    assert "None." in page(setups(1.0, 2.0), {}, "told")


def test_a_connection_that_does_not_come_back_is_the_last():
    both = {LOTOR: Outage(2.0, 7), OTHER: Outage(None, 3)}
    found = {name: {event: [outage] for event in EVENTS} for name, outage in both.items()}
    told = rows(setups(1.0, 1.0), found)[-2:]
    assert [row.first for row in told] == [True, True]
    assert told[0].cells[OTHER] == "does not come back"


def test_each_recipe_is_measured_on_the_road_too_and_says_who_does_what():
    assert {recipe.name for recipe in RECIPES} <= {rival.name for rival in RIVALS}
    assert all(len(recipe.by_hand) == len(DUTIES) for recipe in RECIPES)
