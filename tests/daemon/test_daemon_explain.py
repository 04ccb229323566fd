"""Attempts explained: the page of failures is what happens, and every story says enough and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from lotor.cli.explain import report
from lotor.control.views import AttemptView, ExplainView
from lotor.daemon.explaining import MOST_ATTEMPTS_SHOWN, attempt_view, explain_view
from lotor.explain.attempts import Attempts
from lotor.ike.effects import Tell
from lotor.model.policy import Side
from lotor.model.reasons.ends import LoggedOut
from peers.failures import FAILURES, Play, document, first, nothing, wrong_password
from scripted import ended, started

PAGE = Path(__file__).parents[2] / "docs" / "explain-failures.md"


def test_the_page_of_failures_is_up_to_date():
    assert PAGE.read_text() == document(), (
        "run: PYTHONPATH=src:tests python -m peers.failures > docs/explain-failures.md"
    )


@pytest.mark.parametrize(("title", "end", "play"), FAILURES, ids=lambda each: each if isinstance(each, str) else "")
def test_a_failure_is_told_with_a_fix_on_80_columns(title, end, play):
    view = attempt_view(first(play.run()[end]))
    assert (view["state"], bool(view["reason"]), bool(view["fix"])) == ("failed", True, True)
    assert max(map(len, report(view).splitlines())) <= 80
    assert set(view) == set(AttemptView.__annotations__)


def test_a_visit_that_went_well_is_told_whole_at_both_ends():
    remembered = Play(nothing, seconds=10).run()
    gateway, client = (attempt_view(first(remembered[end])) for end in ("gateway", "client"))
    assert (gateway["state"], client["state"]) == ("up", "up")
    assert (gateway["user"], gateway["address"], gateway["fix"]) == ("alice", "10.99.99.1", "")
    assert [row["name"] for row in gateway["story"]] == [
        "who", "peer is", "offered", "announced", "chosen", "identity", "phase 1", "NAT", "login", "address",
        "SA pair", "now",
    ]  # fmt: skip
    assert "login of alice accepted" in gateway["login"]
    assert any(row["text"].endswith("; accepted") for row in client["story"])


def test_no_secret_of_a_login_is_in_a_story():
    ends = Play(wrong_password).run()
    assert len(ends) == 2
    for end, attempts in ends.items():
        told = str(explain_view(attempts, ""))
        assert "alice" in told, end
        assert "not my password" not in told
        assert "wonderland" not in told


def test_an_answer_has_the_newest_and_says_how_many_there_are():
    attempts = Attempts(iter(map(float, range(1000))).__next__)
    for number in range(1, 60):
        for effect in (started(number, Side.GATEWAY), ended(number, LoggedOut(f"user{number}"))):
            assert isinstance(effect, Tell)
            attempts.follow(effect.event)
    view = explain_view(attempts, "")
    assert (view["known"], len(view["attempts"]), view["attempts"][0]["session"]) == (59, MOST_ATTEMPTS_SHOWN, 59)


def test_every_field_of_the_json_is_documented():
    text = PAGE.with_name("explain.md").read_text()
    names = (*ExplainView.__annotations__, *AttemptView.__annotations__)
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in text] == []
