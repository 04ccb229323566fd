"""The whole public face of the core: datagrams, answers, wishes and the time go in, effects come out.

Sessions are found by our own cookie; what a stranger may cost is bounded here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from lotor.ike.channel import Incoming
from lotor.ike.children import EXPIRED
from lotor.ike.desk import Desk
from lotor.ike.dice import Dice
from lotor.ike.effects import Deadline, Effect, Ticket
from lotor.ike.events import Started, Turned
from lotor.ike.gates import ALL, Gate, Gates
from lotor.ike.intents import ChildExpired, Connect, Disconnect, Intent, PeerMoved, Reload, Shutdown
from lotor.ike.questions import Answer
from lotor.ike.reassembly import Reassembly
from lotor.ike.session import NO_COOKIE, Cookies, Facts, Session
from lotor.ike.standing import Standing
from lotor.ike.v1 import informational, protocol, select, sequence
from lotor.ike.v1.xauth import ALREADY
from lotor.model.algorithms import AuthMethod
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Instant, Network, Path, Peer
from lotor.model.policy import ExchangeMode, Policy, RemotePolicy, Side, Switch, Uniqueness
from lotor.model.reason import Cause, Reason
from lotor.wire.errors import Malformed
from lotor.wire.header import Header

KEEPALIVE = b"\xff"

LINGER = 30.0
"""Seconds that a renewed phase 1 still hears the peer."""

LONGEST_FIRST = 16384
"""Octets of a stranger's first message that are worth parsing; real ones have some 1,500."""


class Endpoint:
    """One end of many sessions. Every method returns what is to be done, in order; none waits or raises for what a
    peer sent. With `disclose` it gives away the keys of IKE messages: for a capture, off unless asked for."""

    def __init__(self, policy: Policy, dice: Dice, *, disclose: bool = False) -> None:
        self._desk = Desk(policy, dice, disclose)
        self._now: Instant = 0.0
        self._sessions = Sessions(lambda: self._now, self._renew)
        self._pieces, self._pieces_of_strangers = Reassembly(), Reassembly()

    def receive(self, data: bytes, path: Path, now: Instant) -> list[Effect]:
        """A datagram, without non-ESP marker."""
        self._now = now
        if data != KEEPALIVE:
            self._receive(data, path, now)
        return self._desk.drain()

    def answer(self, ticket: Ticket, answer: Answer, now: Instant) -> list[Effect]:
        self._now = now
        self._desk.answer(ticket, answer, now)
        return self._desk.drain()

    def command(self, intent: Intent, now: Instant) -> list[Effect]:
        """`ValueError` for a `Connect` to a remote that the policy does not name."""
        self._now = now
        match intent:
            case Connect():
                self._connect(intent, now)
            case Disconnect():
                session = self._sessions.by_id.get(intent.session)
                if session is not None:
                    session.end(intent.reason, farewell=session.established)
            case Shutdown():
                for session in tuple(self._sessions.by_id.values()):
                    session.end(intent.reason, farewell=session.established)
            case Reload():
                self._desk.policy = intent.policy
            case ChildExpired():
                self._expired(intent, now)
            case PeerMoved():
                owner = self._owner(intent.child)
                if owner is not None:
                    owner.follow(owner.path.to(intent.remote))
        return self._desk.drain()

    def tick(self, now: Instant) -> list[Effect]:
        self._now = now
        self._desk.timers.run(now)
        return self._desk.drain()

    def deadline(self) -> Deadline | None:
        return self._desk.timers.deadline()

    def standing(self, data: bytes, path: Path) -> Standing:
        """Whose a datagram claims to be, for whoever must choose which to look at first."""
        session = self._sessions.find(Header(data[:8], data[8:16], 0, 0, 0, 0), path.remote)
        if session is None:
            return Standing.STRANGER
        return Standing.PROVED if session.initiator or session.gates.all_open() else Standing.UNDER_WAY

    # --- in ----------------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes, path: Path, now: Instant) -> None:
        try:
            message = self._whole(data, path, now)
            if message is None:
                return
            header = Header.decode(message)
        except Malformed as fault:
            self._desk.tell(Turned(0, path, "datagram", str(fault)))
            return
        incoming = Incoming(header, message[Header.SIZE :])
        session = self._sessions.find(header, path.remote)
        if session is not None:
            protocol.receive(session, incoming, path, now)
        elif protocol.begins_session(header) and len(message) <= LONGEST_FIRST:
            self._admit(incoming, path, now)
        elif header.responder == NO_COOKIE:
            self._desk.tell(Turned(0, path, protocol.describe(header), "nobody is here for it"))

    def _whole(self, data: bytes, path: Path, now: Instant) -> bytes | None:
        """The message, once its last piece came. No flood of strangers pushes out what a known peer has sent so far."""
        header = Header.decode(data)
        if not protocol.is_fragment(header):
            return data
        known = self._sessions.find(header, path.remote) is not None
        pieces = self._pieces if known else self._pieces_of_strangers
        return pieces.add(header, data[Header.SIZE :], path, now)

    def _admit(self, incoming: Incoming, path: Path, now: Instant) -> None:
        """A stranger's first message: a session of its own, or a line of the journal."""
        candidates = _candidates(self._desk.policy, path.remote, protocol.mode_of(incoming.header))
        refusal = self._crowded(path.remote) if candidates else "no remote block admits such a client from there"
        if refusal:
            self._desk.tell(Turned(0, path, protocol.describe(incoming.header), refusal))
            return
        remote, cookies = candidates[0], Cookies(incoming.header.initiator, self._desk.dice.cookie())
        session = self._open(remote, cookies, path, initiator=False)
        session.facts.candidates = candidates
        self._sessions.strangers[(cookies.initiator, path.remote)] = session
        self._desk.tell(Started(session.id, path, remote.name, remote.side, None))
        if not protocol.answer(session, incoming, path, now):
            session.end(Reason(Cause.PROTOCOL, "the first message cannot be answered"), farewell=False)

    def _crowded(self, peer: Peer) -> str:
        policy, strangers = self._desk.policy, self._sessions.unproved()
        if len(strangers) >= policy.half_open_total:
            return f"{len(strangers)} strangers are at the door already"
        if sum(session.path.remote.site == peer.site for session in strangers) >= policy.half_open_per_address:
            return f"{policy.half_open_per_address} strangers from there are at the door already"
        return ""

    # --- wishes ------------------------------------------------------------------------------------------------------

    def _connect(self, intent: Connect, now: Instant) -> None:
        remote = next((one for one in self._desk.policy.remotes if one.name == intent.remote), None)
        if remote is None:
            raise ValueError(f"no remote block is called {intent.remote}")
        cookies = Cookies(self._desk.dice.cookie())
        session = self._open(remote, cookies, intent.path, initiator=True)
        session.facts = Facts(intent.request, intent.host, fragment=remote.ike_frag is Switch.FORCE)
        self._desk.tell(Started(session.id, intent.path, remote.name, remote.side, intent.request))
        protocol.begin(session, now)

    def _renew(self, session: Session, now: Instant) -> None:
        """The same peer, by the path that works, while the old phase 1 still stands."""
        cookies = Cookies(self._desk.dice.cookie())
        successor = self._open(session.remote, cookies, session.path, initiator=True)
        host, fragment = session.facts.host, session.facts.fragment
        successor.facts = Facts(host=host, fragment=fragment, renews=session.id, user=session.facts.user)
        self._desk.tell(Started(successor.id, session.path, session.remote.name, session.remote.side, None))
        protocol.begin(successor, now)

    def _open(self, remote: RemotePolicy, cookies: Cookies, path: Path, *, initiator: bool) -> Session:
        gates = Gates(list(ALL))
        number = self._sessions.next_id()
        session = Session(number, self._desk, remote, initiator, cookies, path, self._sessions, gates=gates)
        self._sessions.add(session)
        return session

    def _owner(self, child: int) -> Session | None:
        return next((one for one in self._sessions.by_id.values() if one.children.get(child)), None)

    def _expired(self, intent: ChildExpired, now: Instant) -> None:
        session = self._owner(intent.child)
        pair = session.children.get(intent.child) if session is not None else None
        if session is None or pair is None:
            return
        if not intent.hard:
            sequence.rekey(session, pair, now)
            return
        informational.delete_children(session, (pair.child.inbound.spi,))
        session.children.remove(session, intent.child, EXPIRED)
        sequence.complete(session, now)


def _candidates(policy: Policy, peer: Peer, mode: ExchangeMode | None) -> tuple[RemotePolicy, ...]:
    """The blocks of a gateway that take this mode from there: exact addresses first, then those with identities."""
    fitting = [
        remote
        for remote in policy.remotes
        if remote.side is Side.GATEWAY and mode in remote.exchange_modes and remote.address in (None, peer.address)
    ]
    return tuple(sorted(fitting, key=select.specificity))


@dataclass(slots=True)
class Sessions:
    """The sessions of an endpoint: by number, by our own cookie, and strangers by what their first message showed."""

    now: Callable[[], Instant]
    renewal: Callable[[Session, Instant], None]
    by_id: dict[int, Session] = field(default_factory=dict)
    by_cookie: dict[bytes, Session] = field(default_factory=dict)
    strangers: dict[tuple[bytes, Peer], Session] = field(default_factory=dict)
    _ids: count[int] = field(default_factory=lambda: count(1))

    def renew(self, session: Session, now: Instant) -> None:
        self.renewal(session, now)

    def next_id(self) -> int:
        return next(self._ids)

    def add(self, session: Session) -> None:
        self.by_id[session.id] = session
        self.by_cookie[_own(session)] = session

    def find(self, header: Header, remote: Peer) -> Session | None:
        """The session of a message, if its cookies are those of one."""
        session = self.by_cookie.get(header.responder)
        if session is not None and not session.initiator and session.cookies.initiator == header.initiator:
            return session
        session = self.by_cookie.get(header.initiator)
        if session is not None and session.initiator and session.cookies.responder in (NO_COOKIE, header.responder):
            return session
        return self.strangers.get((header.initiator, remote)) if header.responder == NO_COOKIE else None

    def unproved(self) -> list[Session]:
        """Sessions of clients that no login has proved."""
        self.strangers = {key: one for key, one in self.strangers.items() if not one.gates.passed(Gate.LOGIN)}
        return list(self.strangers.values())

    def barred(self, session: Session, user: str) -> str:
        """With `unique refuse`, unless the same device is back or only renews what it has."""
        if session.remote.uniqueness is not Uniqueness.REFUSE or not _is_person(session):
            return ""
        if not session.facts.initial_contact and self._renewed_by(session, user) is not None:
            return ""
        back = session.facts.initial_contact
        others = [old for old in self._others(session, user) if not (back and _same_place(old, session))]
        return f"{user} {ALREADY} from {others[0].path.remote.address}" if others else ""

    def doubtful(self, session: Session, user: str) -> list[Session]:
        """What a device with INITIAL-CONTACT may have left behind, or another device behind the same NAT still has: the
        identities are the same, the ports are not."""
        if not session.facts.initial_contact:
            return []
        others = (old for old in self._others(session, user) if _same_device(old, session))
        return [old for old in others if not _same_place(old, session)]

    def accepted(self, session: Session, user: str) -> None:
        """A login was proved: with INITIAL-CONTACT, what the same device left behind ends (RFC 2407 §4.6.3.3); without
        it, the same device on the same path renews what it has. With `unique replace` all other sessions of the person
        end."""
        if not session.facts.initial_contact:
            old = self._renewed_by(session, user)
            if old is not None:
                self.succeed(session, old)
                return
        replaces = session.remote.uniqueness is Uniqueness.REPLACE
        reason = Reason(Cause.REPLACED, f"{user} connected again from {session.path.remote}")
        for old in self._others(session, user):
            same = session.facts.initial_contact and _same_place(old, session)
            if same or (replaces and _is_person(session)):
                old.end(reason, farewell=not same)

    def _others(self, session: Session, user: str) -> list[Session]:
        """Proved sessions under the same name."""
        named = [one for one in self.by_id.values() if one.facts.user == user and one is not session]
        return [one for one in named if one.gateway and one.gates.passed(Gate.LOGIN)]

    def _renewed_by(self, session: Session, user: str) -> Session | None:
        """The session of the same user and device on the same path: a NAT gives no two devices one port."""
        for old in self.by_id.values():
            same = old.facts.user == user and old.path == session.path and old.gates.all_open()
            if same and old is not session and _same_device(old, session):
                return old
        return None

    def predecessor(self, session: Session) -> Session | None:
        return self.by_id.get(session.facts.renews) if session.facts.renews is not None else None

    def leased(self, session: Session, network: Network) -> bool:
        others = (one.facts.configuration for one in self.by_id.values() if one is not session and one.gateway)
        return any(given is not None and _given_in(given, network) for given in others)

    def succeed(self, session: Session, old: Session) -> None:
        """The old phase 1 is still found by its cookie for a moment: its deletes are expected."""
        session.inherit(old)
        self.by_id[session.id] = session
        self.by_id.pop(old.id, None)
        session.desk.timers.set(self.now() + LINGER, "old phase 1", lambda _: self._forget(old))

    def _forget(self, old: Session) -> None:
        self.by_cookie.pop(_own(old), None)

    def closed(self, session: Session) -> None:
        if self.by_id.get(session.id) is session:
            del self.by_id[session.id]
        self.by_cookie.pop(_own(session), None)
        self.strangers = {key: one for key, one in self.strangers.items() if one is not session}


def _given_in(given: ModeConfiguration, network: Network) -> bool:
    second = given.address6
    return given.address in network or (second is not None and second.ip in network)


def _own(session: Session) -> bytes:
    return session.cookies.initiator if session.initiator else session.cookies.responder


def _is_person(session: Session) -> bool:
    """A shared key alone says who belongs to the group, not who it is."""
    return session.facts.phase_one.suite.method is not AuthMethod.PSK


def _same_device(old: Session, new: Session) -> bool:
    """The same identity behind the same address: what a reconnecting client shows, and two colleagues do not."""
    if not old.established or not new.established or old.gateway is not new.gateway:
        return False
    return bool(
        old.path.remote.address == new.path.remote.address and old.facts.phase_one.peer == new.facts.phase_one.peer
    )


def _same_place(old: Session, new: Session) -> bool:
    """And by the same port, or without a NAT: it cannot be another device."""
    here, there = old.path.remote, new.path.remote
    return _same_device(old, new) and (here.port == there.port or not new.facts.phase_one.there)
