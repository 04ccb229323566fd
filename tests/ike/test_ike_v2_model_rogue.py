"""Every sequence of what a gateway can say, up to a length: a client says no password, and nothing made of one, to a
gateway that has not proved itself, nor inside of TLS to a server that has not; and nobody else's login lets it in."""

from __future__ import annotations

import os

import pytest

from lotor.ike.errors import Refusal
from lotor.ike.gates import Gate
from lotor.ike.questions import StepTls
from lotor.model.algorithms import Within
from lotor.wire.eap.packet import Type
from lotor.wire.errors import Malformed
from peers.letters_rogue import PASSWORD, rogue
from peers.tls import GATEWAY

MORE = int(os.environ.get("LOTOR_MODEL_V2_MORE", "0"))
"""Letters beyond the shortest way in."""
BEGINS = [("proved",), ("forged",), ("unproved",), ("only_asks",), ("success",), ("let_in",)]
LETTERS = (
    *("token", "challenge", "believed", "ttls", "peap", "token_within", "result", "success", "failure", "let_in"),
    "proved",
)


def walked(name: str, length: int, **terms) -> tuple[set, int]:
    """Which sequences let the client in, and how many there were."""
    alive, let_in, number = list(BEGINS), set(), 0
    while alive:
        said = alive.pop()
        one = rogue(name, **terms)
        for letter in said:
            getattr(one, letter)()
        number += 1
        check(one, said)
        if one.client.session.gates.passed(Gate.LOGIN):
            let_in.add(said)
        if not one.over and len(said) < length:
            alive.extend((*said, letter) for letter in LETTERS)
    return let_in, number


def check(one, said) -> None:
    plain = [each for each in one.said if each.type in {Type.GTC, Type.MSCHAPV2} or PASSWORD in each.data]
    within = [asked for asked in one.client.asked(StepTls) if asked.inside]
    assert not plain + within or said[0] == "proved", said
    assert not within or one.name == GATEWAY, said
    assert not any(PASSWORD in each.data for each in one.said if each.type != Type.GTC), said
    failed = one.client.failed
    assert failed is None or isinstance(failed, Refusal | Malformed), (said, failed)
    passed = one.client.session.gates.passed(Gate.LOGIN)
    assert not passed or (said[0] == "proved" and said[-1] == "let_in"), said


BY_GTC = ("proved", "token", "success", "let_in")
PROVED_TWICE = {
    Within.EAP: {("proved", "ttls", "token_within", "success", "let_in")},
    Within.PAP: {("proved", "ttls", "success", "let_in")},
}
"""By PEAP nobody gets in with so few words."""


@pytest.mark.parametrize(
    ("name", "within", "length"),
    [(GATEWAY, Within.EAP, 5), (GATEWAY, Within.PAP, 4), ("evil.example.org", Within.EAP, 4)],
)
def test_no_password_to_who_is_not_proved(name, within, length):
    """A question that is asked again is answered again."""
    let_in, number = walked(name, length + MORE, within=within)
    assert number > 100
    once = {tuple(dict.fromkeys(each)) for each in let_in}
    assert once == {BY_GTC} | (PROVED_TWICE[within] if name == GATEWAY else set())
