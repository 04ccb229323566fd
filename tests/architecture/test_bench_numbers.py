"""Numbers on the command lines of benchmarks, laboratory and demos: what makes no sense is refused in words."""

from __future__ import annotations

import ast
import sys
from argparse import ArgumentTypeError
from importlib import import_module
from pathlib import Path

import pytest

from lab import counts

ROOT = Path(__file__).parents[2]
BY_PATH = {"bench/dialler.py", "bench/endpoint.py", "bench/flood.py"}
"""Scripts that a benchmark starts by their path, in a namespace, with numbers of its own."""
REFUSED = {
    "blocking": ("--sessions 0", "--shown 0"),
    "comeback": ("--rounds 0", "--down -1", "--asleep nan"),
    "comparison": ("--rounds -1", "--down -1", "--asleep inf"),
    "enumeration": ("--samples 0",),
    "handshakes": ("--rounds 0", "--count 0", "--in-flight 1,0", "--groups 2,3"),
    "hostile": ("--rounds 0", "--seconds 0", "--after -1", "--rates 50,", "--people 0"),
    "installs": ("near --count 0", "near --together 0"),
    "kernel": ("--rounds 0", "--rounds -2", "--rounds two", "--seconds 0", "--count 0"),
    "logins": ("--rounds 0", "--count 0"),
    "memory": ("--tunnels 0", "--visits -1"),
    "processes": ("--rounds 0", "--count 0"),
    "returning": ("--people 0",),
    "startup": ("--count 0",),
    "tunnel": ("--rounds 0", "--seconds 0"),
}


def unchecked(path: Path) -> list[int]:
    """Lines of options that take any number."""
    return [
        call.lineno
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
        for word in call.keywords
        if word.arg == "type" and isinstance(word.value, ast.Name) and word.value.id in {"int", "float"}
    ]


def test_every_option_that_is_a_number_says_which_it_takes():
    files = [path for room in ("bench", "lab", "demo") for path in sorted((ROOT / room).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)): lines for path in files if (lines := unchecked(path))}
    assert found.keys() == BY_PATH


@pytest.mark.parametrize(("bench", "words"), [(bench, each) for bench, every in REFUSED.items() for each in every])
def test_a_benchmark_of_nothing_is_refused_in_words(bench, words, monkeypatch, capsys):
    module = import_module(f"bench.{bench}")
    monkeypatch.setattr(sys, "argv", [bench, *words.split()])
    with pytest.raises(SystemExit) as end:
        getattr(module, "arguments", module.main)()
    assert end.value.code == 2
    *_, option, number = words.split()
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: {number} " in last
    assert "invalid" not in last, "argparse says that of what it does not know"


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "one", "²"])
def test_some_are_at_least_one(text):
    assert counts.some("12") == 12
    with pytest.raises(ArgumentTypeError, match="is no whole number of 1 or more"):
        counts.some(text)


def test_what_may_be_left_out_may_be_none():
    assert (counts.none_or_some("0"), counts.none_or_some("3")) == (0, 3)
    with pytest.raises(ArgumentTypeError, match="-1 is no whole number of 0 or more"):
        counts.none_or_some("-1")


@pytest.mark.parametrize("text", ["0", "-0.1", "nan", "inf", "1e999", "", "soon"])
def test_seconds_pass(text):
    assert counts.seconds("0.5") == 0.5
    with pytest.raises(ArgumentTypeError, match="is no number of seconds above 0"):
        counts.seconds(text)


def test_a_pause_may_be_none():
    assert (counts.pause("0"), counts.pause("1.5")) == (0, 1.5)
    with pytest.raises(ArgumentTypeError, match="-1 is no number of seconds, 0 or more"):
        counts.pause("-1")


@pytest.mark.parametrize("text", ["", "1,", "0,1", "1 2", "1,x"])
def test_several_are_some_each(text):
    assert counts.several("1,8") == (1, 8)
    with pytest.raises(ArgumentTypeError, match="has a part that is no whole number of 1 or more"):
        counts.several(text)
