"""The house rules that a machine can measure: floors, sizes, plates, names, and what may not stand in any file."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lotor"
MODULES = sorted(path for path in SOURCE.rglob("*.py"))
FUNCTION_LIMIT = 50
FUNCTION_USUAL = 35
FILE_LIMIT = 500
PARAMETER_LIMIT = 5
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text(), filename=str(path))) for path in MODULES]


@cache
def functions() -> list[tuple[str, Function]]:
    return [
        (f"{named(path)}:{node.lineno} {node.name}", node)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, Function)
    ]


def length(function: Function) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


COMPOSITION_ROOTS = {"src/lotor/daemon/wiring.py"}
"""Their constructors may take any number of parameters by keyword: a bag of them would be made and unpacked once."""


def parameters(function: Function, where: str) -> int:
    given = function.args
    by_keyword = [] if where.split(":", maxsplit=1)[0] in COMPOSITION_ROOTS else given.kwonlyargs
    names = [each.arg for each in (*given.posonlyargs, *given.args, *by_keyword)]
    return len([name for name in names if name not in {"self", "cls"}])


def test_there_is_something_to_measure():
    assert len(MODULES) > 50


def test_a_room_knows_only_what_is_below_it():
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_function_is_too_long():
    assert [f"{where}: {length(node)}" for where, node in functions() if length(node) > FUNCTION_LIMIT] == []


def test_nine_functions_of_ten_are_short():
    lengths = [length(node) for _, node in functions()]
    short = [lines for lines in lengths if lines <= FUNCTION_USUAL]
    assert len(short) >= 0.9 * len(lengths)


def test_no_function_takes_too_many_parameters():
    assert [where for where, node in functions() if parameters(node, where) > PARAMETER_LIMIT] == []


def test_no_file_is_too_long():
    sizes = {named(path): len(path.read_text().splitlines()) for path in (*MODULES, *ROOT.glob("rust/*/src/**/*.rs"))}
    assert {name: lines for name, lines in sizes.items() if lines > FILE_LIMIT} == {}


def test_every_module_opens_with_its_plate():
    assert [named(path) for path, tree in trees() if not (ast.get_docstring(tree) or "").strip()] == []


def test_no_module_is_nameless():
    assert [named(path) for path in MODULES if NAMELESS & {part.removesuffix(".py") for part in path.parts}] == []


def test_no_assert_guards_the_program():
    """`python -O` takes asserts away: nothing in the program may lean on one."""
    found = [
        f"{named(path)}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_the_machine_it_was_made_on():
    """Neither this checkout's own place nor anybody's home directory."""
    private = re.compile(rb"/root/|/home/[a-z]|" + re.escape(str(ROOT).encode()) + rb"\b")
    found = [
        f"{named(path)}: {hit.group().decode()}"
        for path in tracked()
        if path != Path(__file__) and (hit := private.search(path.read_bytes()))
    ]
    assert found == []


def test_no_private_key_is_tracked_outside_the_recorded_vectors():
    armour = b"-----BEGIN " + b"%s"
    marks = [armour % kind + b"PRIVATE KEY" for kind in (b"", b"RSA ", b"EC ", b"ENCRYPTED ")]
    found = [
        named(path)
        for path in tracked()
        if "vectors" not in path.parts and any(mark in path.read_bytes() for mark in marks)
    ]
    assert found == []
