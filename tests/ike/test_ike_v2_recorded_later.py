"""What recorded peers did after IKE_AUTH: renewals, a second SA pair, another address. Ours in the place of one of them
has the same keys, and says the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network

import pytest

import recordings_v2
from ike.test_ike_v2_recorded import GIVEN, Recording, answers, bodies, client_of, gateway_of, requests
from lotor.ike.questions import Agree, ReserveSpi
from lotor.ike.session import Spis
from lotor.ike.v2 import create_child, mobike, renewal
from lotor.ike.v2.message import Message
from lotor.ike.v2.sa import IkeSa, SkKeys
from lotor.model.algorithms import Cipher, EspSuite, Group, Integrity
from lotor.model.policy import ChildPolicy, Policy
from lotor.model.secret import Secret
from lotor.wire.v2.chain import Chain, build_chain, parse_chain
from lotor.wire.v2.numbers import ExchangeType, Flag, NotifyType, PayloadType
from lotor.wire.v2.payloads import KeyExchange, Notification
from peers.auth import SUITE2

CREATE, INFORMATIONAL = ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL
BOTH = ChildPolicy(
    (EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256), EspSuite(Cipher.AES_GCM_16, 256, None)),
)


@dataclass(frozen=True)
class Recorded:
    """A key pair of the recorded end."""

    group: Group
    public: bytes


def exchanges(name, exchange):
    """The requests of a recording with their responses, as they came."""
    found = [each for each in recordings_v2.contents() if each.recording == name and each.header.exchange == exchange]
    requests_ = [each for each in found if not each.header.flags & Flag.RESPONSE]
    assert 2 * len(requests_) == len(found)
    answers_ = [each for each in found if each.header.flags & Flag.RESPONSE]
    return [(request, next(each for each in answers_ if answer_of(request, each))) for request in requests_]


def answer_of(request, response):
    one, other = request.header, response.header
    return (one.initiator, one.responder, one.message_id) == (other.initiator, other.responder, other.message_id) and (
        one.flags ^ other.flags == Flag.INITIATOR | Flag.RESPONSE
    )


def chain_of(content) -> Chain:
    return parse_chain(content.first, content.octets)


def heard(one, content) -> Message:
    return Message(content.header, chain_of(content), one.session.path, protected=True)


def with_keys(one, recorded, *, initiator):
    """The next exchange is played with the numbers of the recorded end: `recorded` is the SA that it made."""
    who = "i" if initiator else "r"
    nonce, spi = bytes.fromhex(recorded[f"n{who}"]), bytes.fromhex(recorded[f"spi_{who}"])
    randomness = one.session.context.randomness
    randomness.nonce = lambda _: nonce
    randomness.cookie = lambda: spi
    one.answers[ReserveSpi] = lambda _: int.from_bytes(spi, "big")
    if recorded.get("group"):
        public = bytes.fromhex(recorded[f"ke_{who}"])
        randomness.key_pair = lambda group: Recorded(group, public)
        one.answers[Agree] = lambda _: Secret(bytes.fromhex(recorded["gir"]))


def newest(one):
    return max(one.session.children, key=lambda pair: pair.child.id).child


def has_keys(one, recorded, *, began):
    """Whether the newest pair is the recorded one; `began`: ours stands for the end that began its exchange."""
    child = newest(one)
    first, second = (child.outbound, child.inbound) if began else (child.inbound, child.outbound)
    found = (first.encryption, first.integrity, second.encryption, second.integrity)
    wanted = tuple(Secret(bytes.fromhex(recorded[name])) for name in ("encr_i", "auth_i", "encr_r", "auth_r"))
    return found == wanted and (first.spi, second.spi) == (int(recorded["spi_r"], 16), int(recorded["spi_i"], 16))


INSIDE = replace(GIVEN, split_include=(*GIVEN.split_include, IPv4Network("203.0.113.0/24")))
"""With the network that the recorded client asks for in its second pair."""


def gateway_after_login(name, monkeypatch, given=GIVEN):
    recording = Recording(name)
    one = gateway_of(recording, monkeypatch, given, proposals=(replace(SUITE2, group=Group.MODP2048),))
    one.session.context.policy = Policy((one.session.remote,), BOTH)
    answers(one, recording)
    return one


def client_after_login(name, monkeypatch):
    recording = Recording(name)
    one = client_of(recording, monkeypatch)
    requests(one, recording)
    return one


def test_our_gateway_renews_the_pairs_of_a_client_as_strongswan_did(monkeypatch):
    """With PFS, which only the renewals have; each replaces the one before."""
    name = "rekey-child-client"
    one = gateway_after_login(name, monkeypatch)
    sas = [each for each in recordings_v2.load(name)["child_sas"] if each["made_by"] == CREATE.name]
    for (request, response), sa in zip(exchanges(name, CREATE), sas, strict=True):
        with_keys(one, sa, initiator=False)
        one.story = create_child.responder(one.session, heard(one, request), lambda _: None)
        assert (one.step(None), one.failed) == (None, None)
        assert bodies(one.result) == bodies(chain_of(response))
        assert one.asked(Agree)[-1].public == chain_of(request).only(KeyExchange).data
        assert has_keys(one, sa, began=False)
        assert newest(one).replaces is not None
    assert len(one.asked(Agree)) == len(sas) > 1


def test_our_gateway_makes_a_second_pair_as_strongswan_did(monkeypatch):
    name = "multiple-children"
    one = gateway_after_login(name, monkeypatch, INSIDE)
    ((request, response),) = exchanges(name, CREATE)
    sa = recordings_v2.load(name)["child_sas"][1]
    with_keys(one, sa, initiator=False)
    one.story = create_child.responder(one.session, heard(one, request), lambda _: None)
    assert (one.step(None), one.failed) == (None, None)
    assert bodies(one.result) == bodies(chain_of(response))
    assert has_keys(one, sa, began=False)
    assert newest(one).replaces is None
    assert len(one.session.children) == 2


def test_our_client_lets_a_gateway_renew_its_pair_as_strongswan_did(monkeypatch):
    """The recorded gateway did so while the client was moving."""
    name = "mobike"
    one = client_after_login(name, monkeypatch)
    ((request, response),) = exchanges(name, CREATE)
    sa = recordings_v2.load(name)["child_sas"][1]
    with_keys(one, sa, initiator=False)
    one.story = create_child.responder(one.session, heard(one, request), lambda _: None)
    assert (one.step(None), one.failed) == (None, None)
    assert bodies(one.result) == bodies(chain_of(response))
    assert has_keys(one, sa, began=False)


def test_our_gateway_answers_a_client_that_moves_as_strongswan_did(monkeypatch):
    """NAT detection of the new path, and the cookie that shows that it is there (RFC 4555 §3.5, §3.7)."""
    one = gateway_after_login("mobike", monkeypatch)
    request, response = next(
        (request, response)
        for request, response in exchanges("mobike", INFORMATIONAL)
        if mobike.updates(chain_of(request))
    )
    said = parse_chain(*build_chain(mobike.answered(one.session, heard(one, request))))
    ours, theirs = ({each.type: each.data for each in chain.all(Notification)} for chain in (said, chain_of(response)))
    assert ours.keys() == theirs.keys()
    assert ours[NotifyType.COOKIE2] == theirs[NotifyType.COOKIE2]


def ike_sa(recorded) -> IkeSa:
    keys = SkKeys(*(bytes.fromhex(recorded[f"SK_{name}"] or "") for name in ("d", "ai", "ar", "ei", "er", "pi", "pr")))
    return IkeSa(recordings_v2.ike_suite(recorded["transforms"]), keys, *recordings_v2.octets(recorded, "ni", "nr"))


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_both_ends_renew_the_keys_of_the_ike_sa_as_strongswan_did(turn, monkeypatch):
    """Three times one after the other; the gateway begins, so that it is the initiator of all that follow."""
    name = "rekey-ike-gateway"
    old, new = (recordings_v2.load(name)["ike_sas"][number] for number in (turn - 1, turn))
    request, response = exchanges(name, CREATE)[turn - 1]
    for initiator in (True, False):
        one = (client_after_login if initiator is False else gateway_after_login)(name, monkeypatch)
        session = one.session
        session.spis, session.sa = Spis(*recordings_v2.octets(old, "spi_i", "spi_r")), ike_sa(old)
        session.remote = replace(session.remote, v2=replace(session.terms, proposals=(ike_sa(old).suite,)))
        with_keys(one, new, initiator=initiator)
        if initiator:
            one.story = renewal.initiator(session)
            asked = one.step(None)
            ours, theirs = bodies(asked.payloads), bodies(chain_of(request))
            assert {**ours, PayloadType.SA: b""} == {**theirs, PayloadType.SA: b""}, "but for what else is offered"
            assert (one.step(heard(one, response)), one.failed) == (None, None)
            made = one.result
        else:
            found = []
            one.story = renewal.responder(session, heard(one, request), found.append)
            assert (one.step(None), one.failed) == (None, None)
            assert bodies(one.result) == bodies(chain_of(response))
            (made,) = found
        assert made.session.sa.keys == ike_sa(new).keys
        assert (made.session.spis.initiator, made.session.spis.responder) == recordings_v2.octets(new, "spi_i", "spi_r")
