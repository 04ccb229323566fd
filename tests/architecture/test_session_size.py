"""A session owns no protocol: in this field it is where every program grew its god object. Its size is counted here."""

import ast
from pathlib import Path

import pytest

IKE = Path(__file__).parents[2] / "src" / "lotor" / "ike"

PARTS = {"session.py": ("Session", "Inner", "Life"), "v1/session.py": ("V1Session",)}
"""The classes that make up a session, by the file of `ike` that declares them. Whatever moves out of one is listed."""

MOST_ATTRIBUTES = 40
"""Of all parts together, as many as there are. The number only ever goes down."""

PARTS2 = {"session.py": ("Session", "Inner", "Life"), "v2/session.py": ("V2Session",)}
MOST_ATTRIBUTES2 = 46
"""The same for sessions of IKEv2."""

MOST_LINES = 300


def classes(text: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}


def attributes(declared: ast.ClassDef) -> set[str]:
    """What every object of a class carries: annotated fields of its body, and what its methods store in `self`."""
    fields = {
        node.target.id
        for node in declared.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and not ast.unparse(node.annotation).startswith(("ClassVar", "typing.ClassVar"))
    }
    stored = {
        node.attr
        for node in ast.walk(declared)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }
    return fields | stored


@pytest.mark.parametrize(("parts", "most"), [(PARTS, MOST_ATTRIBUTES), (PARTS2, MOST_ATTRIBUTES2)])
def test_the_session_stays_small(parts, most):
    count = {
        name: sorted(attributes(classes((IKE / file).read_text())[name]))
        for file, names in parts.items()
        for name in names
    }
    assert sum(map(len, count.values())) <= most, count
    assert {file: lines for file in parts if (lines := len((IKE / file).read_text().splitlines())) > MOST_LINES} == {}


def test_the_counter_counts():
    grown = """
@dataclass(slots=True)
class Session:
    id: int
    path: Path = field(default_factory=Path)
    limit: ClassVar[int] = 3
    KIND = "session"

    def learn(self, other):
        here: int = 1
        self.cookie, self.id = other.cookie, here
        self.count += 1
        self.early: list[int] = []
        other.elsewhere = 2
        self.life.over = True

class Beside:
    foreign: int
"""
    assert attributes(classes(grown)["Session"]) == {"id", "path", "cookie", "count", "early"}
    assert attributes(classes(grown)["Beside"]) == {"foreign"}
