"""No code decides by the words of a reason: sentences are made for people, and nothing in `src` searches in them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lotor

SOURCES = Path(lotor.__file__).parent
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


def test_no_code_searches_in_sentences():
    files = list(SOURCES.rglob("*.py"))
    assert len(files) > 200
    assert not [f"{file}:{line}" for file in files for line in searches(ast.parse(file.read_text()))]


@pytest.mark.parametrize(
    "code",
    [
        "'locked' in attempt.reason.text",
        "any(word in _why(attempt) for word in words)",
        "'pre-shared key' in _why(attempt) + attempt.verdict",
        "attempt.verdict == attempt.reason.text",
        "attempt.reason.text.startswith(cause)",
        "str(refusal.reason).split(' ')[0] == 'cipher'",
        "reason.clause.lower().endswith('locked')",
        "re.search('locked', event.reason.message)",
        "attempt.why[:4] == 'root'",
    ],
)
def test_the_check_sees_what_it_forbids(code):
    assert searches(ast.parse(code))


@pytest.mark.parametrize(
    "code", ["attempt.reason.kind is Kind.PUSHED_OUT", "f'{reason.text}'", "log.info(reason.text)"]
)
def test_the_check_lets_kinds_and_words_for_people_be(code):
    assert not searches(ast.parse(code))
