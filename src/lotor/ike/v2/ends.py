"""How an IKEv2 session ends: exchanges, messages and alarms report what they found, and here the end is decided.

The decision is which reason counts, and whether the peer is told. Only the sequence and the routing call this module.
"""

from __future__ import annotations

import math
from functools import partial

from lotor.ike import stale
from lotor.ike.errors import Refusal
from lotor.ike.events import Dead
from lotor.ike.session import Session
from lotor.ike.v2 import schedules, voice
from lotor.ike.v2.liveness import Watch
from lotor.ike.v2.session import V2Session
from lotor.model.network import Instant
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.ends import DeadPeer, NoAnswer, PeerDeleted, TooSlow
from lotor.wire.v2.payloads import Notification

LOGIN_GRACE_S = 120.0
"""Seconds from the keys until traffic may flow; a person may be typing."""

HALF_OPEN_S = 30.0
"""Seconds that a stranger has for its first message under the keys."""

HINT_PATIENCE_S = 3.0
"""Seconds in which a true answer may still follow a refusal that nobody proved."""

TICKET_PATIENCE_S = 1.0
"""The same where a ticket is refused: a login follows, and a person waits."""


def end(session: Session, reason: Reason, *, send_deletes: bool = True) -> None:
    """Ends a session. `send_deletes`: the peer gets a delete, if there are keys for it."""
    session.end(reason, send_deletes=send_deletes)


# --- refusals --------------------------------------------------------------------------------------------------------


def failed(session: V2Session, refusal: Refusal, now: Instant) -> None:
    """A request of this end failed without which there is no session. The peer is told why, where it has the keys to
    believe it."""
    silent = refusal.reason.cause is Cause.NO_ANSWER
    reason = (session.refused if silent else None) or refusal.reason
    if session.established and silent:
        session.context.tell(Dead(session.id, session.path, reason))
    tells = refusal.notify is not None and session.sa is not None and not silent
    if tells and refusal.notify is not None:
        voice.say(session, Notification(refusal.notify), now=now)
    end(session, _with_stranger(session, reason), send_deletes=not tells)


def answered_failed(session: V2Session, refusal: Refusal, _: Instant) -> None:
    """The peer was told in the response why its request is refused, and that ends the session: the peer ends it as
    well."""
    end(session, session.refused or refusal.reason, send_deletes=False)


def broken(session: V2Session, reason: Reason) -> None:
    """The peer proved a message that cannot be right, and both ends drop the SA (RFC 7296 §2.21.3)."""
    end(session, reason, send_deletes=False)


def deleted(session: V2Session) -> None:
    """The peer deleted the IKE SA."""
    end(session, PeerDeleted("client" if session.gateway else "gateway"), send_deletes=False)


def hinted(session: V2Session, reason: Reason, now: Instant) -> None:
    """A refusal in clear. It explains a later silence, and shortens the wait for the true answer: an attacker who can
    forge it could forge a useless answer as well."""
    if session.refused is None and session.initiator and session.sa is None:
        session.refused = reason
        patience = HINT_PATIENCE_S if session.resumption is None else TICKET_PATIENCE_S
        within(session, patience, "refusal in clear", now)


# --- alarms ----------------------------------------------------------------------------------------------------------


def within(session: V2Session, seconds: float, step: str, now: Instant) -> None:
    """Ends the session unless the step that begins now is done within so many seconds."""
    session.limit(seconds, step, partial(_too_slow, session, step), now)


def _too_slow(session: V2Session, step: str, _: Instant) -> None:
    reason = session.refused or TooSlow(session.path.remote.address, step)
    end(session, _with_stranger(session, reason))


def _with_stranger(session: V2Session, reason: Reason) -> Reason:
    """Adds to a reason of silence the address that answered in the gateway's place."""
    if session.instead is None or not isinstance(reason, NoAnswer | TooSlow):
        return reason
    return reason.but(instead=str(session.instead.address))


def watch_peer(session: V2Session, now: Instant) -> None:
    """Questions for life from now on. They may end the session."""
    watch = Watch(session.context, session.remote.dpd.delay, partial(_probe, session), session.children.ids)
    session.liveness.start(watch, now)


def _probe(session: V2Session, now: Instant) -> None:
    dpd = session.remote.dpd
    voice.probe(session, _silent, now, schedules.lasting(float(dpd.retry * max(1, dpd.maxfail))))


def _silent(session: V2Session, refusal: Refusal, _: Instant) -> None:
    """No response to a question for life. Traffic that came meanwhile is none either: nothing can be asked any more."""
    if session.life.over:
        return
    asked = refusal.reason
    seconds = asked.seconds if isinstance(asked, NoAnswer) else 0
    reason = DeadPeer(session.path.remote.address, seconds)
    session.context.tell(Dead(session.id, session.path, reason))
    end(session, reason)


def check_life(session: V2Session, now: Instant) -> None:
    """Asks for a proved sign of life at once, one question at a time. A peer that shows none is dead."""
    if session.life.voice is not None and session.liveness.question(now, stale.QUICK_SCHEDULE[-1]):
        stale.if_dead(session, _gone, stale.QUICK_SCHEDULE)


def _gone(session: Session) -> None:
    if session.life.over:
        return
    reason = DeadPeer(session.path.remote.address, math.ceil(stale.QUICK_SCHEDULE[-1]))
    session.context.tell(Dead(session.id, session.path, reason))
    end(session, reason)
