"""How every back end with passwords judges one: looked up, remembered or hashed, and refused in the same time whatever
is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from lotor.auth.beat import BEAT, Beat
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.passwords import NEVER_RIGHT, given_password
from lotor.auth.proofs import Proofs
from lotor.auth.workers import BusyError, Workers, turn_of
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import AccountChanged, LoginReason, Unjudged
from lotor.model.secret import Secret

T = TypeVar("T")


class NoHashError(Exception):
    """The text that should be a hash is none that could be computed."""


class NotJudgedError(Exception):
    """Nobody can say whether the password is right."""

    def __init__(self, reason: Unjudged) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Case:
    """What there is about a name. `entry` is all that is stored of it, `own` its hash, both empty where there is none;
    `stand_ins` are hashed where `own` cannot be, the first one that can. `otherwise`: why a password that does not fit
    is refused; `objection`: why one that fits is, None when it is not."""

    entry: str = field(repr=False)
    own: str = field(repr=False)
    stand_ins: tuple[str, ...] = field(repr=False)
    otherwise: LoginReason
    objection: LoginReason | None = None


class Passwords(Protocol):
    """A list of names with hashes. Its methods are called in threads; `find` raises `NotJudgedError`."""

    def find(self, name: str) -> Case: ...

    def fits(self, password: Secret, stored: str) -> bool:
        """Slow on purpose. Raises `NoHashError`, quickly, and `NotJudgedError`."""
        ...

    def proved(self, case: Case, password: Secret) -> str:
        """The password fits. Returns the entry as it is kept from now on."""
        ...


class Checks:
    """Outlives a reload: threads and memory. Belongs to one event loop."""

    def __init__(
        self, workers: Workers | None = None, proofs: Proofs | None = None, clock: Clock = SYSTEM, beat: float = BEAT
    ) -> None:
        self.workers = Workers() if workers is None else workers
        self.proofs = Proofs() if proofs is None else proofs
        self._beat = Beat(clock, beat)
        self._looks = ThreadPoolExecutor(1, thread_name_prefix="login-looks")

    async def judge(self, attempt: LoginAttempt, passwords: Passwords) -> Verdict:
        began = self._beat.now()
        try:
            objection = await self._objection(attempt, passwords)
        except NotJudgedError as fault:
            return Refused(fault.reason.but(user=attempt.user))
        except BusyError as fault:
            return Refused(fault.reason(attempt.user))
        if objection is None:
            return Accepted(attempt.user)
        await self._beat.next(began)
        return Refused(objection)

    def adopt(self, former: Checks) -> None:
        """A reload: what the former ones know and have begun goes on here."""
        former.proofs.seconds = self.proofs.seconds
        self.proofs, self.workers = former.proofs, former.workers

    def close(self) -> None:
        self.workers.close()
        self._looks.shutdown(wait=False, cancel_futures=True)

    async def _objection(self, attempt: LoginAttempt, passwords: Passwords) -> LoginReason | None:
        name, (password, usable) = attempt.user, given_password(attempt)
        case = await self._look(passwords.find, name)
        remembered = self.proofs.holds(name, case.entry, password)
        if remembered and usable and case.entry and case.objection is None:
            return None
        check = partial(_prove, passwords, case, password if usable else None)
        entry = await self.workers.run(check, turn_of(attempt))
        if entry is None:
            return case.otherwise
        if case.objection is not None:
            return case.objection
        if (await self._look(passwords.find, name)).entry not in {case.entry, entry}:
            raise NotJudgedError(AccountChanged(name))
        self.proofs.note(name, entry, password)
        return None

    async def _look(self, find: Callable[[str], T], name: str) -> T:
        """Beside the event loop, and not in line with the hashes."""
        return await asyncio.get_running_loop().run_in_executor(self._looks, find, name)


def _prove(passwords: Passwords, case: Case, password: Secret | None) -> str | None:
    """One hash, whatever is wrong. The entry that was proved; None when it was not. `password` None: one that nobody
    has."""
    fits = _first_hash(passwords, password or NEVER_RIGHT, tuple(filter(None, (case.own, *case.stand_ins))))
    if password is None or fits != case.own or not case.own:
        return None
    return case.entry if case.objection is not None else passwords.proved(case, password)


def _first_hash(passwords: Passwords, password: Secret, candidates: tuple[str, ...]) -> str | None:
    """The first that can be computed decides: itself when the password fits, else None."""
    for stored in candidates:
        try:
            return stored if passwords.fits(password, stored) else None
        except NoHashError:
            continue
    return None
