"""IKEv2 as a dialect: the verbs by which the endpoint speaks to it."""

from __future__ import annotations

from dataclasses import replace

from lotor.ike.children import Pair
from lotor.ike.dialect import Incoming, Opening
from lotor.ike.gates import ALL, Gates
from lotor.ike.randomness import Randomness
from lotor.ike.session import Dialled, Session
from lotor.ike.v2 import granting, hints, protocol, redirects
from lotor.ike.v2.cookies import Cookies
from lotor.ike.v2.session import V2Session
from lotor.model.network import Instant, Path, Peer
from lotor.model.policy import Policy, RemotePolicy, Side
from lotor.model.reason import Reason
from lotor.wire.header import Header


class IkeV2:
    """It keeps the secrets of its cookies."""

    def __init__(self) -> None:
        self.cookies = Cookies()

    def check(self, header: Header) -> None:
        protocol.check(header)

    def describe(self, header: Header) -> str:
        return protocol.describe(header)

    def whole(self, incoming: Incoming, session: Session | None, path: Path, now: Instant) -> Incoming | None:
        """Fragments are put together when their keys have proved them."""
        del session, path, now
        return incoming

    def hint(self, header: Header, randomness: Randomness) -> bytes | None:
        del randomness
        return hints.unknown_session(header)

    def unspoken(self, header: Header) -> bytes | None:
        return hints.other_version(header)

    def hint_of_spi(self, spi: int, randomness: Randomness) -> bytes:
        return hints.unknown_spi(spi, randomness)

    def hint_of_session(self, initiator: bytes, responder: bytes, randomness: Randomness) -> bytes:
        del randomness
        return hints.of_session(initiator, responder)

    def told_spi(self, incoming: Incoming) -> int | None:
        return hints.told_spi(incoming)

    def doubt(self, session: Session, path: Path, now: Instant) -> None:
        protocol.doubt(_v2(session), path, now)

    def begins_session(self, header: Header) -> bool:
        return protocol.begins_session(header)

    def candidates(self, policy: Policy, peer: Peer, header: Header) -> tuple[RemotePolicy, ...]:
        """The blocks that speak this version with that address: exact addresses first."""
        del header
        blocks = [
            remote
            for remote in policy.remotes
            if remote.side is Side.GATEWAY and remote.v2 is not None and remote.address in (None, peer.address)
        ]
        spoken = (remote for remote in blocks if V2Session.VERSION in remote.versions)
        return tuple(sorted(spoken, key=lambda remote: remote.address is None))

    def shown(self, incoming: Incoming, path: Path, now: Instant) -> bool:
        return self.cookies.shown(incoming, path, now)

    def challenge(self, incoming: Incoming, path: Path, randomness: Randomness, now: Instant) -> bytes | None:
        return self.cookies.challenge(incoming, path, randomness, now)

    def make(self, opening: Opening) -> Session:
        remote, number = opening.candidates[0], opening.id
        there, shared = (opening.spis, opening.path), (opening.registry, Gates(list(ALL)))
        session = V2Session(number, opening.context, remote, opening.initiator, *there, *shared)
        match opening.goal:
            case None:
                session.candidates = opening.candidates
            case Dialled() as dialled:
                session.dialled = dialled
            case old:
                session.dialled = replace(old.dialled, resumption=None) if old.dialled is not None else None
                session.renews, session.user = old.id, old.user
                session.small = _v2(old).small
        return session

    def begin(self, session: Session, now: Instant) -> None:
        protocol.begin(_v2(session), now)

    def admit(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> bool:
        return protocol.answer(_v2(session), incoming, path, now)

    def receive(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> None:
        protocol.receive(_v2(session), incoming, path, now)

    def check_life(self, session: Session, now: Instant) -> None:
        protocol.check_life(_v2(session), now)

    def elsewhere(self, session: Session) -> tuple[str, ...]:
        return redirects.gateways(_v2(session))

    def send_away(self, session: Session, now: Instant) -> None:
        redirects.send_away(_v2(session), now)

    def tell_time(self, session: Session, now: Instant) -> None:
        granting.tell_anew(_v2(session), now)

    def rekey(self, session: Session, pair: Pair, now: Instant) -> None:
        protocol.rekey(_v2(session), pair, now)

    def expired(self, session: Session, pair: Pair, reason: Reason, now: Instant) -> None:
        protocol.expired(_v2(session), pair, reason, now)


def _v2(session: Session) -> V2Session:
    """The endpoint gives a version only sessions that it made."""
    if not isinstance(session, V2Session):
        raise TypeError(f"session {session.id} is none of IKEv2")
    return session
