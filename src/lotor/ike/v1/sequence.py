"""What follows what: phase 1, XAUTH, mode config, quick mode. Each exchange that ends asks here for the next step.

SA pairs have a chapter of their own, `sa_pairs`. How a session ends is decided in `ends`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from lotor.ike import identities, insides, stale, translated
from lotor.ike.children import Pair
from lotor.ike.dialect import Incoming
from lotor.ike.events import PhaseOneUp, Remark
from lotor.ike.gates import Gate
from lotor.ike.proved import ProvedPeer
from lotor.ike.questions import AdmitConfiguration
from lotor.ike.v1 import (
    aggressive,
    ends,
    identify,
    informational,
    main,
    modecfg,
    plans,
    quick,
    renewal,
    sa_pairs,
    transactions,
    watch,
    xauth,
)
from lotor.ike.v1.ends import LOGIN_GRACE_S
from lotor.ike.v1.exchange import Done, Exchange, begun_here
from lotor.ike.v1.exchanges import Running
from lotor.ike.v1.informational import EndedThere, Finding
from lotor.ike.v1.isakmp import PhaseOne, owed
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story
from lotor.ike.v1.transactions import TransactionResult
from lotor.model.configuration import ModeConfiguration
from lotor.model.judgement import Failure
from lotor.model.network import Instant
from lotor.model.policy import Transfer
from lotor.model.reasons.ends import ConnectedAgain
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import ExchangeType, NotifyType
from lotor.wire.v1.payloads import Notification
from lotor.wire.v1.vendors import Vendor

HALF_OPEN_S = 30.0
"""Seconds that a stranger has to finish phase 1."""

PUSH_AFTER_S = {Transfer.AUTO: 3.0, Transfer.PUSH: 0.0}
"""Seconds that a gateway waits for a client's request before it pushes the configuration. With `pull` it never
pushes."""

PULL_AFTER_S = {Transfer.AUTO: 0.3, Transfer.PULL: 0.0}
"""Seconds that a client waits for a gateway to push. A gateway that pushes begins at once, and some do not accept a
request meanwhile. With `push` the client never asks."""

T = TypeVar("T")

# --- phase 1 ---------------------------------------------------------------------------------------------------------


_MODES = {ExchangeType.AGGRESSIVE: aggressive, ExchangeType.MAIN: main}


def begin(session: V1Session, kind: ExchangeType, now: Instant) -> Exchange[PhaseOne]:
    """Begins phase 1, in either role. The responder's exchange still waits for the first message."""
    plan, mode = plans.phase_one(kind, initiator=session.initiator), _MODES[kind]
    channel = plan.channel(session, 0)
    story = (mode.initiator if session.initiator else mode.responder)(session, channel)
    exchange = Exchange(session, plan, 0, story, _phase_one_done, ends.attempt_failed, channel)
    session.exchanges.add(exchange)
    ends.within(session, LOGIN_GRACE_S if session.initiator else HALF_OPEN_S, "half-open session", now)
    exchange.start(now)
    return exchange


def _phase_one_done(exchange: Exchange[PhaseOne], record: PhaseOne, now: Instant) -> None:
    """The peer holds the keys, and is proved unless a login follows. A responder goes on at the address that the proof
    came from."""
    session = exchange.session
    session.phase_one, session.proved, session.refused = record, _proved(record), None
    session.gates.settle(owed(session.remote, record.suite.method))
    if not session.initiator and exchange.path is not None:
        session.heard_over(exchange.path, now)
    session.life.voice = informational.KeyedVoice(session)
    _tell_phase_one(session, record)
    ends.within(session, LOGIN_GRACE_S, "login", now)
    _set_lifetime(session, now)
    if session.initiator or session.gates.next() is not Gate.LOGIN:
        ends.watch_peer(session, watch.WAITING_DPD if session.initiator else session.remote.dpd, now)
    watch.keep_alive(session, now)
    _go_on(session, now)
    for receive in session.early.take():
        if not session.life.over:
            receive(now)


def _open(session: V1Session, gate: Gate) -> None:
    """The one place where a gate opens after phase 1."""
    session.gates.open(gate)


def _let_in(session: V1Session) -> None:
    """Gateway: the back end accepted the login. A session that was renewed has its address already."""
    _open(session, Gate.LOGIN)
    if session.renewed:
        _open(session, Gate.ADDRESS)


def _asked_for_pair(session: V1Session, message1: Chain) -> None:
    """Gateway: a client may go on with the address that it had, without asking for it."""
    configuration = modecfg.resumed(session, message1)
    if configuration is not None:
        _open(session, Gate.ADDRESS)
        insides.tell(session, configuration)


def _set_lifetime(session: V1Session, now: Instant) -> None:
    renewal.set_lifetime(session, partial(ends.phase_one_expired, session), now)


def informed(session: V1Session, found: Sequence[Finding | EndedThere], now: Instant) -> None:
    """Acts on what an informational message of the peer said, the most important first."""
    ended = next((each for each in found if isinstance(each, EndedThere)), None)
    if ended is not None:
        ends.end(session, ended.reason, send_deletes=False)
        return
    if Finding.CONTACT in found:
        _contacted(session)
    if Finding.SHORTER_LIFETIME in found and not session.life.over:
        _set_lifetime(session, now)
    if Finding.PAIRS_DELETED in found:
        sa_pairs.complete(session, now)


def _proved(record: PhaseOne) -> ProvedPeer:
    method = record.suite.method
    return ProvedPeer(record.peer, method.login, method.personal, Vendor.DPD in record.vendors, record.there)


def _go_on(session: V1Session, now: Instant) -> None:
    """Takes the next step after phase 1, if it is for this end to begin it."""
    if session.gates.next() is Gate.LOGIN:
        if session.gateway:
            _transact(session, xauth.gateway(session, _let_in), _logged_in, now)
        return
    client = session.isakmp_sa.peer if session.gateway else identify.mine(session.remote, session.path)
    session.user = identities.text(client)
    if session.gateway:
        barred = session.registry.barred(session, session.user)
        if barred is not None:
            _probe_stale(session)
            informational.say(session, Notification(NotifyType.AUTHENTICATION_FAILED))
            ends.end(session, barred)
            return
        _left_behind(session)
    if session.renewed:
        session.unlimit()
        if session.gates.next() is Gate.ADDRESS:
            _open(session, Gate.ADDRESS)
        sa_pairs.resume(session, now)
    elif session.initiator:
        _ask_or_start(session, now)
    elif session.gates.next() is Gate.ADDRESS and session.remote.mode_config is Transfer.PUSH:
        _push_later(session, now)


def _left_behind(session: V1Session) -> None:
    """Gateway: the peer is proved. Older sessions that it does not hold any more end."""
    _probe_stale(session)
    session.registry.accepted(session, session.user)


def _probe_stale(session: V1Session) -> None:
    reason = ConnectedAgain(session.user, str(session.path.remote))
    for old in session.registry.maybe_stale(session, session.user)[: stale.MOST_AT_ONCE]:
        stale.if_dead(old, lambda gone: session.registry.replace((gone,), reason))


def _contacted(session: V1Session) -> None:
    """INITIAL-CONTACT came in a message of its own. It counts once the login is proved."""
    if session.gateway and session.gates.passed(Gate.LOGIN) and not session.life.over:
        _left_behind(session)


def _ask_or_start(session: V1Session, now: Instant) -> None:
    """Client: asks for a configuration if one is owed, else takes over the old session or begins quick mode."""
    if session.gates.next() is Gate.ADDRESS:
        _pull_later(session, now)
    elif session.renews is not None:
        _take_over(session, None, now)
    else:
        sa_pairs.complete(session, now)


def _pull_later(session: V1Session, now: Instant) -> None:
    wait = PULL_AFTER_S.get(session.remote.mode_config)
    if wait == 0.0:
        _pull(session, now)
    elif wait is not None:
        session.limit(wait, "pull of the configuration", partial(_pull, session), now)


def _pull(session: V1Session, now: Instant) -> None:
    ends.within(session, LOGIN_GRACE_S, "quick mode", now)
    if session.gates.next() is Gate.ADDRESS:
        _transact(session, modecfg.pull(session), _pulled, now)


def _pulled(exchange: Exchange[ModeConfiguration], configuration: ModeConfiguration, now: Instant) -> None:
    _configured(exchange.session, configuration, now)


def _tell_phase_one(session: V1Session, record: PhaseOne) -> None:
    session.context.tell(
        PhaseOneUp(
            session.id,
            session.path,
            record.suite,
            identities.text(record.peer),
            translated.describe(here=record.here, there=record.there),
            str(session.spis),
            ", ".join(sorted(vendor.name.lower() for vendor in record.vendors)),
        )
    )


# --- XAUTH and mode config -------------------------------------------------------------------------------------------


def _transact(session: V1Session, story: Story[T], done: Done[T], now: Instant) -> None:
    plan = plans.phase_two(ExchangeType.TRANSACTION, initiator=True)
    message_id = session.context.randomness.message_id()
    Exchange(session, plan, message_id, story, done, ends.failed, plan.channel(session, message_id)).begin(now)


def _logged_in(exchange: Exchange[None], _: None, now: Instant) -> None:
    """Gateway: the client knows that its login is accepted. Most clients ask for their configuration now; it is pushed
    to those that do not."""
    session = exchange.session
    _prolong(session, now)
    if session.renewed:
        session.unlimit()
        ends.watch_peer(session, session.remote.dpd, now)
        sa_pairs.resume(session, now)
    elif session.gates.next() is Gate.ADDRESS:
        _push_later(session, now)


def _push_later(session: V1Session, now: Instant) -> None:
    wait = PUSH_AFTER_S.get(session.remote.mode_config)
    if wait is not None:
        session.limit(wait, "push of the configuration", partial(_push, session), now)


def _push(session: V1Session, now: Instant) -> None:
    ends.within(session, LOGIN_GRACE_S, "quick mode", now)
    if session.gates.next() is Gate.ADDRESS:
        _transact(session, modecfg.push(session), _pushed, now)


def _pushed(exchange: Exchange[ModeConfiguration], configuration: ModeConfiguration, now: Instant) -> None:
    _given(exchange.session, configuration, now)


def _given(session: V1Session, configuration: ModeConfiguration, now: Instant) -> None:
    """Gateway: the client has its address."""
    if session.gates.next() is Gate.ADDRESS:
        _open(session, Gate.ADDRESS)
    if session.inner.told:
        return
    ends.within(session, LOGIN_GRACE_S, "quick mode", now)
    insides.tell(session, configuration)


def _prolong(session: V1Session, now: Instant) -> None:
    """A login that cannot be repeated keeps its phase 1 for longer."""
    if session.one_time:
        _set_lifetime(session, now)
        remark(session, f"the login was good for once: phase 1 is kept for {renewal.ONE_TIME_LIFETIME_S / 3600:.0f} h")


def _accepted(session: V1Session, now: Instant) -> None:
    """Client: the gateway accepted the login."""
    if session.gates.next() is not Gate.LOGIN:
        return
    _open(session, Gate.LOGIN)
    _prolong(session, now)
    _ask_or_start(session, now)


def _configured(session: V1Session, configuration: ModeConfiguration, _: Instant) -> None:
    """Client: a configuration came, pulled or pushed; the first one counts. Quick mode follows when the host accepts
    it. If the host refuses it, the session ends before there is an SA pair."""
    if session.gates.next() is not Gate.ADDRESS:
        return
    _open(session, Gate.ADDRESS)
    for exchange in begun_here(session, ExchangeType.TRANSACTION):
        exchange.abandon()

    number = session.id if session.renews is None else session.renews
    session.context.ask(
        AdmitConfiguration(number, session.path, configuration), partial(_admitted, session, configuration)
    )


def _admitted(session: V1Session, configuration: ModeConfiguration, failure: Failure | None, now: Instant) -> None:
    """Client: the host has accepted or refused the configuration."""
    if session.life.over:
        return
    if failure is not None:
        ends.end(session, failure.reason)
    elif session.renews is not None:
        _take_over(session, configuration, now)
    else:
        session.inner.configuration = configuration
        insides.tell(session, configuration)
        sa_pairs.complete(session, now)


def _went_on(session: V1Session, now: Instant) -> None:
    """Gateway: a client that asks for a configuration knows that its login is accepted, even if its acknowledgement was
    lost. Not all peers acknowledge twice."""
    for exchange in begun_here(session, ExchangeType.TRANSACTION) if session.gates.passed(Gate.LOGIN) else []:
        exchange.presume(now)


def _transaction_done(exchange: Exchange[TransactionResult], result: TransactionResult, now: Instant) -> None:
    session = exchange.session
    if session.gateway and result.configuration is not None:
        _given(session, result.configuration, now)
        _went_on(session, now)
    elif result.configuration is not None:
        _configured(session, result.configuration, now)
    elif result.verdict is True:
        _accepted(session, now)
    elif result.verdict is False and session.refused is not None:
        ends.end(session, session.refused)


def _take_over(session: V1Session, configuration: ModeConfiguration | None, now: Instant) -> None:
    """Client: the session goes on under a renewed phase 1. If another address came with it, SA pairs for that address
    follow."""
    old = session.registry.predecessor(session)
    mismatch = renewal.take_over(session, old, configuration, now)
    if mismatch is not None:
        for each in (session, *((old,) if old is not None else ())):
            ends.end(each, mismatch)
        return
    ends.watch_peer(session, session.remote.dpd, now)
    sa_pairs.resume(session, now)
    if session.inner.moving:
        sa_pairs.complete(session, now)


# --- what the peer begins --------------------------------------------------------------------------------------------


def answering(
    session: V1Session, kind: int, message_id: int, before: Running | None = None
) -> Exchange[TransactionResult] | Exchange[Pair] | None:
    """The exchange for a message id that is new here, or that continues `before`. None for kinds of exchanges that a
    peer may not begin."""
    if kind == ExchangeType.TRANSACTION:
        plan = plans.phase_two(ExchangeType.TRANSACTION, initiator=False)
        channel = before.channel if isinstance(before, Exchange) else plan.channel(session, message_id)
        return Exchange(
            session, plan, message_id, transactions.answer(session), _transaction_done, ends.failed, channel
        )
    if kind == ExchangeType.QUICK:
        plan = plans.phase_two(ExchangeType.QUICK, initiator=False)
        story, channel = quick.responder(session, message_id, _asked_for_pair), plan.channel(session, message_id)
        return Exchange(session, plan, message_id, story, sa_pairs.child_up, sa_pairs.answered_failed, channel)
    return None


def continues(session: V1Session, exchange: Running, incoming: Incoming) -> bool:
    """Whether a message begins another transaction under the id of a finished one. libreswan pushes its configuration
    under the message id of its login verdict, where the IV chain goes on. A duplicate begins nothing."""
    if session.gateway or not isinstance(exchange, Exchange) or exchange.plan.kind != ExchangeType.TRANSACTION:
        return False
    return exchange.over and not exchange.plan.initiator and not exchange.knows(incoming)


def remark(session: V1Session, text: str) -> None:
    session.context.tell(Remark(session.id, text))
