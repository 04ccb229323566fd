"""Clients that are sent to another gateway, and where a client goes that is sent (RFC 5685).

A client goes where it is sent, but trusts nobody more for that: the other gateway proves itself by the same authority,
and shows the name that the person meant. Only a gateway that has proved itself may name another one by a name of its
own.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from functools import partial

from lotor.ike.errors import LocalFault, Misplaced, PolicyRefusal, Refusal
from lotor.ike.events import Dropped, MovesOn, SentAway
from lotor.ike.questions import FindWay
from lotor.ike.v2 import exchanges, voice
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, ask
from lotor.model.identity import TEXT_KINDS
from lotor.model.judgement import Failure
from lotor.model.network import Instant, Path
from lotor.model.policy import RemotePolicy
from lotor.model.reason import Cause, Reason
from lotor.model.reasons import ends
from lotor.model.redirection import MOST_REDIRECTS, Detour, Occasion, named
from lotor.wire.errors import Malformed
from lotor.wire.v2 import redirects
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.payloads import Authentication, Nonce
from lotor.wire.v2.redirects import Redirect

SPAN_S = 300.0
"""Seconds within which a client goes on `MOST_REDIRECTS` times at most (RFC 5685 §7)."""


class SentOn(Denied):
    """A client that is sent elsewhere. `payloads`: the notification alone."""


# --- the gateway -----------------------------------------------------------------------------------------------------


def gateways(session: V2Session) -> tuple[str, ...]:
    """Those among which a client that is connected, or that comes, is sent elsewhere now."""
    return _others(session, Occasion.ALWAYS) if session.abilities.follows else ()


def send_away(session: V2Session, now: Instant) -> None:
    """It closes its session when it is connected there; one that does not go stays. It may go back to where it came
    from."""
    gateway = _by_chance(session, gateways(session))
    if gateway is None:
        return
    voice.say(session, Redirect(named(gateway)).notification(), now=now)
    session.context.tell(SentAway(session.id, gateway))


def demand_welcome(session: V2Session, chain: Chain) -> None:
    """Of a stranger's first message. Raises `Denied` for one that is sent elsewhere at once: only its nonce shows it
    that nobody beside the way forged the answer."""
    session.abilities = replace(
        session.abilities, follows=redirects.follows(chain), sent_by=str(redirects.origin(chain) or "")
    )
    gateway = _chosen(session, gateways(session))
    redirect = session.terms.redirect
    if gateway is None or (redirect is not None and redirect.proved):
        return
    raise _sent(session, gateway, chain.only(Nonce).data)


def demand_login_here(session: V2Session, proof: Payloads) -> None:
    """Before a client logs in, whose gateway has proved itself: nobody types a code for a gateway that does not keep
    him. One that proves itself inside of EAP alone has no `proof` to show yet. Raises `Denied`."""
    gateway = _after_proof(session)
    if gateway is not None and any(isinstance(each, Authentication) for each in proof):
        sent = _sent(session, gateway)
        raise Denied(sent.reason, *proof, *sent.payloads)


def _after_proof(session: V2Session) -> str | None:
    redirect = session.terms.redirect
    return _chosen(session, gateways(session)) if redirect is not None and redirect.proved else None


def unless_elsewhere(session: V2Session, proof: Payloads, rest: Story[Payloads]) -> Story[Payloads]:
    """What follows AUTH, for a client that is proved: a `rest`, or that it is to go elsewhere."""
    gateway = _after_proof(session)
    try:
        if gateway is not None:
            raise _sent(session, gateway)
        return (yield from rest)
    except SentOn as sent:
        raise Denied(sent.reason, *proof, *sent.payloads) from None


def demand_room(session: V2Session, reason: Reason) -> None:
    """There is no address for a client that is proved, for this reason. Raises `SentOn` where it finds one
    elsewhere."""
    full = reason.cause is Cause.POOL_EXHAUSTED and session.abilities.follows
    gateway = _chosen(session, _others(session, Occasion.FULL)) if full else None
    if gateway is not None:
        raise _sent(session, gateway)


def _others(session: V2Session, occasion: Occasion) -> tuple[str, ...]:
    """The other gateways that stand for an occasion; while this one is draining those of the administrator."""
    redirect, draining = session.terms.redirect, session.context.draining
    found: tuple[str, ...] = ()
    if redirect is not None and (occasion in redirect.when or (draining == () and Occasion.DRAINING in redirect.when)):
        found = redirect.gateways
    own = _own(session)
    return tuple(each for each in draining or found if each.lower() not in own)


def _own(session: V2Session) -> frozenset[str]:
    """What this gateway is called: the same lines may stand at all of a fleet."""
    return called(session.remote) | {str(session.path.local.address)}


def called(remote: RemotePolicy) -> frozenset[str]:
    """The names of a gateway's certificates, in small letters."""
    return frozenset(each.data.decode("latin-1").lower() for each in remote.certified if each.kind in TEXT_KINDS)


def _chosen(session: V2Session, found: tuple[str, ...]) -> str | None:
    """Not the one that sent the client here."""
    sent_by = session.abilities.sent_by.lower()
    return _by_chance(session, tuple(each for each in found if each.lower() != sent_by))


def _by_chance(session: V2Session, found: tuple[str, ...]) -> str | None:
    return found[int.from_bytes(session.spis.initiator, "big") % len(found)] if found else None


def _sent(session: V2Session, gateway: str, nonce: bytes = b"") -> SentOn:
    reason = ends.SentElsewhere(gateway)
    session.refused = reason
    return SentOn(reason, Redirect(named(gateway), nonce).notification())


# --- the client ------------------------------------------------------------------------------------------------------


def wanted(session: V2Session, chain: Chain, nonce: bytes) -> bool:
    """Whether a response to IKE_SA_INIT sends this end elsewhere. `Misplaced` for one with another nonce, which
    somebody made who did not see ours, and for one that nobody asked for; `Malformed`."""
    redirect = Redirect.of(chain)
    if redirect is None:
        return False
    if not session.terms.follows or not hmac.compare_digest(redirect.nonce, nonce):
        raise Misplaced("it sends this end elsewhere, and does not show its nonce")
    return True


def demand_stay(session: V2Session, chain: Chain, *, proved: bool) -> None:
    """Raises the refusal with which a session ends that is to begin elsewhere. `Malformed`."""
    redirect = Redirect.of(chain) if session.terms.follows else None
    if redirect is not None:
        raise PolicyRefusal(ends.Redirected(session.path.remote.address, str(redirect.gateway), proved))


def told(session: V2Session, chain: Chain, now: Instant) -> None:
    """A gateway with which this end is connected sends it elsewhere. What cannot be read changes nothing."""
    if session.gateway or not session.terms.follows:
        return
    try:
        redirect = Redirect.of(chain)
    except Malformed:
        return
    if redirect is not None:
        reason = ends.Redirected(session.path.remote.address, str(redirect.gateway), proved=True)
        go(session, reason, now)


def hand_on(session: V2Session, reason: Reason, now: Instant) -> None:
    """The gateway that a connected client calls beside its own sends it on: the client goes from its own again."""
    before = session.registry.predecessor(session)
    if isinstance(reason, ends.Redirected) and isinstance(before, V2Session):
        go(before, reason, now)


def go(session: V2Session, sent: ends.Redirected, now: Instant) -> None:
    """The other gateway is called beside the present connection, which ends when the new one is there. Whatever goes
    wrong, the client stays where it is."""
    trail = session.work.trail
    trail[:] = [each for each in trail if each > now - SPAN_S]
    if len(trail) >= MOST_REDIRECTS:
        _stays(session, ends.RedirectedTooOften(sent.by, sent.gateway, len(trail)))
        return
    trail.append(now)
    session.context.tell(MovesOn(session.id, session.path, sent.gateway))
    detour = Detour(session.peer_address, sent.by, sent.gateway if sent.proved else "")
    exchanges.begin(session, _found(session, sent.gateway), partial(_call, detour), _unfound, now)


def _found(session: V2Session, gateway: str) -> Story[Path]:
    way = yield from ask(FindWay(gateway, session.remote.port))
    if isinstance(way, Failure):
        raise LocalFault(way.reason)
    return way


def _call(detour: Detour, session: V2Session, path: Path, now: Instant) -> None:
    """A gateway may say it again while its client is on its way: a person logs in once."""
    session = session.current()
    if not session.life.over and not session.registry.is_renewing(session):
        session.registry.renew(session, now, path, detour)


def _unfound(session: V2Session, refusal: Refusal, _: Instant) -> None:
    _stays(session, refusal.reason)


def _stays(session: V2Session, reason: Reason) -> None:
    session.context.tell(Dropped(session.id, session.path, "redirect", reason))
