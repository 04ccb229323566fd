"""Whether an older session is stale: its peer is probed for a moment, and any traffic of it counts as an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from lotor.ike.effects import Ticket
from lotor.ike.questions import LastInbound
from lotor.ike.session import Session
from lotor.model.frozen import frozen
from lotor.model.network import Instant

PROBE_SCHEDULE = (0.3, 0.8, 1.6, 2.5)
"""When to check for traffic, in seconds after the start; a probe is sent before every check except the last."""

QUICK_SCHEDULE = (0.3, 0.7, 1.5)
"""The same for a peer that this end has a reason to doubt. To begin anew costs less than to wait for one that is gone:
the host stays as it is, and the lease is the same."""

SAME_PACKET_S = 0.1
"""Two answers about the same packet may differ by so many seconds: a later time within them is no new packet."""

Verdict = Callable[[bool, Instant], None]


MOST_AT_ONCE = 64
"""Sessions that are probed because of one new session; a device leaves few behind."""


def ask_all(sessions: Sequence[Session], dead: list[Session], ticket: Ticket) -> None:
    """Probes the peers of all sessions at once. `ticket` is answered with the last result; `dead` are then those that
    showed no sign of life."""
    pending = {session.id for session in sessions}

    def settle(number: int, session: Session, alive: bool, now: Instant) -> None:
        if not alive:
            dead.append(session)
        pending.discard(number)
        if not pending:
            session.context.answer(ticket, None, now)

    for session in sessions:
        _settle(session, session.context.promise(partial(settle, session.id, session)))


def if_dead(session: Session, then: Callable[[Session], None], schedule: Sequence[float] = PROBE_SCHEDULE) -> None:
    """The same where no story can wait: `then` is called for a session whose peer shows no sign of life."""

    def judge(alive: bool, _: Instant) -> None:
        if not alive:
            then(session)

    _settle(session, session.context.promise(judge), schedule)


def _settle(session: Session, ticket: Ticket, schedule: Sequence[float] = PROBE_SCHEDULE) -> None:
    """Answers `ticket`: True as soon as the peer shows life, False when it showed none until the last check."""

    def begin(now: Instant) -> None:
        _probe(session)
        _look(_Question(session, now, schedule, lambda alive, at: session.context.answer(ticket, alive, at)), 0)

    session.context.timers.set(0.0, "stale session", begin)


def _probe(session: Session) -> None:
    if session.proved is not None and session.proved.probed and session.life.voice is not None:
        session.life.voice.probe()


@frozen
class _Question:
    session: Session
    begun: Instant
    schedule: Sequence[float]
    verdict: Verdict


def _look(question: _Question, turn: int) -> None:
    session, begun, verdict = question.session, question.begun, question.verdict

    def glance(now: Instant) -> None:
        if session.life.over or session.heard_since(begun):
            verdict(not session.life.over, now)
        else:
            session.context.ask(LastInbound(session.children.ids()), judge)

    def judge(last: Instant | None, now: Instant) -> None:
        alive = last is not None and last > begun + SAME_PACKET_S
        if alive or turn + 1 == len(question.schedule):
            verdict(alive and not session.life.over, now)
            return
        if not session.life.over:
            _probe(session)
        _look(question, turn + 1)

    session.context.timers.set(begun + question.schedule[turn], "stale session", glance)
