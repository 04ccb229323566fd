"""The whole public face of the core: datagrams, answers, intents and the time go in, effects come out.

Sessions are found by our own SPI. What a stranger may cost is bounded here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from lotor.ike.admission import Admission, Tally, Turned
from lotor.ike.context import CoreContext
from lotor.ike.dialect import Dialect, Incoming, Opening
from lotor.ike.effects import Deadline, Effect, Ticket, Transmit
from lotor.ike.errors import dropped
from lotor.ike.events import Drained, Draining, Dropped, Names, Regranted, Started
from lotor.ike.hints import Hints
from lotor.ike.intents import (
    Check,
    ChildExpired,
    Connect,
    Disconnect,
    Intent,
    PeerMoved,
    Regrant,
    Reload,
    Remind,
    SendElsewhere,
    Shun,
    Shutdown,
    SpiUnknown,
)
from lotor.ike.questions import Answer
from lotor.ike.randomness import Randomness
from lotor.ike.session import NO_SPI, Dialled, Session, Spis
from lotor.ike.sessions import Sessions
from lotor.ike.shunned import Shunned
from lotor.ike.standing import Standing
from lotor.ike.timers import Timer
from lotor.ike.v1.dialect import IkeV1
from lotor.ike.v2.dialect import IkeV2
from lotor.model.grants import told
from lotor.model.network import KEEPALIVE, Instant, Path
from lotor.model.policy import Policy, RemotePolicy
from lotor.model.reason import Reason
from lotor.model.reasons.protocol import FromBanned, NobodyHere, NotAdmitted, NotAnswerable
from lotor.model.redirection import Detour
from lotor.wire.errors import Malformed
from lotor.wire.header import Header, cookies_of, major_of

SPOKEN: Mapping[int, Callable[[], Dialect]] = {1: IkeV1, 2: IkeV2}
"""The protocol versions by their major number, a row each. A stranger is heard in those that a block speaks."""

DRAINED_A_SECOND = 20.0
"""Clients that are sent elsewhere: so many newcomers a gateway answers at once."""
BY_CONFIGURATION = "where redirect_to says"
"""Told in place of names that are not known, for nobody is connected yet who could be sent there."""

LONGEST_FIRST = 8192
"""A longer first message of a stranger is not parsed. Real ones have some 1,500 octets, the longest 7,500."""


class Endpoint:
    """One end of many sessions. Every method returns the effects to carry out, in order. No method waits, and none
    raises for what a peer sent. `disclose`: give away the keys of IKE messages, for a capture."""

    def __init__(
        self,
        policy: Policy,
        randomness: Randomness,
        *,
        disclose: bool = False,
        spoken: Mapping[int, Callable[[], Dialect]] = SPOKEN,
    ) -> None:
        self._context = CoreContext(policy, randomness, disclose)
        self._now: Instant = 0.0
        self._admission = Admission(self._context)
        self._hints = Hints(self._context)
        self._shunned = Shunned()
        self._sessions = Sessions(lambda: self._now, self._renew, self._admission, self._context.timers)
        self._dialects = {version: make() for version, make in spoken.items()}
        self._offered = _versions(policy)
        self._asked_to_go: list[Timer] = []

    def receive(self, data: bytes, path: Path, now: Instant) -> list[Effect]:
        """Handles a datagram, without its non-ESP marker."""
        self._now = now
        if data != KEEPALIVE:
            self._receive(data, path, now)
        return self._context.drain()

    def answer(self, ticket: Ticket, answer: Answer, now: Instant) -> list[Effect]:
        self._now = now
        self._context.answer(ticket, answer, now)
        return self._context.drain()

    def command(self, intent: Intent, now: Instant) -> list[Effect]:  # noqa: C901 - a row for each intent
        """Carries out an intent. `ValueError` for a `Connect` to a remote that the policy does not name."""
        self._now = now
        match intent:
            case Connect():
                self._connect(intent, now)
            case Disconnect():
                self._disconnect(intent)
            case Regrant():
                self._regrant(intent, now)
            case Check():
                self._check(intent, now)
            case Shutdown():
                for session in tuple(self._sessions.by_id.values()):
                    self._end(session, intent.reason)
            case Reload() | Shun():
                self._use(intent)
            case ChildExpired():
                self._expired(intent, now)
            case PeerMoved():
                self._moved(intent)
            case SpiUnknown() | Remind():
                self._unknown(intent, now)
            case SendElsewhere():
                self._drain(intent, now)
        return self._context.drain()

    def tick(self, now: Instant) -> list[Effect]:
        self._now = now
        self._context.timers.run(now)
        return self._context.drain()

    def deadline(self) -> Deadline | None:
        return self._context.timers.deadline()

    def standing(self, data: bytes, path: Path) -> Standing:
        """How well the sender of a datagram is known, so that the runtime can choose which datagram to handle first."""
        session = self._sessions.find(major_of(data), cookies_of(data), path.remote)
        if session is None:
            known = self._admission.knows(path.remote.site, self._now)
            return Standing.KNOWN if known else Standing.STRANGER
        return Standing.PROVED if session.past_gates else Standing.UNDER_WAY

    def admissions(self) -> Tally:
        """What became of first messages since the start."""
        return self._admission.tally()

    # --- in ----------------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes, path: Path, now: Instant) -> None:
        """The version is read first, then the session is found; a message in fragments is put together before it
        counts."""
        try:
            header = Header.decode(data)
            session = self._sessions.find(header.major, (header.initiator, header.responder), path.remote)
            dialect = self._spoken(header, session)
            incoming = dialect.whole(Incoming(header, data[Header.SIZE :]), session, path, now)
        except Malformed as fault:
            self._context.tell(Dropped(0, path, "datagram", dropped(fault)))
            self._unspoken(data, path, now)
            return
        if incoming is None:
            return
        header = incoming.header
        if session is not None:
            if header.responder == session.spis.responder:
                self._admission.seen(session, now)
            dialect.receive(session, incoming, path, now)
        elif dialect.begins_session(header) and Header.SIZE + len(incoming.body) <= LONGEST_FIRST:
            self._admit(dialect, incoming, path, now)
        elif header.responder != NO_SPI:
            if not self._sessions.known(header.initiator, header.responder):  # in another version
                self._hints.give(partial(dialect.hint, header, self._context.randomness), path, len(data), now)
        elif (spi := dialect.told_spi(incoming)) is not None:
            self._doubt(spi, path, now)
        else:
            self._context.tell(Dropped(0, path, dialect.describe(header), NobodyHere()))

    def _doubt(self, spi: int, path: Path, now: Instant) -> None:
        """Somebody at a gateway's address says that it does not know the SPI of an SA pair with it."""
        for session in self._sessions.begun_with(path.remote.address):
            if session.children.by_outbound(spi) is not None:
                self._dialects[session.VERSION].doubt(session, path, now)

    def _spoken(self, header: Header, session: Session | None) -> Dialect:
        """The dialect of a datagram. Raises `Malformed` for a version that no block speaks, unless a session does, for
        it may be older than the policy."""
        dialect = self._dialects.get(header.major)
        if dialect is None or (session is None and header.major not in self._offered):
            only = " and ".join(f"{version}.0" for version in sorted(self._offered & self._dialects.keys()))
            raise Malformed(f"ISAKMP header says version {header.spoken}, only {only} is spoken here")
        dialect.check(header)
        return dialect

    def _admit(self, dialect: Dialect, incoming: Incoming, path: Path, now: Instant) -> None:
        """A stranger's first message gets a session of its own, or a line of the journal, or nothing."""
        if self._shuns(path, now):
            self._context.tell(Dropped(0, path, dialect.describe(incoming.header), FromBanned()))
            return
        message = incoming.header.encode(len(incoming.body)) + incoming.body
        shown = dialect.shown(incoming, path, now)
        welcome = self._admission.knock(message, path.remote, now, shown=shown)
        if isinstance(welcome, Turned):
            self._challenge(welcome, dialect, incoming, path)
            return
        candidates = dialect.candidates(self._context.policy, path.remote, incoming.header)
        if not candidates:
            self._context.tell(Dropped(0, path, dialect.describe(incoming.header), NotAdmitted()))
            return
        remote, spis = candidates[0], Spis(incoming.header.initiator, self._context.randomness.cookie())
        session = self._add(dialect.make(self._opening(candidates, spis, path)))
        leaves = self._admission.leaves_for(welcome)
        if leaves is not None:
            self._end(*leaves, send_deletes=False)
        self._admission.enter(session, welcome, now)
        self._sessions.meet(session)
        self._context.tell(Started(session.id, path, remote.name, remote.side, None, session.VERSION))
        if not dialect.admit(session, incoming, path, now):
            self._end(session, NotAnswerable())

    def _shuns(self, path: Path, now: Instant) -> bool:
        """Whether a first message comes from a banned network, and gets no answer."""
        return self._shunned.has(path.remote.address) and self._admission.shuns(path.remote.site, now)

    def _challenge(self, turned: Turned, dialect: Dialect, incoming: Incoming, path: Path) -> None:
        """Under load: a stranger may show at once that its address is its own, instead of coming again."""
        if turned is Turned.DEFERRED:
            challenge = dialect.challenge(incoming, path, self._context.randomness, self._now)
            if challenge is not None and len(challenge) <= Header.SIZE + len(incoming.body):
                self._context.put(Transmit(challenge, path))

    def _unspoken(self, data: bytes, path: Path, now: Instant) -> None:
        """Where no block speaks a version at all, a client that begins with it is told so; it is no secret."""
        dialect = self._dialects.get(major_of(data))
        if dialect is None or major_of(data) in self._offered or len(data) > LONGEST_FIRST:
            return
        with suppress(Malformed):
            header = Header.decode(data)
            dialect.check(header)
            if dialect.begins_session(header) and not self._shuns(path, now):
                self._hints.give(partial(dialect.unspoken, header), path, len(data), now)

    def _end(self, session: Session, reason: Reason, *, send_deletes: bool = True) -> None:
        """The one place where a session ends for what the runtime wants, or for its place among the half-open ones."""
        session.end(reason, send_deletes=send_deletes)

    # --- wishes ------------------------------------------------------------------------------------------------------

    def _connect(self, intent: Connect, now: Instant) -> None:
        remote = next((one for one in self._context.policy.remotes if one.name == intent.remote), None)
        if remote is None:
            raise ValueError(f"no remote block is called {intent.remote}")
        version = intent.version or remote.version
        dialect = self._dialects.get(version) if version in remote.versions else None
        if dialect is None:
            raise ValueError(f"{remote.name} is to be called by version {version}, which nothing here speaks")
        spis = Spis(self._context.randomness.cookie())
        meant = intent.detour.meant if intent.detour is not None else None
        dialled = Dialled(meant or intent.path.remote.address, intent.host, intent.detour, intent.resumption)
        session = self._add(dialect.make(self._opening((remote,), spis, intent.path, dialled)))
        who = (session.id, intent.path, remote.name, remote.side)
        self._context.tell(Started(*who, intent.request, session.VERSION, meant))
        dialect.begin(session, now)

    def _use(self, intent: Reload | Shun) -> None:
        """What counts for sessions to come."""
        if isinstance(intent, Shun):
            self._shunned = Shunned(intent.networks)
        else:
            self._context.policy = intent.policy
            self._offered = _versions(intent.policy)

    def _disconnect(self, intent: Disconnect) -> None:
        session = self._sessions.by_id.get(intent.session)
        if session is not None:
            self._end(session, intent.reason)

    def _regrant(self, intent: Regrant, now: Instant) -> None:
        session = self._sessions.by_id.get(intent.session)
        if session is None or session.proved is None or not session.gates.all_open():
            return
        what = told(session.grants, intent.grants, timed=intent.timed)
        session.proved = replace(session.proved, grants=intent.grants)
        if intent.timed:
            self._sessions.allot_anew(session, intent.grants.session_time)
            self._dialects[session.VERSION].tell_time(session, now)
        self._context.tell(Regranted(session.id, session.user, what, intent.grants))

    def _renew(self, session: Session, now: Instant, path: Path | None, detour: Detour | None) -> None:
        """Begins a new phase 1 with the same gateway on the present path, while the old keys are still valid. Where the
        gateway has moved, it must still prove that it is the one that was dialled. `path`: with another gateway, to
        which this one sends."""
        dialect, spis = self._dialects[session.VERSION], Spis(self._context.randomness.cookie())
        successor = self._add(dialect.make(self._opening((session.remote,), spis, path or session.path, session)))
        if detour is not None and successor.dialled is not None:
            successor.dialled = replace(successor.dialled, detour=detour)
        remote = session.remote
        self._context.tell(Started(successor.id, successor.path, remote.name, remote.side, None, session.VERSION))
        dialect.begin(successor, now)

    def _drain(self, intent: SendElsewhere, now: Instant) -> None:
        """Clients that are connected hear of it one after the other, so that they do not all come there at once.
        What an earlier drain has not asked yet, it does not ask any more."""
        for alarm in self._asked_to_go:
            alarm.cancel()
        self._asked_to_go.clear()
        if intent.over:
            if self._context.draining is not None:
                self._context.draining = None
                self._context.tell(Drained(0))
            return
        self._context.draining = intent.gateways
        here = [each for each in self._sessions.by_id.values() if each.gateway and each.gates.all_open()]
        there = {each.id: self._dialects[each.VERSION].elsewhere(each) for each in here}
        going = {number: gateways for number, gateways in there.items() if gateways}
        for place, number in enumerate(going):
            call = partial(self._send_away, number)
            self._asked_to_go.append(self._context.timers.set(now + place / DRAINED_A_SECOND, "drain", call))
        known = dict.fromkeys(each for gateways in going.values() for each in gateways)
        names = Names(known or intent.gateways or (BY_CONFIGURATION,))
        self._context.tell(Draining(0, names, len(going), len(here) - len(going)))

    def _send_away(self, number: int, now: Instant) -> None:
        session = self._sessions.by_id.get(number)
        if session is not None:
            self._dialects[session.VERSION].send_away(session, now)

    def _check(self, intent: Check, now: Instant) -> None:
        session = self._sessions.by_id.get(intent.session)
        if session is not None and session.established and session.gates.all_open():
            session.follow(intent.path)
            self._dialects[session.VERSION].check_life(session, now)

    def _opening(
        self, candidates: tuple[RemotePolicy, ...], spis: Spis, path: Path, goal: Dialled | Session | None = None
    ) -> Opening:
        number = self._sessions.next_id()
        return Opening(number, self._context, self._sessions, candidates, spis, path, goal)

    def _add(self, session: Session) -> Session:
        self._sessions.add(session)
        return session

    def _owner(self, child: int) -> Session | None:
        return self._sessions.by_id.get(self._context.owners.get(child, 0))

    def _moved(self, intent: PeerMoved) -> None:
        owner = self._owner(intent.child)
        if owner is not None:
            owner.follow(owner.path.to(intent.remote))

    def _unknown(self, intent: SpiUnknown | Remind, now: Instant) -> None:
        """ESP knows no version, nor does what is remembered: each that a block speaks says it."""
        randomness = self._context.randomness
        for dialect in (each for version, each in self._dialects.items() if version in self._offered):
            if isinstance(intent, SpiUnknown):
                making = partial(dialect.hint_of_spi, intent.spi, randomness)
                self._hints.give(making, intent.path, intent.octets, now)
            elif not self._sessions.known(intent.initiator, intent.responder):
                hint = dialect.hint_of_session(intent.initiator, intent.responder, randomness)
                self._hints.give(partial(bytes, hint), intent.path, len(hint), now)

    def _expired(self, intent: ChildExpired, now: Instant) -> None:
        session = self._owner(intent.child)
        pair = session.children.get(intent.child) if session is not None else None
        if session is None or pair is None:
            return
        dialect = self._dialects[session.VERSION]
        if intent.hard:
            dialect.expired(session, pair, intent.reason, now)
        else:
            dialect.rekey(session, pair, now)


def _versions(policy: Policy) -> frozenset[int]:
    """Those that any block speaks."""
    return frozenset(version for remote in policy.remotes for version in remote.versions)
