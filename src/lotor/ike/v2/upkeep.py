"""What keeps a session up for longer than its keys: lifetimes of the IKE SA and of SA pairs, and what a renewal that
crosses one of the peer comes to (RFC 7296 §2.8, §2.25)."""

from __future__ import annotations

from functools import partial

from lotor.ike import keepalives
from lotor.ike.children import DELETED, Pair
from lotor.ike.errors import Refusal
from lotor.ike.events import Dropped
from lotor.ike.v2 import (
    child_rekey,
    create_child,
    ends,
    exchanges,
    granting,
    informational,
    lane,
    mobike,
    redirects,
    renewal,
    voice,
)
from lotor.ike.v2.create_child import RefusedThere
from lotor.ike.v2.exchanges import Answering
from lotor.ike.v2.message import Message
from lotor.ike.v2.renewal import Successor
from lotor.ike.v2.selectors import Networks
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Story
from lotor.ike.v2.work import Kind, Task
from lotor.model.network import Instant
from lotor.model.reason import Reason
from lotor.model.reasons.ends import PhaseOneExpired
from lotor.model.reasons.protocol import BrokenExchange, Disbelieved
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType

HARD_LIFETIME = 1.25
"""The keys of the IKE SA end so many times later than they are to be renewed."""

LEAST_RENEWAL_S = 10.0
"""No renewal begins in the last seconds."""

WAITING_S = 1.0
"""Seconds until a pair is looked at again that is not in use yet."""

LOSER_LINGER_S = 60.0
"""Seconds after which new keys are forgotten that are not in use, and that the peer did not delete: by then it shows
which of two renewals counts, or the session has ended meanwhile."""


# --- the IKE SA ------------------------------------------------------------------------------------------------------


def stand(session: V2Session, now: Instant) -> None:
    """The peer is watched from now on, and gets last words; a NAT stays open, and the keys have their time."""
    session.life.voice, session.work.silent = voice.KeyedVoice(session), ends.failed
    keepalives.begin(session, partial(behind_nat, session), now)
    ends.watch_peer(session, now)
    start(session, now)


def behind_nat(session: V2Session) -> bool:
    """It may be another network by now, with another NAT or none."""
    return session.abilities.translated_here and session.path.floated


def start(session: V2Session, now: Instant) -> None:
    """The lifetime of these keys begins."""
    if session.life.expiry is not None:
        session.life.expiry.cancel()
    lifetime = float(session.terms.lifetime)
    end = now + lifetime * HARD_LIFETIME
    _alarm(session, now + lifetime if session.remote.rekey else end, end)


def _alarm(session: V2Session, at: Instant, end: Instant) -> None:
    call = partial(_due, session, end) if at < end else partial(_over, session)
    session.life.expiry = session.context.timers.set(at, "lifetime of the IKE SA", call)


def _due(session: V2Session, end: Instant, now: Instant) -> None:
    renew(session, now)
    left = end - now
    _alarm(session, now + left / 2 if left > LEAST_RENEWAL_S else end, end)


def _over(session: V2Session, _: Instant) -> None:
    ends.end(session, PhaseOneExpired())


def renew(session: V2Session, now: Instant) -> None:
    """Begins to renew the keys of the IKE SA."""
    lane.want(session, Task(Kind.RENEW, 0, renewal.initiator, _renewed, _unrenewed), now)


def _renewed(session: V2Session, own: Successor, now: Instant) -> None:
    """The peer agreed to our request. Where it made one as well, the SA of the exchange with the lowest nonce goes, and
    the end that began it deletes it; the winner's end deletes the old SA (RFC 7296 §2.8.2)."""
    rival: Successor | None = session.work.rival
    if rival is None or rival.session.life.over or own.nonce > rival.nonce:
        _take_over(own, session, now)
        renewal.farewell(session)
        return
    _take_over(rival, session, now)
    renewal.farewell(own.session)
    _forget_unused(own, now)


def _forget_unused(successor: Successor, now: Instant) -> None:
    forget = partial(renewal.discard, successor.session)
    successor.session.context.timers.set(now + LOSER_LINGER_S, "lost IKE SA", forget)


def _unrenewed(session: V2Session, task: Task, refusal: Refusal, now: Instant) -> None:
    """What the peer made meanwhile takes over; else it is asked again when it can."""
    if give_way(session, now):
        return
    if not (_temporary(refusal) and lane.put_off(session, task, now)):
        session.context.tell(Dropped(session.id, session.path, "renewal of the IKE SA", refusal.reason))


def give_way(session: V2Session, now: Instant) -> bool:
    """The IKE SA that the peer made takes over, if there is one."""
    rival: Successor | None = session.work.rival
    session.work.rival = None
    if rival is None or rival.session.life.over:
        return False
    _take_over(rival, session, now)
    return True


def _take_over(successor: Successor, old: V2Session, now: Instant) -> None:
    new = successor.session
    renewal.take_over(new, old)
    stand(new, now)
    lane.go_on(new, now)


def _answered_renewal(session: V2Session, made: list[Successor], now: Instant) -> None:
    """Our response to the peer's request has left. While our own request is under way, which of the two is used shows
    only later."""
    if not made:
        return
    if session.work.renewing:
        if session.work.rival is not None:
            renewal.discard(session.work.rival.session, now)
        session.work.rival = made[0]
        _forget_unused(made[0], now)
    else:
        _take_over(made[0], session, now)


# --- SA pairs --------------------------------------------------------------------------------------------------------


def rekey(session: V2Session, pair: Pair, now: Instant) -> None:
    """The soft lifetime of a pair is over: it is rekeyed, unless it has been replaced already."""
    if pair.waits:  # the peer may not know it yet
        session.context.timers.set(now + WAITING_S, "rekey", partial(rekey, session.current(), pair))
    elif session.children.is_current(pair) and not pair.rekeying and not pair.deleted:
        pair.rekeying = True
        _want_successor(session, pair.child.id, now)


def _want_successor(session: V2Session, number: int, now: Instant) -> None:
    begin = lambda current: _successor_of(current, number)  # noqa: E731 - one line reads better
    lane.want(session, Task(Kind.REKEY, number, begin, child_rekey.begun, _unreplaced), now)


def _successor_of(session: V2Session, number: int) -> Story[Pair] | None:
    """None: the peer has replaced or deleted it meanwhile."""
    pair = session.children.get(number)
    if pair is None or pair.deleted or not session.children.is_current(pair):
        return None
    networks = Networks(pair.child.local_networks, pair.child.remote_networks)
    return create_child.initiator(session, networks, pair)


def _unreplaced(session: V2Session, task: Task, refusal: Refusal, now: Instant) -> None:
    number = task.child
    pair = session.children.get(number)
    if pair is None or pair.deleted or not session.children.is_current(pair):
        return
    if _temporary(refusal) and lane.put_off(session, task, now):
        return
    pair.demanded = create_child.demanded(session, pair, refusal)
    if pair.demanded:
        _want_successor(session, number, now)
        return
    pair.rekeying = False
    if isinstance(refusal, RefusedThere) and refusal.error == NotifyType.CHILD_SA_NOT_FOUND:
        session.children.remove(session, number, DELETED)
        complete(session, now)
        return
    session.context.tell(Dropped(session.id, session.path, "rekey", refusal.reason))


def expired(session: V2Session, pair: Pair, reason: Reason, now: Instant) -> None:
    """The engine carries nothing for a pair any more, and nothing has replaced it."""
    if session.life.over:
        return
    if not pair.deleted:
        child_rekey.gone_here(session, pair, now)
    session.children.remove(session, pair.child.id, reason)
    complete(session, now)


def complete(session: V2Session, now: Instant) -> None:
    """Client: asks for a pair for inner addresses that have none. The gateway may have deleted one, and the session
    lives: its traffic needs it."""
    if not session.gateway and not session.life.over and _missing(session):
        lane.want(session, Task(Kind.CREATE, 0, _missing_pair, child_rekey.begun, _uncompleted), now)


def _missing(session: V2Session) -> Networks:
    wanted = create_child.everything(session)
    carried = {network for pair in session.children if not pair.deleted for network in pair.child.local_networks}
    left = tuple(each for each in wanted.local if each not in carried | session.inner.declined)
    return Networks(left, wanted.remote).of_both()


def _missing_pair(session: V2Session) -> Story[Pair] | None:
    missing = _missing(session)
    return create_child.initiator(session, missing, None) if missing else None


def _uncompleted(session: V2Session, task: Task, refusal: Refusal, now: Instant) -> None:
    """A client without any pair ends its session; an inner network that the gateway refuses is left out."""
    if not any(not pair.deleted for pair in session.children) and not _temporary(refusal):
        ends.end(session, refusal.reason)
        return
    if _temporary(refusal) and lane.put_off(session, task, now):
        return
    session.inner.declined |= set(_missing(session).local)
    session.context.tell(Dropped(session.id, session.path, "another SA pair", refusal.reason))


def _temporary(refusal: Refusal) -> bool:
    return isinstance(refusal, RefusedThere) and refusal.error == NotifyType.TEMPORARY_FAILURE


# --- what the peer begins --------------------------------------------------------------------------------------------


def answering(session: V2Session, message: Message) -> Answering:
    """The story that answers CREATE_CHILD_SA and IKE_FOLLOWUP_KE. A refusal harms nothing that is up."""
    further = message.header.exchange == ExchangeType.IKE_FOLLOWUP_KE
    if further or renewal.concerns_ike(message):
        successors = list[Successor]()
        story = (renewal.further if further else renewal.responder)(session, message, successors.append)
        return Answering(story, lambda of, now: _answered_renewal(of, successors, now), _refused)
    pairs = list[Pair]()
    story = create_child.responder(session, message, pairs.append)
    return Answering(story, lambda of, now: _answered_pair(of, pairs, now), _refused)


def _answered_pair(session: V2Session, made: list[Pair], now: Instant) -> None:
    for pair in made:
        child_rekey.begun(session, pair, now)


def _refused(session: V2Session, refusal: Refusal, _: Instant) -> None:
    session.context.tell(Dropped(session.id, session.path, "CREATE_CHILD_SA", refusal.reason))


def informational_answering(session: V2Session, message: Message) -> Answering:
    """The same for INFORMATIONAL."""
    story = informational.responder(session, message)
    return Answering(story, lambda of, now: _informed(of, message, now), ends.answered_failed)


def _informed(session: V2Session, message: Message, now: Instant) -> None:
    """What follows once the response has left, the most important first."""
    chain = message.chain
    if session.life.over:
        _drop_pairs(session.current(), chain, now)
    elif informational.deletes_ike(chain):
        _ike_deleted(session, now)
    elif (error := informational.error(chain)) is not None:
        ends.broken(session, session.refused or _failed_there(session, error))
    else:
        if not mobike.unexpected(message) and mobike.moved_there(session, message, now):
            exchanges.begin(session, mobike.ask(session), _nothing, ends.failed, now)
        _drop_pairs(session, chain, now)
        redirects.told(session, chain, now)
        granting.told_anew(session, chain, now)


def _ike_deleted(session: V2Session, now: Instant) -> None:
    """Keys that were not used yet go quietly; what the peer made meanwhile takes over; else the session ends."""
    if renewal.is_spare(session):
        renewal.discard(session, now)
    elif not give_way(session, now):
        ends.deleted(session)


def _failed_there(session: V2Session, error: int) -> Reason:
    """The peer has dropped the IKE SA (RFC 7296 §2.21)."""
    if error == NotifyType.AUTHENTICATION_FAILED:
        return Disbelieved(session.path.remote.address)
    return BrokenExchange("INFORMATIONAL", "the peer found a message of this end malformed")


def _drop_pairs(session: V2Session, chain: Chain, now: Instant) -> None:
    if session.life.over:
        return
    for spi in informational.spis(chain):
        pair = session.children.by_outbound(spi)
        if pair is not None and not pair.deleted:
            child_rekey.deleted_there(session, pair, now)
            complete(session, now)


# --- addresses -------------------------------------------------------------------------------------------------------


def move(session: V2Session, now: Instant) -> None:
    """Client: tells the gateway where it is now (MOBIKE)."""
    exchanges.hasten(session, now)
    exchanges.begin(session, mobike.update(session), _moved, ends.failed, now)


def _moved(session: V2Session, _: None, now: Instant) -> None:
    """It may have moved again meanwhile."""
    if not session.life.over and mobike.has_moved(session):
        move(session, now)


def _nothing(session: V2Session, result: None, now: Instant) -> None:
    """The client is where it says."""
