"""Nothing knows what knows it: no circle of imports, inside a room either, where the floors do not look."""

from pathlib import Path

import pytest

from bench.house import circles, crate, imported, modules

SOURCE = Path(__file__).parents[2] / "src"
CRATES = sorted(path.parent for path in (SOURCE.parent / "rust").glob("*/src"))


def test_no_module_imports_what_imports_it():
    """Beside the contract of siblings: a package and a module inside it may not import each other either."""
    parsed = modules(SOURCE)
    knows = {name: imported(name, module, set(parsed)) for name, module in parsed.items()}
    assert sum(map(len, knows.values())) > 1000
    assert circles(knows) == []


def test_the_search_finds_circles_of_imports(tmp_path):
    room = tmp_path / "house" / "room"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text("from house.room.one import first\n")
    (room / "one.py").write_text("def first():\n    from house.room import two\n    import os\n")
    (room / "two.py").write_text("import house.room.three\n")
    (room / "three.py").write_text("")
    parsed = modules(tmp_path)
    knows = {name: imported(name, module, set(parsed)) for name, module in parsed.items()}
    assert knows["house.room"] == {"house.room.one"}
    assert knows["house.room.one"] == {"house.room.two"}
    assert knows["house.room.two"] == {"house.room.three"}
    assert circles(knows) == []

    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.room import first\n"
    (room / "three.py").write_text(types)
    parsed = modules(tmp_path)
    knows = {name: imported(name, module, set(parsed)) for name, module in parsed.items()}
    assert circles(knows) == [{"house.room", "house.room.one", "house.room.two", "house.room.three"}]


@pytest.mark.parametrize("root", CRATES, ids=lambda root: root.name)
def test_no_module_of_a_crate_uses_what_uses_it(root):
    assert list((root / "src").glob("*.rs"))
    assert circles(crate(root / "src")) == []


def test_the_crates_are_looked_into():
    assert {"esp", "pump"} <= {root.name for root in CRATES}
    assert sum(len(known) for root in CRATES for known in crate(root / "src").values()) > 50


def test_the_search_finds_circles_of_a_crate(tmp_path):
    (tmp_path / "lib.rs").write_text("mod one;\nmod two;\nmod three;\n")
    (tmp_path / "one.rs").write_text("use crate::{three, two::Two};\n")
    (tmp_path / "two.rs").write_text(
        "// crate::one\nfn f() { crate::three::g() }\n#[cfg(test)]\nmod tests { use crate::one; }\n"
    )
    (tmp_path / "three.rs").write_text("")
    (tmp_path / "three_tests.rs").write_text("use crate::one;\n")
    assert crate(tmp_path) == {"one": {"two", "three"}, "two": {"three"}, "three": set()}
    assert circles(crate(tmp_path)) == []
    (tmp_path / "three.rs").write_text("use crate::one::One;\n")
    assert circles(crate(tmp_path)) == [{"one", "two", "three"}]
