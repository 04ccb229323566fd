"""Addresses that change under an IKE SA: what a client tells, and what a gateway does about it (RFC 4555).

Only the end that opened the session decides on its addresses. The other one asks over the new path, with a cookie that
nobody else can know, before it believes in an address for good.
"""

from __future__ import annotations

from dataclasses import replace

from lotor.ike.errors import PeerFault
from lotor.ike.gates import Gate
from lotor.ike.v2 import traversal
from lotor.ike.v2.message import Message
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, request
from lotor.model.network import Instant
from lotor.model.reasons.protocol import BrokenExchange
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType, error_name
from lotor.wire.v2.payloads import Notification

MOVE = (0.3, 0.4, 0.4, 0.6, 0.8, 1.0, 1.0, 1.5)
"""When a client tells its new address again, and gives the session up: 6 s in all, since the way may lose a lot."""

COOKIE_OCTETS = 16
LEAST_COOKIE, MOST_COOKIE = 8, 64
"""Of COOKIE2 (RFC 4555 §4.2.5)."""


# --- the client ------------------------------------------------------------------------------------------------------


def has_moved(session: V2Session) -> bool:
    """Client: whether the gateway has to hear of the path that this end uses now."""
    known = session.told if session.told is not None else session.path
    return session.abilities.mobike and not session.gateway and known.local != session.path.local


def update(session: V2Session) -> Story[None]:
    """Client: the gateway is to use the path that this message comes by."""
    path = session.path
    response = yield from request(
        ExchangeType.INFORMATIONAL,
        Notification(NotifyType.UPDATE_SA_ADDRESSES),
        *traversal.shown(session.spis, path, session.remote.nat_traversal),
        schedule=MOVE,
    )
    if response.chain.errors:
        error = error_name(response.chain.errors[0].type)
        raise PeerFault(BrokenExchange("UPDATE_SA_ADDRESSES", f"the gateway answered {error}"), None)
    session.told = path
    look(session, response)


# --- the gateway -----------------------------------------------------------------------------------------------------


def updates(chain: Chain) -> bool:
    return any(each.type == NotifyType.UPDATE_SA_ADDRESSES for each in chain.all(Notification))


def answered(session: V2Session, message: Message) -> Payloads:
    """What a response says of addresses: a cookie comes back, and who detects NATs is told what stands here."""
    notes = message.chain.all(Notification)
    cookies = tuple(each for each in notes if each.type == NotifyType.COOKIE2 and _good(each.data))
    asked = updates(message.chain) or traversal.speaks(message.chain)
    return *cookies, *(traversal.shown(session.spis, message.path, session.remote.nat_traversal) if asked else ())


def _good(cookie: bytes) -> bool:
    return LEAST_COOKIE <= len(cookie) <= MOST_COOKIE


def unexpected(message: Message) -> bool:
    """Whether the client forbids NATs, and there is one: its addresses are not those of the message (RFC 4555 §3.9)."""
    notes = message.chain.all(Notification)
    forbidden = next((each.data for each in notes if each.type == NotifyType.NO_NATS_ALLOWED), None)
    if forbidden is None:
        return False
    there, here = message.path.remote, message.path.local
    shown = there.address.packed + here.address.packed
    return forbidden != shown + there.port.to_bytes(2, "big") + here.port.to_bytes(2, "big")


def moved_there(session: V2Session, message: Message, now: Instant) -> bool:
    """Gateway: the client has another address. Answers and traffic go there. True where the client has to show that it
    is there. Before its login is proved it is a stranger, who would name the address of another one."""
    known = session.gateway and session.gates.passed(Gate.LOGIN)
    if not (known and session.abilities.mobike and updates(message.chain)):
        return False
    session.life.moved = now
    _see(session, message)
    session.follow(message.path)
    session.carry()
    return session.told is None or session.told.remote.address != message.path.remote.address


def ask(session: V2Session) -> Story[None]:
    """Gateway: asks over the new path for what only the client can answer."""
    asked = session.path
    cookie = session.context.randomness.nonce(COOKIE_OCTETS)
    response = yield from request(ExchangeType.INFORMATIONAL, Notification(NotifyType.COOKIE2, cookie))
    notes = response.chain.all(Notification)
    if not any(each.type == NotifyType.COOKIE2 and each.data == cookie for each in notes):
        raise PeerFault(BrokenExchange("COOKIE2", "the client does not know the cookie that was sent to it"), None)
    session.told = asked


# --- both ------------------------------------------------------------------------------------------------------------


def look(session: V2Session, message: Message) -> None:
    """Where NATs stand now: ESP goes in UDP through them, and natively without."""
    _see(session, message)
    session.carry()


def _see(session: V2Session, message: Message) -> None:
    switch = session.remote.nat_traversal
    if traversal.speaks(message.chain):
        here, there = traversal.found(message.header, message.chain, message.path, switch)
        session.abilities = replace(session.abilities, translated_here=here, translated_there=there)
