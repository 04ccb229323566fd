"""IKEv1 as a dialect: the verbs by which the endpoint speaks to it."""

from __future__ import annotations

from lotor.ike.children import Pair
from lotor.ike.dialect import Incoming, Opening
from lotor.ike.gates import ALL, Gates
from lotor.ike.randomness import Randomness
from lotor.ike.session import Dialled, Session
from lotor.ike.v1 import hints, protocol, sa_pairs, select
from lotor.ike.v1.reassembly import HALF_OPEN_ROOM, PROVED_ROOM, Pieces
from lotor.ike.v1.session import V1Session
from lotor.model.network import Instant, Path, Peer
from lotor.model.policy import Policy, RemotePolicy, Side, Switch
from lotor.model.reason import Reason
from lotor.wire.errors import Malformed
from lotor.wire.header import Header


class IkeV1:
    """It keeps the fragments of incomplete messages, those of each session apart from others."""

    def __init__(self) -> None:
        self.pieces = Pieces()

    def check(self, header: Header) -> None:
        protocol.check(header)

    def describe(self, header: Header) -> str:
        return protocol.describe(header)

    def whole(self, incoming: Incoming, session: Session | None, path: Path, now: Instant) -> Incoming | None:
        header = incoming.header
        if not protocol.is_fragment(header):
            return incoming
        if session is None:
            message = self.pieces.add(header, incoming.body, path, now)
        else:
            room = PROVED_ROOM if session.past_gates else HALF_OPEN_ROOM
            message = self.pieces.add_to(session.id, room, (header, incoming.body, path), now)
        return None if message is None else Incoming(_inside(header, message), message[Header.SIZE :])

    def hint(self, header: Header, randomness: Randomness) -> bytes | None:
        return hints.unknown_session(header, randomness)

    def unspoken(self, header: Header) -> bytes | None:
        del header
        return None

    def hint_of_spi(self, spi: int, randomness: Randomness) -> bytes:
        return hints.unknown_spi(spi, randomness)

    def hint_of_session(self, initiator: bytes, responder: bytes, randomness: Randomness) -> bytes:
        return hints.of_session(initiator, responder, randomness)

    def told_spi(self, incoming: Incoming) -> int | None:
        return hints.told_spi(incoming)

    def doubt(self, session: Session, path: Path, now: Instant) -> None:
        protocol.doubt(_v1(session), path, now)

    def begins_session(self, header: Header) -> bool:
        return protocol.begins_session(header)

    def candidates(self, policy: Policy, peer: Peer, header: Header) -> tuple[RemotePolicy, ...]:
        """The blocks that accept this mode from that address: exact addresses first, then those with identities."""
        mode = protocol.mode_of(header)
        blocks = [
            remote
            for remote in policy.remotes
            if remote.side is Side.GATEWAY and mode in remote.exchange_modes and remote.address in (None, peer.address)
            if V1Session.VERSION in remote.versions
        ]
        return tuple(sorted(blocks, key=select.specificity))

    def shown(self, incoming: Incoming, path: Path, now: Instant) -> bool:
        """Version 1 has nothing of the kind: there the repetition of a message shows it."""
        del incoming, path, now
        return False

    def challenge(self, incoming: Incoming, path: Path, randomness: Randomness, now: Instant) -> bytes | None:
        del incoming, path, randomness, now
        return None

    def make(self, opening: Opening) -> Session:
        remote, number = opening.candidates[0], opening.id
        there, shared = (opening.spis, opening.path), (opening.registry, Gates(list(ALL)))
        session = V1Session(number, opening.context, remote, opening.initiator, *there, *shared)
        match opening.goal:
            case None:
                session.candidates = opening.candidates
            case Dialled() as dialled:
                session.dialled, session.fragment = dialled, remote.ike_frag is Switch.FORCE
            case old:
                session.dialled, session.renews, session.user = old.dialled, old.id, old.user
                session.fragment = _v1(old).fragment
        return session

    def begin(self, session: Session, now: Instant) -> None:
        protocol.begin(_v1(session), now)

    def admit(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> bool:
        return protocol.answer(_v1(session), incoming, path, now)

    def receive(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> None:
        protocol.receive(_v1(session), incoming, path, now)

    def check_life(self, session: Session, now: Instant) -> None:
        protocol.check_life(_v1(session), now)

    def elsewhere(self, session: Session) -> tuple[str, ...]:
        """IKEv1 has no such message."""
        del session
        return ()

    def send_away(self, session: Session, now: Instant) -> None:
        del session, now

    def tell_time(self, session: Session, now: Instant) -> None:
        """A login of IKEv1 ends with the time that it was given."""
        del session, now

    def rekey(self, session: Session, pair: Pair, now: Instant) -> None:
        sa_pairs.rekey(_v1(session), pair, now)

    def expired(self, session: Session, pair: Pair, reason: Reason, now: Instant) -> None:
        sa_pairs.expired(_v1(session), pair, reason, now)


def _v1(session: Session) -> V1Session:
    """The endpoint gives a version only sessions that it made."""
    if not isinstance(session, V1Session):
        raise TypeError(f"session {session.id} is none of IKEv1")
    return session


def _inside(outer: Header, message: bytes) -> Header:
    """The header of a message that came in fragments. Its cookies must be those of its fragments."""
    header = Header.decode(message)
    protocol.check(header)
    if (header.initiator, header.responder) != (outer.initiator, outer.responder):
        raise Malformed("the cookies of the pieces are not those of the message inside")
    return header
