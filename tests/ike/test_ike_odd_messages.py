"""Proved peers that say odd things: each was once answered wrongly, or raised where nothing may raise."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from lotor.ike.events import ChildDown, ChildUp, Configured, Ended
from lotor.ike.intents import ChildExpired
from lotor.ike.questions import AcquireConfiguration, AskPerson, CheckLogin, JudgePeer
from lotor.model.algorithms import AuthMethod
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure
from lotor.model.login import Credentials
from lotor.model.network import Peer
from lotor.model.policy import Policy, ProposalCheck
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.reasons.local import EngineFault
from lotor.model.secret import Secret
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import ConfigType, EspAttribute, NotifyType, PayloadType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import Attributes, Delete, KeyExchange, Nonce, Notification, Unknown
from lotor.wire.v1.proposals import esp_transform, ike_transform
from lotor.wire.v1.vendors import Vendor
from peers.counter import Counter
from peers.speaker import I, Manners, Q, Speaker, T
from peers.world import ALICE, CHILD, CLIENT, CONFIGURATION, GATEWAY, SUITE, connect, is_up, pair


def _proved(counter: Counter, **manners) -> tuple[Speaker, object]:
    """A client whose phase 1 is done, and the gateway's first request."""
    speaker = Speaker(manners=Manners(**manners))
    speaker.second(counter.receive(speaker.first())[0])
    return speaker, speaker.hear(counter.receive(speaker.third())[0])


def _logged_in(counter: Counter, **manners) -> Speaker:
    speaker, _ = _proved(counter, **manners)
    user, password = (value.encode() for value in ALICE[0])
    reply = Attributes(
        ConfigType.REPLY,
        0,
        (Attribute.tlv(XauthAttribute.USER_NAME, user), Attribute.tlv(XauthAttribute.USER_PASSWORD, password)),
    )
    message_id = max(key[1] for key in speaker.threads)
    answers = counter.receive(speaker.say(T, message_id, reply))
    status = speaker.hear(answers[0])
    assert status.only(Attributes).first(XauthAttribute.STATUS).number == 1
    asked = Attributes(ConfigType.REQUEST, 5, (Attribute.tlv(1, b""),))
    answers = counter.receive(speaker.say(T, 41, asked))
    assert speaker.hear(answers[0]).only(Attributes).first(1).data == bytes([10, 99, 99, 1])
    return speaker


def _offer(*extra: Attribute) -> SecurityAssociation:
    transform = esp_transform(1, CHILD.suites[0], group=None, encapsulation=3, lifetime=3600)
    changed = Transform(1, transform.id, (*transform.attributes, *extra))
    return SecurityAssociation((Proposal(1, Protocol.ESP, b"\x11\x22\x33\x44", (changed,)),))


@pytest.mark.parametrize("check", list(ProposalCheck))
@pytest.mark.parametrize("group", [1, 3, 22, 77, 65535])
def test_a_pfs_group_that_nobody_knows_is_no_proposal(check, group):
    counter = Counter(Policy((replace(GATEWAY, proposal_check=check),), CHILD))
    speaker = _logged_in(counter)
    answers = counter.receive(speaker.say(Q, 50, _offer(Attribute.tv(EspAttribute.GROUP, group)), Nonce(bytes(16))))
    assert speaker.hear(answers[0]).only(Notification).type == NotifyType.NO_PROPOSAL_CHOSEN
    assert not counter.host.installed
    assert "group" in counter.text[-1], counter.text[-1]


@pytest.mark.parametrize("kind", [ConfigType.REPLY, ConfigType.SET, ConfigType.ACK, 0, 9])
def test_only_a_request_is_answered_with_a_configuration(kind):
    counter = Counter()
    speaker = _logged_in(counter)
    assert not counter.receive(speaker.say(T, 42, Attributes(kind, 5, (Attribute.tlv(1, b""),))))


def test_a_verdict_that_is_not_a_yes_is_a_no():
    world, gateway, client = pair()
    client.answers[JudgePeer] = lambda _: Failure(EngineFault("the keys cannot be read"))
    connect(world, client, gateway)
    assert world.run(20, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason == EngineFault("the keys cannot be read")
    assert not [question for question in client.questions if isinstance(question, AskPerson)]


def test_a_configuration_that_fits_in_no_message_ends_one_session_and_says_so():
    networks = tuple(IPv4Network((0x0A000000 + 256 * number, 24)) for number in range(1000))
    world, gateway, client = pair()
    gateway.answers[AcquireConfiguration] = lambda _: replace(
        CONFIGURATION, banner=b"x" * 60000, split_include=networks, split_local=networks
    )
    connect(world, client, gateway)
    assert world.run(60, lambda: bool(gateway.of(Ended)))
    assert gateway.of(Ended)[0].reason.cause is Cause.LOCAL_FAULT
    assert not gateway.of(Configured)


def test_an_answer_that_fits_in_no_message_ends_one_session_and_says_so():
    world, gateway, client = pair()
    client.answers[AskPerson] = lambda _: Credentials(
        ((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret(bytes(70000))))
    )
    connect(world, client, gateway)
    assert world.run(60, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.LOCAL_FAULT
    assert not [question for question in gateway.questions if isinstance(question, CheckLogin)]


def test_a_client_is_asked_for_a_login_only_where_the_method_has_one():
    """A group key is everybody's: who holds it must not be able to ask for passwords."""
    suite = replace(SUITE, method=AuthMethod.PSK)
    world, gateway, client = pair(
        gateway=replace(GATEWAY, proposals=(suite,)), client=replace(CLIENT, proposals=(suite,))
    )
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    session = next(iter(gateway.endpoint._sessions.by_id.values()))
    _ask_out_of_turn(world, gateway, session)
    assert not [question for question in client.questions if isinstance(question, AskPerson)]


def test_a_client_that_is_in_is_not_asked_again():
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    asked = len([question for question in client.questions if isinstance(question, AskPerson)])
    _ask_out_of_turn(world, gateway, next(iter(gateway.endpoint._sessions.by_id.values())))
    assert len([question for question in client.questions if isinstance(question, AskPerson)]) == asked == 1


def _ask_out_of_turn(world, gateway, session) -> None:
    from lotor.ike.v1 import sequence, xauth

    sequence._transact(session, xauth.gateway(session, sequence._let_in), lambda *_: None, world.now)
    world.do(gateway, gateway.endpoint._context.drain())
    world.run(3)


def test_a_quick_mode_that_fails_leaves_the_old_pair_the_newest():
    """A rekey follows the pair that is up, also after one that came to nothing."""
    counter = Counter()
    speaker = _logged_in(counter, vendors=(Vendor.XAUTH.value, Vendor.RFC3947.value))
    speaker.hear(counter.receive(speaker.say(Q, 50, _offer(), Nonce(bytes(16))))[0])
    counter.receive(speaker.say(Q, 50))
    first = counter.host.of(ChildUp)[0].child
    speaker.hear(counter.receive(speaker.say(Q, 51, _offer(), Nonce(bytes(16))))[0])
    counter.wait(60)
    assert list(counter.host.installed) == [first.id], "the half-made pair stays for ever"
    speaker.hear(counter.receive(speaker.say(Q, 52, _offer(), Nonce(bytes(16))))[0])
    counter.receive(speaker.say(Q, 52))
    assert counter.host.of(ChildUp)[1].child.replaces == first.id


def test_a_client_whose_last_pair_the_gateway_deletes_makes_a_new_one():
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    theirs = gateway.of(ChildUp)[0].child
    world.do(gateway, gateway.endpoint.command(ChildExpired(theirs.id, hard=True), world.now))
    assert world.run(5, lambda: len(client.of(ChildUp)) == 2 and len(gateway.of(ChildUp)) == 2)
    assert client.of(ChildDown)
    assert len(client.installed) == len(gateway.installed) == 1


@pytest.mark.parametrize("size", [0, 1, 7, 257, 5000])
def test_nonces_have_8_to_256_octets(size):
    counter = Counter()
    speaker = Speaker(manners=Manners(nonce=size))
    answers = counter.receive(speaker.first())
    assert all(data[18] == I for data in answers)
    assert not counter.sessions
    counter = Counter()
    speaker = _logged_in(counter)
    counter.receive(speaker.say(Q, 50, _offer(), Nonce(bytes(size))))
    assert not counter.host.installed


def test_a_message_full_of_probes_has_one_answer():
    counter = Counter()
    speaker = _logged_in(counter)
    probes = [Notification(NotifyType.R_U_THERE, number.to_bytes(4, "big")) for number in range(60)]
    assert len(counter.receive(speaker.say(I, 60, *probes))) == 1


def test_pfs_without_a_public_value_is_refused():
    counter = Counter()
    speaker = _logged_in(counter)
    group = Attribute.tv(EspAttribute.GROUP, 2)
    answers = counter.receive(speaker.say(Q, 50, _offer(group), Nonce(bytes(16))))
    assert speaker.hear(answers[0]).only(Notification).type == NotifyType.NO_PROPOSAL_CHOSEN
    for number, public in enumerate((bytes(128), b"\1" * 127, b"\xff" * 128, bytes(127) + b"\1")):
        asked = _offer(group), Nonce(bytes(16)), KeyExchange(public)
        answers = counter.receive(speaker.say(Q, 51 + number, *asked))
        assert speaker.hear(answers[0]).only(Notification).type == NotifyType.INVALID_KEY_INFORMATION
    assert not counter.host.installed


def test_offers_of_other_transforms_are_passed_over():
    counter = Counter()
    odd = Transform(1, 1, (Attribute.tv(1, 7), Attribute.tlv(99, b"?")))
    speaker = Speaker(manners=Manners(transforms=(replace(ike_transform(2, SUITE)), odd)))
    assert counter.receive(speaker.first())


def test_a_client_that_goes_on_has_heard_the_yes():
    """An acknowledgement that is lost is not asked for again, and its lack ends nobody's tunnel."""
    counter = Counter()
    _logged_in(counter, vendors=(Vendor.XAUTH.value, Vendor.RFC3947.value))
    assert set(counter.wait(60)) <= {b"\xff"}
    assert counter.sessions == 1


@pytest.mark.parametrize(("named", "admitted"), [("10.99.99.1", False), ("192.168.1.10", True)])
def test_a_peer_without_a_lease_does_not_name_itself_after_somebodys_address(named, admitted):
    """A pre-shared key without XAUTH brings its own inside address; it never takes one that was given to a login."""
    keyed = replace(GATEWAY, name="keyed", proposals=(replace(SUITE, method=AuthMethod.PSK),))
    counter = Counter(Policy((GATEWAY, keyed), CHILD))
    _logged_in(counter)
    identity = Identity(IdKind.IPV4_ADDR, IPv4Address(named).packed, 17, 500)
    transforms = (ike_transform(1, keyed.proposals[0]),)
    speaker = Speaker(2, Manners(transforms=transforms, identity=identity, psk=counter.host.psk))
    elsewhere = Peer(IPv4Address("203.0.113.9"), 500)
    speaker.second(counter.receive(speaker.first(), elsewhere)[0])
    counter.receive(speaker.third(), elsewhere)
    answers = counter.receive(speaker.say(Q, 50, _offer(), Nonce(bytes(16))), elsewhere)
    told = speaker.hear(answers[0]).first(Notification)
    assert (told is None) is admitted
    assert bool(counter.host.installed) is admitted


@pytest.mark.parametrize(
    ("kilobytes", "kept"), [(1, 1024), (5000, 5000), (2**32 - 1, 2**32 - 1), (2**63, 2**32 - 1), (2**80, 2**32 - 1)]
)
def test_f16_a_volume_is_kept_within_its_bounds(kilobytes, kept):
    counter = Counter()
    speaker = _logged_in(counter)
    data = kilobytes.to_bytes(12, "big")
    volume = (Attribute.tv(EspAttribute.LIFE_TYPE, 2), Attribute.tlv(EspAttribute.LIFE_DURATION, data))
    speaker.hear(counter.receive(speaker.say(Q, 50, _offer(*volume), Nonce(bytes(16))))[0])
    (child,) = counter.host.installed.values()
    assert child.lifetime.hard_octets == kept * 1024


@pytest.mark.parametrize("seconds", [1, 2**32, 2**40, 2**63])
def test_f16_a_lifetime_beyond_its_bounds_is_kept_within_them_and_renewed(seconds):
    """Under `obey` the gateway takes the client's number over; its own renewal names it again, and has to be sent."""
    counter = Counter(Policy((replace(GATEWAY, proposal_check=ProposalCheck.OBEY),), CHILD))
    speaker = _logged_in(counter)
    transform = esp_transform(1, CHILD.suites[0], group=None, encapsulation=3, lifetime=seconds)
    offer = SecurityAssociation((Proposal(1, Protocol.ESP, b"\x11\x22\x33\x44", (transform,)),))
    speaker.hear(counter.receive(speaker.say(Q, 50, offer, Nonce(bytes(16))))[0])
    counter.receive(speaker.say(Q, 50))
    (child,) = counter.host.installed.values()
    assert child.lifetime.hard_seconds == min(max(seconds, 30), 2**32 - 1)
    (asked,) = counter.settle(counter.endpoint.command(ChildExpired(child.id, hard=False), counter.now))
    assert asked[18] == Q
    assert len(counter.endpoint._sessions.by_id[1].exchanges.running(Q)) == 1


# --- informational messages ------------------------------------------------------------------------------------------


class Watched(dict):
    """Counts the looks at it."""

    looks = 0

    def get(self, *key):
        self.looks += 1
        return super().get(*key)


def _quick(counter: Counter, speaker: Speaker, message_id: int, spi: bytes) -> None:
    transform = esp_transform(1, CHILD.suites[0], group=None, encapsulation=3, lifetime=3600)
    offer = SecurityAssociation((Proposal(1, Protocol.ESP, spi, (transform,)),))
    speaker.hear(counter.receive(speaker.say(Q, message_id, offer, Nonce(bytes(16))))[0])
    counter.receive(speaker.say(Q, message_id))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8, 16, 255])
def test_f9_a_delete_with_spis_of_another_size_is_nothing(size):
    counter = Counter()
    speaker = _logged_in(counter)
    _quick(counter, speaker, 50, b"\x00\x00\x10\x01")
    body = (1).to_bytes(4, "big") + bytes([Protocol.ESP, size]) + (200).to_bytes(2, "big") + bytes(200 * size)
    counter.receive(speaker.say(I, 60, Unknown(PayloadType.DELETE, body)))
    assert len(counter.host.installed) == 1


@pytest.mark.parametrize(("counts", "counted"), [((64,), 64), ((65,), 0), ((1000,), 0), ((60, 5), 0), ((32, 32), 64)])
def test_f9_the_spis_of_a_message_are_few_and_each_is_looked_up_once(counts, counted):
    counter = Counter()
    speaker = _logged_in(counter)
    for number in range(3):
        _quick(counter, speaker, 50 + number, b"\x00\x00\x10" + bytes([number]))
    (session,) = counter.endpoint._sessions.by_id.values()
    watched = session.children._by_outbound = Watched(session.children._by_outbound)
    deletes = [Delete(Protocol.ESP, (b"\x00\x00\x10\x01", *[b"\x00\x00\x20\x00"] * (count - 1))) for count in counts]
    counter.receive(speaker.say(I, 60, *deletes))
    assert watched.looks == counted
    assert len(counter.host.installed) == (2 if counted else 3)


def test_f9_pairs_of_one_spi_are_deleted_one_after_the_other():
    counter = Counter()
    speaker = _logged_in(counter)
    for number in range(2):
        _quick(counter, speaker, 50 + number, b"\x00\x00\x10\x01")
    for left in (1, 0):
        counter.receive(speaker.say(I, 60 + left, Delete(Protocol.ESP, (b"\x00\x00\x10\x01",))))
        assert len(counter.host.installed) == left


def test_f9_before_the_login_nothing_counts_but_the_end_and_signs_of_life():
    counter = Counter()
    speaker, _ = _proved(counter)
    before = list(counter.host.events)
    odd = [Notification(kind) for kind in range(1, 31)]
    counter.receive(speaker.say(I, 60, *odd, Notification(NotifyType.RESPONDER_LIFETIME, bytes(8))))
    counter.receive(speaker.say(I, 61, Delete(Protocol.ESP, (bytes(4),) * 64)))
    assert counter.host.events == before
    assert counter.receive(speaker.say(I, 62, Notification(NotifyType.R_U_THERE, bytes(4), spi=_cookies(speaker))))
    counter.receive(speaker.say(I, 63, Notification(NotifyType.INITIAL_CONTACT, spi=_cookies(speaker))))
    (session,) = counter.endpoint._sessions.by_id.values()
    assert session.initial_contact
    counter.receive(speaker.say(I, 64, Delete(Protocol.ISAKMP, (_cookies(speaker),))))
    assert not counter.sessions


def test_f9_few_kinds_of_notify_count_in_a_message():
    counter = Counter()
    speaker = _logged_in(counter)
    before = len(counter.host.events)
    counter.receive(speaker.say(I, 60, *[Notification(kind) for kind in range(1, 31)] * 2))
    assert len(counter.host.events) - before == 8


def _cookies(speaker: Speaker) -> bytes:
    return speaker.cky_i + speaker.cky_r
