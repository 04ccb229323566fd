"""Two proofs of a client (RFC 4739): the device by certificate or key, then the person by a login."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ike.test_ike_v2_auth import both_up, changing, forged, nothing_came_of_it, reason, without
from lotor.ike.events import Ended, Judged, LoggedIn, PhaseOneUp, PpkUsed, Up
from lotor.ike.questions import AcquireConfiguration, AskPerson, CheckMschap, JudgePeer, KeyedAuth
from lotor.model.algorithms import EapMethod, Proving
from lotor.model.grants import Grants
from lotor.model.identity import IdentityPattern, IdKind
from lotor.model.judgement import Untrusted
from lotor.model.login import Accepted
from lotor.model.policy import Ppk
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.logins import RefusedThere, WrongPassword
from lotor.model.reasons.proofs import OtherProofKey, ProvedOnceThere, WayNotAllowed
from lotor.model.reasons.protocol import IdentityNotAllowed
from lotor.wire.errors import Malformed
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Authentication, Eap, Identification, Notification
from peers.auth import client_policy, gateway_policy, own, talk
from peers.world import connect, is_up, pair

SIGNED, KEYED = Proving.CERTIFICATE_THEN_EAP, Proving.SHARED_KEY_THEN_EAP
TWICE = [SIGNED, KEYED]


def gateway(*ways: Proving, **terms):
    return replace(gateway_policy(peer=ways or (SIGNED,), **terms), mode_cfg=True)


def client(way: Proving = SIGNED, **terms):
    return replace(client_policy(local=way, **terms), **(own() if way.first is Proving.CERTIFICATE else {}))


def two(way: Proving = SIGNED, *ways: Proving, **terms):
    said = talk(gateway(*(ways or (way,)), **terms), client(way, **terms))
    said.client.session.abilities.twice = True
    return said


def notes(payloads) -> set[int]:
    return {each.type for each in payloads if isinstance(each, Notification)}


@pytest.mark.parametrize("way", TWICE)
@pytest.mark.parametrize("method", [EapMethod.MSCHAPV2, EapMethod.GTC])
def test_the_device_then_the_person(way, method):
    said = two(way, eap=(method,))
    both_up(said.run())
    asked = JudgePeer if way is SIGNED else KeyedAuth
    assert said.gateway.asked(asked)
    device = said.gateway.of(PhaseOneUp)[0].peer
    (event,) = said.gateway.of(LoggedIn)
    assert (event.user, event.machine) == ("alice", device)
    assert "alice" not in device
    assert said.gateway.session.user == "alice"
    assert {NotifyType.MULTIPLE_AUTH_SUPPORTED, NotifyType.ANOTHER_AUTH_FOLLOWS} <= notes(said.said[0][1])
    assert [type(each) for each in said.said[2][1]] == [Identification]
    assert said.gateway.asked(AcquireConfiguration)[0].user == "alice"


def test_what_is_granted_is_the_persons():
    said = two(eap=(EapMethod.GTC,))
    granted = Grants(session_time=3600.0)
    from lotor.ike.questions import CheckLogin

    said.gateway.answers[CheckLogin] = lambda asked: Accepted(asked.attempt.user, granted)
    both_up(said.run())
    assert said.gateway.asked(AcquireConfiguration)[0].grants == granted
    assert said.client.session.abilities.login_lifetime == 3600


@pytest.mark.parametrize("way", TWICE)
def test_a_wrong_password_of_a_good_device(way):
    said = two(way)
    said.client.login = ("alice", "wrong")
    assert isinstance(reason(said.run().gateway), WrongPassword)
    assert isinstance(reason(said.client), RefusedThere)
    assert nothing_came_of_it(said)


@pytest.mark.parametrize("way", TWICE)
def test_a_device_that_proves_nothing_is_asked_no_password(way):
    said = two(way)
    said.change = changing("client", 0, forged)
    said.run()
    assert not said.client.asked(AskPerson)
    assert not said.gateway.asked(CheckMschap)
    assert nothing_came_of_it(said)


def test_a_device_that_may_not_come_is_asked_no_password():
    said = two()
    pattern = IdentityPattern(IdKind.FQDN, "laptop.example.org")
    said.gateway.session.remote = replace(said.gateway.session.remote, peers_identifiers=(pattern,))
    said.gateway.session.remote = replace(said.gateway.session.remote, verify_identifier=True)
    assert isinstance(reason(said.run().gateway), IdentityNotAllowed)
    assert not said.client.asked(AskPerson)


def test_a_person_says_nothing_to_a_gateway_that_is_not_trusted():
    said = two()
    said.client.answers[JudgePeer] = lambda _: Untrusted(WrongSignature("CN=rogue"))
    said.run()
    assert not said.client.asked(AskPerson)


@pytest.mark.parametrize("brought", [Proving.CERTIFICATE, Proving.SHARED_KEY, Proving.EAP])
def test_one_proof_is_not_enough_where_two_are_wanted(brought):
    """Neither a stolen laptop alone gets in, nor a password alone."""
    policy = client(brought, peer=(Proving.SHARED_KEY if brought is Proving.SHARED_KEY else Proving.CERTIFICATE,))
    said = talk(gateway(*TWICE), replace(policy, **own()))
    said.run()
    assert isinstance(reason(said.gateway), WayNotAllowed)
    assert "pubkey then eap" in reason(said.gateway).text
    assert nothing_came_of_it(said)


def test_two_proofs_are_too_many_where_one_is_wanted():
    said = two(SIGNED, Proving.CERTIFICATE, Proving.EAP)
    assert isinstance(reason(said.run().gateway), WayNotAllowed)
    assert nothing_came_of_it(said)


def test_both_may_be_admitted():
    both_up(two(SIGNED, Proving.EAP, SIGNED).run())
    single = talk(gateway(Proving.EAP, SIGNED), client(Proving.EAP))
    both_up(single.run())
    assert single.gateway.of(LoggedIn)[0].machine is None


def test_a_second_proof_of_the_device_is_no_login():
    said = two()
    proof = lambda payloads: (*payloads, Authentication(2, bytes(32)))  # noqa: E731
    said.change = changing("client", 1, proof)
    assert isinstance(reason(said.run().gateway), WayNotAllowed)
    assert nothing_came_of_it(said)


def test_the_person_needs_an_identity_of_his_own():
    said = two()
    said.change = changing("client", 1, without(Identification))
    assert isinstance(said.run().gateway.failed, Malformed)
    assert nothing_came_of_it(said)


def test_a_third_proof_is_refused():
    said = two()
    following = lambda who, _, payloads: (  # noqa: E731
        (*payloads, Notification(NotifyType.ANOTHER_AUTH_FOLLOWS))
        if who == "client" and any(isinstance(each, Authentication) for each in payloads)
        else payloads
    )
    said.change = following
    assert isinstance(reason(said.run().gateway), WayNotAllowed)
    assert nothing_came_of_it(said)


def test_who_takes_over_after_the_device_has_no_key_of_the_login():
    """The proof of the device, and then somebody else's login whose key is not that of this IKE SA."""
    said = two()
    last = lambda who, _, payloads: (  # noqa: E731
        forged(payloads) if who == "client" and len(said.said) > 2 else payloads
    )
    said.change = last
    assert isinstance(reason(said.run().gateway), OtherProofKey)
    assert nothing_came_of_it(said)


def test_a_gateway_that_lets_in_without_the_login_is_not_believed():
    said = two()
    said.change = lambda who, turn, payloads: (
        tuple(each for each in payloads if not isinstance(each, Eap)) if (who, turn) == ("gateway", 1) else payloads
    )
    said.run()
    assert said.client.failed is not None
    assert not said.client.session.children


@pytest.mark.parametrize("ppk", [Ppk.ON, Ppk.REQUIRED])
def test_a_ppk_comes_with_the_device(ppk):
    said = two(ppk=ppk)
    for end in (said.client, said.gateway):
        end.ppks, end.session.abilities.ppk = {b"one": b"q" * 32}, True
    both_up(said.run())
    assert [len(end.of(PpkUsed)) for end in (said.client, said.gateway)] == [1, 1]


# --- from the first message ------------------------------------------------------------------------------------------


def world(way: Proving, *ways: Proving):
    world_, gateway_, client_ = pair(gateway=gateway(*ways), client=client(way))
    connect(world_, client_, gateway_, "gw.example.org")
    return world_.run(20, lambda: is_up(client_) and is_up(gateway_)), gateway_, client_


@pytest.mark.parametrize("way", TWICE)
def test_a_tunnel(way):
    came, gateway_, client_ = world(way, *TWICE, Proving.EAP)
    assert came
    assert {each.user for host in (gateway_, client_) for each in host.of(Up)} == {"alice"}
    assert gateway_.of(Judged)


def test_a_gateway_that_takes_one_proof_is_told_apart_before_anything_is_said():
    came, _, client_ = world(SIGNED, Proving.CERTIFICATE)
    assert not came
    assert [type(each.reason) for each in client_.of(Ended)] == [ProvedOnceThere]
