"""Recorded sessions of other peers: our gateway answers their client, and our client their gateway, octet for octet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, ip_network
from itertools import pairwise

import pytest

import recordings_v2
from lotor.ike.questions import (
    AcquireConfiguration,
    JudgePeer,
    KeyedAuth,
    RelayEap,
    ReserveSpi,
    SignAuth,
)
from lotor.ike.v2 import auth
from lotor.ike.v2.eap.talk import Talk
from lotor.ike.v2.message import Message
from lotor.ike.v2.sa import Abilities, IkeSa, SkKeys
from lotor.ike.v2.story import Reply, Request
from lotor.model.algorithms import Cipher, EapMethod, EspSuite, Integrity, Proving
from lotor.model.configuration import ModeConfiguration
from lotor.model.eap import EapAccepted, EapRequest
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Signature, Trusted
from lotor.model.policy import ChildPolicy, Policy
from lotor.model.secret import Secret
from lotor.wire.header import Header
from lotor.wire.v2.chain import Chain, build_chain, parse_chain
from lotor.wire.v2.numbers import VERSION, ExchangeType, PayloadType
from lotor.wire.v2.payloads import (
    Authentication,
    Configuration,
    Eap,
    encode_payload,
)
from lotor.wire.v2.signatures import read_signature
from peers.auth import SUITE2, End, client_policy, end, gateway_policy

GIVEN = ModeConfiguration(
    address=IPv4Address("10.99.99.10"),
    dns=(IPv4Address("10.99.99.1"),),
    split_include=(IPv4Network("10.99.99.0/24"),),
)
SIX = replace(
    GIVEN,
    address6=IPv6Interface("2001:db8:99::10/64"),
    dns6=(IPv6Address("2001:db8:99::1"),),
    split_include6=(ip_network("2001:db8:99::/64"),),
)
CHILD256 = ChildPolicy((EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256),))
ALICE = {"alice": "alicepass", "bob": "bobpass"}


@dataclass(frozen=True)
class Recording:
    """One session: what each end said in IKE_AUTH, in turns, and the keys."""

    name: str

    @property
    def vector(self) -> dict:
        return recordings_v2.load(self.name)

    def said(self, *, response: bool) -> list[Chain]:
        found: dict[int, list[dict]] = {}
        for message in self.vector["messages"]:
            fresh = message.get("exchange") == ExchangeType.IKE_AUTH and "retransmission_of" not in message
            if fresh and message["response"] is response:
                found.setdefault(message["msgid"], []).append(message)
        return [self._chain(pieces) for _, pieces in sorted(found.items())]

    def _chain(self, pieces: list[dict]) -> Chain:
        ordered = sorted(pieces, key=lambda each: (each.get("fragment") or [1])[0])
        plain = [bytes.fromhex(each["plain"]) for each in ordered]
        return parse_chain(ordered[0]["first"], b"".join(each[: -1 - each[-1]] for each in plain))

    @property
    def sa(self) -> IkeSa:
        sa = self.vector["ike_sas"][0]
        keys = SkKeys(*(bytes.fromhex(sa[f"SK_{name}"] or "") for name in ("d", "ai", "ar", "ei", "er", "pi", "pr")))
        octets = (bytes.fromhex(sa[name]) for name in ("ni", "nr", "message_1", "message_2"))
        return IkeSa(SUITE2, keys, *octets)

    def proof(self, who: str, turn: int = 0) -> Authentication:
        found = [each for each in self.vector["auths"] if each["who"] == who][turn]
        return Authentication(int(found["method"]), bytes.fromhex(found["data"]))

    def identity(self, who: str) -> Identity:
        body = bytes.fromhex(next(each["id"] for each in self.vector["auths"] if each["who"] == who))
        return Identity(body[0], body[4:])

    def child(self) -> dict:
        return next((each for each in self.vector["child_sas"] if each["made_by"] == "IKE_AUTH"), {})

    def prepare(self, one: End) -> End:
        session = one.session
        session.sa, session.abilities = self.sa, Abilities(schemes=one.session.abilities.schemes)
        session.context.policy = Policy((session.remote,), CHILD256)
        who = "i" if session.initiator else "r"
        spi = int(self.child().get(f"spi_{who}", "1000"), 16)
        one.answers[ReserveSpi] = lambda _: spi
        session.remote = replace(session.remote, v2=replace(session.terms, identity=self.identity(who)))
        one.passwords = ALICE
        one.psk = (self.vector.get("psk") or "").encode()
        return one


def message(chain: Chain) -> Message:
    header = Header(bytes(8), bytes(8), 0, ExchangeType.IKE_AUTH, 0, 1, version=VERSION)
    return Message(header, chain, end(client_policy(), initiator=True).session.path, protected=True)


def bodies(payloads) -> dict[int, bytes]:
    """By type, without notifications: each end announces what it can."""
    chain = payloads if isinstance(payloads, Chain) else parse_chain(*build_chain(payloads))
    return {each.type: each.body for each in chain.payloads if each.type != PayloadType.NOTIFICATION}


def gateway_of(recording: Recording, monkeypatch, given: ModeConfiguration = GIVEN, **terms) -> End:
    """Ours in the place of the recorded one, with the same randomness."""
    one = recording.prepare(end(gateway_policy(**terms), initiator=False))
    packets = [each.first(Eap) for each in recording.said(response=True)]
    numbers = [each.packet[1] for each in packets if each is not None and each.packet[0] == 1]
    after = dict(pairwise(numbers))
    monkeypatch.setattr(Talk, "following", lambda talk: numbers[0] if talk.opening else after[talk.identifier])
    challenges = iter([bytes.fromhex(each["authenticator_challenge"]) for each in recording.vector["mschapv2"]])
    monkeypatch.setattr(one.session.context.randomness, "nonce", lambda _: next(challenges))
    one.answers[AcquireConfiguration] = lambda _: given
    signed = [each for each in recording.vector["auths"] if each["who"] == "r" and int(each["method"]) != 2]
    if signed:
        one.answers[SignAuth] = lambda _: Signature(read_signature(recording.proof("r"))[1])
    one.answers[JudgePeer] = lambda _: Trusted("alice")
    return one


def answers(one: End, recording: Recording) -> list:
    """What our gateway says to each request of the recorded client."""
    found = []
    for request in recording.said(response=False):
        word = one.hear(message(request))
        assert one.failed is None, one.failed
        found.append(word.payloads if isinstance(word, Reply) else one.result)
    return found


def has_recorded_keys(one: End, recording: Recording) -> bool:
    pair, child = next(iter(one.session.children)).child, recording.child()
    first, second = (pair.outbound, pair.inbound) if one.session.initiator else (pair.inbound, pair.outbound)
    found = (first.encryption, first.integrity, second.encryption, second.integrity)
    wanted = tuple(Secret(bytes.fromhex(child[name])) for name in ("encr_i", "auth_i", "encr_r", "auth_r"))
    spis = (int(child["spi_r"], 16), int(child["spi_i"], 16))
    return found == wanted and (first.spi, second.spi) == spis


LEFT_TO_US = {PayloadType.CERTIFICATE, PayloadType.EAP}
"""What our gateway words in its own way; its proofs, configuration, proposals and selectors are the recorded ones."""


def same(ours, theirs: Chain) -> bool:
    here, there = bodies(ours), bodies(theirs)
    assert here.keys() == there.keys()
    return all(here[kind] == there[kind] for kind in here.keys() - LEFT_TO_US)


def test_our_gateway_says_what_strongswan_said_to_a_login(monkeypatch):
    recording = Recording("eap-mschapv2")
    one = gateway_of(recording, monkeypatch)
    said = answers(one, recording)
    assert all(map(same, said, recording.said(response=True)))
    shown = [bodies(each).get(PayloadType.EAP, b"") for each in said]
    recorded_ = [bodies(each).get(PayloadType.EAP, b"") for each in recording.said(response=True)]
    assert shown[2][9:51] == recorded_[2][9:51]  # S= with the authenticator of both
    assert shown[3] == recorded_[3]
    assert has_recorded_keys(one, recording)


def test_our_gateway_says_what_strongswan_said_with_ipv6(monkeypatch):
    recording = Recording("config-payload")
    one = gateway_of(recording, monkeypatch, SIX)
    said = answers(one, recording)
    here, there = bodies(said[-1]), bodies(recording.said(response=True)[-1])
    for kind in (PayloadType.AUTHENTICATION, PayloadType.SA, 44, 45):
        assert here[kind] == there[kind]
    told = next(each for each in said[-1] if isinstance(each, Configuration))
    theirs = recording.said(response=True)[-1].only(Configuration)
    for kind in (1, 3, 8, 10):
        assert told.all(kind) == theirs.all(kind)
    assert has_recorded_keys(one, recording)


def test_our_gateway_takes_a_shared_key_as_strongswan_did(monkeypatch):
    recording = Recording("psk")
    one = gateway_of(recording, monkeypatch, local=Proving.SHARED_KEY, peer=(Proving.SHARED_KEY,))
    one.session.remote = replace(one.session.remote, mode_cfg=True)
    assert all(map(same, answers(one, recording), recording.said(response=True)))
    assert has_recorded_keys(one, recording)


@pytest.mark.parametrize("name", ["pubkey-rsa", "signatures-rsa-pss-256", "signatures-P-384"])
def test_our_gateway_takes_a_certificate_as_strongswan_did(name, monkeypatch):
    recording = Recording(name)
    one = gateway_of(recording, monkeypatch, local=Proving.CERTIFICATE, peer=(Proving.CERTIFICATE,))
    one.session.remote = replace(one.session.remote, mode_cfg=True)
    last = answers(one, recording)[-1]
    here, there = bodies(last), bodies(recording.said(response=True)[-1])
    assert here[PayloadType.CONFIGURATION] == there[PayloadType.CONFIGURATION]
    assert has_recorded_keys(one, recording)
    proof = one.asked(JudgePeer)[0].proof
    assert (proof.client, proof.scheme is not None, len(proof.chain)) == (True, True, 1)


def test_our_gateway_goes_without_a_pair_as_strongswan_did(monkeypatch):
    recording = Recording("childless")
    one = gateway_of(recording, monkeypatch, peer=(Proving.CERTIFICATE,))
    one.session.remote = replace(one.session.remote, mode_cfg=True)
    last = answers(one, recording)[-1]
    assert PayloadType.SA not in bodies(last)
    assert bodies(last)[PayloadType.CONFIGURATION] == bodies(recording.said(response=True)[-1])[47]
    assert not one.session.children


@pytest.mark.parametrize("name", ["eap-tls", "eap-ttls", "eap-peap", "eap-md5"])
def test_our_gateway_passes_the_packets_of_a_server(name, monkeypatch):
    """The recorded gateway's packets are those of a RADIUS server; its key is the one of AUTH."""
    recording = Recording(name)
    one = gateway_of(recording, monkeypatch, eap=(EapMethod.RADIUS,))
    secret = next(
        each
        for each in recording.vector["auths"]
        if each["secret_kind" if "secret_kind" in each else "who"] in ("msk", "SK_p")
    )
    msk = Secret(bytes.fromhex(secret["secret"]) if secret["secret_kind"] == "msk" else b"")
    packets = [each.first(Eap).packet for each in recording.said(response=True) if each.first(Eap)]
    server = iter(packets[1:])
    heard = []

    def relayed(question):
        heard.append(question.attempt.packet)
        said = next(server)
        return EapRequest(said, b"state") if said[0] == 1 else EapAccepted("alice", said, msk)

    one.answers[RelayEap] = relayed
    assert all(map(same, answers(one, recording), recording.said(response=True)))
    responses = [each.first(Eap).packet for each in recording.said(response=False) if each.first(Eap)]
    assert heard == responses
    assert has_recorded_keys(one, recording)


def test_a_recorded_wrong_password(monkeypatch):
    recording = Recording("eap-mschapv2-wrong-password")
    monkeypatch.setattr(Recording, "identity", lambda self, who: Identity(IdKind.FQDN, b"gw.example.org"))
    one = gateway_of(recording, monkeypatch)
    said = answers(one, recording)
    assert b"E=691" in bodies(said[-1])[PayloadType.EAP]
    assert not one.asked(AcquireConfiguration)
    assert not one.session.gates.all_open()


# --- our client ------------------------------------------------------------------------------------------------------


def requests(one: End, recording: Recording) -> list:
    """What our client says, and hears the recorded gateway."""
    one.story, found = auth.initiator(one.session), []
    word = one.step(None)
    for response in recording.said(response=True):
        assert isinstance(word, Request), one.failed
        found.append(word.payloads)
        word = one.step(message(response))
    assert (word, one.failed) == (None, None)
    return found


def client_of(recording: Recording, monkeypatch, **terms) -> End:
    one = recording.prepare(end(client_policy(esn=False, **terms), initiator=True))
    made = iter([bytes.fromhex(each["peer_challenge"]) for each in recording.vector["mschapv2"]])
    monkeypatch.setattr(one.session.context.randomness, "nonce", lambda _: next(made))
    one.answers[JudgePeer] = lambda _: Trusted("gw.example.org")
    one.login = ("alice", "alicepass")
    return one


@pytest.mark.parametrize("name", ["eap-mschapv2", "config-payload"])
def test_our_client_says_what_strongswan_said_in_a_login(name, monkeypatch):
    recording = Recording(name)
    one = client_of(recording, monkeypatch)
    said, theirs = requests(one, recording), recording.said(response=False)
    for ours, recorded_ in zip(said[1:], theirs[1:], strict=True):
        assert bodies(ours) == bodies(recorded_)
    first, there = bodies(said[0]), bodies(theirs[0])
    for kind in (PayloadType.IDENTIFICATION_I, PayloadType.SA):
        assert first[kind] == there[kind]
    assert has_recorded_keys(one, recording)
    assert one.session.inner.configuration.address == IPv4Address("10.99.99.10")
    assert one.session.inner.configuration.split_include == (IPv4Network("10.99.99.0/24"),)


def test_our_client_takes_a_shared_key_as_strongswan_did(monkeypatch):
    recording = Recording("psk")
    one = client_of(recording, monkeypatch, local=Proving.SHARED_KEY, peer=(Proving.SHARED_KEY,))
    (said,) = requests(one, recording)
    assert bodies(said)[PayloadType.AUTHENTICATION] == encode_payload(recording.proof("i"))
    assert len(one.asked(KeyedAuth)) == 2
    assert has_recorded_keys(one, recording)
