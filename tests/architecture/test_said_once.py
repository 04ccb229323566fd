"""What is to stand in one place only: no second table says it in another room."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lotor"


def naming(word: str) -> set[str]:
    """The modules that name a member of an enum: `WORD.MEMBER`."""
    return members()[word]


@cache
def members() -> defaultdict[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found[node.value.id].add(str(path.relative_to(SOURCE)))
    return found


def containing(text: str) -> set[str]:
    return {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if text in path.read_text()}


def test_what_a_method_of_authentication_means():
    """Their words, their numbers and the client's usual one; the rest asks the properties of `AuthMethod`."""
    words, numbers, usual = "config/tables/algorithms.py", "wire/v1/proposals.py", "config/roadwarrior.py"
    assert naming("AuthMethod") == {"model/algorithms.py", words, numbers, usual}


def test_types_of_distinguished_names():
    assert containing('2.5.4.10"') == {"model/distinguished.py"}
    assert [Path(each).name for each in naming("NameOID")] == ["issuing.py"], "an authority names who it certifies"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('= b"\\xff"', "model/network.py"),
        ("/usr/sbin:/usr/bin", "files/places.py"),
        ("LONGEST_BANNER =", "model/configuration.py"),
        ("dns6=(), split_include6=()", "model/configuration.py"),
        ("within reach of a rich attacker", "model/weakness.py"),
    ],
)
def test_what_two_rooms_need(text, place):
    """The keepalive of NATs, the directories of programs, the longest banner, a client without IPv6, what is weak."""
    assert containing(text) == {place}
