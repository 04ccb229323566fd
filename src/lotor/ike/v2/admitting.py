"""A gateway lets a proved peer in: what becomes of older sessions of that name, which gates open, and who is told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from lotor.ike import identities, stale, translated
from lotor.ike.events import LoggedIn, LoginRefused, PhaseOneUp, Renewed
from lotor.ike.gates import Gate
from lotor.ike.proved import ProvedPeer
from lotor.ike.session import Session
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.eap.talk import Proved, told
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Story, wait
from lotor.model.algorithms import Proving
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.identity import Identity
from lotor.model.reasons.ends import ConnectedAgain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification


def settle(session: V2Session, peer: Identity, way: Proving) -> None:
    """There are keys, and what proves the peer is known: the first gate opens. With EAP the peer is still a stranger
    until its login is proved, and the gate of the login stays shut."""
    login = way.login
    person = way is not Proving.SHARED_KEY
    session.proved = ProvedPeer(peer, login, person, True, session.abilities.translated_there)
    session.gates.settle(owed(session, login=login))
    _tell(session, peer)


def _tell(session: V2Session, peer: Identity) -> None:
    abilities = session.abilities
    nat = translated.describe(here=abilities.translated_here, there=abilities.translated_there)
    text = identities.text(peer)
    session.context.tell(PhaseOneUp(session.id, session.path, session.ike_sa.suite, text, nat, str(session.spis), ""))


def owed(session: V2Session, *, login: bool) -> tuple[Gate, ...]:
    """The gates that are shut once the peer has keys. A peer may bring its own address only where the gateway gives
    none: by naming an address of the pool it would get another's traffic."""
    given = session.remote.mode_cfg or (login and session.gateway)
    return (*((Gate.LOGIN,) if login else ()), *((Gate.ADDRESS,) if given else ()))


def passed(session: V2Session, gate: Gate) -> None:
    """The one place where a gate of IKEv2 opens after the proof, for the steps of IKE_AUTH."""
    session.gates.open(gate)


def logged_in(session: V2Session, proved: Proved, machine: str | None = None) -> Story[None]:
    """The login is proved: a back end said yes, and the peer holds the key that the login made. `machine`: what was
    proved before, if something was. The time that it grants counts from now, whatever an earlier login of the session
    granted: AUTH_LIFETIME asks for a new login in time (RFC 4478), and so the peer has to be better off with one."""
    yield from _admit(session, proved.user, proved.grants)
    passed(session, Gate.LOGIN)
    _keep_address(session)
    session.abilities.hasty = session.registry.allot_anew(session, proved.grants.session_time)
    session.context.tell(LoggedIn(session.id, proved.user, proved.grants, machine))


def proved(session: V2Session, peer: Identity) -> Story[None]:
    """The peer is proved by a certificate or a key, which needs no login."""
    yield from _admit(session, identities.text(peer), NO_GRANTS)
    _keep_address(session)


def _keep_address(session: V2Session) -> None:
    """A session that another one was taken over by has its address already."""
    if session.renewed and session.gates.next() is Gate.ADDRESS:
        passed(session, Gate.ADDRESS)


def _admit(session: V2Session, user: str, grants: Grants) -> Story[None]:
    if session.proved is not None:
        session.proved = replace(session.proved, grants=grants)
    gone = yield from _dead_among(session.registry.maybe_stale(session, user))
    session.registry.replace(gone, ConnectedAgain(user, str(session.path.remote)))
    barred = session.registry.barred(session, user)
    if barred is not None:
        session.refused = barred
        session.context.tell(LoginRefused(session.id, user, barred, session.path.remote))
        raise Denied(barred, Notification(NotifyType.AUTHENTICATION_FAILED), *told(barred))
    session.user, attempt = user, session.id
    session.registry.accepted(session, user)
    if session.id != attempt:
        tell_renewed(session, attempt)


def tell_renewed(session: V2Session, attempt: int) -> None:
    """The session took over another one, with its number."""
    suite, spis = session.ike_sa.suite, str(session.spis)
    session.context.tell(Renewed(session.id, attempt, session.path, suite, spis))


def _dead_among(sessions: list[Session]) -> Story[tuple[Session, ...]]:
    """Those whose peers show no sign of life for a moment."""
    dead: list[Session] = []
    if sessions:
        yield from wait(partial(stale.ask_all, sessions[: stale.MOST_AT_ONCE], dead))
    return tuple(dead)


def dead(session: Session) -> Story[bool]:
    """Whether the peer of another session is gone."""
    return bool((yield from _dead_among([session])))
