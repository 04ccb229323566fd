"""A gateway with certificates of RSA and of ECDSA: which it shows whom."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from lotor.ike.questions import SignAuth
from lotor.ike.v2 import announce
from lotor.ike.v2.certified import KEY_HASH, MOST_ASKED, asked_for, asking, best
from lotor.ike.v2.sa import Abilities
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Proving
from lotor.model.algorithms import SignatureScheme as S
from lotor.model.identity import Identity, IdKind
from lotor.model.own_certificate import OwnCertificate
from lotor.model.reasons.local import NoPrivateKey
from lotor.wire.v2.chain import build_chain, parse_chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Authentication, Certificate, CertificateRequest, Identification
from peers import devices
from peers.auth import client_policy, gateway_policy, own, talk
from peers.reception import USUAL, visit

OFFICE, PUBLIC = (hashlib.sha1(name, usedforsecurity=False).digest() for name in (b"office", b"public"))
(RSA,) = own()["own"]
RSA = replace(RSA, authorities=(OFFICE,), complete=True)
ELLIPTIC = replace(
    RSA, chain=(b"an elliptic leaf", b"its issuer"), schemes=(S.ECDSA_SHA256, S.ECDSA_SHA384), authorities=(PUBLIC,)
)
BOTH = (ELLIPTIC, RSA)
OLD, ABLE = Abilities(), Abilities(schemes=frozenset({S.RSA_SHA256, S.ECDSA_SHA256}))
ANY: frozenset[bytes] = frozenset()
ANYBODYS = CertificateRequest(4, b"")


@pytest.mark.parametrize(
    ("held", "abilities", "asked", "expected"),
    [
        (BOTH, OLD, None, RSA),  # Apple, Android: no hashes, no request
        (BOTH, OLD, ANY, RSA),  # Windows asks, and reads RSA by method 1
        (BOTH, OLD, {OFFICE, PUBLIC}, RSA),
        (BOTH, OLD, {PUBLIC}, ELLIPTIC),  # Windows that trusts the other authority alone
        (BOTH, ABLE, None, RSA),  # a device that announces hashes, and may take RSA alone
        (BOTH, ABLE, ANY, ELLIPTIC),
        (BOTH[::-1], ABLE, ANY, RSA),
        (BOTH, ABLE, {OFFICE}, RSA),
        (BOTH[::-1], ABLE, {PUBLIC}, ELLIPTIC),
        (BOTH, ABLE, {OFFICE, PUBLIC}, ELLIPTIC),
        (BOTH, ABLE, {bytes(KEY_HASH)}, ELLIPTIC),  # a list is a hint
        ((replace(ELLIPTIC, authorities=(), complete=False), RSA), ABLE, {bytes(KEY_HASH)}, "incomplete"),
        (BOTH, Abilities(schemes=frozenset({S.RSA_SHA1})), ANY, RSA),
        (BOTH, Abilities(schemes=frozenset({S.ED25519})), ANY, None),
        ((ELLIPTIC,), OLD, None, ELLIPTIC),
        ((), ABLE, ANY, None),
    ],
)
def test_each_client_is_shown_what_it_can_judge(held, abilities, asked, expected):
    found = best(held, abilities, asked if asked is None else frozenset(asked), None)
    assert found == (held[0] if expected == "incomplete" else expected)


def test_the_name_that_a_client_wishes_for_goes_before_its_authorities():
    named = Identity(IdKind.FQDN, b"other.example.org")
    other = replace(ELLIPTIC, identities=(named,))
    assert best((RSA, other), ABLE, frozenset({OFFICE}), named) == other
    assert best((RSA, other), ABLE, frozenset({OFFICE}), Identity(IdKind.FQDN, b"nobody.example.org")) == RSA
    assert best((other, RSA), Abilities(schemes=frozenset({S.RSA_SHA256})), None, named) == RSA


@pytest.mark.parametrize(
    ("payloads", "asked"),
    [
        ((), None),
        ((CertificateRequest(4, b""),), set()),
        ((CertificateRequest(4, OFFICE + PUBLIC),), {OFFICE, PUBLIC}),
        ((CertificateRequest(4, OFFICE), CertificateRequest(4, PUBLIC)), {OFFICE, PUBLIC}),
        ((CertificateRequest(4, OFFICE + b"cut"),), {OFFICE}),
        ((CertificateRequest(12, OFFICE),), None),
        ((CertificateRequest(4, bytes(65000)),), {bytes(KEY_HASH)}),
    ],
)
def test_what_a_client_asks_for(payloads, asked):
    chain = parse_chain(*build_chain(payloads))
    found = asked_for(chain)
    assert found == (asked if asked is None else frozenset(asked))


MANY = tuple(bytes([number]) * KEY_HASH for number in range(MOST_ASKED + 1))


@pytest.mark.parametrize(
    ("trusted", "asked"),
    [
        ([()], b""),
        ([(OFFICE, PUBLIC)], OFFICE + PUBLIC),
        ([MANY[1:]], b"".join(MANY[1:])),
        ([MANY], b""),  # all of the public
        ([(OFFICE,), (PUBLIC, OFFICE)], OFFICE + PUBLIC),
        ([(OFFICE,), ()], b""),  # another block takes a pinned certificate
        ([MANY[1:], (PUBLIC,)], b""),
        ([], b""),
    ],
)
def test_the_authorities_that_are_asked_for(trusted, asked):
    found = asking(replace(gateway_policy(), authority_keys=keys) for keys in trusted)
    assert found == CertificateRequest(4, asked)


def requests(payloads) -> list[bytes]:
    return [each.data for each in payloads if isinstance(each, CertificateRequest)]


def test_a_client_asks_for_the_authorities_of_its_block():
    said = talk(gateway_policy(), replace(client_policy(), authority_keys=(PUBLIC,)))
    said.run()
    assert requests(said.said[0][1]) == [PUBLIC]


@pytest.mark.parametrize(
    ("peer", "send", "asked"),
    [
        (Proving.CERTIFICATE, True, [OFFICE]),
        (Proving.CERTIFICATE_THEN_EAP, True, [OFFICE]),
        (Proving.CERTIFICATE, False, []),
        (Proving.EAP, True, []),
    ],
)
def test_a_gateway_asks_for_those_of_the_blocks_that_take_certificates(peer, send, asked):
    """Whichever block comes first."""
    session = talk(gateway_policy(), client_policy()).gateway.session
    taking = replace(gateway_policy(peer=(peer,)), authority_keys=(OFFICE,), send_cr=send)
    session.candidates = (gateway_policy(peer=(Proving.EAP,)), taking)
    assert requests(announce.of_responder(session, OLD)) == asked


def shown(said) -> tuple[bytes, ...]:
    return tuple(each.data for each in said.said[1][1] if isinstance(each, Certificate))


def logged_in(*held: OwnCertificate, abilities=ABLE, request=ANYBODYS):
    """A client of EAP at a gateway with these."""
    said = talk(replace(gateway_policy(), own=held), client_policy())
    said.gateway.session.abilities = abilities
    said.client.session.abilities = abilities

    def change(who, number, payloads):
        if (who, number) != ("client", 0):
            return payloads
        kept = tuple(each for each in payloads if not isinstance(each, CertificateRequest))
        return (*kept, *((request,) if request else ()))

    said.change = change
    return said.run()


@pytest.mark.parametrize(
    ("abilities", "request_", "expected", "scheme"),
    [
        (ABLE, ANYBODYS, ELLIPTIC, S.ECDSA_SHA256),
        (ABLE, CertificateRequest(4, OFFICE), RSA, S.RSA_SHA256),
        (ABLE, None, RSA, S.RSA_SHA256),
        (OLD, ANYBODYS, RSA, S.RSA_SHA1),
    ],
)
def test_certificate_signature_and_name_go_together(abilities, request_, expected, scheme):
    said = logged_in(*BOTH, abilities=abilities, request=request_)
    assert shown(said) == expected.chain
    (asked,) = said.gateway.asked(SignAuth)
    assert asked.scheme is scheme
    (proof,) = [each for each in said.said[1][1] if isinstance(each, Authentication)]
    assert proof.method == (1 if abilities is OLD else 14)
    assert said.gateway.result is not None


def test_the_name_shown_is_one_of_the_certificate_that_is_shown():
    other = replace(ELLIPTIC, identities=(Identity(IdKind.FQDN, b"other.example.org"),))
    said = logged_in(other, RSA)
    (identity,) = [each for each in said.said[1][1] if isinstance(each, Identification)]
    assert identity.identity == other.identities[0]


def test_a_client_that_reads_no_signature_of_ours_is_told_so():
    said = logged_in(*BOTH, abilities=Abilities(schemes=frozenset({S.ED25519})))
    assert isinstance(said.gateway.failed.reason, NoPrivateKey)
    assert said.gateway.failed.notify == NotifyType.AUTHENTICATION_FAILED
    assert said.client.result is None


def test_a_client_with_two_shows_the_one_that_its_gateway_reads():
    held = {"own": BOTH, "mode_cfg": False}
    for schemes, expected in ((frozenset({S.RSA_SHA256}), RSA), (frozenset({S.ECDSA_SHA256}), ELLIPTIC)):
        client = replace(client_policy(local=Proving.CERTIFICATE), **held)
        said = talk(gateway_policy(peer=(Proving.CERTIFICATE,)), client)
        said.client.session.abilities = Abilities(schemes=schemes)
        said.run()
        assert tuple(each.data for each in said.said[0][1] if isinstance(each, Certificate)) == expected.chain


STRICT = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384)
DEVICES = {
    "Windows": devices.windows_hardened(),
    "Windows, own policy": devices.windows_policy(),
    "Apple": devices.apple(),
    "Apple, profile": devices.apple_profile(),
    "Android": devices.android(),
}


@pytest.mark.parametrize("which", DEVICES)
def test_every_device_is_shown_rsa_wherever_it_stands(which):
    guest = visit(DEVICES[which], *USUAL, STRICT, held=BOTH)
    assert guest.come_up(), guest.refused
    assert guest.certificates == RSA.chain
