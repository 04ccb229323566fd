"""docs/doctor.md names every check that there is, and no other."""

from __future__ import annotations

from pathlib import Path

from lotor.doctor.checks import CHECKS
from lotor.doctor.document import renewed

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"


def test_the_page_has_the_table_of_today():
    """`python -m lotor.doctor.document` writes it."""
    text = PAGE.read_text()
    assert renewed(text) == text
    assert text.count("\n| ") > len(CHECKS) > 10


def test_names_of_checks_are_short_enough_for_their_column():
    assert [each.name for each in CHECKS if len(each.name) > 13] == []
    assert len({each.name for each in CHECKS}) == len(CHECKS)
