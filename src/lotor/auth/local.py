"""`auth_source local`: logins of lotor's own users, who have no account on the host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from lotor.auth import readmission
from lotor.auth.checks import Case, Checks, Codes, NoHashError, NotJudgedError, Proof
from lotor.auth.dates import end_of
from lotor.auth.facts import Facts
from lotor.auth.groups import everybody
from lotor.auth.mschap import proved
from lotor.auth.readmission import Readmission
from lotor.auth.renewals import Renewals
from lotor.auth.second import Elsewhere, Match, SecondFactors
from lotor.auth.userlines import LocalUser
from lotor.auth.users import UserError, UserFile, Users
from lotor.crypto.passwords import NotPhcError, check_password
from lotor.files.private import FileError
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, LoginAttempt, MschapResponse, Verdict, unable
from lotor.model.prompt import Field
from lotor.model.reasons import logins
from lotor.model.reasons.logins import LoginReason
from lotor.model.reasons.proofs import TicketVoid
from lotor.model.secret import Secret

T = TypeVar("T")
U = TypeVar("U")

MESSAGE = "Code of your authenticator app, or a recovery code"


class LocalLogins:
    """Implements `ports.auth.LoginBackend`, over a file that is looked at for every login. `member` says why a user
    with the right password may not log in; `second` judges their codes."""

    def __init__(
        self,
        users: UserFile,
        checks: Checks | None = None,
        member: Callable[[str], LoginReason | None] = everybody,
        second: SecondFactors | None = None,
    ) -> None:
        self.checks = checks or Checks()
        self._users = users
        self._member = member
        self._renewals = Renewals(users)
        self._second = second or SecondFactors(remember=self.checks.proofs.seconds)
        self._writes = ThreadPoolExecutor(1, thread_name_prefix="login-codes")

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        """One round: a password, maybe with its code, or the code that was asked for."""
        if isinstance(attempt.shown, Readmission):
            return await self.checks.told(attempt.user, self._again(attempt.user, attempt.shown))
        if (beyond := unable(attempt, "local", (MschapResponse,))) is not None:
            return beyond
        if isinstance(attempt.shown, MschapResponse):
            return await self.checks.told(attempt.user, self._response(attempt.user, attempt.shown))
        judged = self._code(attempt) if attempt.conversation else self._password(attempt)
        return await self.checks.told(attempt.user, judged)

    async def abandon(self, conversation: bytes) -> None:
        self._second.forget(conversation)

    async def mark(self, user: str) -> bytes | None:
        return await readmission.mark(self.checks.look, self.find, self._source, user)

    def take_over(self, former: LocalLogins) -> None:
        """What the other one is about to write into the same file, this one must not take for a change of the
        administrator's; and codes that it took, or refused, are so here."""
        if former._users.path == self._users.path:
            self._renewals = former._renewals
            former._second.given.seconds = self._second.given.seconds
            former._second.elsewhere = self._second.elsewhere
            self._second = former._second

    def find(self, name: str) -> Case:
        users = self._read(name)
        user, excluded, stand_ins = users.get(name), self._member(name), users.stand_ins(name)
        codes = Codes.OTHERS if users.second_factors else Codes.NOBODY
        if user is None:
            return Case("", "", stand_ins, logins.UnknownUser(name), codes=codes)
        objection = self._objection(user, users) or excluded
        codes = codes if user.facts.totp is None else Codes.OWN
        return Case(user.line(), user.hash, stand_ins, logins.WrongPassword(name), objection, codes)

    def ikev1_until(self, name: str) -> date | None:
        """The last day of IKEv1 that the file has for a user, or for the first group of the user that has one. Raises
        `NotJudgedError`."""
        users = self._read(name)
        user = users.get(name)
        return users.facts(user).ikev1_until if user is not None else None

    def groups(self, name: str) -> frozenset[str]:
        """That a user of the file has. Raises `NotJudgedError`."""
        user = self._read(name).get(name)
        return frozenset(user.facts.groups) if user is not None else frozenset()

    def fits(self, password: Secret, stored: str) -> bool:
        try:
            return check_password(password, stored)
        except NotPhcError:
            raise NoHashError from None

    def proved(self, case: Case, password: Secret) -> str:
        return self._renewals.renewed(case.entry, password)

    @property
    def _source(self) -> str:
        return f"local {self._users.path}"

    async def _again(self, user: str, shown: Readmission) -> Accepted | LoginReason:
        objection = await readmission.objection(self.checks.look, self.find, self._source, user, shown)
        if objection is not None:
            return objection
        users = await self.checks.look(self._read, user)
        known = users.get(user)
        if known is None:
            return TicketVoid(user, "the user is gone")
        return Accepted(user, granted(users.facts(known), self._second.clock.wall()))

    def _read(self, name: str) -> Users:
        try:
            return self._users.current()
        except UserError as fault:
            raise NotJudgedError(logins.BackEndFault(name, str(fault))) from None

    def _objection(self, user: LocalUser, users: Users) -> LoginReason | None:
        if fault := users.fault(user.name):
            return logins.BackEndFault(user.name, f"{self._users.path} {fault}")
        if user.locked:
            return logins.Locked(user.name, "user")
        facts = users.facts(user)
        if facts.expires is not None and self._second.clock.wall() >= end_of(facts.expires):
            return logins.UserExpired(user.name, facts.expires.isoformat())
        if facts.second and facts.totp is None:
            return logins.SecondFactorMissing(user.name)
        return None

    async def _password(self, attempt: LoginAttempt) -> Accepted | Challenge | LoginReason:
        proof = await self.checks.prove(attempt, self)
        if isinstance(proof, LoginReason):
            return proof
        user, accepted = await self._present(proof, attempt.user)
        if user.facts.totp is None or self._second.renews(attempt, proof):
            return accepted
        if not proof.code:
            return Challenge(MESSAGE, (Field.PASSCODE,), self._second.ask(user.name, proof))
        objection = await self._objection_to(user, proof.code)
        return objection or self._let_in(attempt, proof, accepted)

    async def _response(self, name: str, shown: MschapResponse) -> Accepted | LoginReason:
        """Of MSCHAPv2, which has one round and no place for a code. It takes less than a thread that reads nothing."""
        if self._member is everybody and self._users.at_hand:
            return self._shown(shown, name)
        return await self.checks.look(partial(self._shown, shown), name)

    def _shown(self, shown: MschapResponse, name: str) -> Accepted | LoginReason:
        users, excluded = self._read(name), self._member(name)
        user = users.get(name)
        try:
            found = proved(user, name, shown, self._users.nt_keys)
        except FileError as fault:
            raise NotJudgedError(logins.BackEndFault(name, str(fault))) from None
        if user is None or isinstance(found, LoginReason):
            return found if isinstance(found, LoginReason) else logins.UnknownUser(name)
        if (objection := self._objection(user, users) or excluded) is not None:
            return objection
        if user.facts.totp is not None:
            return logins.SecondFactorNeedsCode(name)
        return Accepted(name, granted(users.facts(user), self._second.clock.wall()), found)

    async def _code(self, attempt: LoginAttempt) -> Accepted | LoginReason:
        proof = self._second.asked(attempt.conversation, attempt.user)
        case = await self.checks.look(self.find, attempt.user)
        if case.objection is not None:
            return case.objection
        user, accepted = await self._present(proof, attempt.user)
        objection = await self._objection_to(user, attempt.answer(Field.PASSCODE))
        return objection or self._let_in(attempt, proof, accepted)

    async def _objection_to(self, user: LocalUser, code: Secret) -> LoginReason | None:
        """What is said against a code; None: it opens, once, at one gateway."""
        if self._second.elsewhere is None:
            return await self._beside(self._second.objection, user, code)
        found = await self._beside(self._second.match, user, code)
        if not isinstance(found, Match):
            return found
        if not await self._is_fresh(self._second.elsewhere, user, found):
            return self._second.refuse(user)
        return await self._beside(self._second.spend, user, found)

    async def _is_fresh(self, elsewhere: Elsewhere, user: LocalUser, found: Match) -> bool:
        """Raises `NotJudgedError`."""
        try:
            return await elsewhere.spend(found.key, found.step)
        except OSError as fault:
            self._second.let_go(user)
            raise NotJudgedError(logins.BackEndFault(user.name, fault.strerror or f"{fault}")) from None
        except asyncio.CancelledError:
            self._second.let_go(user)
            raise

    async def _beside(self, judge: Callable[[LocalUser, U], T], user: LocalUser, what: U) -> T:
        """Beside the event loop, and not in line with those who have no code: one that is spent is written down."""
        return await asyncio.get_running_loop().run_in_executor(self._writes, judge, user, what)

    def _let_in(self, attempt: LoginAttempt, proof: Proof, accepted: Accepted) -> Accepted:
        self._second.note(attempt, proof)
        return accepted

    async def _present(self, proof: Proof, name: str) -> tuple[LocalUser, Accepted]:
        """The user whose password was proved, as the file has it now."""
        users = await self.checks.look(self._read, name)
        user = users.get(name)
        if user is None or user.line() not in {proof.was, proof.entry}:
            raise NotJudgedError(logins.AccountChanged(name))
        return user, Accepted(name, granted(users.facts(user), self._second.clock.wall()))


def granted(facts: Facts, now: float) -> Grants:
    """What a user is given who logs in `now`, in seconds since 1970."""
    return Grants(
        address=facts.address,
        address6=facts.address6,
        pool=facts.pool,
        filter=facts.filter,
        routes=tuple(each for each in facts.routes if isinstance(each, IPv4Network)),
        routes6=tuple(each for each in facts.routes if isinstance(each, IPv6Network)),
        session_time=None if facts.expires is None else max(1.0, end_of(facts.expires) - now),
        groups=frozenset(facts.groups),
        sessions=facts.sessions,
        rate=facts.rate,
    )
