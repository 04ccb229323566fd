"""The form of a check: a row of the table in `checks`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from lotor.doctor.finding import Finding
from lotor.doctor.subject import Subject
from lotor.model.frozen import frozen
from lotor.model.policy import Side

GATEWAY, CLIENT = frozenset({Side.GATEWAY}), frozenset({Side.CLIENT})
BOTH = GATEWAY | CLIENT


@frozen
class Check:
    """`about`: what it asks, for docs/doctor.md. `look` gives the facts that `judge` takes, and raises `OSError` where
    it may not look; one that is no coroutine runs in a thread. `judge` is pure."""

    name: str
    sides: frozenset[Side]
    about: str
    look: Callable[[Subject], Awaitable[Any]] | Callable[[Subject], Any]
    judge: Callable[[Any], Iterable[Finding]]
