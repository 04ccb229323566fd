"""ARCHITECTURE.md speaks of what exists: every room is on its map, and every file that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lotor"
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
OUTSIDE = ROOT, SOURCE, SOURCE / "ike", SOURCE / "config"
"""Where the names of files begin."""


def rooms():
    return {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}


def test_every_room_is_on_the_map_and_no_other():
    drawn = TEXT[TEXT.index("src/lotor/\n") : TEXT.index("\nrust/")]
    assert set(re.findall(r"^ [ \d] (\w+)/ ", drawn, re.MULTILINE)) == rooms()


def test_every_file_that_is_named_is_there():
    named = set(re.findall(r"`(\w+(?:/\w+)+)`", TEXT))
    assert len(named) > 50
    there = {name for name in named for place in OUTSIDE for end in ("", ".py") if (place / f"{name}{end}").exists()}
    assert named - there == set()


def test_each_word_of_the_glossary_names_where_it_is():
    rows = TEXT.split("## Glossary\n")[1].split("\n## ")[0].splitlines()
    words = [row for row in rows if row.startswith("| ")][1:]
    assert len(words) > 30
    found = {word: located(word.split(" | ")[-1]) for word in words}
    assert [word for word, places in found.items() if not places or not all(places.values())] == []


def located(cell):
    """Whether each name is there; one without a directory is a neighbour of the last one that has one, or a room."""
    places, directory = {}, ""
    for name in re.findall(r"`([^`]+)`", cell):
        directory = name[: name.rindex("/") + 1] if "/" in name else directory
        whole = name if "/" in name else directory + name
        places[name] = any((place / f"{whole}{end}").exists() for place in OUTSIDE for end in ("", ".py"))
    return places
