"""The few verbs by which the endpoint speaks to a protocol version. Everything else is the version's own affair."""

from __future__ import annotations

from typing import Protocol

from lotor.ike.children import Pair
from lotor.ike.context import CoreContext
from lotor.ike.randomness import Randomness
from lotor.ike.registry import Registry
from lotor.ike.session import Dialled, Session, Spis
from lotor.model.frozen import frozen
from lotor.model.network import Instant, Path, Peer
from lotor.model.policy import Policy, RemotePolicy
from lotor.model.reason import Reason
from lotor.wire.header import Header


@frozen
class Incoming:
    """A datagram whose header is read. Anyone may have sent it."""

    header: Header
    body: bytes


@frozen
class Opening:
    """What a new session is made from. `candidates`: the `remote` blocks that may serve it, the first of them for now.
    `goal`: the gateway that this end dials, or the session that it renews; None where the peer began."""

    id: int
    context: CoreContext
    registry: Registry[Session]
    candidates: tuple[RemotePolicy, ...]
    spis: Spis
    path: Path
    goal: Dialled | Session | None = None

    @property
    def initiator(self) -> bool:
        return self.goal is not None


class Dialect(Protocol):
    """One major version. It is given only sessions that it made."""

    def check(self, header: Header) -> None:
        """Raises `Malformed` for a header that is not valid in this version."""
        ...

    def describe(self, header: Header) -> str:
        """What a message claims to be, for the journal."""
        ...

    def whole(self, incoming: Incoming, session: Session | None, path: Path, now: Instant) -> Incoming | None:
        """The message, or None until its last fragment has come. Raises `Malformed`."""
        ...

    def hint(self, header: Header, randomness: Randomness) -> bytes | None:
        """What is said in clear to the sender of a message for a session that is not here; None: nothing."""
        ...

    def unspoken(self, header: Header) -> bytes | None:
        """What is said in clear to a stranger whom no block serves because none speaks this version; None: nothing."""
        ...

    def hint_of_spi(self, spi: int, randomness: Randomness) -> bytes:
        """The same to the sender of an ESP packet with an unknown SPI."""
        ...

    def hint_of_session(self, initiator: bytes, responder: bytes, randomness: Randomness) -> bytes:
        """The same of a session with these SPIs, unasked."""
        ...

    def told_spi(self, incoming: Incoming) -> int | None:
        """The SPI of ESP that such a hint names, as far as this message is one. Anybody may have sent it."""
        ...

    def doubt(self, session: Session, path: Path, now: Instant) -> None:
        """A hint says over `path` that the peer does not know a session that this end began."""
        ...

    def begins_session(self, header: Header) -> bool:
        """Whether a message may be the first of a stranger."""
        ...

    def candidates(self, policy: Policy, peer: Peer, header: Header) -> tuple[RemotePolicy, ...]:
        """The `remote` blocks of a gateway that may serve a stranger's first message, in the order in which they are
        tried."""
        ...

    def shown(self, incoming: Incoming, path: Path, now: Instant) -> bool:
        """Whether a stranger's first message shows that its sender received what was sent to its address."""
        ...

    def challenge(self, incoming: Incoming, path: Path, randomness: Randomness, now: Instant) -> bytes | None:
        """What asks a stranger to show that, shorter than its first message; None: nothing is said."""
        ...

    def make(self, opening: Opening) -> Session:
        """Makes a session. Nothing is sent yet."""
        ...

    def begin(self, session: Session, now: Instant) -> None:
        """Sends the first message of a session that this end opens."""
        ...

    def admit(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> bool:
        """Handles a stranger's first message, with the session made for it. False when the message deserves no
        session."""
        ...

    def receive(self, session: Session, incoming: Incoming, path: Path, now: Instant) -> None:
        """Handles a message for a session. A malformed, misplaced or unproved one has no effect but a line of the
        journal."""
        ...

    def check_life(self, session: Session, now: Instant) -> None:
        """Asks the peer of a session that is up for a proved sign of life at once. Without one within moments the
        session ends. A peer that cannot be asked is left alone."""
        ...

    def elsewhere(self, session: Session) -> tuple[str, ...]:
        """The gateways among which a client that is connected may be sent elsewhere now; none where it cannot be
        sent."""
        ...

    def send_away(self, session: Session, now: Instant) -> None:
        """Asks a client that is connected to go to one of them."""
        ...

    def tell_time(self, session: Session, now: Instant) -> None:
        """Tells a client that is connected for how long it is now, where it logs in anew before that is over."""
        ...

    def rekey(self, session: Session, pair: Pair, now: Instant) -> None:
        """The soft lifetime of an SA pair is over."""
        ...

    def expired(self, session: Session, pair: Pair, reason: Reason, now: Instant) -> None:
        """The engine carries nothing for an SA pair any more: mostly its hard lifetime is over."""
        ...
