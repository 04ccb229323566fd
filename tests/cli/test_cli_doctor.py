"""`lotor doctor` as it is typed: lines of 80 columns, JSON, exit codes; no check keeps another from telling."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from lotor.cli.main import lotor
from lotor.doctor import checks, examine
from lotor.doctor.check import BOTH, CLIENT, GATEWAY, Check
from lotor.doctor.finding import Grade, ok, unknown, warn, wrong
from lotor.doctor.subject import Wish, subject

LONG = "a word and another " * 12
COMMAND = "nft 'insert rule inet filter input udp dport { 500, 4500 } accept'" + " # longer" * 4


def found(name, *findings, sides=BOTH):
    return Check(name, sides, "", lambda _: findings, lambda facts: facts)


def typed(*words):
    return CliRunner().invoke(lotor, ["doctor", "-f", "/nowhere/racoon.conf", *words])


@pytest.fixture
def table(monkeypatch):
    def use(*rows):
        monkeypatch.setattr(checks, "CHECKS", rows)

    return use


def test_lines_fit_on_a_terminal_and_commands_stay_whole(table):
    table(found("ports", wrong(LONG, COMMAND)), found("clock", warn("late"), ok("well")), found("names", unknown("?")))
    done = typed()
    lines = done.stdout.splitlines()
    assert f"      -> {COMMAND}" in lines
    assert [each for each in lines if len(each) > 80 and "->" not in each] == []
    assert lines[0].startswith("wrong ports         a word")
    assert lines[-1] == "1 wrong, 1 to look at, 1 not seen"
    assert len(lines) == 9


@pytest.mark.parametrize(("finding", "code"), [(wrong("x"), 1), (warn("x"), 0), (unknown("x"), 0), (ok("x"), 0)])
def test_only_what_is_wrong_ends_with_1(table, finding, code):
    table(found("ports", finding))
    assert typed().exit_code == code


def test_json_has_all_of_it(table):
    table(found("ports", wrong("held", "kill 7")), found("clock", ok("well")))
    assert json.loads(typed("--json").stdout) == {
        "file": "/nowhere/racoon.conf",
        "findings": [
            {"check": "ports", "grade": "wrong", "text": "held", "mends": ["kill 7"]},
            {"check": "clock", "grade": "ok", "text": "well", "mends": []},
        ],
    }


def test_a_name_on_a_host_without_a_configuration_is_a_clients_gateway(table):
    table(found("forwarding", ok("x"), sides=GATEWAY), found("gateway", ok("x"), sides=CLIENT))
    told = [
        [each["check"] for each in json.loads(typed("--json", *words).stdout)["findings"]] for words in ([], ["gw"])
    ]
    assert told == [["forwarding"], ["gateway"]]


def broken(_):
    raise KeyError("table")


def forbidden(_):
    raise PermissionError(13, "Permission denied")


async def failing(_):
    raise OSError(5, "`nft -j list ruleset` failed with status 1")


def test_a_check_that_breaks_tells_so_and_the_others_go_on(table):
    rows = [Check(name, BOTH, "", look, lambda facts: facts) for name, look in (("a", broken), ("b", forbidden))]
    table(*rows, Check("c", BOTH, "", failing, list), found("d", ok("well")))
    told = json.loads(typed("--json").stdout)["findings"]
    assert [each["grade"] for each in told] == ["?", "?", "?", "ok"]
    assert "KeyError" in told[0]["text"]
    assert "Permission denied" in told[1]["text"]
    assert "nft" in told[2]["text"]


def test_a_check_that_never_ends_holds_nobody_up(table, monkeypatch):
    """Its thread is left alone: the program ends without it."""
    monkeypatch.setattr(examine, "LIMIT", 0.05)
    forever = threading.Event()
    table(Check("a", BOTH, "", lambda _: forever.wait(), list), found("b", ok("well")))
    told = json.loads(typed("--json").stdout)["findings"]
    forever.set()
    assert [each["grade"] for each in told] == ["?", "ok"]


def test_progress_counts_up_to_all_that_there_are():
    seen = []
    rows = [found("a", ok("x")), found("b", ok("x")), found("c", ok("x"), sides=CLIENT)]
    someone = subject(Path("/nowhere"), None, Wish())
    results = asyncio.run(examine.examine(someone, rows, lambda done, all_: seen.append((done, all_))))
    assert seen == [(1, 2), (2, 2)]
    assert [each.worst for each in results] == [Grade.OK, Grade.OK]
