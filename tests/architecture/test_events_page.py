"""The page of events is that of the events that there are."""

from pathlib import Path

import pytest

from lotor.accounting import journal as accounting
from lotor.ike.events import Event
from lotor.runtime.document import document, first_sentence, form

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == document(), "python -m lotor.runtime.document > docs/events.md"


@pytest.mark.parametrize(
    "name", [*(kind.public_name() for kind in Event.__subclasses__()), accounting.START, accounting.STOP]
)
def test_each_event_has_its_entry(name):
    assert f"\n### {name}\n" in document()


def test_a_format_string_is_written_for_people():
    assert form("SPI {child.inbound.spi:#010x} of {text_}") == "SPI <child.inbound.spi> of <text>"


def test_of_a_docstring_the_first_sentence_counts():
    assert first_sentence("An SA pair is\n    gone. `x` is y.") == "An SA pair is gone."
