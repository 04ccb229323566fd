"""`python -m bench.house BEFORE [AFTER]`: what can be counted of the house, for one checkout or two beside each other.

The tests of the architecture take their measures from here, so that the table and the tests count the same.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SENTENCES = frozenset({"text", "why", "clause", "message", "line", "words", "objection", "verdict"})
"""Attributes of a reason, or of what holds one, that are words."""
HOLDERS = frozenset(
    {
        "reason",
        "refused",
        "refusal",
        "barred",
        "disbelieved",
        "verdict",
        "attempt",
        "failure",
        "found",
        "session",
        "event",
    }
)
SEARCHES = frozenset(
    {"startswith", "endswith", "find", "index", "rfind", "count", "split", "partition", "rpartition", "removeprefix",
     "removesuffix", "match", "search", "fullmatch"}
)  # fmt: skip

Graph = Mapping[str, set[str]]


@dataclass(frozen=True, slots=True)
class House:
    """A checkout: `python` are its modules by their dotted names."""

    root: Path
    python: Mapping[str, ast.Module]

    @classmethod
    def at(cls, root: Path) -> House:
        return cls(root, modules(root / "src"))

    def below(self, package: str) -> dict[str, ast.Module]:
        return {name: tree for name, tree in self.python.items() if f"{name}.".startswith(f"{package}.")}

    def imports(self) -> dict[str, set[str]]:
        return {name: imported(name, tree, set(self.python)) for name, tree in self.python.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs="+", type=Path, metavar="CHECKOUT")
    given = parser.parse_args().checkouts
    print(table([House.at(each) for each in given], [each.name for each in given]))


def table(houses: list[House], titles: list[str]) -> str:
    """In Markdown; what only one of them has is 0 in the other."""
    found = [figures(each) for each in houses]
    names = dict.fromkeys(name for each in found for name in each)
    rows = [(name, *(str(each.get(name, 0)) for each in found)) for name in names]
    lines = [("", *titles), ("---", *("---:" for _ in titles)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figures(house: House) -> dict[str, int]:
    imports = house.imports()
    sequence = {name for name in house.python if re.fullmatch(r"lotor\.ike\.v1\.sequence\w*", name)}
    rust = [crate(path) for path in sorted((house.root / "rust").glob("*/src"))]
    return {
        "modules a sequence of IKEv1 imports": len(set().union(*(imports[name] for name in sequence)) - sequence),
        "circles of imports in Python": len(circles(siblings(imports))),
        "circles in the Rust crates": sum(len(circles(each)) for each in rust),
        "`Any` in `ike`": sum(map(anys, house.below("lotor.ike").values())),
        "places that search in sentences": sum(len(searches(tree)) for tree in house.below("lotor").values()),
        "names of types defined more than once": len(twice_defined(house)),
        "files in which two types of one name meet": len(meeting(house)),
        "modules of Python": len(house.below("lotor")),
        **lines_by_room(house),
    }


def lines_by_room(house: House) -> dict[str, int]:
    """Lines of files, blank ones and docstrings too; the rooms from the largest one on."""
    source = house.root / "src" / "lotor"
    rooms: Counter[str] = Counter()
    for path in source.rglob("*.py"):
        room = path.relative_to(source).parts[0]
        rooms["" if room.endswith(".py") else room] += len(path.read_text().splitlines())
    named = {f"lines of `{room}/`": lines for room, lines in sorted(rooms.items()) if room}
    return {"lines of Python": rooms.total(), **named}


def defined(house: House) -> Counter[str]:
    """How many modules define a class, or a name for a type, of each name; private ones left out. The versions of IKE
    never know each other, so that what each of them calls by one name counts once."""
    without = (_defined_without(house, ".v2"), _defined_without(house, ".v1"))
    return without[0] | without[1]


def _defined_without(house: House, version: str) -> Counter[str]:
    trees = (tree for name, tree in house.below("lotor").items() if version not in name)
    return Counter(name for tree in trees for name in _defined(tree))


def _defined(tree: ast.Module) -> set[str]:
    found = set()
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                found.add(name)
    return {name for name in found if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name) and not name.endswith("_co")}


def twice_defined(house: House) -> set[str]:
    return {name for name, places in defined(house).items() if places > 1}


def meeting(house: House) -> dict[str, set[str]]:
    """The modules in which two types of one name meet, with the names: there one of them is imported by another name,
    or named with its module beside the other's bare name."""
    twice = twice_defined(house)
    found = {name: _met(tree) & twice for name, tree in house.below("lotor").items()}
    return {name: names for name, names in found.items() if names}


def _met(tree: ast.Module) -> set[str]:
    taken = [
        each
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lotor")
        for each in node.names
    ]
    bare = {each.name for each in taken if each.asname is None} | _defined(tree)
    modules_here = {each.asname or each.name for each in taken if each.name.islower()}
    qualified = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules_here
    }
    return {each.name for each in taken if each.asname is not None} | (bare & qualified)


def anys(tree: ast.AST) -> int:
    return sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree))


# --- imports ---------------------------------------------------------------------------------------------------------


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


def siblings(imports: Graph) -> dict[str, set[str]]:
    """The same for what lies beside each other at any depth: a package knows what its modules know."""
    known: dict[str, set[str]] = {}
    for name, others in imports.items():
        for other in others:
            mine, theirs = name.split("."), other.split(".")
            depth = next((at for at, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), None)
            if depth is not None:
                end = ".".join(theirs[: depth + 1])
                known.setdefault(".".join(mine[: depth + 1]), set()).add(end)
                known.setdefault(end, set())
    return known


def circles(knows: Graph) -> list[set[str]]:
    """The largest groups whose members all lead to each other."""
    reach = {name: _reachable(name, knows) for name in knows}
    groups = {frozenset({name, *(each for each in reach[name] if name in reach[each])}) for name in knows}
    return [set(group) for group in groups if len(group) > 1]


def _reachable(start: str, knows: Graph) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        for each in knows[left.pop()] - found:
            found.add(each)
            left.append(each)
    return found


# --- Rust ------------------------------------------------------------------------------------------------------------


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


# --- sentences -------------------------------------------------------------------------------------------------------


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def sentence(node: ast.expr) -> bool:
    """Whether an expression is the words of a reason: `reason.text`, `str(refusal.reason)`, `_why(attempt)`, or one
    method call or slice of such."""
    match node:
        case ast.Attribute(value=value, attr=attr):
            return attr in SENTENCES and _name(value) in HOLDERS
        case ast.Call(func=ast.Name(id="str" | "_why"), args=[only]):
            return _name(only) in HOLDERS
        case ast.Call(func=ast.Attribute(value=value)) | ast.Subscript(value=value):
            return sentence(value)
        case ast.BinOp(left=left, right=right):
            return sentence(left) or sentence(right)
        case _:
            return False


def searches(tree: ast.AST) -> list[int]:
    """The lines where words of a reason are compared, cut or searched."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others) if any(map(sentence, (left, *others))):
                found.append(node.lineno)
            case ast.Call(func=ast.Attribute(value=value, attr=attr), args=args) if attr in SEARCHES and (
                sentence(value) or any(map(sentence, args))
            ):
                found.append(node.lineno)
    return found


if __name__ == "__main__":
    main()
