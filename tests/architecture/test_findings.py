"""docs/security.md: each finding of audits and trials has one row, each thing that an owned daemon may want has one,
and the tests that rows and sentences name are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lotor.privsep.verbs import VERBS

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs" / "security.md").read_text()


def rows(text: str) -> list[str]:
    """Of its tables, without their heads."""
    return [line for line in text.splitlines() if line.startswith("| ")]


def chapter(title: str) -> str:
    """Down to the next title of the same depth."""
    depth = title[: title.index(" ") + 1]
    return TEXT.split(f"\n{title}\n")[1].split(f"\n{depth}")[0]


ROWS = rows(chapter("## Findings, and what holds now"))[1:]
OWNED = [
    *rows(chapter("## What an intruder has who owns the daemon")),
    *rows(chapter("## What an intruder has who owns the process of back ends")),
    *rows(chapter("## What a stranger has who finds a one-time link, or owns its process")),
    *rows(chapter("## What an authority has that is nobody's friend, or who owns the process that speaks with it")),
]
ENDS = rows(chapter("### When one of them ends"))
ASKED = [
    *rows(chapter("### What the daemon may ask")),
    *rows(chapter("### What the warden asks the process of back ends")),
    *rows(chapter("### What the process of a one-time link asks")),
    *rows(chapter("### What the process asks that speaks with an authority")),
]
NUMBERS = (
    *(f"F{number}" for number in range(1, 19)),
    *(f"N{number}" for number in range(1, 17)),
    *(f"A{number}" for number in range(1, 41)),
    *(f"newcomer {number}" for number in (1, 4, 5, 8, 9, 11, 12, 15, 16, 17, 18, 19, 20, 26)),
    *(f"racoon trials F{number}" for number in (1, 2, 3, 4)),
    "G43",
)


@cache
def known_tests() -> str:
    """The names of all tests, a line each."""
    places = [*(PROJECT / "tests").rglob("test_*.py"), *(PROJECT / "rust").rglob("*.rs")]
    found = (re.findall(r"(?m)^\s*(?:async )?(?:def|fn) (\w+)", path.read_text()) for path in places)
    return "\n".join(name for names in found for name in names)


def numbers(row: str) -> list[str]:
    """`A7, A8` and `newcomer 8, 11` are two each, `F12 (CVE-…)` is one."""
    cell = re.sub(r"\(.*?\)", "", row.split("|")[1])
    found, kind = [], ""
    for part in (each.strip() for each in cell.split(",")):
        bare = part.isdecimal() and bool(kind)
        kind = kind if bare else re.sub(r"\d+\w?$", "", part)
        found.append(kind + part if bare else part)
    return found


def test_every_finding_has_a_row() -> None:
    told = {number for row in ROWS for number in numbers(row)}
    assert not [number for number in NUMBERS if number not in told]
    assert len(ROWS) > 60


def test_no_row_stands_twice() -> None:
    names = [row.split("|")[1].strip() for row in ROWS]
    assert sorted(names) == sorted(set(names))


def test_the_tests_that_rows_name_are_there() -> None:
    named = 0
    for row in ROWS:
        quoted = re.findall(r"`([^`]+)`", row.split("|")[3])
        assert quoted, row
        for each in quoted:
            named += 1
            assert _is_there(each), f"{row.split('|')[1].strip()}: there is no {each}"
    assert named > 80


def test_each_line_of_what_an_owned_daemon_may_want_names_tests_that_are_there() -> None:
    named = 0
    for row in [*OWNED, *ENDS]:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 3, row
        tests = re.findall(r"`(test_\w+)`", cells[2])
        assert tests, row
        assert not re.sub(r"`test_\w+`|, ", "", cells[2]).strip(), f"besides its tests: {row}"
        named += len(tests)
    assert len(OWNED) > 35
    assert named > 60


def test_the_tests_that_the_page_names_anywhere_are_there() -> None:
    named = {each.removesuffix("…") for each in re.findall(r"`(test_\w+…?)`", TEXT)}
    assert len(named) > 80
    assert not [each for each in named if not _is_there(each + "…")]
    whole = re.findall(r"`(test_\w+)`", TEXT)
    assert not [each for each in whole if not _is_there(each)]


def test_the_verbs_of_the_page_are_those_that_are_declared() -> None:
    told = [name for row in ASKED for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    assert sorted(told) == sorted(verb.name for verb in VERBS.values())


def _is_there(name: str) -> bool:
    if "/" in name:
        return (PROJECT / name).exists()
    if name.startswith("python -m "):
        return (PROJECT / (name.split()[2].replace(".", "/") + ".py")).exists()
    return (
        re.search(rf"(?m)^{re.escape(name.removesuffix('…'))}{'' if name.endswith('…') else '$'}", known_tests())
        is not None
    )
