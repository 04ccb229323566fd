"""No code decides by the words of a reason: sentences are made for people, and nothing in `src` searches in them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lotor
from bench.house import searches

SOURCES = Path(lotor.__file__).parent


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
