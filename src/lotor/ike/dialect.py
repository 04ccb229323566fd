"""The few verbs by which the endpoint speaks to a protocol version; whatever a version is beyond them is its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lotor.ike.children import Pair
from lotor.ike.desk import Desk
from lotor.ike.session import Dialled, Registry, Session, Spis
from lotor.model.network import Instant, Path, Peer
from lotor.model.policy import Policy, RemotePolicy
from lotor.wire.header import Header


@dataclass(frozen=True, slots=True)
class Incoming:
    """A datagram with its header read: anyone may have sent it."""

    header: Header
    body: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new session is made from. `candidates`: the blocks that may serve it, the first of them for now. `goal`:
    whom this end dials, or the session that it renews; None where the peer began."""

    id: int
    desk: Desk
    registry: Registry
    candidates: tuple[RemotePolicy, ...]
    spis: Spis
    path: Path
    goal: Dialled | Session | None = None

    @property
    def initiator(self) -> bool:
        return self.goal is not None


class Dialect(Protocol):
    """One major version. Each session that it gets is one that it made."""

    def check(self, header: Header) -> None:
        """Raises `Malformed` for a header that this version does not have."""
        ...

    def describe(self, header: Header) -> str:
        """What a message claims to be, for the journal."""
        ...

    def whole(self, incoming: Incoming, session: Session | None, path: Path, now: Instant) -> Incoming | None:
        """The message, once its last piece came. Raises `Malformed`."""
        ...

    def begins_session(self, header: Header) -> bool:
        """Whether a message may be the first of a stranger."""
        ...

    def candidates(self, policy: Policy, peer: Peer, header: Header) -> tuple[RemotePolicy, ...]:
        """The blocks of a gateway that may serve a stranger's first message, in the order of trying."""
        ...

    def make(self, opening: Opening) -> Session:
        """A session that has done nothing yet."""
        ...

    def begin(self, session: Session, now: Instant) -> None:
        """The first message of a session that this end opens."""
        ...

    def admit(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> bool:
        """A stranger's first message, to the session made for it; False when it deserves nothing."""
        ...

    def receive(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> None:
        """A message for a session. What is malformed, misplaced or unproved has no effect but a line of the journal."""
        ...

    def rekey(self, session: Session, pair: Pair, now: Instant) -> None:
        """The time of an SA pair is nearly over."""
        ...

    def expired(self, session: Session, pair: Pair, now: Instant) -> None:
        """The time of an SA pair is over."""
        ...
