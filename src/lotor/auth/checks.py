"""How every back end with passwords judges one: looked up, remembered or hashed, and refused in the same time whatever
is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from enum import Enum
from functools import partial
from typing import Protocol, TypeVar

from lotor.auth.beat import BEAT, Beat
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.codes import parted
from lotor.auth.passwords import NEVER_RIGHT, given_password
from lotor.auth.proofs import Proofs
from lotor.auth.workers import BusyError, Workers, turn_of
from lotor.model.frozen import frozen
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import AccountChanged, LoginReason, Unjudged
from lotor.model.secret import Secret

T = TypeVar("T")


NO_CODE = Secret(b"")


class NoHashError(Exception):
    """The text that should be a hash is none that could be computed."""


class NotJudgedError(Exception):
    """Nobody can say whether the password is right."""

    def __init__(self, reason: Unjudged) -> None:
        super().__init__(reason)
        self.reason = reason


class Codes(Enum):
    """Who may write a code behind the password: nobody of this list, only others, or this user, too."""

    NOBODY = 0
    OTHERS = 1
    OWN = 2


@frozen
class Case:
    """What there is about a name. `entry` is all that is stored of it, `own` its hash, both empty where there is none;
    `stand_ins` are hashed where `own` cannot be, the first one that can. `otherwise`: why a password that does not fit
    is refused; `objection`: why one that fits is, None when it is not. `codes`: who may write a code behind the
    password."""

    entry: str = field(repr=False)
    own: str = field(repr=False)
    stand_ins: tuple[str, ...] = field(repr=False)
    otherwise: LoginReason
    objection: LoginReason | None = None
    codes: Codes = Codes.NOBODY


@frozen
class Proof:
    """The password fits, and nothing is said against the user. `was` is the entry that was found, `entry` the one that
    is kept from now on; `code` is what stood behind the password, empty where nothing did."""

    was: str = field(repr=False)
    entry: str = field(repr=False)
    code: Secret


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
        """Where a password is all that there is."""
        return await self.told(attempt.user, self._accepted(attempt, passwords))

    async def told(self, user: str, judged: Awaitable[Accepted | Challenge | LoginReason]) -> Verdict:
        """What was judged, with each refusal on the beat."""
        began = self._beat.now()
        try:
            verdict = await judged
        except NotJudgedError as fault:
            return Refused(fault.reason.but(user=user))
        except BusyError as fault:
            return Refused(fault.reason(user))
        if not isinstance(verdict, LoginReason):
            return verdict
        await self._beat.next(began)
        return Refused(verdict)

    def adopt(self, former: Checks) -> None:
        """A reload: what the former ones know and have begun goes on here."""
        former.proofs.seconds = self.proofs.seconds
        self.proofs, self.workers = former.proofs, former.workers

    def close(self) -> None:
        self.workers.close()
        self._looks.shutdown(wait=False, cancel_futures=True)

    async def prove(self, attempt: LoginAttempt, passwords: Passwords) -> Proof | LoginReason:
        """Raises `NotJudgedError` and `BusyError`."""
        name, (password, usable) = attempt.user, given_password(attempt)
        case = await self.look(passwords.find, name)
        guesses = _guesses(password, case.codes) if usable else (_Guess(NEVER_RIGHT, NO_CODE, counts=False),)
        for guess in guesses if case.entry and case.objection is None else ():
            if guess.counts and self.proofs.holds(name, case.entry, guess.password):
                return Proof(case.entry, case.entry, guess.code)
        found = await self.workers.run(partial(_prove, passwords, case, guesses), turn_of(attempt))
        if found is None:
            return case.otherwise
        if case.objection is not None:
            return case.objection
        guess, entry = found
        if (await self.look(passwords.find, name)).entry not in {case.entry, entry}:
            raise NotJudgedError(AccountChanged(name))
        self.proofs.note(name, entry, guess.password)
        return Proof(case.entry, entry, guess.code)

    async def _accepted(self, attempt: LoginAttempt, passwords: Passwords) -> Accepted | LoginReason:
        proof = await self.prove(attempt, passwords)
        return Accepted(attempt.user) if isinstance(proof, Proof) else proof

    async def look(self, find: Callable[[str], T], name: str) -> T:
        """Beside the event loop, and not in line with the hashes."""
        return await asyncio.get_running_loop().run_in_executor(self._looks, find, name)


@frozen
class _Guess:
    """One reading of what was given. One that does not count is hashed all the same: it costs what it costs others."""

    password: Secret
    code: Secret
    counts: bool = True


def _guesses(given: Secret, codes: Codes) -> tuple[_Guess, ...]:
    """With a code at its end, or as it is."""
    whole, parts = _Guess(given, NO_CODE), () if codes is Codes.NOBODY else parted(given)
    if codes is Codes.OWN:
        return (*(_Guess(password, code) for password, code in parts), whole)
    return (whole, *(_Guess(password, code, counts=False) for password, code in parts))


def _prove(passwords: Passwords, case: Case, guesses: Iterable[_Guess]) -> tuple[_Guess, str] | None:
    """The guess that fits, and the entry as it is kept from now on. Where it opens nothing, each has cost one hash."""
    candidates = tuple(filter(None, (case.own, *case.stand_ins)))
    right: _Guess | None = None
    for guess in guesses:
        fits = _first_hash(passwords, guess.password, candidates)
        if guess.counts and case.own and fits == case.own:
            right = right or guess
            if case.objection is None:
                return guess, passwords.proved(case, guess.password)
    return (right, case.entry) if right is not None else None


def _first_hash(passwords: Passwords, password: Secret, candidates: tuple[str, ...]) -> str | None:
    """The first that can be computed decides: itself when the password fits, else None."""
    for stored in candidates:
        try:
            return stored if passwords.fits(password, stored) else None
        except NoHashError:
            continue
    return None
