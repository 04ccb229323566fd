"""Seventy files of the kinds that are found in public, written for this test: each works, or each line that does not is
told with its place, the reason and what to do.

A line's comment says what is expected of it: `#! text` a part of an error, `#~ text` a part of a warning. That an
algorithm is weak is told beside it and needs no mark. The files that they name are taken to be there.
"""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from lotor.config import Problem, check, examine, files, loads, pam, privsep, radius_conf, resolve
from lotor.model.judgement import Credential

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.conf"))
MARK = re.compile(r"#([!~]) (.*?)(?= #[!~] |$)")
KIND = re.compile(r"# \S.*")
WORKING = 45
"""How many of them are to work as they are."""


@pytest.fixture(autouse=True)
def everything_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(named: files.NamedFiles, path: Path) -> str:
        named.keyids[path] = b"group"
        return ""

    monkeypatch.setattr(files, "_unreadable", lambda _: "")
    monkeypatch.setattr(files.NamedFiles, "_executable", lambda *_: ())
    monkeypatch.setattr(files.NamedFiles, "_read_keyid", read)
    monkeypatch.setattr(import_module("lotor.config.check"), "_known", lambda *_: True)
    monkeypatch.setattr(privsep, "group", lambda _: 65534)
    monkeypatch.setattr(pam, "missing", lambda _, **__: "")
    servers = radius_conf.parse("auth radius.example.net secret\nacct radius.example.net secret\n", "radius.conf")
    monkeypatch.setattr(radius_conf, "read", lambda _: servers)


def marks(path: Path) -> Counter[tuple[int, str, str]]:
    lines = path.read_text().splitlines()
    return Counter((n, *found) for n, line in enumerate(lines, 1) for found in MARK.findall(line))


def unexplained(path: Path, home: Path) -> list[str]:
    """What is told and not expected, and what is expected and not told."""
    (home / path.name).write_text(path.read_text())
    (home / path.name).chmod(0o600)
    found, left = examine(home / path.name), marks(path)
    told = [("!", each) for each in found.sorted()]
    told += [("~", each) for each in found.warnings if not re.search(" is weak: |VU#886601", each.text)]
    return [f"{kind} {each}" for kind, each in told if not _expected(left, kind, each)] + [
        f"not told: {mark}" for mark in left.elements()
    ]


def _expected(left: Counter[tuple[int, str, str]], kind: str, problem: Problem) -> bool:
    for mark in left:
        if left[mark] and mark[:2] == (problem.line, kind) and mark[2] in problem.text:
            left[mark] -= 1
            return True
    return False


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_line_works_or_is_explained(path: Path, tmp_path: Path) -> None:
    assert KIND.match(path.read_text()), "the first line says what kind of file it is"
    assert unexplained(path, tmp_path) == []


def test_how_many_work() -> None:
    assert len(CORPUS) >= 60
    working = [path for path in CORPUS if not any(kind == "!" for _, kind, _ in marks(path))]
    assert len(working) >= WORKING
    for path in working:
        checked = check(loads(path.read_text(), path.name).settings)
        names = {each.name: Credential(subject=b"0\0") for each in checked.settings.remotes}
        assert len(resolve(checked, names).remotes) == len(checked.settings.remotes)
