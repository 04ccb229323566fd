"""Nothing knows what knows it: no circle of imports, inside a room either, where the floors do not look."""

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


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
