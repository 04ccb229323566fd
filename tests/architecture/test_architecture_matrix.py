"""The page of who connects to whom is the one that the tests' own table makes."""

from pathlib import Path

from lab.matrix import page

DOCUMENT = Path(__file__).parents[2] / "docs" / "interop.md"


def test_the_matrix_page_is_up_to_date():
    assert DOCUMENT.read_text() == page(), "run: python -m lab.matrix > docs/interop.md"
