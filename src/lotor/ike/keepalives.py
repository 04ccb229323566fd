"""Keepalives: the end behind a NAT keeps the NAT's mapping open, in any protocol version (RFC 3948 §4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lotor.ike.effects import Transmit
from lotor.ike.session import Session
from lotor.model.network import KEEPALIVE, Instant


def begin(session: Session, needed: Callable[[], bool], now: Instant) -> None:
    """A keepalive at each interval of the policy, as long as the session lives. `needed` is asked before each. To begin
    once more does no harm."""
    interval = session.context.policy.retransmission.natt_keepalive
    if session.life.keepalive is not None:
        session.life.keepalive.cancel()
    if interval > 0:
        _wait(session, needed, now + interval)


def _wait(session: Session, needed: Callable[[], bool], at: Instant) -> None:
    session.life.keepalive = session.context.timers.set(at, "NAT keepalive", partial(_again, session, needed))


def _again(session: Session, needed: Callable[[], bool], now: Instant) -> None:
    if session.life.over:
        return
    if needed():
        session.context.put(Transmit(KEEPALIVE, session.path))
    _wait(session, needed, now + session.context.policy.retransmission.natt_keepalive)
