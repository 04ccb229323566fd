"""The lifetime of phase 1, and how a new phase 1 takes over a session before the old one ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lotor.ike import insides
from lotor.ike.children import Pair
from lotor.ike.events import Readdressed
from lotor.ike.session import Session
from lotor.ike.v1 import child_rekey, quick, selectors
from lotor.ike.v1.session import V1Session
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Instant
from lotor.model.reason import Reason
from lotor.model.reasons.protocol import OtherSession

LEAST_RENEWAL_S = 10.0
"""A renewal is not tried in the last seconds of phase 1."""

OLD_PHASE1_LINGER_S = 5.0
"""Seconds that the client keeps the old phase 1 beside the new one. strongSwan hands the SA pairs over some time later,
and pairs that it has not handed over end with the old phase 1."""

ONE_TIME_LIFETIME_S = 86400.0
"""The least lifetime, in seconds, of a phase 1 whose login cannot be repeated: a person is not asked for another code
in the middle of work. SA pairs are rekeyed under it as usual."""


def set_lifetime(session: V1Session, over: Callable[[Instant], None], now: Instant) -> None:
    """Sets the timer for the end of phase 1, which calls `over`. The initiator renews before that: at four fifths of
    the lifetime, then at each half of what is left."""
    if session.life.expiry is not None:
        session.life.expiry.cancel()
    lifetime = float(session.isakmp_sa.suite.lifetime)
    if session.one_time:
        lifetime = max(lifetime, ONE_TIME_LIFETIME_S)
    end = now + lifetime
    if session.initiator and session.remote.rekey and not session.one_time:
        _set(session, now + lifetime * quick.SOFT_LIFETIME, partial(_renew, session, end, over))
    else:
        _set(session, end, over)


def _set(session: V1Session, at: Instant, call: Callable[[Instant], None]) -> None:
    session.life.expiry = session.context.timers.set(at, "phase 1 lifetime", call)


def _renew(session: V1Session, end: Instant, over: Callable[[Instant], None], now: Instant) -> None:
    left = end - now
    if session.children:
        session.registry.renew(session, now)
    if left > LEAST_RENEWAL_S:
        _set(session, now + left / 2, partial(_renew, session, end, over))
    else:
        _set(session, end, over)


def take_over(
    session: V1Session, old: Session | None, configuration: ModeConfiguration | None, now: Instant
) -> Reason | None:
    """Client: the new phase 1 is done. The SA pairs of `old` go on under it, and the old phase 1 is deleted a moment
    later. If another address came with it, that one is used (`settle_in`). Returns a reason if the new phase 1 serves
    another session."""
    given = old.inner.configuration if old is not None else None
    moves = _inside(given) != _inside(configuration)
    if old is None or (moves and (None in (given, configuration) or old.user != session.user)):
        return OtherSession(session.user, str(_inside(configuration)))
    session.unlimit()
    voice = old.life.voice
    session.registry.take_over(session, old)
    if voice is not None:
        session.context.timers.set(now + OLD_PHASE1_LINGER_S, "old phase 1", lambda _: voice.delete_ike_sa())
    if moves and given is not None and configuration is not None:
        _move(session, given, configuration)
    return None


def _inside(configuration: ModeConfiguration | None) -> str:
    return configuration.inside if configuration is not None else "no address"


def _move(session: V1Session, old: ModeConfiguration, new: ModeConfiguration) -> None:
    """Some gateways, such as racoon, give each phase 1 another address. The old address serves until SA pairs carry the
    new one."""
    inner = session.inner
    inner.configuration, inner.declined, inner.moving = new, frozenset(), True
    for pair in _left(session):
        pair.rekeying = True  # nobody renews what is about to go
    session.context.tell(Readdressed(session.id, old.inside, new.inside))


def settle_in(session: V1Session, now: Instant) -> None:
    """Client: once SA pairs carry the new address, the host uses it, and the SA pairs of the old address go."""
    if not session.inner.moving or session.life.over or selectors.missing(session) is not None:
        return
    session.inner.moving = False
    if session.inner.configuration is not None:
        insides.tell(session, session.inner.configuration)
    for pair in _left(session):
        child_rekey.retire(session, pair.child.id, now + OLD_PHASE1_LINGER_S)


def _left(session: V1Session) -> list[Pair]:
    """The SA pairs of an address that this client no longer has."""
    inside = {each.local for each in selectors.wanted(session)}
    return [pair for pair in session.children if pair.selectors.local not in inside]
