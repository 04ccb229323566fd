"""Whom a gateway knows is nobody's business: in aggressive mode a name with a key, one without, and one that no block
takes get the same answer, and come to the same end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import Dropped, Ended, PhaseOneUp
from lotor.ike.questions import Agree, DeriveSkeyid
from lotor.keys import Keyring, RemoteKeys
from lotor.model.algorithms import AuthMethod
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.policy import ExchangeMode, Policy, Side
from lotor.model.secret import Secret
from lotor.wire.header import Header
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.payloads import HashPayload
from lotor.wire.v1.proposals import ike_transform
from peers.counter import Counter
from peers.speaker import Manners, Speaker
from peers.world import CHILD, GATEWAY, suite_with

SALES = IdentityPattern(IdKind.KEY_ID, "sales")
SUPPORT = IdentityPattern(IdKind.KEY_ID, "support")
METHODS = pytest.mark.parametrize("method", [AuthMethod.PSK, AuthMethod.XAUTH_PSK])
NAMES = pytest.mark.parametrize("name", ["sales", "support", "nobody", "guess"])
"""One with a key, one that a block takes and that has none, and two that no block takes."""

KEY = b"a key of sales, long enough"


def _gateway(tmp_path, method: AuthMethod, *, strict: bool, mode=ExchangeMode.AGGRESSIVE) -> Counter:
    file = tmp_path / "psk.txt"
    file.write_bytes(b"sales " + KEY + b"\n")
    file.chmod(0o600)
    rules = {"verify_identifier": True, "peers_identifiers": (SALES, SUPPORT)} if strict else {}
    remote = replace(GATEWAY, proposals=(suite_with(method),), exchange_modes=(mode,), **rules)
    ring = Keyring([RemoteKeys(remote.name, side=Side.GATEWAY, shared_key=True, aggressive=True, **rules)], file)
    derive = {DeriveSkeyid: lambda question: ring.derive_skeyid(question.request)}
    return Counter(Policy((remote,), CHILD), answers=derive)


def _speaker(method: AuthMethod, name: str) -> Speaker:
    manners = Manners(
        transforms=(ike_transform(1, suite_with(method)),), identity=Identity(IdKind.KEY_ID, name.encode())
    )
    return Speaker(manners=replace(manners, psk=b"a guess at the key of the group"))


def _told(counter: Counter) -> list[str]:
    return [event.text() for event in counter.host.of(Dropped)]


@METHODS
@NAMES
@pytest.mark.parametrize("strict", [False, True])
def test_f14_a_name_known_or_unknown_gets_the_same_answer(tmp_path, method, name, strict):
    counter, speaker = _gateway(tmp_path, method, strict=strict), _speaker(method, name)
    (answer,) = counter.receive(speaker.first())
    reference, known = _gateway(tmp_path, method, strict=strict), _speaker(method, "sales")
    (same,) = reference.receive(known.first())
    assert len(answer) - len(same) == 0
    chains = [parse_chain(Header.decode(each).next_payload, each[Header.SIZE :]) for each in (answer, same)]
    assert chains[0].types() == chains[1].types()
    assert len(chains[0].only(HashPayload).data) == 20
    assert [type(each) for each in counter.host.questions] == [type(each) for each in reference.host.questions]
    assert Agree in map(type, counter.host.questions)


@METHODS
@NAMES
@pytest.mark.parametrize("strict", [False, True])
def test_f14_and_comes_to_the_same_end(tmp_path, method, name, strict):
    """The guess at the key meets silence, as long for one as for another; the journal knows why."""
    counter, speaker = _gateway(tmp_path, method, strict=strict), _speaker(method, name)
    (answer,) = counter.receive(speaker.first())
    with pytest.raises(AssertionError):
        speaker.second(answer)
    said = counter.receive(speaker.third())
    assert not counter.host.of(Ended)
    for step in range(29):
        said += counter.wait(1)
        assert not counter.host.of(Ended), step
    counter.wait(2)
    (ended,) = counter.host.of(Ended)
    assert not counter.host.of(PhaseOneUp)
    assert len(said) == 1, "the repetition of the answer and nothing else"
    why = {
        "sales": "did not finish the phase 1 in time",
        "support": "psk.txt has no key for support at 203.0.113.1: add a line",
    }.get(name, "psk.txt has no key for" if not strict else f"identity {name} is none of the peers_identifiers")
    assert why in ended.reason.text
    assert name == "sales" or any(why in text for text in _told(counter)), _told(counter)


@METHODS
def test_f14_the_right_key_of_a_known_name_still_opens(tmp_path, method):
    counter, speaker = _gateway(tmp_path, method, strict=True), _speaker(method, "sales")
    speaker.manners = replace(speaker.manners, psk=KEY)
    (answer,) = counter.receive(speaker.first())
    speaker.second(answer)
    counter.receive(speaker.third())
    assert counter.host.of(PhaseOneUp)
    assert not _told(counter)


@METHODS
def test_f14_no_key_of_chance_lets_anybody_in(tmp_path, method, monkeypatch):
    """Even who knew it: the name is looked at once more when the proof has come."""
    known = Secret(b"a key of chance that is no secret any more")
    monkeypatch.setattr("lotor.keys.keyring.key_of_chance", lambda _: known)
    counter, speaker = _gateway(tmp_path, method, strict=True), _speaker(method, "nobody")
    speaker.manners = replace(speaker.manners, psk=known.reveal())
    (answer,) = counter.receive(speaker.first())
    speaker.second(answer)
    counter.receive(speaker.third())
    assert not counter.host.of(PhaseOneUp)
    assert "identity nobody is none of the peers_identifiers" in counter.host.of(Ended)[0].reason.text


def test_a_name_that_no_block_takes_is_refused_where_no_key_proves_it(tmp_path):
    """A certificate proves names, and nothing can be guessed at home from the gateway's answer."""
    counter = _gateway(tmp_path, AuthMethod.HYBRID_RSA, strict=True)
    speaker = _speaker(AuthMethod.HYBRID_RSA, "nobody")
    counter.receive(speaker.first())
    assert "identity nobody is none" in counter.host.of(Ended)[0].reason.text
