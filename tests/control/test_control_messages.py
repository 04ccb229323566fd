"""Declared messages survive a round trip; anything else is refused without repeating a value."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.control.messages import (
    NAMES,
    REQUESTS,
    RESPONSES,
    AddBan,
    Answer,
    BadMessage,
    Banned,
    Bans,
    Connect,
    Connected,
    Debug,
    Disconnect,
    Disconnected,
    Done,
    Drain,
    Events,
    Everywhere,
    Explain,
    Explained,
    Failed,
    Gateways,
    Happened,
    Lift,
    Logout,
    Measured,
    Metrics,
    Portal,
    Progress,
    Prompt,
    Reload,
    Report,
    Status,
    Until,
    decode_request,
    decode_response,
    encode,
)
from lotor.model.prompt import Field
from lotor.model.secret import Secret

MESSAGES = [
    Connect("192.0.2.50", "alice"),
    Connect("vpn.example.net"),
    Answer({Field.PASSWORD: Secret(b"\xff\x00 pass word"), Field.USER_NAME: Secret("alice")}),
    Answer(None),
    Until(7),
    Disconnect("192.0.2.50"),
    Logout("alice"),
    Logout(session=7),
    Logout("alice", everywhere=True),
    Gateways("alice"),
    Everywhere({"gateways": []}),
    Status(),
    Status(7, "alice", "rate", 20),
    Metrics(),
    Explain("alice"),
    Events(),
    Debug("alice", 600),
    Reload(),
    Portal(60),
    Bans(),
    AddBan("192.0.2.0/24", 3600),
    Drain(("gw2.example.net", "192.0.2.9")),
    Lift("alice"),
    Prompt(("password",), "Enter\nit"),
    Progress("no answer yet"),
    Connected("10.99.99.3", "hello\nworld", already=True),
    Disconnected(2),
    Report({"sessions": [1, 2.5, None, "x"]}),
    Explained({"attempts": []}),
    Measured({"families": {}}),
    Banned({"bans": []}),
    Happened(1.5, "Up", 3, "tunnel up"),
    Done("fine"),
    Failed("why", "NO_ANSWER", "look for a firewall"),
]


def decode(message, line):
    return (decode_request if type(message) in REQUESTS.values() else decode_response)(line)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
def test_a_message_is_one_line_and_comes_back_equal(message):
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(message, line) == message


def test_every_declaration_is_in_the_round_trip_above():
    assert {type(each) for each in MESSAGES} == set(NAMES) == {*REQUESTS.values(), *RESPONSES.values()}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"nonsense",
        b"[]",
        b"7",
        b'{"type": "explode"}',
        b'{"type": ["connect"]}',
        b'{"type": "prompt"}',
        b'{"type": "connect"}',
        b'{"type": "connect", "gateway": 7}',
        b'{"type": "connect", "gateway": null}',
        b'{"type": "connect", "gateway": "g", "more": 1}',
        b'{"type": "connect", "gateway": "g", "user": "a\\nscript /bin/sh"}',
        b'{"type": "connect", "gateway": "g", "user": "a\\u0000"}',
        b'{"type": "connect", "gateway": "g", "user": "\\ud800"}',
        b'{"type": "answer", "values": {"shoe size": "eA=="}}',
        b'{"type": "answer", "values": {"password": "!!"}}',
        b'{"type": "answer", "values": {"password": 7}}',
        b'{"type": "answer", "values": ["password"]}',
        b"\xff\xfe",
        b'{"type":' * 5000,
        b"[" * 60000,
    ],
)
def test_what_is_no_request_is_refused(line):
    with pytest.raises(BadMessage):
        decode_request(line)


def test_a_refusal_does_not_repeat_what_was_sent():
    with pytest.raises(BadMessage) as caught:
        decode_request(b'{"type": "answer", "values": {"password": "swordfish!"}}')
    assert "swordfish" not in str(caught.value)
    with pytest.raises(BadMessage) as caught:
        decode_request(b'{"type": "swordfish"}')
    assert "swordfish" not in str(caught.value)


def test_bounds():
    with pytest.raises(BadMessage, match="longer than"):
        decode_request(encode(Connect("g" * 1025)))
    with pytest.raises(BadMessage, match="longer than"):
        decode_request(encode(Answer({Field.PASSWORD: Secret(b"x" * 4097)})))


def test_secrets_do_not_show_in_a_message():
    assert "swordfish" not in repr(Answer({Field.PASSWORD: Secret("swordfish")}))


LEAVES = st.none() | st.booleans() | st.floats() | st.text()
ANY_JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(ANY_JSON)
def test_any_json_is_a_request_or_refused(value):
    for shaped in (value, {"type": "connect", "gateway": value}, {"type": "answer", "values": value}):
        with contextlib.suppress(BadMessage):
            decode_request(json.dumps(shaped).encode())


EVIL = "\x1b]0;owned\x07\x1b[2J\u202eroot\r\x9b"
CLEAN = "?]0;owned??[2J?root??"


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (Happened(1.5, "Up", 3, EVIL, facts={EVIL: EVIL}), Happened(1.5, "Up", 3, CLEAN, facts={CLEAN: CLEAN})),
        (Done(EVIL), Done(CLEAN)),
        (Failed(f"a\n{EVIL}", fix=EVIL), Failed(f"a\n{CLEAN}", fix=CLEAN)),
        (Prompt(("password",), EVIL), Prompt(("password",), CLEAN)),
        (Connected("", EVIL), Connected("", CLEAN)),
        (Report({"sessions": [{"user": EVIL}]}), Report({"sessions": [{"user": CLEAN}]})),
        (Explained({"attempts": [[EVIL]]}), Explained({"attempts": [[CLEAN]]})),
        (Measured({EVIL: 1}), Measured({CLEAN: 1})),
    ],
    ids=lambda each: type(each).__name__,
)
def test_nothing_that_a_daemon_answers_moves_the_cursor_of_who_asked(message, read):
    """An owned daemon answers root, at whatever command: `events`, `debug`, a refusal, the words of racoonctl."""
    assert decode_response(encode(message)) == read


@pytest.mark.parametrize("figure", ["Infinity", "-Infinity", "NaN", "1e999", "1e30", "9" * 400])
def test_a_figure_that_nobody_can_count_to_is_no_answer(figure):
    """An owned daemon tells root of it: `lotor status` would end in a fault of its own, not with a sentence."""
    with pytest.raises(BadMessage, match="a number beyond all counting"):
        decode_response(f'{{"type": "report", "status": {{"sessions": [{{"seconds": {figure}}}]}}}}'.encode())


def test_an_answer_that_is_nested_too_deeply_is_no_answer():
    for depth in (400, 990):
        with contextlib.suppress(BadMessage):
            decode_response(b'{"type": "report", "status": {"a": ' + b"[" * depth + b"]" * depth + b"}}")
