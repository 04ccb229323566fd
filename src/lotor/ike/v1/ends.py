"""How an IKEv1 session ends: exchanges, messages and alarms report what they found, and here the end is decided.

The decision is which reason counts, and whether the peer is told with deletes. Only the sequence and the routing call
this module.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TypeVar

from lotor.ike import stale
from lotor.ike.errors import Refusal
from lotor.ike.events import Dead
from lotor.ike.session import Session
from lotor.ike.v1 import dialling, informational, refusals, watch
from lotor.ike.v1.exchange import Exchange
from lotor.ike.v1.isakmp import PhaseOne
from lotor.ike.v1.seal import PhaseOneChannel
from lotor.ike.v1.session import V1Session
from lotor.model.network import Instant
from lotor.model.policy import Dpd
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.ends import DeadPeer, PhaseOneExpired
from lotor.wire.v1.numbers import NotifyType

LOGIN_GRACE_S = 120.0
"""Seconds from phase 1 until traffic may flow; a person may be typing."""

HINT_PATIENCE_S = 3.0
"""Seconds in which a true answer may still follow a refusal that nobody signed."""

T = TypeVar("T")


def end(session: Session, reason: Reason, *, send_deletes: bool = True) -> None:
    """Ends a session. `send_deletes`: the peer gets deletes, if there are keys for them."""
    session.end(reason, send_deletes=send_deletes)


# --- refusals --------------------------------------------------------------------------------------------------------


def attempt_failed(exchange: Exchange[PhaseOne], refusal: Refusal, _: Instant) -> None:
    """A refusal in phase 1 ends the session. The peer gets one hint, no larger than what it sent. The hint travels
    under the keys where there are some, since a peer that has gone on believes nothing else."""
    session, channel = exchange.session, exchange.channel
    if refusal.notify is not None and isinstance(channel, PhaseOneChannel):
        informational.say_refusal(session, channel, NotifyType(refusal.notify))
    silent = refusal.reason.cause is Cause.NO_ANSWER
    reason = (session.refused if silent else None) or refusal.reason
    end(session, dialling.with_stranger(session, reason), send_deletes=False)


def failed(exchange: Exchange[T], refusal: Refusal, _: Instant) -> None:
    """A refusal between phase 1 and quick mode ends the session. A verdict on the login that came before is the
    reason."""
    end(exchange.session, exchange.session.refused or refusal.reason)


def hinted(session: V1Session, reason: Reason, now: Instant) -> None:
    """A refusal that nobody signed. If the peer has answered already, it only explains a later silence. If not, it ends
    the wait: an attacker who can forge it could forge a useless answer as well."""
    if session.refused is not None or not session.initiator:
        return
    session.refused = reason
    if not session.answered:
        session.limit(HINT_PATIENCE_S, "refusal in clear", partial(_unless_answered, session), now)


def _unless_answered(session: V1Session, now: Instant) -> None:
    if session.answered:
        within(session, LOGIN_GRACE_S, "half-open session", now)
    else:
        _too_slow(session, now)


def refused(session: V1Session, refusal: refusals.Keyed) -> None:
    """A refusal under the keys of an unfinished phase 1. A verdict on this end's proof ends the session, since nobody
    else has the keys. An error that a forged message may have caused is only a hint."""
    if refusal.verdict:
        end(session, refusal.reason, send_deletes=False)
    else:
        session.refused = session.refused or refusal.reason


# --- alarms ----------------------------------------------------------------------------------------------------------


def within(session: V1Session, seconds: float, step: str, now: Instant) -> None:
    """Ends the session unless the step that begins now is done within so many seconds."""
    session.limit(seconds, step, partial(_too_slow, session), now)


def _too_slow(session: V1Session, now: Instant) -> None:
    reason = session.refused or refusals.slow(session, now)
    end(session, dialling.with_stranger(session, reason))


def phase_one_expired(session: V1Session, _: Instant) -> None:
    end(session, PhaseOneExpired())


def watch_peer(session: V1Session, dpd: Dpd, now: Instant) -> None:
    """Dead peer detection from now on. It may end the session."""
    watch.watch(session, dpd, _dead, now)


def _dead(session: V1Session, reason: Reason) -> None:
    """Dead peer detection gave up. Deletes are sent nevertheless: the peer may hear though it cannot answer."""
    end(session, reason)


def check_life(session: V1Session, now: Instant) -> None:
    """Asks for a proved sign of life at once, one question at a time. A peer that shows none is dead."""
    probed = session.proved is not None and session.proved.probed
    if probed and session.liveness.question(now, stale.QUICK_SCHEDULE[-1]):
        stale.if_dead(session, _silent, stale.QUICK_SCHEDULE)


def _silent(session: Session) -> None:
    if not session.life.over:
        reason = DeadPeer(session.path.remote.address, math.ceil(stale.QUICK_SCHEDULE[-1]))
        session.context.tell(Dead(session.id, session.path, reason))
        end(session, reason)
