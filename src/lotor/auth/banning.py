"""Bans: who is banned is refused before anybody looks at the password, and who guesses too much is banned."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

from lotor.auth.banned import BY_HAND, MOST, Banned
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.sources import networks
from lotor.model.ban import LONGEST, Ban, BanRule, demand_subject, network_of, shown, subject_of
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.network import Network, Peer
from lotor.model.quantity import quantity
from lotor.model.reasons.logins import BannedForNow
from lotor.ports.auth import LoginBackend

log = logging.getLogger(__name__)

MOST_NETWORKS = 65_536
"""From which somebody failed lately; the one whose first failure is the oldest is forgotten first."""


class Banning:
    """A `LoginBackend` around another. `changed` hears each ban that is new (True) or gone."""

    def __init__(
        self,
        backend: LoginBackend,
        banned: Banned | None = None,
        clock: Clock = SYSTEM,
        changed: Callable[[Ban, bool], None] = lambda _ban, _new: None,
    ) -> None:
        self._backend = backend
        self.banned = banned if banned is not None else Banned()
        self._clock = clock
        self._changed = changed
        self.rule: BanRule | None = None
        self._wrong: OrderedDict[Network, tuple[float, int]] = OrderedDict()
        """Since when, and how many."""

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if self.banned.find(attempt.user, attempt.source.address) is not None:
            await self._backend.abandon(attempt.conversation)
            return Refused(BannedForNow(attempt.user))
        verdict = await self._backend.judge(attempt)
        if isinstance(verdict, Refused) and verdict.guess:
            self._count(attempt.source)
        if isinstance(verdict, Accepted) and self.banned.find(verdict.user, attempt.source.address) is not None:
            return Refused(BannedForNow(attempt.user))
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        await self._backend.abandon(conversation)

    def ban(self, subject: str, seconds: int) -> Ban:
        """By an administrator's wish, from now on. Raises `ValueError`, `OverflowError`."""
        if not 1 <= seconds <= LONGEST:
            raise ValueError(f"a ban lasts from 1 to {LONGEST} seconds")
        demand_subject(subject)
        return self._begin(*subject_of(subject), seconds, BY_HAND)

    def lift(self, subject: str) -> Ban | None:
        """None where there is no such ban. What was counted there counts no more."""
        name, network = subject_of(subject)
        ban = self.banned.lift(name, network=network)
        if ban is not None:
            if network:
                self._wrong.pop(network_of(name), None)
            self._changed(ban, False)
            log.warning("ban of %s lifted", name)
        return ban

    def all(self) -> tuple[Ban, ...]:
        self._forget()
        return self.banned.all()

    def _begin(self, subject: str, network: bool, seconds: int, why: str) -> Ban:
        self._forget()
        since = self.banned.wall()
        ban = Ban(subject, network, since, since + seconds, why)
        for gone in self.banned.add(ban):
            self._changed(gone, False)
        self._changed(ban, True)
        log.warning("banned %s for %d s: %s", subject, seconds, why)
        return ban

    def _forget(self) -> None:
        for over in self.banned.expired():
            self._changed(over, False)

    def _count(self, source: Peer) -> None:
        """Not what was under way when its network was banned: that would make the ban another one."""
        rule = self.rule
        if rule is None or self.banned.find("", source.address) is not None:
            return
        there, now = networks(source)[0], self._clock.now()
        began, wrong = self._wrong.get(there, (now, 0))
        if now - began > rule.within:
            began, wrong = now, 0
        if not wrong:
            self._wrong.pop(there, None)
        self._wrong[there] = began, wrong + 1
        if len(self._wrong) > MOST_NETWORKS:
            self._wrong.popitem(last=False)
        if wrong + 1 >= rule.wrong:
            self._wrong.pop(there, None)
            self._ban(there, rule)

    def _ban(self, there: Network, rule: BanRule) -> None:
        why = f"{quantity(rule.wrong, 'wrong login')} within {rule.within} s"
        try:
            self._begin(shown(there), True, rule.length, why)
        except OverflowError:
            log.error("%s is not banned, for %s: there are %d bans by hand already", shown(there), why, MOST)  # noqa: TRY400 - it says all
