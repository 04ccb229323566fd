"""A client that comes back by a ticket, without its login: what the ticket proves, what it does not, and what becomes
of bad ones (RFC 5723)."""

from __future__ import annotations

import hmac
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.events import CameBack, Dropped, Ended, LoggedIn, LoginRefused, PpkUsed, Up
from lotor.ike.intents import Connect, SendElsewhere, Shutdown
from lotor.ike.questions import Agree, AskPerson, CheckLogin, CheckMschap, JudgePeer, OpenTicket, SignAuth
from lotor.ike.v2 import keys, seal
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Proving
from lotor.model.grants import Grants
from lotor.model.identity import IdentityPattern, IdKind
from lotor.model.login import Accepted
from lotor.model.network import Path, Peer
from lotor.model.policy import Ppk
from lotor.model.reasons.ends import Redirected, ShutDown
from lotor.model.reasons.local import TicketRefused
from lotor.model.secret import Secret
from lotor.model.ticket import LONGEST_TICKET, Resumption
from lotor.wire.header import Header
from lotor.wire.v2.chain import parse_chain
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag, NotifyType
from lotor.wire.v2.payloads import Nonce, Notification
from peers.auth import client_policy, gateway_policy
from peers.tickets import Desk, Wallet
from peers.world import connect, is_up, pair

HOUR = 3600
DENIED = {Agree, AskPerson, CheckMschap, SignAuth, JudgePeer}
"""What a login costs, and asks of a person."""


def known(resumes: bool = True, **network):
    """Both were connected, and the gateway was told that the client is gone."""
    world, gateway, client = pair(
        gateway=gateway_policy(resumption=HOUR * resumes), client=client_policy(resumption=HOUR), **network
    )
    desk, wallet = Desk().at(gateway), Wallet().of(client)
    connect(world, client, gateway, "vpn")
    assert world.run(60, lambda: is_up(client) and is_up(gateway))
    world.run(1)
    world.do(client, client.endpoint.command(Shutdown(ShutDown()), world.now))
    world.run(60)
    for host in (gateway, client):
        host.events.clear()
        host.questions.clear()
    return world, gateway, client, desk, wallet


def come_back(world, client, gateway, resumption: Resumption | None) -> None:
    path = Path(Peer(client.address, 500), Peer(gateway.address, 500))
    remote = client.policy.remotes[0].name
    intent = Connect(remote, path, 8, "vpn", 2, resumption=resumption)
    world.do(client, client.endpoint.command(intent, world.now))


def asked(host) -> set[type]:
    return {type(each) for each in host.questions}


def test_a_client_comes_back_without_its_login_and_gets_another_ticket():
    world, gateway, client, desk, wallet = known()
    (first,) = wallet.kept
    come_back(world, client, gateway, first)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    assert not (asked(client) | asked(gateway)) & DENIED
    assert [each.user for each in gateway.of(LoggedIn)] == ["alice"]
    assert len(wallet.kept) == 2
    assert wallet.kept[1].ticket != first.ticket
    assert desk.spent == {first.ticket}
    assert {each.address for each in gateway.leases.values() if hasattr(each, "address")} == set()
    assert len(gateway.leases) == 1
    assert len(client.of(CameBack)) == len(gateway.of(CameBack)) == 1
    world.run(1)
    assert gateway.of(Up)[0].user == "alice"


def test_and_again_with_that_one():
    world, gateway, client, _desk, wallet = known()
    for number in range(3):
        come_back(world, client, gateway, wallet.kept[-1])
        assert world.run(20, lambda: is_up(client) and is_up(gateway))
        world.run(1)
        assert len(wallet.kept) == number + 2
        world.do(client, client.endpoint.command(Shutdown(ShutDown()), world.now))
        world.run(60)
        client.events.clear()
        gateway.events.clear()


@pytest.mark.parametrize("resumes", [True, False])
def test_a_ticket_is_given_where_both_ends_want_it(resumes):
    *_, wallet = known(resumes)
    assert len(wallet.kept) == int(resumes)


def refused(world, client) -> bool:
    """The session with the ticket has ended for that; the client may log in with another one."""
    return world.run(60, lambda: client.of(Ended)) and isinstance(client.of(Ended)[-1].reason, TicketRefused)


def log_in(world, client, gateway) -> bool:
    client.events.clear()
    client.questions.clear()
    connect(world, client, gateway, "vpn")
    return world.run(60, lambda: is_up(client) and is_up(gateway)) and {AskPerson, JudgePeer} <= asked(client)


@pytest.mark.parametrize("ticket", [b"another gateway's", b"x" * LONGEST_TICKET])
def test_a_bad_ticket_is_refused_and_leaves_a_login(ticket):
    world, gateway, client, desk, wallet = known()
    come_back(world, client, gateway, replace(wallet.kept[0], ticket=ticket))
    assert refused(world, client)
    assert not gateway.of(LoggedIn)
    assert desk.spent == set()
    assert isinstance(gateway.of(Ended)[-1].reason, TicketRefused)
    assert log_in(world, client, gateway)


def test_a_ticket_that_is_too_long_is_no_ticket():
    world, gateway, client, _desk, wallet = known()
    come_back(world, client, gateway, replace(wallet.kept[0], ticket=b"x" * (LONGEST_TICKET + 1)))
    world.run(5)
    assert OpenTicket not in asked(gateway)
    assert gateway.of(Dropped)


def test_a_ticket_counts_once():
    world, gateway, client, _desk, wallet = known()
    (first,) = wallet.kept
    come_back(world, client, gateway, first)
    assert world.run(20, lambda: is_up(client))
    world.run(1)
    client.events.clear()
    come_back(world, client, gateway, first)
    assert refused(world, client)


def test_two_sessions_with_one_ticket_at_the_same_time_are_one():
    """Both show it before either proves anything."""
    world, gateway, client, _desk, wallet = known()
    come_back(world, client, gateway, wallet.kept[0])
    come_back(world, client, gateway, wallet.kept[0])
    world.run(60)
    assert len(gateway.of(LoggedIn)) == 1
    assert len(gateway.of(LoginRefused)) == 1


def test_who_has_copied_a_ticket_gets_nowhere_and_takes_nothing_away():
    """It passes in clear, and is good for nobody without the keys that belong to it."""
    world, gateway, client, desk, wallet = known()
    (mine,) = wallet.kept
    wrong = replace(mine, state=replace(mine.state, d=Secret(bytes(len(mine.state.d.reveal())))))
    come_back(world, client, gateway, wrong)
    world.run(130)
    assert not is_up(client)
    assert not is_up(gateway)
    assert CheckLogin not in asked(gateway)
    assert desk.spent == set()
    come_back(world, client, gateway, mine)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))


def test_nor_who_shows_another_name():
    world, gateway, client, desk, wallet = known()
    (mine,) = wallet.kept
    other = replace(mine.state.initiator, data=b"mallory")
    come_back(world, client, gateway, replace(mine, state=replace(mine.state, initiator=other)))
    world.run(130)
    assert not is_up(gateway)
    assert desk.spent == set()


def test_a_user_who_is_gone_does_not_come_back():
    world, gateway, client, desk, wallet = known()
    desk.gone.add("alice")
    come_back(world, client, gateway, wallet.kept[0])
    assert refused(world, client)
    assert "log in again" in client.of(Ended)[0].reason.text
    assert [each.user for each in gateway.of(LoginRefused)] == ["alice"]
    assert gateway.leases == {}
    assert not gateway.of(LoggedIn)


def changed(gateway, **terms) -> None:
    gateway.endpoint._context.policy = replace(gateway.policy, remotes=(gateway_policy(**terms),))


@pytest.mark.parametrize("terms", [{"resumption": 0}, {"peer": (Proving.CERTIFICATE,)}, {"ppk": Ppk.REQUIRED}])
def test_a_gateway_that_wants_something_else_by_now_takes_none(terms):
    world, gateway, client, _desk, wallet = known()
    changed(gateway, **({"resumption": HOUR} | terms))
    come_back(world, client, gateway, wallet.kept[0])
    assert refused(world, client)
    assert CheckLogin not in asked(gateway)


def test_where_none_are_given_nobody_is_asked_about_one():
    world, gateway, client, _desk, wallet = known()
    changed(gateway, resumption=0)
    come_back(world, client, gateway, wallet.kept[0])
    assert refused(world, client)
    assert OpenTicket not in asked(gateway)


def test_nor_one_that_does_not_admit_the_name_any_more():
    world, gateway, client, _desk, wallet = known()
    pattern = IdentityPattern(IdKind.FQDN, "other")
    block = replace(gateway_policy(resumption=HOUR), peers_identifiers=(pattern,), verify_identifier=True)
    gateway.endpoint._context.policy = replace(gateway.policy, remotes=(block,))
    come_back(world, client, gateway, wallet.kept[0])
    assert refused(world, client)


def test_with_a_ppk_in_its_keys_it_is_taken_where_one_is_required():
    world, gateway, client, desk, wallet = known()
    ((octets, (user, state)),) = desk.sealed.items()
    desk.sealed[octets] = (user, replace(state, ppk="quantum"))
    mine = replace(wallet.kept[0], state=replace(wallet.kept[0].state, ppk="quantum"))
    changed(gateway, resumption=HOUR, ppk=Ppk.REQUIRED)
    come_back(world, client, gateway, mine)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    world.run(1)
    assert [each.ppk for host in (gateway, client) for each in host.of(PpkUsed)] == ["quantum", "quantum"]
    assert wallet.kept[-1].state.ppk == "quantum"


def test_a_client_that_demands_a_ppk_does_not_come_back_without():
    world, gateway, client, _desk, wallet = known()
    demanding = client_policy(resumption=HOUR, ppk=Ppk.REQUIRED)
    client.endpoint._context.policy = replace(client.policy, remotes=(demanding,))
    come_back(world, client, gateway, wallet.kept[0])
    world.run(60)
    assert OpenTicket not in asked(gateway)
    assert not is_up(client)


def test_nor_one_whose_suites_are_others():
    world, gateway, client, _desk, wallet = known()
    suite = Ike2Suite(Cipher.AES_GCM_16, 256, None, Hash.SHA256, Group.CURVE25519)
    mine = wallet.kept[0]
    terms = gateway_policy(resumption=HOUR)
    gateway.endpoint._context.policy = replace(
        gateway.policy, remotes=(replace(terms, v2=replace(terms.v2, proposals=(suite,))),)
    )
    come_back(world, client, gateway, mine)
    assert refused(world, client)
    assert not gateway.of(LoggedIn)


@pytest.mark.parametrize("said", [NotifyType.TICKET_NACK, NotifyType.INVALID_SYNTAX, NotifyType.AUTHENTICATION_FAILED])
def test_a_refusal_that_somebody_forged_keeps_nobody_from_coming_back(said):
    """It is in clear: the true answer may still follow."""
    world, gateway, client, _desk, wallet = known()
    come_back(world, client, gateway, wallet.kept[0])
    (sent,) = [data for *_, data in world.wire[-1:]]
    header = Header.decode(sent)
    assert header.exchange == ExchangeType.IKE_SESSION_RESUME
    answer = Header(header.initiator, bytes(8), 0, header.exchange, Flag.RESPONSE, 0, version=VERSION)
    forged = seal.clear(answer, (Notification(said),))
    path = Path(Peer(client.address, 500), Peer(gateway.address, 500))
    world.do(client, client.endpoint.receive(forged, path, world.now))
    assert world.run(60, lambda: is_up(client) and is_up(gateway))
    assert not asked(client) & DENIED


def strangers(number: int, ticket: bytes) -> list[bytes]:
    """First messages of as many strangers."""
    found = []
    for each in range(1, number + 1):
        header = Header(each.to_bytes(8, "big"), bytes(8), 0, ExchangeType.IKE_SESSION_RESUME, Flag.INITIATOR, 0)
        payloads = (Nonce(each.to_bytes(32, "big")), Notification(NotifyType.TICKET_OPAQUE, ticket))
        found.append(seal.clear(replace(header, version=VERSION), payloads))
    return found


def test_strangers_who_show_what_is_no_ticket_leave_nothing_behind():
    world, gateway, client, desk, wallet = known()
    path = Path(Peer(gateway.address, 500), Peer(IPv4Address("203.0.113.7"), 500))
    for each in strangers(1000, b"none"):
        world.do(gateway, gateway.endpoint.receive(each, path, world.now))
    world.run(1)
    assert len(gateway.of(Ended)) == len([each for each in gateway.questions if isinstance(each, OpenTicket)]) < 40
    assert desk.spent == set()
    assert not asked(gateway) & DENIED
    assert not gateway.endpoint._sessions.by_id
    come_back(world, client, gateway, wallet.kept[0])
    assert world.run(20, lambda: is_up(client) and is_up(gateway))


def test_under_load_a_stranger_with_a_ticket_is_asked_for_a_cookie():
    """And a client that is back after its cookie is back all the same."""
    world, gateway, client, _desk, wallet = known()
    (mine,) = wallet.kept
    path = Path(Peer(gateway.address, 500), Peer(IPv4Address("203.0.113.7"), 500))
    for each in strangers(600, mine.ticket):
        world.do(gateway, gateway.endpoint.receive(each, path, world.now))
    gateway.questions.clear()
    come_back(world, client, gateway, mine)
    assert world.run(60, lambda: is_up(client))
    cookies = [data for *_, data in world.wire if _cookie(data)]
    assert cookies
    assert len([each for each in gateway.questions if isinstance(each, OpenTicket)]) == 1


def _cookie(data: bytes) -> bool:
    header = Header.decode(data)
    if header.exchange != ExchangeType.IKE_SESSION_RESUME or not header.flags & Flag.RESPONSE:
        return False
    chain = parse_chain(header.next_payload, data[Header.SIZE :])
    return any(each.type == NotifyType.COOKIE for each in chain.all(Notification))


def test_a_client_that_comes_back_is_sent_elsewhere_as_one_that_logs_in():
    world, gateway, client, desk, wallet = known()
    world.do(gateway, gateway.endpoint.command(SendElsewhere(("198.51.100.9",)), world.now))
    come_back(world, client, gateway, wallet.kept[0])
    assert world.run(20, lambda: client.of(Ended))
    assert client.of(Ended)[0].reason == Redirected(gateway.address, "198.51.100.9", proved=False)
    assert desk.spent == set()


def test_the_keys_are_those_of_the_rfc():
    world, gateway, client, _desk, wallet = known()
    mine = wallet.kept[0]
    come_back(world, client, gateway, mine)
    assert world.run(20, lambda: is_up(client))
    request, response = (
        data for *_, data in world.wire if Header.decode(data).exchange == ExchangeType.IKE_SESSION_RESUME
    )
    ni, nr = (
        parse_chain(Header.decode(each).next_payload, each[Header.SIZE :]).only(Nonce).data
        for each in (request, response)
    )
    seed = hmac.digest(mine.state.d.reveal(), b"Resumption" + ni + nr, "sha256")
    header = Header.decode(response)
    parts = keys.Parts(ni, nr, header.initiator, header.responder)
    made = keys.resumed(mine.state.suite, mine.state.d, parts)
    first = hmac.digest(seed, ni + nr + header.initiator + header.responder + b"\x01", "sha256")
    assert made.d == first[: len(made.d)]
    notes = parse_chain(header.next_payload, response[Header.SIZE :])
    assert not [each for each in notes.payloads if type(each.value).__name__ in {"SecurityAssociation", "KeyExchange"}]


@pytest.mark.parametrize("seed", range(8))
def test_on_a_bad_network_it_comes_back_or_hears_that_it_must_log_in(seed):
    world, gateway, client, _desk, wallet = known(seed=seed)
    world.network.loss, world.network.duplication, world.network.reordering = 0.25, 0.1, 0.1
    come_back(world, client, gateway, wallet.kept[0])
    assert world.run(120, lambda: is_up(client) and is_up(gateway))
    assert len(gateway.of(LoggedIn)) == 1


def test_it_is_told_how_long_the_login_lasts():
    world, gateway, client, _desk, wallet = known()
    gateway.answers[CheckLogin] = lambda asked: Accepted("alice", Grants(session_time=500.0))
    come_back(world, client, gateway, wallet.kept[0])
    assert world.run(20, lambda: is_up(client))
    (session,) = client.endpoint._sessions.by_id.values()
    assert session.abilities.login_lifetime == 500
