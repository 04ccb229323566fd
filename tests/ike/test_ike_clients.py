"""Third-party clients log in to our gateway, go on for hours in virtual time, and leave; each in its own manners."""

from __future__ import annotations

from dataclasses import replace

import pytest

import recordings
from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, LoginRefused, PhaseOneUp, Up
from lotor.ike.questions import AcquireConfiguration, LastInbound
from lotor.model.algorithms import AuthMethod, Cipher, EspSuite, Group, Hash, IkeSuite, Integrity
from lotor.model.child import Encapsulation
from lotor.model.policy import ChildPolicy, ExchangeMode, ProposalCheck, Switch
from lotor.model.reason import Cause
from lotor.wire.header import Header
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.numbers import ConfigAttribute, ConfigType, NotifyType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import Attributes, Delete, Identification, Nonce, Notification, VendorId
from peers import clients
from peers.speaker import I, Q, T
from peers.visitor import Visitor, with_manners
from peers.world import CONFIGURATION, GATEWAY, CheapRandomness, Host, World

SECRET = b"a group key that everybody knows"
STRONG = IkeSuite(Cipher.AES_CBC, 256, Hash.SHA256, Group.MODP2048, AuthMethod.HYBRID_RSA, 86400)
WEAK = replace(STRONG, hash=Hash.SHA1, group=Group.MODP1024)
ESP = ChildPolicy(
    (EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256), EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA1)),
    lifetime=28800,
)


def _visit(habits, *suites: IkeSuite, **changes) -> Visitor:
    from ipaddress import IPv4Address

    from lotor.model.policy import Policy

    modes = (ExchangeMode.AGGRESSIVE, ExchangeMode.MAIN)
    common = {"proposals": suites, "exchange_modes": modes, "nat_traversal": Switch.ON}
    remote = replace(GATEWAY, **{**common, **changes})
    world = World()
    gateway = world.add(Host("gateway", IPv4Address("192.0.2.50"), Policy((remote,), ESP), CheapRandomness(9)))
    gateway.answers[AcquireConfiguration] = lambda question: replace(
        CONFIGURATION,
        address=gateway.leases.setdefault(question.session, gateway.pool.pop(0)),
        domain=b"example.net",
        save_password=True,
    )
    return Visitor(world, gateway, habits)


def _psk(suite: IkeSuite) -> IkeSuite:
    return replace(suite, method=AuthMethod.XAUTH_PSK)


CLIENTS = {
    "Apple, hybrid": (clients.apple(), STRONG),
    "Apple, group key": (clients.apple(clients.XAUTH_PSK, psk=SECRET), _psk(STRONG)),
    "Apple, main mode": (clients.apple(clients.XAUTH_PSK, 14, 5, 2, psk=SECRET, main=True), _psk(STRONG)),
    "Apple, main mode, old group": (clients.apple(clients.XAUTH_PSK, 14, 5, 2, psk=SECRET, main=True), _psk(WEAK)),
    "Android 11, hybrid": (clients.android(), WEAK),
    "Android 11, group key": (clients.android(clients.XAUTH_PSK, SECRET), _psk(WEAK)),
    "Cisco, group key": (clients.cisco(SECRET), _psk(WEAK)),
    "vpnc, hybrid": (clients.vpnc(), WEAK),
    "vpnc, group key": (clients.vpnc(SECRET), _psk(WEAK)),
    "vpnc, large group": (clients.vpnc(SECRET, group=14), _psk(replace(WEAK, group=Group.MODP2048))),
}


@pytest.mark.parametrize("which", list(CLIENTS))
def test_a_client_logs_in_works_and_leaves(which):
    habits, suite = CLIENTS[which]
    visitor = _visit(habits, suite)
    gateway = visitor.gateway
    visitor.come_up()
    assert gateway.of(LoggedIn)[0].user == "alice", [event.text() for event in gateway.events]
    assert gateway.of(PhaseOneUp)[0].nat == "NAT before the peer"
    assert gateway.of(ChildUp)[0].child.encapsulation is Encapsulation.UDP
    assert visitor.inner == gateway.of(Configured)[0].configuration.address
    assert visitor.probe(7)
    assert visitor.probe(8)
    visitor.leave()
    assert gateway.of(Ended)[0].reason.cause is Cause.PEER_CLOSED
    assert not gateway.installed
    assert len(gateway.pool) == 253


@pytest.mark.parametrize("which", list(CLIENTS))
def test_a_wrong_password_is_refused_in_words_that_the_client_knows(which):
    habits, suite = CLIENTS[which]
    visitor = _visit(habits, suite)
    visitor.password = b"guess"
    assert not visitor.login()
    assert visitor.gateway.of(LoginRefused)
    assert not visitor.gateway.installed


@pytest.mark.parametrize("which", [name for name in CLIENTS if "vpnc" in name or "Cisco" in name])
def test_a_lifetime_of_weeks_is_claimed_not_refused(which):
    """vpnc alone keeps what it offers: it loses its tunnel when it renews anything."""
    habits, suite = CLIENTS[which]
    visitor = _visit(habits, replace(suite, lifetime=28800), proposal_check=ProposalCheck.CLAIM)
    visitor.come_up()
    kept = 2147483 if "vpnc" in which else 28800
    assert visitor.gateway.of(PhaseOneUp)[0].suite.lifetime == kept
    assert visitor.gateway.of(ChildUp)[0].child.lifetime.hard_seconds == kept


# --- vpnc ------------------------------------------------------------------------------------------------------------


def test_vpnc_here_offers_what_the_recorded_one_offered():
    recording = recordings.load("hybrid-aggressive-vpnc")
    raw = bytes.fromhex(next(entry["raw"] for entry in recording["messages"] if entry.get("exchange") == 4))
    theirs = parse_chain(Header.decode(raw).next_payload, raw[Header.SIZE :])
    (proposal,) = theirs.only(SecurityAssociation).proposals
    group = next(one.number for one in proposal.transforms[0].attributes if one.type == 4)
    ours = clients.vpnc(group=group).manners
    assert proposal.number == ours.proposal
    assert proposal.transforms == ours.transforms
    assert tuple(vendor.data for vendor in theirs.all(VendorId)) == ours.vendors


def test_vpnc_hears_nothing_that_ends_it():
    """A certificate request, a second certificate, a fragment or a padded answer is fatal to it."""
    habits, suite = CLIENTS["vpnc, hybrid"]
    visitor = _visit(habits, suite, certificates=(b"\x30\x03leaf" + bytes(900), b"\x30\x03ca" + bytes(900)))
    answer = visitor.send(visitor.speaker.first())
    chain = visitor.speaker.second(answer[0])
    assert set(chain.types()) <= {1, 4, 5, 6, 8, 9, 10, 11, 13, 20, 130}
    assert chain.types().count(6) == 1


def test_vpnc_whose_two_deletes_have_one_message_id_is_understood():
    habits, suite = CLIENTS["vpnc, hybrid"]
    visitor = _visit(habits, suite)
    visitor.come_up()
    for message_id in (0, 0):
        spis = visitor.speaker.say(I, message_id, Delete(Protocol.ESP, visitor.spis))
        visitor.send(spis)
    assert not visitor.gateway.installed
    visitor.send(visitor.speaker.say(I, 0, Delete(Protocol.ISAKMP, (visitor._cookies(),))))
    assert visitor.gateway.of(Ended)


# --- Apple -----------------------------------------------------------------------------------------------------------


def test_apple_tries_the_large_group_first_and_the_old_one_when_refused():
    visitor = _visit(clients.apple(), WEAK)
    assert not visitor.login()
    assert visitor.gateway.of(Ended)[0].reason.cause is Cause.NO_PROPOSAL
    assert "modp2048" in visitor.gateway.of(Ended)[0].reason.text
    visitor.habits = clients.apple(clients.HYBRID, 2)
    visitor.meet()
    visitor.come_up()
    assert visitor.gateway.of(PhaseOneUp)[0].suite.group is Group.MODP1024


def test_apples_retry_with_the_old_group_is_refused_where_it_is_not_configured():
    visitor = _visit(clients.apple(clients.HYBRID, 2), STRONG)
    assert not visitor.login()
    assert "offered aes-256/sha1/modp1024" in visitor.gateway.of(Ended)[0].reason.text


def test_apple_is_told_what_it_asked_for_and_that_it_may_keep_the_password():
    habits, suite = CLIENTS["Apple, hybrid"]
    visitor = _visit(with_manners(habits), suite)
    visitor.habits = replace(habits, request=(*habits.request, Attribute.tlv(ConfigAttribute.UNITY_SAVE_PASSWD, b"")))
    assert visitor.login()
    told = visitor.configure()
    kinds = [attribute.type for attribute in told.attributes]
    assert kinds[:3] == [1, 2, 3]
    assert ConfigAttribute.UNITY_BANNER in kinds
    assert told.first(ConfigAttribute.UNITY_SAVE_PASSWD).number == 1


def _apple_for_48_minutes(*, at: float = 2880) -> Visitor:
    habits, suite = CLIENTS["Apple, hybrid"]
    visitor = _visit(habits, suite)
    visitor.come_up()
    number = 100
    while visitor.world.now < 1000 + at:
        number += 1
        assert visitor.probe(number)
        visitor.gateway.last_inbound = visitor.world.now
        visitor.world.run(19)
    return visitor


def test_apple_with_a_saved_password_renews_after_48_minutes_and_keeps_its_address():
    """No mode config is asked for again, and the SA pair goes on under the new phase 1."""
    visitor = _apple_for_48_minutes()
    gateway, before, old = visitor.gateway, visitor.inner, visitor.speaker
    visitor.meet(replace(visitor.habits.manners, initial_contact=False))
    assert visitor.login()
    assert not gateway.of(Ended), [event.text() for event in gateway.of(Ended)]
    assert len(gateway.installed) == 1
    assert len(gateway.leases) == 1
    visitor.quick(b"\xc0\xff\xee\x02")
    assert visitor.inner == before
    assert len(gateway.of(Configured)) == 1
    new, visitor.speaker = visitor.speaker, old
    visitor.send(old.say(I, 0x77, Delete(Protocol.ISAKMP, (visitor._cookies(),))))
    visitor.speaker = new
    assert not gateway.of(Ended)
    assert visitor.probe(3)


def test_apple_without_a_saved_password_gives_up_and_leaves_nothing():
    visitor = _apple_for_48_minutes()
    gateway, old = visitor.gateway, visitor.speaker
    visitor.meet(replace(visitor.habits.manners, initial_contact=False))
    assert visitor.phase_one(), "the gateway asks again: phase 1 proves nobody in hybrid mode"
    visitor.send(visitor.speaker.say(I, 0x78, Delete(Protocol.ISAKMP, (visitor._cookies(),))))
    visitor.speaker = old
    visitor.leave()
    assert len(gateway.of(Ended)) == 2
    assert not gateway.installed
    assert len(gateway.pool) == 253


def test_a_stranger_on_apples_path_renews_nothing():
    """Same address, port and group name, another user: two sessions, nothing handed over."""
    visitor = _apple_for_48_minutes(at=100)
    gateway, before = visitor.gateway, visitor.inner
    visitor.meet(replace(visitor.habits.manners, initial_contact=False))
    visitor.password = b"guess"
    assert not visitor.login()
    assert len(gateway.installed) == 1
    assert [event.reason.cause for event in gateway.of(Ended)] == [Cause.LOGIN_REFUSED]
    assert before in gateway.leases.values()


def test_apple_gets_the_hour_back_that_it_offers():
    """A longer lifetime of ours is no reason to change its offer, which stricter clients would refuse."""
    habits, suite = CLIENTS["Apple, hybrid"]
    visitor = _visit(habits, suite)
    visitor.come_up()
    assert visitor.gateway.of(PhaseOneUp)[0].suite.lifetime == 3600
    assert visitor.speaker.suite.lifetime * clients.RENEWS == 48 * 60


@pytest.mark.parametrize("check", list(ProposalCheck)[:3])
@pytest.mark.parametrize("which", [name for name in CLIENTS if "Apple" in name])
def test_apple_is_offered_a_day_where_the_administrator_says_so(which, check):
    """Then it asks nobody for another code, or for a password that it does not keep, in the middle of the work."""
    habits, suite = CLIENTS[which]
    visitor = _visit(habits, suite, offer_lifetime=True, proposal_check=check)
    visitor.come_up()
    assert visitor.speaker.suite.lifetime == 86400
    assert visitor.gateway.of(PhaseOneUp)[0].suite.lifetime == 86400
    visitor.gateway.answers[LastInbound] = lambda _: visitor.world.now
    visitor.world.run(3600 * 19, lambda: bool(visitor.gateway.of(Ended)))
    assert not visitor.gateway.of(Ended)


def test_only_a_longer_lifetime_is_offered():
    habits, suite = CLIENTS["Cisco, group key"]
    visitor = _visit(habits, suite, offer_lifetime=True)
    visitor.come_up()
    assert visitor.speaker.suite.lifetime == clients.LONG, "what is shortened is told by RESPONDER-LIFETIME"


def _come_back(visitor: Visitor) -> None:
    """From the same place, with another phase 1 and without INITIAL-CONTACT, logged in, and nothing asked for."""
    visitor.port = 500
    visitor.meet(replace(visitor.habits.manners, initial_contact=False))
    assert visitor.login()


def _remembers(visitor: Visitor) -> None:
    """The pool remembers who had which address."""
    gateway = visitor.gateway
    gateway.answers[AcquireConfiguration] = lambda question: replace(
        CONFIGURATION, address=gateway.leases.setdefault(question.session, visitor.inner or gateway.pool[0])
    )


def test_apple_goes_on_with_its_old_address_without_asking():
    """The session is gone at the gateway, and no configuration is asked for after the new login."""
    habits, suite = CLIENTS["Apple, hybrid"]
    visitor = _visit(habits, suite)
    visitor.come_up()
    _remembers(visitor)
    visitor.leave()
    _come_back(visitor)
    visitor.quick(b"\xc0\xff\xee\x02")
    visitor.world.run(20)
    gateway = visitor.gateway
    assert [event.address for event in gateway.of(Configured)] == [str(visitor.inner)] * 2
    assert len(gateway.of(Up)) == 2
    assert len(gateway.of(Ended)) == 1, "only the visit before"
    assert visitor.probe(1)


def test_an_address_that_the_login_did_not_give_is_no_address():
    habits, suite = CLIENTS["Apple, hybrid"]
    visitor = _visit(habits, suite)
    visitor.come_up()
    visitor.leave()
    visitor.gateway.pool.pop(0)
    installed = len(visitor.gateway.of(ChildUp))
    _come_back(visitor)
    mine, everywhere = Identification(1, 0, 0, visitor.inner.packed), Identification(4, 0, 0, bytes(8))
    offer, nonce = visitor.habits.child(b"\xc0\xff\xee\x02"), Nonce(bytes(16))
    assert not visitor.say(Q, visitor.next_id(), offer, nonce, mine, everywhere)
    assert not visitor.say(Q, visitor.next_id(), offer, nonce), "who names no address has to ask for one"
    assert len(visitor.gateway.of(ChildUp)) == installed
    visitor.configure()
    visitor.quick(b"\xc0\xff\xee\x03")


# --- Cisco -----------------------------------------------------------------------------------------------------------


def test_ciscos_deletes_of_doi_0_are_obeyed():
    habits, suite = CLIENTS["Cisco, group key"]
    visitor = _visit(habits, suite)
    visitor.come_up()
    visitor.send(visitor.speaker.say(I, 0x99, Delete(Protocol.ESP, visitor.spis[:1], doi=0)))
    assert not visitor.gateway.installed
    visitor.send(visitor.speaker.say(I, 0x9A, Delete(Protocol.ISAKMP, (visitor._cookies(),), doi=0)))
    assert visitor.gateway.of(Ended)


def test_an_empty_status_in_an_acknowledgement_is_one():
    """strongSwan's client sends STATUS as an empty long attribute."""
    habits, suite = CLIENTS["Apple, hybrid"]
    visitor = _visit(habits, suite)
    visitor._status = lambda _: (Attribute.tlv(XauthAttribute.STATUS, b""),)
    visitor.come_up()
    assert visitor.gateway.of(ChildUp)


def test_apple_gets_a_passcode_in_a_second_round():
    from lotor.ike.questions import CheckLogin
    from lotor.model.login import Accepted, Challenge
    from lotor.model.prompt import Field

    habits, suite = CLIENTS["Apple, hybrid"]
    visitor = _visit(habits, suite)
    visitor.gateway.answers[CheckLogin] = lambda question: (
        Accepted("alice")
        if question.attempt.answer(Field.PASSCODE).reveal() == b"123456"
        else Challenge("Code?", (Field.PASSCODE,), None)
    )
    ((header, asked),) = visitor.phase_one()
    reply = Attributes(ConfigType.REPLY, 0, visitor.answers(asked))
    ((header, asked),) = visitor.say(T, header.message_id, reply)
    assert asked.only(Attributes).first(XauthAttribute.MESSAGE).data == b"Code?"
    code = Attribute.tlv(XauthAttribute.PASSCODE, b"123456")
    ((_, verdict),) = visitor.say(T, header.message_id, Attributes(ConfigType.REPLY, 0, (code,)))
    assert verdict.only(Attributes).first(XauthAttribute.STATUS).number == 1


def test_notifies_that_nobody_knows_are_passed_over():
    habits, suite = CLIENTS["vpnc, hybrid"]
    visitor = _visit(habits, suite)
    visitor.come_up()
    for number in (0, 40500, 40503, 65535, NotifyType.REPLAY_STATUS):
        assert not visitor.say(I, number, Notification(number))
    assert visitor.probe(1)


def test_deletes_with_message_id_zero_count():
    """vpnc takes message ids of one random octet, which may be zero; informational exchanges have a fresh IV anyway."""
    visitor = _visit(clients.vpnc(), WEAK)
    visitor.come_up()
    spi, cookies = visitor.spis[0], visitor.speaker.cky_i + visitor.speaker.cky_r
    visitor.send(visitor.speaker.say(I, 0, Delete(Protocol.ESP, (spi,))))
    visitor.send(visitor.speaker.say(I, 0, Delete(Protocol.ISAKMP, (cookies,))))
    assert [event.reason.cause for event in visitor.gateway.of(Ended)] == [Cause.PEER_CLOSED]


def test_peers_an_answer_of_quick_mode_is_not_repeated_once_its_pair_is_deleted():
    """Shrew, which changes its mind: it asks for an SA pair, and deletes it instead of saying that it took it."""
    visitor = _visit(clients.apple(), STRONG)
    visitor.come_up()
    before, spi, message_id = len(visitor.gateway.installed), b"\xc0\xff\xee\x02", visitor.next_id()
    networks = Identification(1, 0, 0, visitor.inner.packed), Identification(4, 0, 0, bytes(8))
    asked = visitor.say(Q, message_id, visitor.habits.child(spi), Nonce(bytes(range(16))), *networks)
    assert [header.message_id for header, _ in asked] == [message_id]
    assert len(visitor.gateway.installed) == before + 1
    visitor.send(visitor.speaker.say(I, visitor.next_id(), Delete(Protocol.ESP, (spi,))))
    assert len(visitor.gateway.installed) == before
    visitor.host.endpoint.arrived.clear()
    visitor.world.run(30)
    late = [Header.decode(data).message_id for data in visitor.host.endpoint.arrived if len(data) > 28]
    assert message_id not in late
    assert not visitor.gateway.of(Ended)
