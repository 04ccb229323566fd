"""`lotor connect --ca` at a gateway of IKEv1: aggressive mode, then main mode, with one question to the person. Before
that it is called by IKEv2, of which it knows nothing."""

from __future__ import annotations

import visiting
from lotor import config
from lotor.client import calls, connections
from lotor.model.policy import ExchangeMode
from lotor.model.reason import Cause
from lotor.warden import loading
from visiting import Typing, play

FIRST, SECOND = "nothing came of IKEv2, trying IKEv1", "nothing came of aggressive mode, trying main mode"


def reach(directory, monkeypatch, *, mode="aggressive", password=None):
    """What becomes of `lotor connect --ca` at a gateway that speaks one mode; and the person."""
    monkeypatch.setattr(connections, "SECONDS_FOR_ONE_OF_MANY", 0.1 if mode == "main" else 60.0)
    monkeypatch.setattr(connections, "SECONDS_FOR_IKEV2", 0.1)
    monkeypatch.setattr(calls, "TOLD_AFTER", ())
    gateway = visiting.GATEWAY_FILE.replace("exchange_mode aggressive", f"exchange_mode {mode}")
    assert mode in gateway
    monkeypatch.setattr(visiting, "GATEWAY_FILE", gateway)
    client, load = loading.prepare(config.roadwarrior("127.0.0.1", directory / "ca.crt", "alice")), loading.load
    monkeypatch.setattr(loading, "load", lambda path: client if path.name == "client.conf" else load(path))
    person = Typing() if password is None else Typing(password)

    async def story(world):
        return await world.client.connections.connect("127.0.0.1", None, person)

    return play(directory, story), person


def test_aggressive_mode_first(directory, monkeypatch):
    session, person = reach(directory, monkeypatch)
    assert session.up
    assert session.remote == "127.0.0.1"
    assert SECOND not in person.told


def test_a_gateway_that_is_silent_in_aggressive_mode_is_reached_in_main_mode(directory, monkeypatch):
    """lotor and racoon say nothing of a mode that no block of theirs speaks."""
    session, person = reach(directory, monkeypatch, mode="main")
    assert session.up
    assert session.remote == "127.0.0.1 in main mode"
    assert person.told == [FIRST, SECOND]
    assert len(person.prompts) == 1


def test_a_refused_login_is_no_reason_for_another_mode(directory, monkeypatch):
    reason, person = reach(directory, monkeypatch, mode="aggressive, main", password="wrong")
    assert reason.cause is Cause.LOGIN_REFUSED
    assert SECOND not in person.told


def test_a_refusal_of_both_modes_is_the_reason(directory, monkeypatch):
    """Nobody has proved anything yet, so that the other mode is tried; nobody waits for it."""
    monkeypatch.setattr(visiting, "GATEWAY_FILE", visiting.GATEWAY_FILE.replace("dh_group 14", "dh_group 19"))
    reason, person = reach(directory, monkeypatch, mode="aggressive, main")
    assert reason.cause is Cause.NO_PROPOSAL
    assert person.told == [FIRST, SECOND]


def test_both_modes_are_in_the_settings(directory):
    settings = config.roadwarrior("vpn.example.net", directory / "ca.crt")
    assert [(each.name, each.exchange_mode, each.address) for each in settings.remotes] == [
        ("vpn.example.net", (ExchangeMode.AGGRESSIVE,), None),
        ("vpn.example.net in main mode", (ExchangeMode.MAIN,), None),
    ]
