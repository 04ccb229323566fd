"""What follows what: IKE_SA_INIT, then IKE_AUTH, then everything else. Each exchange that ends asks here for the next
step, and each request of the peer for the story that answers it.

Gates open in `admitting`, for the steps of IKE_AUTH, and nowhere else. How a session ends is decided in
`ends`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from lotor.ike import keepalives
from lotor.ike.children import REKEYED, Pair
from lotor.ike.errors import Misplaced, Refusal
from lotor.ike.gates import Gate
from lotor.ike.v2 import auth, child, ends, exchanges, granting, init, intermediate, redirects, resume, upkeep, voice
from lotor.ike.v2.exchanges import Answering
from lotor.ike.v2.message import Message
from lotor.ike.v2.sa import IkeSa
from lotor.ike.v2.session import V2Session
from lotor.model.network import Instant
from lotor.model.reasons.ends import Redirected
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.numbers import ExchangeType, Protocol
from lotor.wire.v2.payloads import Delete

RETIRED_LINGER_S = 10.0
"""Seconds for which the SA pair of a client that proved itself anew still receives."""

BOTH_S = 1.0
"""Seconds after which the gateway sends with the SA pair of a client that proved itself anew, where the client does not
delete the IKE SA before: one that was started anew does not know it."""

Row = Callable[[V2Session, Message], Answering]


# --- IKE_SA_INIT -----------------------------------------------------------------------------------------------------


def begin(session: V2Session, now: Instant) -> None:
    """Begins as the client that calls: with its ticket, where it has one."""
    if resume.usable(session):
        ends.within(session, ends.LOGIN_GRACE_S, "IKE_SESSION_RESUME", now)
        exchanges.begin(session, resume.initiator(session), _resumed_here, _unkeyed_here, now)
        return
    ends.within(session, ends.LOGIN_GRACE_S, "IKE_SA_INIT", now)
    exchanges.begin(session, init.initiator(session), _keyed_here, _unkeyed_here, now)


def _resumed_here(session: V2Session, _: None, now: Instant) -> None:
    session.exchanges.ours.following = 1
    session.refused = None
    keepalives.begin(session, partial(upkeep.behind_nat, session), now)
    ends.within(session, ends.LOGIN_GRACE_S, "IKE_AUTH", now)
    exchanges.begin(session, resume.auth_initiator(session), _proved_here, _unproved_here, now)


def _resume(session: V2Session, message: Message) -> Answering:
    if session.initiator or session.sa is not None:
        raise Misplaced("this end began")
    return Answering(resume.responder(session, message), _keyed_there, ends.answered_failed)


def _unkeyed_here(session: V2Session, refusal: Refusal, now: Instant) -> None:
    redirects.hand_on(session, refusal.reason, now)
    ends.failed(session, refusal, now)


def _keyed_here(session: V2Session, _: None, now: Instant) -> None:
    """There are keys, and nobody is proved yet."""
    session.exchanges.ours.following = 1
    session.refused = None
    keepalives.begin(session, partial(upkeep.behind_nat, session), now)
    ends.within(session, ends.LOGIN_GRACE_S, "IKE_AUTH", now)
    exchanges.begin(session, intermediate.initiator(session), _exchanged_here, ends.failed, now)


def _exchanged_here(session: V2Session, _: None, now: Instant) -> None:
    """All key exchanges are done."""
    exchanges.begin(session, auth.initiator(session), _proved_here, _unproved_here, now)


def _intermediate(session: V2Session, message: Message) -> Answering:
    if session.initiator or session.sa is None or intermediate.owed(session) is None:
        raise Misplaced("no key exchange is due")
    grown = list[IkeSa]()
    story = intermediate.responder(session, message, grown.append)
    return Answering(story, partial(_use, grown), ends.answered_failed)


def _use(grown: list[IkeSa], session: V2Session, now: Instant) -> None:
    """The response is sent under the old keys; what follows is under the new ones."""
    session.use(grown[0])
    ends.within(session, ends.HALF_OPEN_S, "half-open session", now)


def _keyed_there(session: V2Session, now: Instant) -> None:
    ends.within(session, ends.HALF_OPEN_S, "half-open session", now)


def _init(session: V2Session, message: Message) -> Answering:
    if session.initiator:
        raise Misplaced("this end began")
    return Answering(init.responder(session, message), _keyed_there, ends.answered_failed)


# --- IKE_AUTH --------------------------------------------------------------------------------------------------------


def _proved_here(session: V2Session, _: Pair, now: Instant) -> None:
    """Both ends are proved, and the first SA pair is there."""
    _proved(session, now)
    granting.expect(session, now)


def _unproved_here(session: V2Session, refusal: Refusal, now: Instant) -> None:
    """The session ends. A gateway that has let this end in gets a delete, and one that sends it elsewhere."""
    sent = isinstance(refusal.reason, Redirected)
    if session.established and (sent or session.gates.passed(Gate.LOGIN)):
        session.life.voice = voice.KeyedVoice(session)
    redirects.hand_on(session, refusal.reason, now)
    ends.failed(session, refusal, now)


def _auth(session: V2Session, message: Message) -> Answering:
    """The peer begins it once; what follows of a login goes on with the same story."""
    if session.initiator or session.gates.passed(Gate.AUTHENTICATED):
        raise Misplaced("IKE_AUTH began already")
    if intermediate.owed(session) is not None:
        raise Misplaced("IKE_AUTH before all key exchanges are done")
    session.context.timers.set(0.0, "login", partial(_login_begins, session))
    childless = message.chain.first(SecurityAssociation) is None
    done = partial(_proved_there, childless=childless)
    story = (auth.responder if session.ike_sa.resumed is None else resume.auth_responder)(session, message)
    return Answering(story, done, ends.answered_failed)


def _login_begins(session: V2Session, now: Instant) -> None:
    """A person may be typing."""
    if not session.life.over and not session.gates.passed(Gate.LOGIN):
        ends.within(session, ends.LOGIN_GRACE_S, "login", now)


def _proved_there(session: V2Session, now: Instant, *, childless: bool) -> None:
    """The last answer is sent. A client that was refused its SA pair may ask for another one for a while."""
    if not session.life.over and not session.children:
        session.unlimit() if childless else ends.within(session, ends.LOGIN_GRACE_S, "SA pair", now)
    _proved(session, now)


def _proved(session: V2Session, now: Instant) -> None:
    if session.life.over:
        return
    stand(session, now)
    for pair in session.children:
        if not pair.up:
            child.up(session, pair, now)
            _lead(session, pair, now)
        elif session.renewed:
            _retire(session, pair, now)


def _lead(session: V2Session, pair: Pair, now: Instant) -> None:
    """A client sends with its new pair at once. Its gateway waits until the client deletes the IKE SA before, for the
    answer may still be under way to it, and packets would come before that."""
    if pair.waits and session.initiator:
        session.children.activate(session, pair)
    elif pair.waits:
        session.context.timers.set(now + BOTH_S, "new SA pair", lambda _: _lead_now(session.current(), (pair,)))


def _lead_now(session: V2Session, pairs: Iterable[Pair]) -> None:
    for pair in pairs:
        if pair.up and pair.waits:
            session.children.activate(session, pair)


def _retire(session: V2Session, old: Pair, now: Instant) -> None:
    """A client that proved itself anew has another SA pair, and deletes the IKE SA that the old ones came with: what is
    on its way still arrives."""
    drop = partial(_drop_retired, session, old.child.id)
    session.context.timers.set(now + RETIRED_LINGER_S, "retired SA pair", drop)


def _drop_retired(session: V2Session, old: int, _: Instant) -> None:
    session = session.current()
    if not session.life.over:
        session.children.remove(session, old, REKEYED)


# --- what the peer begins --------------------------------------------------------------------------------------------


def answering(session: V2Session, message: Message) -> Answering:
    """The story that answers a request. `Misplaced` for what a peer may not begin now."""
    row = _ROWS.get(message.header.exchange)
    if row is None:
        raise Misplaced(f"nobody begins exchange {message.header.exchange} here")
    return row(session, message)


def _informational(session: V2Session, message: Message) -> Answering:
    _demand_established(session, message)
    return upkeep.informational_answering(session, message)


def _create_child(session: V2Session, message: Message) -> Answering:
    _demand_established(session, message)
    for gate in (Gate.LOGIN, Gate.ADDRESS):
        session.gates.demand(gate, ExchangeType(message.header.exchange).name)
    return upkeep.answering(session, message)


def _demand_established(session: V2Session, message: Message) -> None:
    if not session.established:
        raise Misplaced(f"{ExchangeType(message.header.exchange).name} before IKE_AUTH is done")


def last_words(session: V2Session, message: Message) -> Answering:
    """A session that is over still acknowledges a delete of its peer. One that another one took over answers whatever
    the peer had begun before it knew; with the delete of it the peer has the new SA pair."""
    deletes = any(each.protocol == Protocol.IKE for each in message.chain.all(Delete))
    if session.successor is not None and deletes:
        _lead_now(session.current(), session.current().children)
    row = _ROWS.get(message.header.exchange) if session.successor is not None else None
    if row is not None:
        return row(session, message)
    if not deletes:
        raise Misplaced("the session is over")
    return upkeep.informational_answering(session, message)


_ROWS: Mapping[int, Row] = {
    ExchangeType.IKE_SA_INIT: _init,
    ExchangeType.IKE_SESSION_RESUME: _resume,
    ExchangeType.IKE_INTERMEDIATE: _intermediate,
    ExchangeType.IKE_AUTH: _auth,
    ExchangeType.CREATE_CHILD_SA: _create_child,
    ExchangeType.IKE_FOLLOWUP_KE: _create_child,
    ExchangeType.INFORMATIONAL: _informational,
}
"""The exchanges that a peer may begin, a row each."""


# --- once the peer is proved -----------------------------------------------------------------------------------------


def stand(session: V2Session, now: Instant) -> None:
    """IKE_AUTH is done."""
    session.told = session.path
    upkeep.stand(session, now)
