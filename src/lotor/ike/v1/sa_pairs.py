"""SA pairs: when quick mode begins, when a pair is rekeyed, and what the end of a lifetime means.

`sequence` says what comes before them."""

from __future__ import annotations

from functools import partial

from lotor.ike.children import Pair, Selectors
from lotor.ike.errors import Refusal
from lotor.ike.events import ChildUp, Dropped, Up
from lotor.ike.v1 import child_rekey, ends, informational, plans, quick, renewal, selectors
from lotor.ike.v1.exchange import Exchange
from lotor.ike.v1.session import V1Session
from lotor.model.network import Instant
from lotor.model.reason import Reason
from lotor.wire.v1.numbers import ExchangeType
from lotor.wire.v1.payloads import Notification


def start(session: V1Session, wanted: Selectors, replaces: Pair | None, now: Instant) -> None:
    """Begins quick mode for a new SA pair, or for the successor of one."""
    plan, message_id = plans.phase_two(ExchangeType.QUICK, initiator=True), session.context.randomness.message_id()
    story, failed = quick.initiator(session, message_id, wanted, replaces), partial(_failed, wanted, replaces)
    Exchange(session, plan, message_id, story, child_up, failed, plan.channel(session, message_id)).begin(now)


def rekey(session: V1Session, pair: Pair, now: Instant) -> None:
    """The soft lifetime of the pair is over: it is rekeyed, unless it has been replaced already."""
    if session.children.is_current(pair) and not pair.rekeying:
        pair.rekeying = True
        start(session, pair.selectors, pair, now)


def expired(session: V1Session, pair: Pair, reason: Reason, now: Instant) -> None:
    """The engine carries nothing for the pair any more: the peer gets a delete, and a client begins another pair if it
    still needs one."""
    informational.delete_children(session, (pair.child.inbound.spi,))
    session.children.remove(session, pair.child.id, reason)
    complete(session, now)


def resume(session: V1Session, now: Instant) -> None:
    """A renewed phase 1 goes on with the rekeys that the old one had begun."""
    for pair in session.children:
        if pair.rekeying and not session.inner.moving:
            pair.rekeying = False
            rekey(session, pair, now)


def complete(session: V1Session, now: Instant) -> None:
    """Client: begins an SA pair for the next inner network that has none. This also replaces a pair that the gateway
    deleted, since the session lives and its traffic needs one."""
    if not session.initiator or session.life.over or session.exchanges.running(ExchangeType.QUICK):
        return
    wanted = selectors.missing(session)
    if wanted is not None:
        start(session, wanted, None, now)


def child_up(exchange: Exchange[Pair], pair: Pair, now: Instant) -> None:
    session = exchange.session.current()
    if session.life.over:
        return
    pair.up = True
    soft = pair.child.lifetime.soft_seconds
    rekey_at = now + soft if soft is not None else None
    session.context.tell(ChildUp(session.id, pair.child, pair.child.suite, pair.initiated, rekey_at))
    first = session.life.limit is not None
    session.unlimit()
    if first:
        ends.watch_peer(session, session.remote.dpd, now)
        session.context.tell(Up(session.id, session.path, session.user))
    child_rekey.begins(session, pair, now)
    complete(session, now)
    renewal.settle_in(session, now)


def _failed(wanted: Selectors, replaces: Pair | None, exchange: Exchange[Pair], refusal: Refusal, now: Instant) -> None:
    """A client without any SA pair ends its session. After a failed rekey the old pair stays until its end. An inner
    network that the gateway refuses is reported and left out, unless the gateway just gave that address."""
    session = exchange.session
    if refusal.notify is not None:
        informational.say(session, Notification(refusal.notify))
    homeless = not session.children or (session.inner.moving and wanted.local.version == 4)
    if session.initiator and homeless:
        ends.end(session, refusal.reason)
        return
    if replaces is None:
        session.inner.declined |= {wanted.local}
    else:
        replaces.rekeying = False
    what = "rekey" if replaces is not None else f"SA pair for {wanted.local}"
    session.context.tell(Dropped(session.id, session.path, what, refusal.reason))
    renewal.settle_in(session, now)


def answered_failed(exchange: Exchange[Pair], refusal: Refusal, _: Instant) -> None:
    """Responder: the peer gets a notify, the unfinished pair goes, and the session stays."""
    session = exchange.session.current()
    if session.life.over:
        return
    if refusal.notify is not None:
        informational.say(session, Notification(refusal.notify))
    for pair in session.children:
        if pair.exchange == exchange.message_id:
            session.children.remove(session, pair.child.id, refusal.reason)
    session.context.tell(Dropped(session.id, session.path, "quick mode", refusal.reason))
