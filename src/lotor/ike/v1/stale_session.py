"""Whether an older session is stale, as a step of a story."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lotor.ike import stale
from lotor.ike.session import Session
from lotor.ike.v1.story import Story, wait


def dead_among(sessions: Sequence[Session]) -> Story[tuple[Session, ...]]:
    """Probes the peers of all sessions at once and waits for the last result. Returns the sessions without a sign of
    life."""
    dead: list[Session] = []
    if sessions:
        yield from wait(partial(stale.ask_all, sessions[: stale.MOST_AT_ONCE], dead))
    return tuple(dead)
