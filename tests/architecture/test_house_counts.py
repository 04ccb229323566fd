"""What the table of the house counts, and what of it may never come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.house import House, circles, figures, meeting, siblings, table, twice_defined

ROOT = Path(__file__).parents[2]
HOUSE = {
    "__init__.py": "",
    "ike/__init__.py": "",
    "ike/session.py": "from typing import Any\nfrom lotor.model.words import Network\nfacts: Any = Network\n",
    "ike/v1/__init__.py": "",
    "ike/v1/sequence.py": "from lotor.ike import session\nfrom lotor.model import words\n",
    "model/__init__.py": "",
    "model/words.py": "Network = str | None\nLIMIT = 3\n\n\ndef locked(reason):\n    return 'locked' in reason.text\n",
    "hosts/__init__.py": "",
    "hosts/link.py": "from lotor.model.words import Network as Inside\n\n\nclass Network:\n    inside: Inside\n",
}


@pytest.fixture
def house(tmp_path):
    for name, text in HOUSE.items():
        path = tmp_path / "src" / "lotor" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return House.at(tmp_path)


def test_each_count_sees_what_it_counts(house):
    found = figures(house)
    assert found["modules a sequence of IKEv1 imports"] == 2
    assert found["`Any` in `ike`"] == 1
    assert found["places that search in sentences"] == 1
    assert found["names of types defined more than once"] == 1
    assert found["files in which two types of one name meet"] == 1
    assert found["lines of `model/`"] == 6
    assert found["lines of Python"] == sum(text.count("\n") for text in HOUSE.values())
    assert meeting(house) == {"lotor.hosts.link": {"Network"}}


def test_a_circle_is_found_between_a_package_and_what_is_beside_it(house):
    knows = {"lotor.ike.session": {"lotor.ike.v1.main"}, "lotor.ike.v1.main": {"lotor.ike.session", "lotor.model"}}
    assert circles(siblings(knows)) == [{"lotor.ike.session", "lotor.ike.v1"}]
    assert circles(siblings(house.imports())) == []


def test_two_houses_stand_beside_each_other(house):
    lines = table([house, House(house.root / "none", {})], ["before", "after"]).splitlines()
    assert lines[0] == "|  | before | after |"
    assert "| `Any` in `ike` | 1 | 0 |" in lines


def test_no_two_types_of_one_name_meet_in_one_file():
    here = House.at(ROOT)
    assert len(twice_defined(here)) > 10, "as long as they do not meet, rooms may use the same word"
    assert meeting(here) == {}
