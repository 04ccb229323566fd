"""A user who comes back by a ticket: whether a list of users, as it is now, says what it said when he logged in."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import field
from hmac import compare_digest
from typing import Protocol

from lotor.auth.checks import Case, NotJudgedError
from lotor.model.frozen import frozen
from lotor.model.login import TicketShown
from lotor.model.reasons.logins import LoginReason
from lotor.model.reasons.proofs import TicketVoid


@frozen
class Readmission(TicketShown):
    """A ticket that was opened, and is good so far. `mark`: what the entry of its user was when he logged in. No verb
    has a form for it: a daemon can only show the ticket itself."""

    mark: bytes = field(repr=False)


class Marked(Protocol):
    """A back end that knows its users without a password."""

    async def mark(self, user: str) -> bytes | None:
        """Of the entry of a user as it is now; None where there is none, or something is said against the user."""
        ...


Find = Callable[[str], Case]
Look = Callable[[Find, str], Awaitable[Case]]
"""Calls `Find` beside the event loop."""


def marked(source: str, case: Case) -> bytes | None:
    """32 octets that change with anything in the entry: password, lock, dates, second factor. `source`: the list."""
    if not case.entry or case.objection is not None:
        return None
    octets = case.entry.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(f"{source}\0".encode() + octets, digest_size=32, person=b"lotor-ticketuser").digest()


async def mark(look: Look, find: Find, source: str, user: str) -> bytes | None:
    """As `Marked` has it."""
    try:
        return marked(source, await look(find, user))
    except NotJudgedError:
        return None


async def objection(look: Look, find: Find, source: str, user: str, shown: Readmission) -> LoginReason | None:
    """Against letting a user in again; None: there is none. It counts as no guess, for nobody gave a password. Raises
    `NotJudgedError`."""
    case = await look(find, user)
    if not case.entry:
        return TicketVoid(user, "the user is gone")
    if case.objection is not None:
        return TicketVoid(user, case.objection.clause)
    if not compare_digest(marked(source, case) or b"", shown.mark):
        return TicketVoid(user, "the user was changed since the login")
    return None
