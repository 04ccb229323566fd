"""Nothing knows what knows it: no circle of imports, inside a room either, where the floors do not look."""

import ast
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
CRATES = sorted(path.parent for path in (SOURCE.parent / "rust").glob("*/src"))


def circle(knows: Mapping[str, set[str]]) -> list[str]:
    """The names along one circle, the first again at the end; empty when there is none."""
    try:
        TopologicalSorter(knows).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


def modules(root: Path) -> dict[str, ast.Module]:
    """Every module under `root` by its dotted name; a package has that of its folder."""
    parsed = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        parsed[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text())
    return parsed


def imported(name: str, module: ast.Module, known: set[str]) -> set[str]:
    """The modules of `known` that a module imports, whether at its top, inside a function or only for types. What
    `from package import name` takes is the module of that name, or else the package."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{each.name}" for each in node.names}
            found |= inner if inner <= known else {*inner, node.module}
    return (found & known) - {name}


def test_no_module_imports_what_imports_it():
    """Beside the contract of siblings: a package and a module inside it may not import each other either."""
    parsed = modules(SOURCE)
    knows = {name: imported(name, module, set(parsed)) for name, module in parsed.items()}
    assert sum(map(len, knows.values())) > 1000
    assert circle(knows) == []


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
    assert circle(knows) == []

    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.room import first\n"
    (room / "three.py").write_text(types)
    parsed = modules(tmp_path)
    knows = {name: imported(name, module, set(parsed)) for name, module in parsed.items()}
    assert set(circle(knows)) == {"house.room", "house.room.one", "house.room.two", "house.room.three"}


def program_of(text: str) -> str:
    """Without comments, and without the tests at the end of a file."""
    return re.split(r"#\[cfg\(test\)\]\s*(?:pub\(crate\) )?mod ", re.sub(r"//[^\n]*", "", text))[0]


def used(text: str) -> set[str]:
    """The modules that a Rust file names by `crate::`; its tests at the end and its comments do not count."""
    program = program_of(text)
    lists = re.findall(r"crate::\{([^;]*)\}", program)
    return {*re.findall(r"crate::(\w+)", program), *re.findall(r"\w+", " ".join(lists))}


def crate(root: Path) -> dict[str, set[str]]:
    """What each module of a crate, with what is below it, knows of the others; files of tests do not count."""
    files: dict[str, str] = {}
    for path in sorted(root.rglob("*.rs")):
        if not path.stem.endswith("_tests"):
            name = path.relative_to(root).parts[0].removesuffix(".rs")
            files[name] = files.get(name, "") + program_of(path.read_text())
    return {name: (used(text) & set(files)) - {name} for name, text in files.items() if name != "lib"}


@pytest.mark.parametrize("root", CRATES, ids=lambda root: root.name)
def test_no_module_of_a_crate_uses_what_uses_it(root):
    assert list((root / "src").glob("*.rs"))
    assert circle(crate(root / "src")) == []


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
    assert circle(crate(tmp_path)) == []
    (tmp_path / "three.rs").write_text("use crate::one::One;\n")
    assert set(circle(crate(tmp_path))) == {"one", "three"} or set(circle(crate(tmp_path))) == {"one", "two", "three"}
