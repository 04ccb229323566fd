"""The lifetime of phase 1, and how a new one takes over a session before the old one ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address

from lotor.ike.session import Session
from lotor.ike.v1 import informational, phase1, quick
from lotor.ike.v1.watch import watch
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Instant
from lotor.model.reason import Cause, Reason

LEAST_RENEWAL = 10.0
"""Seconds before the end of phase 1 in which a renewal is not tried any more."""

BESIDE = 5.0
"""Seconds that the client keeps the old phase 1 beside the new one. strongSwan hands the SA pairs over when it finds
the time, and what it has not handed over yet ends with the old phase 1."""

ONE_TIME = 86400.0
"""Seconds that a phase 1 lasts at least, when the login that opened it was good for once: nobody is asked for another
code in the middle of the work. SA pairs are renewed under it as ever."""


def set_lifetime(session: Session, now: Instant) -> None:
    """The end of phase 1, and before it the renewal by the initiator: at four fifths, then at each half of the rest."""
    session.life.expiry.cancel()
    lifetime = float(phase1.of(session).suite.lifetime)
    if session.facts.one_time:
        lifetime = max(lifetime, ONE_TIME)
    end = now + lifetime
    if session.initiator and session.remote.rekey and not session.facts.one_time:
        _set(session, now + lifetime * quick.SOFT, partial(_renew, session, end))
    else:
        _set(session, end, partial(_over, session))


def _set(session: Session, at: Instant, call: Callable[[Instant], None]) -> None:
    session.life.expiry = session.desk.timers.set(at, "phase 1 lifetime", call)


def _renew(session: Session, end: Instant, now: Instant) -> None:
    left = end - now
    if session.children:
        session.registry.renew(session, now)
    if left > LEAST_RENEWAL:
        _set(session, now + left / 2, partial(_renew, session, end))
    else:
        _set(session, end, partial(_over, session))


def _over(session: Session, _: Instant) -> None:
    session.end(Reason(Cause.EXPIRED, "the lifetime of phase 1 is over"))


def take_over(session: Session, configuration: ModeConfiguration | None, now: Instant) -> None:
    """Client: the new phase 1 stands. With the same address the SA pairs go on under it, and the old one is deleted
    in a while."""
    old = session.registry.predecessor(session)
    if old is None or _address(old.facts.configuration) != _address(configuration):
        text = f"the gateway gave another address in a renewed phase 1: {_address(configuration)}"
        reason = Reason(Cause.PROTOCOL, text)
        session.end(reason)
        if old is not None:
            old.end(reason)
        return
    session.unlimit()
    session.registry.succeed(session, old)
    session.desk.timers.set(now + BESIDE, "old phase 1", lambda _: informational.delete_phase_one(old))
    watch(session, session.remote.dpd, now)


def _address(configuration: ModeConfiguration | None) -> IPv4Address | None:
    return configuration.address if configuration is not None else None
