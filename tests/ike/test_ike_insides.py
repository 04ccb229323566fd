"""Two peers never have the same inside: whoever is there keeps it, and who has gone makes room."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from types import SimpleNamespace

import pytest

from lotor.ike.events import Dropped, Ended
from lotor.ike.intents import Reload
from lotor.ike.questions import LastInbound
from lotor.ike.v1 import insides
from lotor.model.algorithms import AuthMethod
from lotor.model.identity import Identity, IdKind
from lotor.model.network import Peer
from lotor.model.policy import ExchangeMode, Policy
from lotor.model.reason import Cause
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import ConfigType, Protocol
from lotor.wire.v1.payloads import Attributes, Delete, Identification, Nonce
from lotor.wire.v1.proposals import esp_transform, ike_transform
from lotor.wire.v1.vendors import Vendor
from peers.counter import Counter
from peers.speaker import I, Manners, Q, Speaker, T
from peers.world import CHILD, GATEWAY, suite_with

INSIDE = IPv4Address("10.0.0.5")
CLAIM = Identity(IdKind.IPV4_ADDR, INSIDE.packed)
BOB = Identity(IdKind.FQDN, b"bob")
HERE, THERE = Peer(IPv4Address("203.0.113.1"), 20001), Peer(IPv4Address("203.0.113.2"), 20002)
SUITE = suite_with(AuthMethod.PSK)
ESP = SecurityAssociation(
    (
        Proposal(
            1,
            Protocol.ESP,
            b"\1\2\3\4",
            (esp_transform(1, CHILD.suites[0], group=None, encapsulation=3, lifetime=3600),),
        ),
    )
)


class Meeting:
    """A gateway that gives no addresses and holds one key for everybody."""

    def __init__(self, mode: ExchangeMode = ExchangeMode.AGGRESSIVE) -> None:
        remote = replace(GATEWAY, proposals=(SUITE,), exchange_modes=(mode,))
        self.counter, self.main = Counter(Policy((remote,), CHILD)), mode is ExchangeMode.MAIN
        self.alive = True
        self.counter.host.answers[LastInbound] = lambda _: self.counter.now if self.alive else None

    def come(self, seed: int, place: Peer, identity: Identity = CLAIM, dpd: bool = True) -> Speaker:
        vendors = (Vendor.RFC3947.value, *((Vendor.DPD.value,) if dpd else ()))
        psk = self.counter.host.psk
        manners = Manners((ike_transform(1, SUITE),), vendors=vendors, identity=identity, main=self.main, psk=psk)
        speaker, say = Speaker(seed, manners), lambda octets: self.counter.receive(octets, place)
        (answer,) = say(speaker.first())
        if self.main:
            (answer,) = say(speaker.main_third(answer))
            (answer, *_) = say(speaker.main_fifth(answer))
            speaker.main_sixth(answer)
        else:
            speaker.second(answer)
            say(speaker.third())
        return speaker

    def ask(self, speaker: Speaker, place: Peer, number: int = 900, inside: IPv4Address | None = None) -> None:
        """Quick mode for one's own inside, up to the answer."""
        ends = () if inside is None else (Identification(1, 0, 0, inside.packed), Identification(4, 0, 0, bytes(8)))
        self.counter.receive(speaker.say(Q, number, ESP, Nonce(bytes(16)), *ends), place)
        self.counter.wait(4)

    @property
    def held(self) -> list[tuple[int, IPv4Network]]:
        """The sessions of the SA pairs that there are, and their insides."""
        return [
            (child.session, network)
            for child in self.counter.host.installed.values()
            for network in child.remote_networks
        ]


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("inside", [None, INSIDE])
def test_n6_the_inside_of_a_peer_that_is_there_is_not_taken(mode, inside):
    meeting = Meeting(mode)
    meeting.ask(meeting.come(50, HERE), HERE, inside=inside)
    meeting.ask(meeting.come(51, THERE), THERE, inside=inside)
    assert meeting.held == [(1, IPv4Network(INSIDE))]
    told = [event.text() for event in meeting.counter.host.of(Dropped)]
    assert any("the peer's inside 10.0.0.5 is the inside of another session, of 10.0.0.5" in text for text in told), (
        told
    )
    assert not meeting.counter.host.of(Ended)


def test_n6_a_peer_that_has_gone_makes_room():
    meeting = Meeting()
    meeting.ask(meeting.come(50, HERE), HERE)
    meeting.alive = False
    meeting.ask(meeting.come(51, THERE), THERE)
    assert [event.reason.cause for event in meeting.counter.host.of(Ended)] == [Cause.REPLACED]
    assert meeting.held == [(2, IPv4Network(INSIDE))]


def test_n6_after_a_good_bye_the_inside_is_free():
    meeting = Meeting()
    first = meeting.come(50, HERE)
    meeting.ask(first, HERE)
    meeting.counter.receive(first.say(I, 77, Delete(Protocol.ISAKMP, (first.cky_i + first.cky_r,))), HERE)
    meeting.ask(meeting.come(51, THERE), THERE)
    assert meeting.held == [(2, IPv4Network(INSIDE))]


@pytest.mark.parametrize("dpd", [True, False])
def test_n6_who_cannot_be_asked_keeps_it_against_other_names(dpd):
    """Another name behind that very address: without dead peer detection silence says nothing."""
    meeting = Meeting()
    meeting.ask(meeting.come(50, HERE, dpd=dpd), HERE)
    meeting.alive, behind = False, Peer(INSIDE, 4500)
    meeting.ask(meeting.come(51, behind, BOB), behind)
    assert meeting.held == [(2 if dpd else 1, IPv4Network(INSIDE))]


def test_n6_two_at_once_are_told_apart():
    """The second asks before the first has an SA pair."""
    meeting = Meeting()
    first, second = meeting.come(50, HERE), meeting.come(51, THERE)
    effects = []
    for speaker, place in ((first, HERE), (second, THERE)):
        datagram = speaker.say(Q, 900, ESP, Nonce(bytes(16)))
        local = replace(meeting.counter.endpoint._sessions.by_id[1].path, remote=place)
        effects += meeting.counter.endpoint.receive(datagram, local, meeting.counter.now)
    meeting.counter.settle(effects)
    meeting.counter.wait(4)
    assert meeting.held == [(1, IPv4Network(INSIDE))]


def test_n6_a_renewed_phase_one_keeps_its_inside():
    meeting = Meeting()
    meeting.ask(meeting.come(50, HERE), HERE)
    again = meeting.come(60, HERE)
    assert list(meeting.counter.endpoint._sessions.by_id) == [1]
    meeting.ask(meeting.come(51, THERE), THERE)
    assert {session for session, _ in meeting.held} == {1}
    meeting.ask(again, HERE, 901)
    assert {session for session, _ in meeting.held} == {1}


def test_n6_an_address_that_is_given_since_a_reload_is_nobodys_own_any_more():
    meeting, given = Meeting(), IPv4Address("10.99.99.1")
    meeting.ask(meeting.come(50, HERE, Identity(IdKind.IPV4_ADDR, given.packed)), HERE)
    assert meeting.held == [(1, IPv4Network(given))]
    remote = replace(meeting.counter.policy.remotes[0], mode_cfg=True)
    meeting.counter.endpoint.command(Reload(Policy((remote,), CHILD)), meeting.counter.now)
    second = meeting.come(51, THERE, BOB)
    request = Attributes(ConfigType.REQUEST, 0, (Attribute.tlv(1, b""),))
    meeting.counter.receive(second.say(T, 41, request), THERE)
    meeting.ask(second, THERE)
    assert [event.session for event in meeting.counter.host.of(Ended)] == [1]
    assert "10.99.99.1 is given to clients now" in meeting.counter.host.of(Ended)[0].reason.text
    assert meeting.held == [(2, IPv4Network(given))]


def test_n6_the_second_peer_of_these_tests_is_no_straw_man(monkeypatch):
    def nothing(*_):
        return
        yield

    monkeypatch.setattr(insides, "take", nothing)
    meeting = Meeting()
    meeting.ask(meeting.come(50, HERE), HERE)
    meeting.ask(meeting.come(51, THERE), THERE)
    assert meeting.held == [(1, IPv4Network(INSIDE)), (2, IPv4Network(INSIDE))]


def test_a_network_that_a_session_has_already_is_not_sought_again():
    """A rekey of one: a walk through ten thousand sessions that brought networks would stop the whole gateway."""

    def holder(session, inside):
        asked.append(inside)

    asked: list[object] = []
    mine, other = ip_network("10.1.0.0/16"), ip_network("10.2.0.0/16")
    registry = SimpleNamespace(holder=holder, housed=lambda _: None)
    pairs = [SimpleNamespace(selectors=SimpleNamespace(remote=mine))]
    inner = SimpleNamespace(configuration=None, brought=mine)
    session = SimpleNamespace(gateway=True, inner=inner, children=pairs, registry=registry)
    assert [list(insides.take(session, SimpleNamespace(remote=each))) for each in (mine, other)] == [[], []]
    assert asked == [other]
