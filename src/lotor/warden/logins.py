"""The logins of one daemon: the warden checks a password and slows guesses down; the daemon only hears the verdict. A
conversation of several rounds ends with the daemon that began it."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace

from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, LoginAttempt, Verdict
from lotor.ports.auth import LoginBackend
from lotor.privsep.accounting import is_id
from lotor.privsep.logging_in import ABANDON, CHECK_LOGIN, LONGEST_TICKET, MOST_LOGINS
from lotor.privsep.serving import Denied, Handler, Late, answering

log = logging.getLogger(__name__)

MOST_OPEN = MOST_LOGINS
"""Conversations in which a back end waits for the next round; the oldest gives way to another one."""

MOST_ACCEPTED = 65_536
"""Users that are remembered as logged in, as many as sessions with an address: the user whose login is the oldest
is forgotten first."""

MOST_GRANTS = 8
"""Of one user, each of another login: a name that many devices share logs in on several at a time."""


class HeldLogins:
    """For one daemon, the ids of whose sessions begin with `beginning`; `logins` outlives it, and so does what its
    throttle remembers."""

    def __init__(self, logins: LoginBackend, beginning: str = "") -> None:
        self._logins = logins
        self._beginning = beginning
        self._open: OrderedDict[bytes, None] = OrderedDict()
        self._accepted: OrderedDict[str, tuple[Grants, ...]] = OrderedDict()
        self._gone = False

    def rows(self) -> dict[int, Handler]:
        return dict((answering(self._judge, CHECK_LOGIN), answering(self._abandon, ABANDON)))

    def accepted(self, user: str) -> frozenset[str] | None:
        """The groups that came with the last login of a user since the daemon began; None for who had none."""
        found = self._accepted.get(user)
        return found[-1].groups if found is not None else None

    def granted(self, user: str, grants: Grants) -> bool:
        """Whether a login of this user, one of the last few, was accepted with just these grants."""
        return grants in self._accepted.get(user, ())

    async def let_go(self) -> None:
        """The daemon is gone: its conversations have no next round and are abandoned."""
        self._gone = True
        tickets = tuple(self._open)
        self._open.clear()
        for ended in await asyncio.gather(*map(self._logins.abandon, tickets), return_exceptions=True):
            if ended is not None:
                log.warning("a conversation could not be abandoned: %s", type(ended).__name__)

    async def _judge(self, attempt: LoginAttempt) -> Verdict:
        """A round that the daemon withdrew leaves its conversation open, so that it can be abandoned later."""
        ticket = attempt.conversation
        if attempt.account and not is_id(attempt.account, self._beginning):
            raise Denied("a session of this daemon has another id")
        if ticket and ticket not in self._open:
            raise Late("this daemon has no such conversation")
        self._open.pop(ticket, None)
        try:
            verdict = await self._logins.judge(replace(attempt, known=False))
        except BaseException:
            await self._keep(ticket)
            raise
        if isinstance(verdict, Challenge):
            if len(verdict.conversation) > LONGEST_TICKET:
                await self._logins.abandon(verdict.conversation)
                raise ValueError("a ticket that is longer than any may be")
            await self._keep(verdict.conversation)
        if isinstance(verdict, Accepted):
            self._note(verdict)
        return verdict

    def _note(self, accepted: Accepted) -> None:
        others = [each for each in self._accepted.get(accepted.user, ()) if each != accepted.grants]
        self._accepted[accepted.user] = (*others[1 - MOST_GRANTS :], accepted.grants)
        self._accepted.move_to_end(accepted.user)
        if len(self._accepted) > MOST_ACCEPTED:
            self._accepted.popitem(last=False)

    async def _keep(self, ticket: bytes) -> None:
        if not ticket:
            return
        self._open[ticket] = None
        if self._gone or len(self._open) > MOST_OPEN:
            oldest, _ = self._open.popitem(last=False)
            await self._logins.abandon(oldest)

    async def _abandon(self, ticket: bytes) -> None:
        if ticket in self._open:
            del self._open[ticket]
            await self._logins.abandon(ticket)
