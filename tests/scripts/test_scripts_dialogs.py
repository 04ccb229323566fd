"""The drawn dialogs of docs/device-*.md: as they are declared, shown with their words, and nothing over an edge."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from chromium import WIDE, Browser, program

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
PAGES = sorted((ROOT / "docs").glob("device-*.md"))
OVERLAPS = """
(() => [...document.querySelectorAll("svg")].flatMap((svg) => {
  const edge = svg.viewBox.baseVal.width - 12;
  const boxes = [...svg.querySelectorAll("text")].map((each) => [each.textContent, each.getBBox()]);
  const far = boxes.filter(([, box]) => box.x < 12 || box.x + box.width > edge).map(([words]) => words);
  const over = boxes.flatMap(([words, one], place) => boxes.slice(place + 1)
    .filter(([, two]) => one.x < two.x + two.width && two.x < one.x + one.width
      && one.y < two.y + two.height && two.y < one.y + one.height)
    .map(([others]) => `${words} | ${others}`));
  return [...far, ...over];
}))()
"""


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "scripts" / "dialogs.py"), run_name="dialogs")


def test_the_pictures_are_those_that_are_declared(script):
    drawn = script["drawn"]()
    assert sorted(drawn) == sorted(each.name for each in PICTURES.iterdir())
    for name, picture in drawn.items():
        assert (PICTURES / name).read_text() == picture, "python scripts/dialogs.py docs/pictures"
        assert ET.fromstring(picture).tag.endswith("svg")
        assert "Drawn, not photographed" in picture


def test_each_picture_is_on_a_page_with_its_words(script):
    shown = {
        name: words
        for page in PAGES
        for words, name in re.findall(r"!\[(.*)\]\(pictures/(.*)\.svg\)", page.read_text())
    }
    assert shown == {each.file: each.alt for each in script["DIALOGS"]}
    with_pictures = [page.read_text() for page in PAGES]
    assert len(with_pictures) == 5
    assert [" no photographs" in " ".join(text.split()) for text in with_pictures] == [True] * 5


@pytest.mark.skipif(program() is None, reason="chromium-headless-shell is not installed: make test-packages")
def test_no_words_cross_others_or_an_edge(script, tmp_path):
    page_file = tmp_path / "all.html"
    page_file.write_text("".join(script["drawn"]().values()))
    browser = Browser(tmp_path / "browser", {})
    try:
        with browser.page(WIDE) as page:
            page.go(f"file://{page_file}")
            assert page.run("document.querySelectorAll('svg').length") == len(list(PICTURES.iterdir()))
            assert page.run(OVERLAPS) == []
    finally:
        browser.close()
