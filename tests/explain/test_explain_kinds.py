"""Kinds of reasons: each is documented, made by some code, and decided by without reading words."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import lotor
from lotor.explain import cases, remedies
from lotor.explain.document import document
from lotor.explain.narrative import rows
from lotor.ike.events import Ended, LoginRefused
from lotor.model.kinds import Kind
from lotor.model.policy import Side
from lotor.model.reason import LONGEST_FACT, Cause
from lotor.model.reasons.catalogue import CLASSES, called
from lotor.model.reasons.logins import BackEndFault, ConnectedElsewhere, WrongPassword
from lotor.wire.v1.numbers import XauthAttribute
from peers.failures import first, remembered
from peers.world import connect, pair
from samples import sample

SOURCES = Path(lotor.__file__).parent
DOCS = SOURCES.parents[1] / "docs"
WORDS = ("blocked", "locked", "expired", "unknown", "the user is locked", "unknown user", "auth_groups", "root never")
REMEDIES = sorted({word for case in cases._CASES for word in case.fix.replace(";", " ").split()})


def refused_login(user):
    world, gateway, client = pair()
    client.login = (user, "not my password")
    connect(world, client, gateway, "vpn.example.net")
    world.run(60)
    return gateway, client


@pytest.mark.parametrize("user", WORDS)
def test_a_name_full_of_words_changes_no_advice(user):
    gateway, _ = refused_login(user)
    attempt = first(remembered(gateway))
    assert attempt.user == user
    assert attempt.reason == WrongPassword(user)
    assert remedies.remedy(attempt).startswith("ask the person to type it again")
    assert "locked on purpose" not in " ".join(row.text for row in rows(attempt))


def test_no_word_of_any_advice_as_a_name_changes_it():
    assert len(REMEDIES) > 100
    plain = remedies.remedy(first(remembered(refused_login("alice")[0])))
    attempt = first(remembered(refused_login("alice")[0]))
    for word in REMEDIES:
        attempt.reason, attempt.user = WrongPassword(word), word
        assert remedies.remedy(attempt) == plain, word


def test_the_events_carry_the_kind():
    gateway, client = refused_login("blocked")
    assert gateway.of(LoginRefused)[0].reason.kind is Kind.LOGIN_WRONG_PASSWORD
    assert gateway.of(Ended)[0].reason.kind is Kind.LOGIN_WRONG_PASSWORD
    assert client.of(Ended)[0].reason.kind is Kind.LOGIN_REFUSED, "the client learns no more than that"


def test_the_page_is_up_to_date():
    assert (DOCS / "reasons.md").read_text() == document(), "python -m lotor.explain.document > docs/reasons.md"


def test_every_kind_has_one_class_and_a_stable_name():
    assert set(CLASSES) == set(Kind)
    for kind, each in CLASSES.items():
        assert kind.value == kind.name.lower().replace("_", "-")
        assert called(kind.value) is each
        assert each.__doc__
        assert not each.__doc__.startswith(each.__name__), f"{each.__name__} has no docstring"
    assert called("no-such-kind") is None


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_makes_a_sentence_of_its_facts(kind):
    reason = sample(CLASSES[kind])
    assert reason.text
    assert "{" not in reason.text.replace("{ network4", "").replace("{ … }", "")
    assert json.loads(json.dumps(reason.facts())).keys() == set(CLASSES[kind].declared)


@pytest.mark.parametrize("side", list(Side))
def test_every_cause_has_advice_from_one_table(side):
    assert remedies._REMEDIES.keys() == set(Cause)
    assert all(isinstance(remedies.advice(cause, side), str) for cause in Cause)


def test_facts_are_cleaned_and_bounded():
    reason = BackEndFault("al\x1b[31mice\n", "x" * 10 * LONGEST_FACT)
    assert reason.user == "al?[31mice?"
    assert len(reason.detail) == LONGEST_FACT + 1
    assert reason.text.isprintable()


def references():
    """Names that the code below `src` uses, the declarations themselves left out."""
    for file in SOURCES.rglob("*.py"):
        if file.is_relative_to(SOURCES / "model" / "reasons"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield node.attr


def test_every_kind_is_made_by_some_code():
    used = set(references())
    assert not [each.__name__ for each in CLASSES.values() if each.__name__ not in used]


def test_a_client_reacts_to_the_kind_beside_the_words():
    assert XauthAttribute.LOTOR_REASON == 31744, "it stands in docs/reasons.md"
    assert ConnectedElsewhere.declared.keys() == {"gateway", "words"}
