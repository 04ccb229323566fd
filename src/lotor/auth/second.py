"""The second factor of lotor's own users: a code of the hour or a recovery code, in a second round or behind the
password. Who knows a password and guesses codes is soon made to wait."""

from __future__ import annotations

import hmac
import logging
import math
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from lotor.auth.checks import NotJudgedError, Proof
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.codes import recovery_digest, six_digits, spent_name
from lotor.auth.housed import Housed
from lotor.auth.proofs import Proofs
from lotor.auth.spent import SpentCodes, SpentError
from lotor.auth.userlines import LocalUser
from lotor.crypto import totp
from lotor.model.frozen import frozen
from lotor.model.login import LoginAttempt
from lotor.model.reasons.logins import AnswerLate, BackEndFault, LoginReason, TooManyCodes, WrongCode
from lotor.model.secret import Secret

log = logging.getLogger(__name__)

FREE = 5
"""Wrong codes in a row that cost nothing more than a wrong password does."""
PAUSE, LONGEST_PAUSE = 30.0, 3600.0
"""Seconds in which no code of the user counts after the next one: doubled with each further one. Three codes in a
million fit at a time: of 24 guesses a day one fits in 38 years."""
TYPING = 120.0
"""Seconds for typing a code; XAUTH gives up about then, too."""
MOST_OPEN = 4096
MOST_COUNTED = 65_536


@frozen
class Open:
    """A login that waits for its code: the password was right at `since`."""

    user: str
    proof: Proof
    since: float


@frozen
class Match:
    """A code that is right and waits to be spent, under `key`. `step` None: a recovery code."""

    key: str
    step: int | None


class Elsewhere(Protocol):
    """Other gateways with the same users."""

    async def spend(self, key: str, step: int | None) -> bool:
        """Whether it was used nowhere. Raises `OSError` with a clear text where nobody can say."""
        ...


@dataclass(slots=True)
class _Count:
    wrong: int = 0
    until: float = 0.0


class SecondFactors:
    """Threads may share it. `remember`: for so many seconds a session of one of those who are `housed` may be renewed
    without a new code."""

    def __init__(
        self,
        spent: SpentCodes | None = None,
        remember: float = 0.0,
        housed: Housed | None = None,
        clock: Clock = SYSTEM,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.spent = spent or SpentCodes()
        self.elsewhere = elsewhere
        self.given = Proofs(remember, clock.now)
        self.clock = clock
        self._housed = housed or Housed()
        self._lock = threading.Lock()
        self._open: OrderedDict[bytes, Open] = OrderedDict()
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    # --- second rounds -----------------------------------------------------------------------------------------------

    def ask(self, user: str, proof: Proof) -> bytes:
        """The ticket of a login whose password was right."""
        ticket = secrets.token_bytes(16)
        with self._lock:
            self._open[ticket] = Open(user, proof, self.clock.now())
            while len(self._open) > MOST_OPEN or next(iter(self._open.values())).since + TYPING < self.clock.now():
                self._open.popitem(last=False)
        return ticket

    def asked(self, ticket: bytes, user: str) -> Proof:
        """That of the login with this ticket, which is good for one round. Raises `NotJudgedError`."""
        with self._lock:
            found = self._open.pop(ticket, None)
        if found is None or found.user != user or found.since + TYPING < self.clock.now():
            raise NotJudgedError(AnswerLate(user))
        return found.proof

    def forget(self, ticket: bytes) -> None:
        with self._lock:
            self._open.pop(ticket, None)

    # --- codes -------------------------------------------------------------------------------------------------------

    def renews(self, attempt: LoginAttempt, proof: Proof) -> bool:
        """Whether this login gives the same as one that was let in from the same address lately, and has a session:
        then it renews that one. A client that keeps what was typed has no newer code."""
        return self._housed.has(attempt.user) and self.given.holds(_place(attempt), proof.entry, proof.code)

    def note(self, attempt: LoginAttempt, proof: Proof) -> None:
        """The login was let in."""
        self.given.note(_place(attempt), proof.entry, proof.code)

    def objection(self, user: LocalUser, code: Secret) -> LoginReason | None:
        """None when the code is right: it is spent then. Blocks. Raises `NotJudgedError`. Other gateways are not
        asked."""
        found = self.match(user, code)
        return self.spend(user, found) if isinstance(found, Match) else found

    def match(self, user: LocalUser, code: Secret) -> Match | LoginReason:
        """What is to be spent: `spend`, `refuse` or `let_go` follows."""
        if wait := self._enter(user):
            return TooManyCodes(user.name, math.ceil(wait))
        return self._match(user, code) or self.refuse(user)

    def spend(self, user: LocalUser, found: Match) -> LoginReason | None:
        """At this gateway. None when it opens. Blocks. Raises `NotJudgedError`."""
        try:
            if found.step is not None:
                right = self.spent.spend_step(found.key, found.step)
            else:
                right = self.spent.spend_code(found.key)
        except SpentError as fault:
            self.let_go(user)
            raise NotJudgedError(BackEndFault(user.name, f"no code can be taken: {fault}")) from None
        if not right:
            return self.refuse(user)
        self._leave(user, wrong=0)
        return None

    def refuse(self, user: LocalUser) -> LoginReason:
        """The code was wrong, or used before."""
        told = self._leave(user, wrong=1)
        if told > FREE:
            log.warning("%d wrong codes in a row with the right password of %s: who else knows it?", told, user.name)
        return WrongCode(user.name)

    def let_go(self, user: LocalUser) -> None:
        """Nobody can say what the code is worth."""
        self._leave(user, wrong=0)

    def _match(self, user: LocalUser, code: Secret) -> Match | None:
        key, digits = user.facts.totp, six_digits(code)
        if key is not None and digits is not None:
            step = totp.step_of(key, digits, self.clock.wall())
            return Match(spent_name(user.name, key.reveal()), step) if step is not None else None
        digest = recovery_digest(user.name, code) or ""
        known = [hmac.compare_digest(digest, each) for each in user.facts.recovery]
        return Match(spent_name(user.name, digest.encode()), None) if any(known) else None

    def _enter(self, user: LocalUser) -> float:
        """Seconds to wait for; 0: the code is looked at, and counts as wrong until it is known, also for those that
        come meanwhile. Another password begins anew."""
        with self._lock:
            count = self._counts.setdefault(_password(user), _Count())
            self._counts.move_to_end(_password(user))
            if len(self._counts) > MOST_COUNTED:
                self._counts.popitem(last=False)
            if (wait := count.until - self.clock.now()) > 0:
                return wait
            count.wrong += 1
            if (beyond := count.wrong - FREE) > 0:
                count.until = self.clock.now() + min(PAUSE * 2.0 ** min(beyond - 1, 16), LONGEST_PAUSE)
            return 0.0

    def _leave(self, user: LocalUser, *, wrong: int) -> int:
        """A code was looked at. Returns how many were wrong in a row."""
        with self._lock:
            count = self._counts.get(_password(user), _Count())
            if not wrong:
                self._counts.pop(_password(user), None)
            return count.wrong * wrong


def _password(user: LocalUser) -> tuple[str, str]:
    return user.name, user.hash


def _place(attempt: LoginAttempt) -> str:
    """A user at an address; a name has no NUL."""
    return f"{attempt.source.address}\0{attempt.user}"
