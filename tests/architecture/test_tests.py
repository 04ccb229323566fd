"""A test compares something: none that asserts only inside a loop may pass because the loop went round nothing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
COPYING = {"enumerate", "list", "product", "range", "reversed", "set", "sorted", "tuple", "zip"}
"""Callables whose outcome has something in it when all of their arguments have, none of them being 0."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def surely(node: ast.expr, names: set[str]) -> bool:
    """Whether a value written so has something in it, and is no 0. `names`: those of which it is known."""
    match node:
        case ast.Constant(value):
            return bool(value)
        case ast.Tuple(elts) | ast.List(elts) | ast.Set(elts):
            return any(not isinstance(each, ast.Starred) for each in elts)
        case ast.Dict(keys):
            return any(key is not None for key in keys)
        case ast.Name(name):
            return name in names
        case ast.BinOp(left, ast.Mult(), right):
            return surely(left, names) and surely(right, names)
        case ast.ListComp(generators=parts) | ast.SetComp(generators=parts) | ast.DictComp(generators=parts):
            return all(not part.ifs and surely(part.iter, names) for part in parts)
        case ast.Call(ast.Attribute(value, "items" | "keys" | "values"), []):
            return surely(value, names)
        case ast.Call(ast.Name("max"), arguments):
            return any(surely(each, names) for each in arguments)
        case ast.Call(ast.Name("range"), [ast.Constant(first), ast.Constant(end), *_]):
            return bool(range(first, end))
        case ast.Call(ast.Name(called), arguments):
            return called in COPYING and bool(arguments) and all(surely(each, names) for each in arguments)
    return False


def learn(node: ast.AST, names: set[str]) -> None:
    if isinstance(node, ast.Assign) and surely(node.value, names):
        names.update(target.id for target in node.targets if isinstance(target, ast.Name))


def asserts(node: ast.AST) -> bool:
    raising = isinstance(node, ast.With) and any("pytest.raises" in ast.unparse(item) for item in node.items)
    return raising or isinstance(node, ast.Assert)


def skips(node: ast.AST) -> bool:
    """Whether a `continue` inside belongs to the loop around."""
    loops = (ast.For, ast.AsyncFor, ast.While)
    return isinstance(node, ast.Continue) or (
        not isinstance(node, loops) and any(map(skips, ast.iter_child_nodes(node)))
    )


def certainty(node: ast.AST, names: set[str], *, sure: bool = True) -> Iterator[bool]:
    """For each assertion inside, whether it is surely reached: in no loop that may not go round, behind no `continue`,
    in no branch without another one and in no function inside."""
    learn(node, names)
    if asserts(node):
        yield sure
    if isinstance(node, ast.For):
        sure = sure and surely(node.iter, names)
    elif isinstance(node, ast.While | ast.AsyncFor) or (isinstance(node, ast.If) and not node.orelse):
        sure = False
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, Function | ast.Lambda):
            yield from certainty(inner, names, sure=sure)
            sure = sure and not skips(inner)


def drawn(function: Function) -> bool:
    """Hypothesis draws what the test looks at, the empty case too."""
    return any(ast.unparse(each).startswith("given(") for each in function.decorator_list)


def vacuous(text: str) -> list[str]:
    """Tests that assert something, but nothing for sure."""
    module, names = ast.parse(text), set[str]()
    for node in module.body:
        learn(node, names)
    tests = [node for node in module.body if isinstance(node, Function) and node.name.startswith("test_")]
    found = {test.name: list(certainty(test, set(names))) for test in tests if not drawn(test)}
    return [name for name, reached in found.items() if reached and not any(reached)]


def test_what_is_compared_in_a_loop_is_counted_outside():
    """Say `assert rows` or `assert compared > 10` beside the loop."""
    assert [
        f"{path.name}: {each}" for path in sorted(TESTS.rglob("test_*.py")) for each in vacuous(path.read_text())
    ] == []


def test_the_search_finds_loops_round_nothing():
    text = """
FEW = [1, 2]
ROWS = [row for row in FEW if row]

def test_literal():
    for one in FEW:
        assert one

def test_filtered():
    for row in ROWS:
        assert row

def test_counted():
    for row in ROWS:
        assert row
    assert ROWS

def test_called(rows):
    for row in rows():
        with pytest.raises(ValueError):
            row()

def test_skips():
    for one in (1, 2):
        if one:
            continue
        assert one

def test_skips_later():
    for one in (1, 2):
        assert one
        if one:
            continue

@given(some.lists())
def test_drawn(rows):
    for row in rows:
        assert row

def test_ranges():
    for one in range(len(FEW)):
        assert one

def test_loops():
    for one in range(3, 9):
        for _, other in zip(FEW, ("a", "b")):
            assert other

def test_derived():
    pieces = [one + 1 for one in FEW]
    for piece in pieces:
        assert piece

def test_waits(queue):
    while queue:
        assert queue.pop()

def test_picks():
    for one in (1, 2):
        if one > 2:
            assert one

def test_both():
    for one in (1, 2):
        if one > 2:
            assert one
        else:
            refused(one)

def test_nothing():
    pass
"""
    assert vacuous(text) == ["test_filtered", "test_called", "test_skips", "test_ranges", "test_waits", "test_picks"]


def test_a_parametrization_that_comes_out_empty_fails(tmp_path):
    (tmp_path / "pyproject.toml").write_text((TESTS.parent / "pyproject.toml").read_text())
    (tmp_path / "test_empty.py").write_text(
        "import pytest\n\n@pytest.mark.parametrize('each', [])\ndef test_each(each):\n    assert each\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "test_empty.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Empty parameter set" in done.stdout
