"""Each finding of audits and trials has one row in docs/security.md, and the tests that a row names are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
ROWS = [line for line in (PROJECT / "docs" / "security.md").read_text().splitlines() if line.startswith("| ")][1:]
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


def _is_there(name: str) -> bool:
    if "/" in name:
        return (PROJECT / name).exists()
    if name.startswith("python -m "):
        return (PROJECT / (name.split()[2].replace(".", "/") + ".py")).exists()
    return (
        re.search(rf"(?m)^{re.escape(name.removesuffix('…'))}{'' if name.endswith('…') else '$'}", known_tests())
        is not None
    )
