"""Tickets of a gateway (RFC 5723): sealed for logins that were accepted, and opened to let the same users in again.

A ticket says who logged in when and how, and which keys the session had. Who comes back by one is judged as one who
logs in: banned, slowed down, by groups; and by his entry in the list of users, which must be what it was. The time of a
ticket counts from the login itself, so that no chain of tickets outlasts it.
"""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import field, replace

from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.readmission import Marked, Readmission
from lotor.auth.ticket_file import ID_OCTETS, LONGEST_S, TicketFile
from lotor.model.algorithms import Cipher, EapMethod, Group, Hash, Ike2Suite, Integrity
from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.judgement import Failure
from lotor.model.login import Accepted, Challenge, LoginAttempt, MschapResponse, Refused, TicketShown, Verdict
from lotor.model.reasons.local import TicketRefused
from lotor.model.reasons.proofs import TicketVoid
from lotor.model.secret import Secret
from lotor.model.ticket import LONGEST_TICKET, Opened, Resumable, Sealing, Ticket
from lotor.ports.auth import LoginBackend

MOST_LOGINS = 65_536
"""Logins for which a ticket may be sealed, as many as sessions with an address; the oldest is forgotten first."""
MSCHAP, WORDS = "mschapv2", "password"
_WAYS = {
    MSCHAP: frozenset({EapMethod.MSCHAPV2, EapMethod.PEAP, EapMethod.TTLS}),
    WORDS: frozenset({EapMethod.GTC, EapMethod.TTLS}),
}


@frozen
class Terms:
    """What a block of the configuration says: for how many `seconds` behind a login its tickets are good, and by which
    methods people log in there."""

    seconds: int
    methods: frozenset[EapMethod]


@frozen
class _Login:
    """One that was accepted: `since` when the user logged in, `ends` when what was granted is over (seconds since
    1970); `way`: how it was proved; `mark` as `Marked` has it."""

    user: str
    since: float
    ends: float | None
    way: str
    mark: bytes = field(repr=False)


@frozen
class _Sealed:
    """The text of a ticket. `sealed`: when, whole seconds since 1970."""

    id: bytes
    sealed: int
    login: _Login
    state: Resumable


class TicketLogins:
    """Implements `ports.auth.LoginBackend`, around another, and `ports.tickets.Tickets`. `terms` are those of the
    configuration in force, by the names of the blocks; `users` knows who is there without a password."""

    def __init__(self, backend: LoginBackend, users: Marked, file: TicketFile, clock: Clock = SYSTEM) -> None:
        self._backend = backend
        self._users = users
        self._file = file
        self._clock = clock
        self._logins: OrderedDict[str, _Login] = OrderedDict()
        self._under_way = set[bytes]()
        self.terms: Mapping[str, Terms] = {}

    # --- logins ------------------------------------------------------------------------------------------------------

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if isinstance(attempt.shown, TicketShown):
            return await self._readmitted(attempt, attempt.shown)
        verdict = await self._backend.judge(attempt)
        if isinstance(verdict, Accepted) and attempt.account and self.terms:
            await self._note(attempt, verdict)
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        await self._backend.abandon(conversation)

    async def _note(self, attempt: LoginAttempt, accepted: Accepted) -> None:
        """Nothing is noted of users whom nobody knows without their password."""
        self._logins.pop(attempt.account, None)
        mark, now, time = await self._users.mark(accepted.user), self._clock.wall(), accepted.grants.session_time
        if mark is not None:
            way = MSCHAP if isinstance(attempt.shown, MschapResponse) else WORDS
            login = _Login(accepted.user, now, None if time is None else now + time, way, mark)
            self._keep(attempt.account, login)

    def _keep(self, account: str, login: _Login) -> None:
        self._logins[account] = login
        self._logins.move_to_end(account)
        if len(self._logins) > MOST_LOGINS:
            self._logins.popitem(last=False)

    async def _readmitted(self, attempt: LoginAttempt, shown: TicketShown) -> Verdict:
        found = await self._good(shown.octets)
        if isinstance(found, str):
            return Refused(TicketVoid(attempt.user, found))
        if attempt.user != found.login.user or attempt.conversation or attempt.answers:
            return Refused(TicketVoid(attempt.user, "it is of somebody else"))
        if found.id in self._under_way:
            return Refused(TicketVoid(attempt.user, "it was used already"))
        self._under_way.add(found.id)
        try:
            return await self._judged(attempt, shown, found)
        finally:
            self._under_way.discard(found.id)

    async def _judged(self, attempt: LoginAttempt, shown: TicketShown, found: _Sealed) -> Verdict:
        """It counts as used when it has let its user in."""
        known = replace(attempt, shown=Readmission(shown.octets, found.login.mark), known=False)
        verdict = await self._backend.judge(known)
        if isinstance(verdict, Challenge):
            await self._backend.abandon(verdict.conversation)
            return Refused(TicketVoid(attempt.user, "more is asked of its user by now"))
        if isinstance(verdict, Accepted):
            await self._file.spend(found.id, found.sealed)
            if attempt.account:
                self._keep(attempt.account, found.login)
        return verdict

    # --- tickets -----------------------------------------------------------------------------------------------------

    async def seal(self, wanted: Sealing) -> Ticket | Failure:
        login, now = self._logins.get(wanted.account), self._clock.wall()
        if login is None or login.user != wanted.user:
            return _failure("nobody logged in there whom this gateway would know again")
        seconds = int(self._until(login, wanted.state.remote) - now)
        if seconds <= 0:
            return _failure(f"remote {wanted.state.remote} gives none, or the login is too old")
        octets = await self._file.seal(_text(_Sealed(secrets.token_bytes(ID_OCTETS), int(now), login, wanted.state)))
        return Ticket(octets, seconds) if len(octets) <= LONGEST_TICKET else _failure("its names are too long")

    async def open(self, ticket: bytes) -> Opened | Failure:
        found = await self._good(ticket)
        return _failure(found) if isinstance(found, str) else Opened(found.login.user, found.state)

    def _until(self, login: _Login, remote: str) -> float:
        """When tickets of a login are over, in seconds since 1970."""
        terms = self.terms.get(remote)
        if terms is None or terms.methods.isdisjoint(_WAYS[login.way]):
            return 0.0
        until = login.since + min(terms.seconds, LONGEST_S)
        return until if login.ends is None else min(until, login.ends)

    async def _good(self, ticket: bytes) -> _Sealed | str:
        """What is in a ticket; why it is not good, else."""
        text = await self._file.opened(ticket)
        found = _read(text) if text is not None else None
        if found is None:
            return "it is none of this gateway, or older than a day"
        if self._clock.wall() >= self._until(found.login, found.state.remote):
            return "the login is too old, or the configuration takes none of its kind any more"
        return found if await self._file.fresh(found.id, found.sealed) else "it was used already"


def _failure(why: str) -> Failure:
    return Failure(TicketRefused(why))


# --- the text of a ticket --------------------------------------------------------------------------------------------


def _text(ticket: _Sealed) -> bytes:
    login, state, suite = ticket.login, ticket.state, ticket.state.suite
    names = [[int(each.kind), each.data.hex()] for each in (state.initiator, state.responder)]
    integrity = suite.integrity.value if suite.integrity is not None else None
    algorithms = [suite.cipher.value, suite.key_bits, integrity, suite.prf.value, suite.group, list(suite.more)]
    user = [login.user, login.since, login.ends, login.way, login.mark.hex()]
    shown = [state.remote, algorithms, state.d.reveal().hex(), names, state.ppk]
    return json.dumps([ticket.id.hex(), ticket.sealed, user, shown], ensure_ascii=True).encode()


def _read(text: bytes) -> _Sealed | None:
    """Only this program has sealed it; None for what another version of it wrote otherwise."""
    try:
        ticket, sealed, (user, since, ends, way, mark), (remote, algorithms, d, names, ppk) = json.loads(text)
        cipher, bits, integrity, prf, group, more = algorithms
        kept = None if integrity is None else Integrity(integrity)
        suite = Ike2Suite(Cipher(cipher), bits, kept, Hash(prf), Group(group), tuple(map(Group, more)))
        initiator, responder = (Identity(kind, bytes.fromhex(data)) for kind, data in names)
        login = _Login(user, since, ends, way if way in _WAYS else "", bytes.fromhex(mark))
        state = Resumable(remote, suite, Secret(bytes.fromhex(d)), initiator, responder, ppk)
        return _Sealed(bytes.fromhex(ticket), sealed, login, state) if login.way else None
    except (ValueError, TypeError):
        return None
