"""The tasks of an IKE SA, driven: the next one begins when the one before is done."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from lotor.ike.errors import Refusal
from lotor.ike.v2 import exchanges
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.work import Task
from lotor.model.network import Instant
from lotor.model.reason import Cause

PUT_OFF_S = {False: 1.0, True: 1.7}
"""Seconds after which a client, and a gateway, asks again what the peer could not do just then: two different times, so
that two requests that crossed do not cross again (RFC 7296 §2.25)."""

MOST_PUT_OFF_S = 60.0
MOST_TRIES = 8
"""Some three minutes in all: the peer may be dead without saying so."""


def want(session: V2Session, task: Task, now: Instant) -> None:
    """The task is done when its turn comes; once, however often it is wanted meanwhile."""
    session = session.current()
    if not session.life.over and task != session.work.busy:
        session.work.waiting.setdefault(task)
        go_on(session, now)


def put_off(session: V2Session, task: Task, now: Instant) -> bool:
    """The same a while later. False when it was put off often enough."""
    if task.tries >= MOST_TRIES:
        return False
    wait = min(PUT_OFF_S[session.gateway] * 2**task.tries, MOST_PUT_OFF_S)
    later = replace(task, tries=task.tries + 1)
    session.context.timers.set(now + wait, f"{task.kind.value} again", partial(want, session, later))
    return True


def go_on(session: V2Session, now: Instant) -> None:
    """Begins the next task, if none is under way."""
    work = session.work
    while work.busy is None and work.waiting and not session.life.over:
        task = next(iter(work.waiting))
        del work.waiting[task]
        story = task.begin(session)
        if story is not None:
            work.busy = task
            exchanges.begin(session, story, partial(_done, task), partial(_failed, task), now)


def _done(task: Task, session: V2Session, result: Any, now: Instant) -> None:
    session.work.busy = None
    task.done(session, result, now)
    go_on(session.current(), now)


def _failed(task: Task, session: V2Session, refusal: Refusal, now: Instant) -> None:
    """A peer that does not answer is dead: nothing else can be asked in this SA."""
    session.work.busy = None
    if refusal.reason.cause is Cause.NO_ANSWER and session.work.silent is not None:
        session.work.silent(session, refusal, now)
        return
    task.failed(session, task, refusal, now)
    go_on(session.current(), now)
