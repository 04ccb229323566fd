"""Each block of racoon.conf that a page shows can be pasted: it is read without a mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lotor import config

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/*.md"))
SHOWN = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in PAGES
    for number, text in enumerate(re.findall(r"^```racoon\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
]


@pytest.mark.parametrize("text", SHOWN)
def test_a_block_that_is_shown_is_read(text):
    assert config.loads(text).settings
