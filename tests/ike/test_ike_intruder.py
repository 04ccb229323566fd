"""Whoever sees a client's first message may answer it, from anywhere, with any certificate of the same authority and
any key of the same file: he gets no password, no key and no route, and what he says from elsewhere stops nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import ChildUp, Configured, Dropped, Ended, LoggedIn, PathChanged, Up
from lotor.ike.intents import Connect, PeerMoved
from lotor.ike.questions import AskPerson, CheckLogin, DeriveSkeyid, Install, JudgePeer
from lotor.ike.v1 import authenticate, dialling
from lotor.model.algorithms import AuthMethod
from lotor.model.network import Path, Peer
from lotor.model.policy import ExchangeMode, Policy
from lotor.model.reason import Cause
from lotor.wire.v1.proposals import ike_transform
from peers.counter import STRANGER, Counter
from peers.speaker import Manners, Speaker
from peers.thief import CLAIMS, DIALLED, ELSEWHERE, NAME, Terms, meet
from peers.world import CHILD, GATEWAY, is_up, suite_with

EVERYWHERE = pytest.mark.parametrize("mode", list(ExchangeMode))
EVERYHOW = pytest.mark.parametrize("method", list(AuthMethod))
KEYED = pytest.mark.parametrize("method", [AuthMethod.PSK, AuthMethod.XAUTH_PSK])


def dial(world, client, host: str | None = None) -> None:
    path = Path(Peer(client.address, 500), Peer(DIALLED, 500))
    world.do(client, client.endpoint.command(Connect(client.policy.remotes[0].name, path, 1, host), world.now))


def stolen(client, thief, host: str | None = None) -> list[str]:
    """What must not be, in any run."""
    found = []
    for question in client.questions:
        if isinstance(question, JudgePeer) and (question.proof.address, question.proof.host) != (DIALLED, host):
            found.append(f"a certificate was judged for {question.proof.address} and {question.proof.host}")
        asked = question.request if isinstance(question, DeriveSkeyid) else None
        if asked is not None and (asked.identity, asked.address, asked.host) != (None, DIALLED, host):
            found.append(f"the key of {asked.identity} at {asked.address} was taken")
        if isinstance(question, Install) and question.child.path.remote.address != DIALLED:
            found.append("a pair of keys was made with somebody else")
    gateway_side = [each for each in thief.questions if isinstance(each, CheckLogin | Install)]
    if gateway_side or thief.of(LoggedIn) or thief.of(ChildUp) or thief.of(Configured) or thief.of(Up):
        found.append("the thief got something")
    if any(each.new.remote.address != DIALLED for each in client.of(PathChanged)):
        found.append("the session moved to the thief")
    return found


def texts(*hosts) -> list[str]:
    return [event.text() for host in hosts for event in host.events]


@EVERYWHERE
@EVERYHOW
@pytest.mark.parametrize("claim", list(CLAIMS))
def test_f1_answers_from_elsewhere_are_not_heard(method, mode, claim):
    """Before those of the gateway or after them, whatever he claims to be: the client gets to its gateway."""
    thwarted = 0
    for seed in range(2):
        world, gateway, thief, client = meet(Terms(method, mode, claim), seed)
        dial(world, client)
        assert world.run(60, lambda: is_up(client) and is_up(gateway)), texts(client)  # noqa: B023
        assert not stolen(client, thief)
        thwarted += any(event.path.remote.address == ELSEWHERE for event in client.of(Dropped))
    assert thwarted, "the thief was never heard of"


@EVERYWHERE
@EVERYHOW
@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("claim", list(CLAIMS))
def test_f1_f2_who_writes_the_address_of_the_gateway_gets_nothing_either(method, mode, claim, verify):
    """He may keep a client out, as whoever sits on a line can; he never is the gateway."""
    for seed, spoofs in enumerate((10, 5)):
        world, _, thief, client = meet(Terms(method, mode, claim, verify), seed, spoofs=spoofs, deaf=seed == 0)
        dial(world, client)
        world.run(200, lambda: bool(client.of(Ended)) or is_up(client))  # noqa: B023
        assert not stolen(client, thief), texts(client)
        assert not (seed == 0 and is_up(client))
        assert seed or not [each for each in client.questions if isinstance(each, AskPerson)]


@EVERYWHERE
@EVERYHOW
def test_f1_a_name_that_was_typed_is_asked_for_by_that_name(method, mode):
    """His certificate names the address that a name server gave, or his own name: neither is what was typed."""
    world, gateway, thief, client = meet(Terms(method, mode, "the gateway's name"), spoofs=10, deaf=True)
    dial(world, client, NAME)
    world.run(200, lambda: bool(client.of(Ended)))
    assert not stolen(client, thief, NAME)
    world, gateway, thief, client = meet(Terms(method, mode, "the gateway's name"))
    dial(world, client, NAME)
    assert world.run(60, lambda: is_up(client) and is_up(gateway)), texts(client)
    assert not stolen(client, thief, NAME)


@EVERYWHERE
def test_f1_a_gateway_that_answers_from_another_address_is_named(mode):
    world, _, thief, client = meet(Terms(AuthMethod.HYBRID_RSA, mode), deaf=True)
    dial(world, client)
    assert world.run(200, lambda: bool(client.of(Ended)))
    assert not stolen(client, thief)
    reason = client.of(Ended)[0].reason
    assert reason.cause is Cause.NO_ANSWER
    assert f"{ELSEWHERE} answered in its place" in reason.text
    told = [event.text() for event in client.of(Dropped)]
    assert any(str(ELSEWHERE) in text and f"{DIALLED} was called" in text for text in told), told


@EVERYWHERE
def test_f1_no_hint_from_elsewhere_is_believed(mode):
    """A gateway that knows none of the client's proposals says so in clear: from elsewhere that counts for nothing."""
    world, _, thief, client = meet(Terms(AuthMethod.HYBRID_RSA, mode), deaf=True)
    other = replace(thief.policy.remotes[0], proposals=())
    thief.endpoint._context.policy = replace(thief.policy, remotes=(other,))
    dial(world, client)
    assert world.run(200, lambda: bool(client.of(Ended)))
    assert thief.sent
    assert client.of(Ended)[0].reason.cause is Cause.NO_ANSWER


@EVERYWHERE
@KEYED
@pytest.mark.parametrize("claim", ["his name", "the gateway's address", "his address"])
def test_f2_the_holder_of_the_key_must_be_one_of_the_peers_identifiers(method, mode, claim):
    """He has even the gateway's own key, but not the name that the client wants."""
    world, gateway, _, client = meet(Terms(method, mode, verify=True))
    endpoint_policy = replace(gateway.policy.remotes[0], my_identity=CLAIMS[claim])
    gateway.endpoint._context.policy = replace(gateway.policy, remotes=(endpoint_policy,))
    dial(world, client)
    assert world.run(200, lambda: bool(client.of(Ended)))
    assert "is none of the peers_identifiers" in client.of(Ended)[0].reason.text
    assert not [each for each in client.questions if isinstance(each, AskPerson | Install)]


@EVERYWHERE
@EVERYHOW
def test_f1_a_renewal_is_still_for_the_gateway_that_was_dialled(method, mode):
    """Also where the gateway has moved since: its packets proved the new address, and it is judged by the old one."""
    world, gateway, thief, client = meet(Terms(method, mode))
    for host in (gateway, client):
        remote = host.policy.remotes[0]
        suites = tuple(replace(suite, lifetime=100) for suite in remote.proposals)
        host.endpoint._context.policy = replace(host.policy, remotes=(replace(remote, proposals=suites),))
    dial(world, client)
    assert world.run(60, lambda: is_up(client) and is_up(gateway)), texts(client)
    world.run(85)
    judged = [each for each in client.questions if isinstance(each, JudgePeer | DeriveSkeyid)]
    assert len(judged) >= 2, "no renewal was tried"
    assert not stolen(client, thief)
    assert not client.of(Ended)
    moved = Peer(DIALLED + 9, 4500)
    child = next(iter(client.installed))
    world.do(client, client.endpoint.command(PeerMoved(child, moved), world.now))
    client.questions.clear()
    gateway.address = moved.address
    world.hosts[moved.address] = world.hosts.pop(DIALLED)
    for session in gateway.endpoint._sessions.by_id.values():
        session.path = replace(session.path, local=moved)
    world.run(100)
    judged = [each for each in client.questions if isinstance(each, JudgePeer | DeriveSkeyid)]
    addresses = {each.proof.address if isinstance(each, JudgePeer) else each.request.address for each in judged}
    assert addresses == {DIALLED}, texts(client)


def test_f1_a_gateway_follows_a_client_when_it_has_proved_itself():
    """The key is that of the address which began; who takes the exchange over elsewhere has to hold it."""
    suite = suite_with(AuthMethod.PSK)
    policy = replace(GATEWAY, proposals=(suite,), exchange_modes=(ExchangeMode.MAIN,))
    counter = Counter(Policy((policy,), CHILD))
    manners = Manners(transforms=(ike_transform(1, suite),), main=True, psk=counter.host.psk)
    speaker, began, later = Speaker(manners=manners), STRANGER, Peer(ELSEWHERE, 7)
    (second,) = counter.receive(speaker.first(), began)
    (fourth,) = counter.receive(speaker.main_third(second), later)
    (session,) = counter.endpoint._sessions.by_id.values()
    (asked,) = [each.request for each in counter.host.questions if isinstance(each, DeriveSkeyid)]
    assert (session.path.remote, asked.address) == (began, began.address)
    bad = speaker.main_fifth(fourth, proof=bytes(20))
    assert not counter.receive(bad, later)
    assert session.path.remote == began
    assert counter.receive(speaker.main_fifth(fourth), later)
    assert session.established
    assert session.path.remote == later


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_f1_the_thief_of_these_tests_is_no_straw_man(mode, monkeypatch):
    """A client that listens to everybody, and takes what it hears from for what it called, gives him the password."""
    monkeypatch.setattr(dialling, "demand_called", lambda *_: None)
    monkeypatch.setattr("lotor.ike.session.Session.heard_over", lambda self, path, _: self.follow(path))
    monkeypatch.setattr("lotor.ike.session.Session.peer_address", property(lambda self: self.path.remote.address))
    world, _, thief, client = meet(Terms(AuthMethod.HYBRID_RSA, mode), deaf=True)
    dial(world, client)
    world.run(60, lambda: is_up(client))
    assert stolen(client, thief)


def test_f2_the_thief_with_a_key_is_no_straw_man(monkeypatch):
    monkeypatch.setattr(authenticate.select, "demand_identity", lambda *_: None)
    world, gateway, _, client = meet(Terms(AuthMethod.XAUTH_PSK, ExchangeMode.MAIN, verify=True))
    remote = replace(gateway.policy.remotes[0], my_identity=CLAIMS["his name"])
    gateway.endpoint._context.policy = replace(gateway.policy, remotes=(remote,))
    dial(world, client)
    assert world.run(60, lambda: is_up(client))
