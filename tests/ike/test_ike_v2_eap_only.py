"""A gateway that proves itself inside of EAP alone (RFC 5998): who agrees to that, and who gains nothing by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ike.test_ike_v2_auth import changing, reason, without
from ike.test_ike_v2_tls import on_tls, up
from lotor.ike.events import Judged
from lotor.ike.questions import AskPerson, CheckLogin, JudgePeer, SignAuth, StepTls
from lotor.model.algorithms import EapMethod
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.judgement import Untrusted
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.proofs import LoginBeforeProof, MethodNotAgreed, OtherProofKey, ServerNotProved
from lotor.model.reasons.protocol import IdentityNotAllowed
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Authentication, Certificate, Eap, Identification, Notification
from peers.auth import client_policy, gateway_policy, talk
from peers.tls import Steps, judged

METHODS = [EapMethod.TTLS, EapMethod.TLS]


def alone(method=EapMethod.TTLS, *, here=True, there=True):
    """`here`: at the client, `there`: at the gateway."""
    said = on_tls(method, shows="alice@example.org" if method is EapMethod.TLS else "")
    for end, on in ((said.client, here), (said.gateway, there)):
        end.session.remote = replace(end.session.remote, v2=replace(end.session.remote.v2, eap_only=on))
    return said


def kinds(payloads) -> set[type]:
    return {type(each) for each in payloads}


@pytest.mark.parametrize("method", METHODS)
def test_the_method_proves_the_gateway(method):
    said = alone(method).run()
    assert up(said)
    assert not said.gateway.asked(SignAuth)
    assert kinds(said.said[1][1]) == {Identification, Eap}
    assert said.client.asked(JudgePeer)[0].proof.in_tls
    assert said.client.asked(JudgePeer)[0].proof.identity == said.client.session.proved.identity
    assert said.client.of(Judged)[-1].verdict == "it proved itself inside of EAP"


@pytest.mark.parametrize(("here", "there"), [(False, True), (True, False)])
def test_both_ends_have_to_agree(here, there):
    said = alone(here=here, there=there).run()
    assert up(said)
    assert said.gateway.asked(SignAuth)
    assert {Certificate, Authentication} <= kinds(said.said[1][1])


def test_a_client_that_did_not_agree_says_nothing_to_a_gateway_without_a_proof():
    said = alone(here=False)
    said.change = changing("gateway", 0, lambda payloads: without(Authentication)(without(Certificate)(payloads)))
    assert isinstance(reason(said.run().client), LoginBeforeProof)
    assert not said.client.asked(AskPerson)


def test_a_password_is_said_to_no_gateway_whose_tls_is_not_trusted():
    said = alone()
    said.client.answers[JudgePeer] = lambda _: Untrusted(WrongSignature("CN=rogue"))
    refused = reason(said.run().client)
    assert isinstance(refused, ServerNotProved)
    assert "CN=rogue" in refused.text
    assert not said.gateway.asked(CheckLogin)
    assert not said.client.session.established


def test_a_gateway_by_another_name_than_its_certificate_is_not_believed():
    """The name that it gives itself in IKE is the one that TLS has to show."""
    said = alone()
    said.gateway.session.remote = replace(
        said.gateway.session.remote,
        v2=replace(said.gateway.session.terms, identity=Identity(IdKind.FQDN, b"other.example.org")),
    )
    said.client.answers[JudgePeer] = lambda asked: (
        judged(asked)
        if asked.proof.identity.data != b"other.example.org"
        else Untrusted(WrongSignature("CN=gw.example.org"))
    )
    assert said.run().client.failed is not None
    assert not said.gateway.asked(CheckLogin)


def test_a_name_that_is_not_admitted_is_refused_before_a_login():
    said = alone()
    pattern = IdentityPattern(IdKind.FQDN, "vpn.other.example")
    said.client.session.remote = replace(
        said.client.session.remote, peers_identifiers=(pattern,), verify_identifier=True
    )
    assert isinstance(reason(said.run().client), IdentityNotAllowed)
    assert not said.client.asked(AskPerson)
    assert not said.client.asked(StepTls)


def test_a_weaker_method_is_not_carried_out_without_a_proof():
    """MSCHAPv2 would give a rogue something to guess the password by."""
    rogue = gateway_policy(eap=(EapMethod.MSCHAPV2,), eap_only=True)
    said = talk(rogue, client_policy(eap=(EapMethod.TTLS,), eap_only=True))
    said.client.answers[StepTls] = Steps("nobody")
    said.run()
    assert isinstance(reason(said.client), MethodNotAgreed)


def test_who_is_in_the_middle_has_no_key_of_the_method():
    said = alone()
    said.change = lambda _, __, payloads: tuple(
        Authentication(each.method, bytes(len(each.data))) if isinstance(each, Authentication) else each
        for each in payloads
    )
    assert isinstance(reason(said.run().gateway), OtherProofKey)


def test_a_gateway_that_nothing_proves_sends_nobody_elsewhere():
    said = alone()
    elsewhere = Notification(NotifyType.REDIRECT, b"\3\x0fevil.example.ne")
    said.change = changing("gateway", 0, lambda payloads: (*payloads, elsewhere))
    assert up(said.run())


def test_a_client_that_does_not_announce_it_gets_the_proof():
    said = alone()
    said.change = changing(
        "client",
        0,
        lambda payloads: tuple(
            each for each in payloads if getattr(each, "type", 0) != NotifyType.EAP_ONLY_AUTHENTICATION
        ),
    )
    assert up(said.run())
    assert said.gateway.asked(SignAuth)
