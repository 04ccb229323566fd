"""The whole public face of the core: datagrams, answers, wishes and the time go in, effects come out.

Sessions are found by our own cookie; what a stranger may cost is bounded here.
"""

from __future__ import annotations

from lotor.ike.admission import Admission, Tally
from lotor.ike.children import EXPIRED
from lotor.ike.desk import Desk
from lotor.ike.dice import Dice
from lotor.ike.effects import Deadline, Effect, Ticket
from lotor.ike.events import Started, Turned
from lotor.ike.gates import ALL, Gates
from lotor.ike.intents import ChildExpired, Connect, Disconnect, Intent, PeerMoved, Reload, Shutdown
from lotor.ike.questions import Answer
from lotor.ike.session import NO_COOKIE, Cookies, Dialled, Facts, Session
from lotor.ike.sessions import Sessions
from lotor.ike.standing import Standing
from lotor.ike.v1 import informational, protocol, select, sequence
from lotor.ike.v1.channel import Incoming
from lotor.ike.v1.reassembly import HALF_OPEN, PROVED, Pieces
from lotor.model.network import KEEPALIVE, Instant, Path, Peer
from lotor.model.policy import ExchangeMode, Policy, RemotePolicy, Side, Switch
from lotor.model.reason import Cause, Reason
from lotor.wire.errors import Malformed
from lotor.wire.header import Header, cookies_of

LONGEST_FIRST = 8192
"""Octets of a stranger's first message that are worth parsing; real ones have some 1,500, the longest 7,500."""


class Endpoint:
    """One end of many sessions. Every method returns what is to be done, in order; none waits or raises for what a
    peer sent. With `disclose` it gives away the keys of IKE messages: for a capture, off unless asked for."""

    def __init__(self, policy: Policy, dice: Dice, *, disclose: bool = False) -> None:
        self._desk = Desk(policy, dice, disclose)
        self._now: Instant = 0.0
        self._admission = Admission(self._desk)
        self._sessions = Sessions(lambda: self._now, self._renew, self._admission)
        self._pieces = Pieces()

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
        session = self._sessions.find(*cookies_of(data), path.remote)
        if session is None:
            known = self._admission.knows(path.remote.site, self._now)
            return Standing.KNOWN if known else Standing.STRANGER
        return Standing.PROVED if session.initiator or session.gates.all_open() else Standing.UNDER_WAY

    def admissions(self) -> Tally:
        """What became of first messages since the start."""
        return self._admission.tally()

    # --- in ----------------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes, path: Path, now: Instant) -> None:
        try:
            whole = self._whole(data, path, now)
        except Malformed as fault:
            self._desk.tell(Turned(0, path, "datagram", str(fault)))
            return
        if whole is None:
            return
        header, message = whole
        incoming = Incoming(header, message[Header.SIZE :])
        session = self._sessions.find(header.initiator, header.responder, path.remote)
        if session is not None:
            if header.responder == session.cookies.responder:
                self._admission.seen(session, now)
            protocol.receive(session, incoming, path, now)
        elif protocol.begins_session(header) and len(message) <= LONGEST_FIRST:
            self._admit(incoming, message, path, now)
        elif header.responder == NO_COOKIE:
            self._desk.tell(Turned(0, path, protocol.describe(header), "nobody is here for it"))

    def _whole(self, data: bytes, path: Path, now: Instant) -> tuple[Header, bytes] | None:
        """The message, once its last piece came. Whose piece it is, its cookies say; each session has its own place."""
        header, body = Header.decode(data), data[Header.SIZE :]
        if not protocol.is_fragment(header):
            return header, data
        session = self._sessions.find(header.initiator, header.responder, path.remote)
        if session is None:
            message = self._pieces.add(header, body, path, now)
        else:
            proved = session.initiator or session.gates.all_open()
            message = self._pieces.add_to(session.id, PROVED if proved else HALF_OPEN, (header, body, path), now)
        return None if message is None else (_inside(header, message), message)

    def _admit(self, incoming: Incoming, message: bytes, path: Path, now: Instant) -> None:
        """A stranger's first message: a session of its own, or nothing, or a line of the journal."""
        welcome = self._admission.knock(message, path.remote, now)
        if welcome is None:
            return
        candidates = _candidates(self._desk.policy, path.remote, protocol.mode_of(incoming.header))
        if not candidates:
            refusal = "no remote block admits such a client from there"
            self._desk.tell(Turned(0, path, protocol.describe(incoming.header), refusal))
            return
        remote, cookies = candidates[0], Cookies(incoming.header.initiator, self._desk.dice.cookie())
        session = self._open(remote, cookies, path, initiator=False)
        session.facts.candidates = candidates
        self._admission.enter(session, welcome, now)
        self._sessions.meet(session)
        self._desk.tell(Started(session.id, path, remote.name, remote.side, None))
        if not protocol.answer(session, incoming, path, now):
            session.end(Reason(Cause.PROTOCOL, "the first message cannot be answered"), farewell=False)

    # --- wishes ------------------------------------------------------------------------------------------------------

    def _connect(self, intent: Connect, now: Instant) -> None:
        remote = next((one for one in self._desk.policy.remotes if one.name == intent.remote), None)
        if remote is None:
            raise ValueError(f"no remote block is called {intent.remote}")
        cookies = Cookies(self._desk.dice.cookie())
        session = self._open(remote, cookies, intent.path, initiator=True)
        dialled = Dialled(intent.path.remote.address, intent.host)
        session.facts = Facts(intent.request, dialled, fragment=remote.ike_frag is Switch.FORCE)
        self._desk.tell(Started(session.id, intent.path, remote.name, remote.side, intent.request))
        protocol.begin(session, now)

    def _renew(self, session: Session, now: Instant) -> None:
        """The same gateway, by the path that works, while the old phase 1 still stands. Where it has moved it still has
        to be the one that was dialled."""
        cookies = Cookies(self._desk.dice.cookie())
        successor = self._open(session.remote, cookies, session.path, initiator=True)
        facts = session.facts
        successor.facts = Facts(dialled=facts.dialled, fragment=facts.fragment, renews=session.id, user=facts.user)
        self._desk.tell(Started(successor.id, session.path, session.remote.name, session.remote.side, None))
        protocol.begin(successor, now)

    def _open(self, remote: RemotePolicy, cookies: Cookies, path: Path, *, initiator: bool) -> Session:
        gates = Gates(list(ALL))
        number = self._sessions.next_id()
        session = Session(number, self._desk, remote, initiator, cookies, path, self._sessions, gates=gates)
        self._sessions.add(session)
        return session

    def _owner(self, child: int) -> Session | None:
        return self._sessions.by_id.get(self._desk.owners.get(child, 0))

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


def _inside(outer: Header, message: bytes) -> Header:
    """The header of a message that came in pieces, whose cookies are those that its pieces were sorted by."""
    header = Header.decode(message)
    if (header.initiator, header.responder) != (outer.initiator, outer.responder):
        raise Malformed("the cookies of the pieces are not those of the message inside")
    return header


def _candidates(policy: Policy, peer: Peer, mode: ExchangeMode | None) -> tuple[RemotePolicy, ...]:
    """The blocks of a gateway that take this mode from there: exact addresses first, then those with identities."""
    fitting = [
        remote
        for remote in policy.remotes
        if remote.side is Side.GATEWAY and mode in remote.exchange_modes and remote.address in (None, peer.address)
    ]
    return tuple(sorted(fitting, key=select.specificity))
