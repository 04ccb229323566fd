"""Strangers who speak IKEv2 well and log in as nobody: what they may not do to others from the middle of a login."""

from __future__ import annotations

import copy
from ipaddress import IPv4Address

from lotor.ike.events import Ended, LoginRefused, PathChanged, Started
from lotor.ike.session import Spis
from lotor.ike.sessions import MOST_LINGERING, RENEWED_LINGER_S
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite
from lotor.model.network import Path, Peer
from lotor.model.reasons.ends import PeerDeleted
from lotor.wire.eap.packet import Packet
from lotor.wire.v2.numbers import NotifyType, Protocol
from lotor.wire.v2.payloads import Delete, Eap, Notification
from peers import devices
from peers.guest import AUTH, INFORMATIONAL, SPI, Guest
from peers.reception import visit

VICTIM = IPv4Address("198.51.100.77")
SUITE = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA384, Group.ECP384)


def guest() -> Guest:
    visitor = visit(devices.windows_policy(), SUITE)
    assert visitor.begin()
    return visitor


def from_victim(visitor: Guest, datagrams: list[bytes], seconds: float = 0.5) -> list[bytes]:
    """The datagrams come under the victim's address. What the gateway sends there in the next moment."""
    gateway, world, sent = visitor.gateway, visitor.world, list[bytes]()
    carry = world._send

    def send(host, transmit) -> None:
        if transmit.path.remote.address == VICTIM:
            sent.append(transmit.data)
        carry(host, transmit)

    world._send = send
    path = Path(Peer(gateway.address, 4500), Peer(VICTIM, 4500), floated=True)
    for datagram in datagrams:
        world.do(gateway, gateway.endpoint.receive(datagram, path, world.now))
    world.run(seconds)
    world._send = carry
    return sent


def session_of(visitor: Guest):
    (session,) = visitor.gateway.endpoint._sessions.by_id.values()
    return session


def moved() -> Notification:
    return Notification(NotifyType.UPDATE_SA_ADDRESSES)


def test_a_stranger_does_not_move_in_the_middle_of_a_login():
    """Its address is where its guesses count, and where the gateway asks whether somebody is there: it would name
    another's."""
    visitor = guest()
    packet = visitor.asked_for_name()
    assert len(from_victim(visitor, visitor.speaker.request(INFORMATIONAL, moved()), 30)) <= 1
    assert session_of(visitor).path.remote.address != VICTIM
    assert not visitor.gateway.of(PathChanged)
    visitor.password = "wrong"
    while not visitor.gateway.of(LoginRefused):
        packet = Packet.decode(visitor.ask(AUTH, Eap(visitor._answer(packet).encode())).only(Eap).packet)
    assert VICTIM not in {each.source.address for each in visitor.gateway.of(LoginRefused)}


def test_a_login_that_the_client_deletes_is_over_and_told_of():
    """Whoever hears of sessions would count it for ever, and strangers make as many as they like."""
    visitor = guest()
    visitor.asked_for_name()
    assert visitor.ask(INFORMATIONAL, Delete(Protocol.IKE)).payloads == ()
    visitor.world.run(1)
    (ended,) = visitor.gateway.of(Ended)
    assert isinstance(ended.reason, PeerDeleted)
    assert visitor.gateway.of(Started)[0].session == ended.session
    assert visitor.gateway.endpoint.admissions().half_open == 0


def test_a_client_that_is_let_in_moves():
    visitor = guest()
    assert visitor.log_in()
    from_victim(visitor, visitor.speaker.request(INFORMATIONAL, moved()))
    assert session_of(visitor).path.remote.address == VICTIM


def test_answers_to_a_login_under_a_forged_address_are_on_the_budget_of_strangers():
    """Whoever spoke IKE_SA_INIT from an address of its own could have the gateway's certificates sent to another's, as
    often as it likes. Its true address gets them once more."""
    visitor = guest()
    budget, now = visitor.gateway.endpoint._admission._strangers.octets, visitor.world.now
    while budget.take(Peer(VICTIM, 4500).site, now + 1, 4000):
        pass
    request = visitor.speaker.request(AUTH, *visitor.device.first_request(SPI))
    assert from_victim(visitor, request, 0.05) == []
    assert len(visitor.send(request)) >= 1


def test_of_failed_sessions_of_strangers_only_so_many_stay():
    """Each answered something under keys, so that it may have to say it again; half-open places bound them no more."""
    visitor = guest()
    sessions = visitor.gateway.endpoint._sessions
    one = session_of(visitor)
    found = [replace_spi(one, number) for number in range(1, 2 * MOST_LINGERING)]
    for each in found:
        sessions.by_cookie[each.spis.responder] = each
        sessions._linger(each)
    assert sum(each.spis.responder in sessions.by_cookie for each in found) == MOST_LINGERING
    assert alarms(sessions, "last words") == MOST_LINGERING, "an alarm holds its session"
    visitor.world.run(RENEWED_LINGER_S + 1)
    assert not any(each.spis.responder in sessions.by_cookie for each in found)
    assert not sessions._strangers_gone, "keys of strangers stay no longer than they are found"


def alarms(sessions, why) -> int:
    return sum(timer.why == why and timer.call is not None for _, _, timer in sessions.timers._heap)


def replace_spi(session, number):
    other = copy.copy(session)
    other.spis = Spis(session.spis.initiator, number.to_bytes(8, "big"))
    return other
