"""Every sequence of what a client can say, up to a length, against the gateway's IKE_AUTH: an address, an SA pair or an
open gate means that a back end said yes for this session, and that the client showed the key of that login."""

from __future__ import annotations

import os

import pytest

from lotor.model.algorithms import EapMethod
from peers.letters import LETTERS, case, walk

LENGTH = int(os.environ.get("LOTOR_MODEL_V2_LENGTH", "6"))


@pytest.mark.parametrize(
    ("methods", "ways"),
    [
        ((EapMethod.MSCHAPV2, EapMethod.GTC), {("first", "identity", "right", "acknowledge", "prove")}),
        ((EapMethod.GTC,), {("first", "identity", "token", "prove")}),
        ((EapMethod.RADIUS,), {("first", "identity", "server_word", "prove_server")}),
    ],
)
def test_nothing_is_given_but_after_a_yes_and_the_key_of_the_login(methods, ways):
    given, walked = walk(lambda: case(*methods), LETTERS[methods[0]], LENGTH)
    assert walked > 10
    ways = ways | {("first", "identity", "refuse_method", "token", "prove")} if len(methods) == 2 else ways
    assert set(given) == ways
