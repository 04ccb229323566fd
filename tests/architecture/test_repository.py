"""What contributors are told is true: hooks run what `make` runs, files that are named are there, and no page
is left out of the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
EXAMPLES = {"src/lotor/auth/ldap.py"}
"""What CONTRIBUTING.md would have somebody make."""


def test_each_hook_before_a_commit_is_a_command_of_make():
    entries = re.findall(r"^ +entry: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    commands = set(re.findall(r"^\t(.+)$", MAKEFILE.replace("$(BIN)", ".venv/bin"), re.MULTILINE))
    assert len(entries) == 5
    assert [each for each in entries if each not in commands] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_files_that_contributors_are_sent_to_are_there(page):
    named = set(re.findall(r"\b(?:src|tests|docs|rust|scripts)/[\w/.]*\w", (ROOT / page).read_text()))
    assert named
    assert sorted(name for name in named - EXAMPLES if not (ROOT / name).exists()) == []


def test_the_index_of_the_pages_leads_to_each_of_them():
    index = (ROOT / "docs" / "README.md").read_text()
    pages = sorted(page.name for page in ROOT.glob("docs/*.md") if page.name != "README.md")
    assert len(pages) > 30
    assert [page for page in pages if f"({page})" not in index] == []


def test_make_looks_for_marked_tests_where_they_are():
    """Each run of make names the room where all tests with its mark live: to collect the others takes half a minute."""
    rooms = dict(re.findall(r"^\t\$\(PYTEST\) tests/(\w+) -m '?(?:root and )?(\w+)", MAKEFILE, re.MULTILINE))
    assert sorted(rooms.values()) == ["alone", "interop", "package"]
    marked = [
        (mark, path.relative_to(ROOT / "tests").parts[0])
        for path in (ROOT / "tests").rglob("*.py")
        for mark in re.findall(r"\bmark\.(alone|interop|package)\b", path.read_text())
    ]
    assert {(room, mark) for mark, room in marked} == set(rooms.items())
