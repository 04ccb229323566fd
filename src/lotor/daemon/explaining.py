"""Attempts as the views that `explain` shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from lotor.control.views import SCHEMA, AttemptView, ExplainView, RowView
from lotor.explain import narrative, remedies
from lotor.explain.attempts import Attempt, Attempts
from lotor.model.policy import Side
from lotor.model.reason import Reason

MOST_ATTEMPTS_SHOWN = 20
"""Attempts in one answer."""


def explain_view(
    attempts: Attempts, subject: str, concern: Callable[[Side, str], bool] = lambda *_: True
) -> ExplainView:
    """An empty subject means all; `concern` says of role and login whether an attempt is the caller's business."""
    known = attempts.find(subject) if subject else attempts.all()
    found = [each for each in known if concern(each.side, each.user)]
    views = [attempt_view(each) for each in found[:MOST_ATTEMPTS_SHOWN]]
    return ExplainView(schema=SCHEMA, subject=subject, known=len(found), attempts=views)


def fix_of(attempts: Attempts, reason: Reason) -> str:
    """What may help against the end of an own attempt."""
    own = (each for each in attempts.all() if each.side is Side.CLIENT and each.reason == reason)
    told = next(own, None)
    return remedies.remedy(told) if told is not None else remedies.advice(reason.cause, Side.CLIENT)


def attempt_view(attempt: Attempt) -> AttemptView:
    reason = attempt.reason
    return AttemptView(
        session=attempt.session,
        role=attempt.side.value,
        remote=attempt.remote,
        state=narrative.outcome(attempt),
        began=_time(attempt.began),
        ended=None if attempt.over is None else _time(attempt.over),
        outside=attempt.address,
        moved_to=attempt.moved_to,
        path=attempt.path,
        program=narrative.peer(attempt),
        mode=attempt.mode,
        offers=list(attempt.offers),
        vendors=list(attempt.vendors),
        chosen=attempt.chosen,
        method=attempt.method,
        peer=attempt.peer or (attempt.claimed if attempt.side is Side.GATEWAY else ""),
        verdict=attempt.verdict,
        nat=attempt.nat,
        user=attempt.user,
        login=attempt.login,
        address=attempt.inner,
        pairs=list(attempt.pairs.values()),
        happened=list(attempt.happened),
        cause=reason.cause.name if reason else "",
        reason=attempt.why,
        kind=reason.kind.value if reason else "",
        facts=dict(reason.facts()) if reason else {},
        times=attempt.times,
        device_shows=narrative.device_shows(attempt),
        fix=remedies.remedy(attempt),
        story=[RowView(name=row.name, text=row.text) for row in narrative.rows(attempt)],
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
