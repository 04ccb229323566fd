"""What a gateway tells of the session that it grants, and what its client makes of it: it logs in anew in time."""

from __future__ import annotations

from functools import partial

from lotor.ike.v2 import voice
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads
from lotor.model.network import Instant
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification

LOGIN_AGAIN = 0.8
"""The part of the time that a gateway grants a login after which the client logs in again."""

LEAST_LOGIN_S = 10.0
"""Seconds between two logins of a client, whatever the gateway says."""

NO_END = 0xFFFFFFFF
"""Seconds: the longest time that can be told."""


def notes(session: V2Session) -> Payloads:
    """What a login grants in time is told, so that the client logs in again before (RFC 4478). One that does so at once
    is not told again: strongSwan takes less than its `over_time` for no time at all, and would go on for ever."""
    return (
        *((Notification(NotifyType.MOBIKE_SUPPORTED),) if session.abilities.mobike else ()),
        *((_lifetime(session.grants.session_time),) if _tells(session) else ()),
    )


def _tells(session: V2Session) -> bool:
    return session.grants.session_time is not None and not session.abilities.hasty


def _lifetime(seconds: float | None) -> Notification:
    """None: it has no end."""
    told = NO_END if seconds is None else min(max(0, int(seconds)), NO_END)
    return Notification(NotifyType.AUTH_LIFETIME, told.to_bytes(4, "big"))


def heard(session: V2Session, chain: Chain) -> None:
    """Of the gateway's last answer."""
    said = {each.type: each.data for each in chain.all(Notification)}
    session.abilities.mobike = session.terms.mobike and NotifyType.MOBIKE_SUPPORTED in said
    session.abilities.login_lifetime = _heard(chain)


def _heard(chain: Chain) -> int | None:
    told = next((each.data for each in chain.all(Notification) if each.type == NotifyType.AUTH_LIFETIME), b"")
    return int.from_bytes(told, "big") if len(told) == 4 else None


# --- later -----------------------------------------------------------------------------------------------------------


def tell_anew(session: V2Session, now: Instant) -> None:
    """Gateway: the time of the session is another one now."""
    if session.established and not session.life.over and not session.abilities.hasty:
        voice.say(session, _lifetime(session.grants.session_time), now=now)


def told_anew(session: V2Session, chain: Chain, now: Instant) -> None:
    """Client: what a message of the gateway says of it. What cannot be read changes nothing."""
    seconds = _heard(chain)
    if seconds is not None and not session.gateway:
        session.abilities.login_lifetime = seconds
        expect(session, now)


def expect(session: V2Session, now: Instant) -> None:
    """Client: the next login begins in time."""
    if session.work.login is not None:
        session.work.login.cancel()
    seconds = session.abilities.login_lifetime
    if seconds is not None and session.remote.rekey:
        then = now + max(LEAST_LOGIN_S, LOGIN_AGAIN * seconds)
        session.work.login = session.context.timers.set(then, "another login", partial(_log_in_again, session))


def _log_in_again(session: V2Session, now: Instant) -> None:
    """A new IKE SA beside the old one, which it takes over (RFC 7296 §2.8.3). That may have other keys by now."""
    session = session.current()
    if not session.life.over and not session.registry.is_renewing(session):
        session.registry.renew(session, now)
