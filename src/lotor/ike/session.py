"""A session: one peer, from its first datagram to its end. It owns no protocol; the exchanges of `v1` act on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

from lotor.ike.children import Children
from lotor.ike.desk import Desk
from lotor.ike.events import Ended, PathChanged, Reached, Renewed
from lotor.ike.gates import Gate, Gates
from lotor.ike.timers import Timer
from lotor.ike.v1.early import Early
from lotor.ike.v1.exchanges import Exchanges
from lotor.ike.v1.liveness import Liveness
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Address, Instant, Network, Path, Peer
from lotor.model.policy import RemotePolicy, Side
from lotor.model.reason import Reason
from lotor.wire.header import Header

NO_COOKIE = bytes(8)

MOVES_EVERY = 0.1
"""Seconds between two moves of a session by messages; the packet engine follows packets as often."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """The gateway that a session was opened for; no datagram changes it. `host` is the name that a person typed, None
    for an address."""

    address: Address
    host: str | None = None


@dataclass(slots=True)
class Facts:
    """What is known of the peer and of the attempt. `dialled`: whom this end meant to reach, None where the peer
    began; `instead`: who answered in its place, which is worth nothing but a word. `phase_one` is the protocol's own
    record, None until its keys are proved; `fragment`: the peer takes IKE fragments; `candidates`: the blocks that
    may serve a stranger; `rounds` of XAUTH so far; `refused`: a verdict that stands, acknowledged or not, or a
    refusal of the peer that nobody signed; `renews`: the session that this attempt is to take over; `renewed`: it
    did; `told`: of the configuration; `inside`: what a peer brought that was given none; `declined`: what of our
    inside the gateway gave no SA pair; `one_time`: the login cannot be repeated without the person; `moving`: to
    another inside address, which no SA pair carries yet."""

    request: int | None = None
    dialled: Dialled | None = None
    instead: Peer | None = None
    user: str = ""
    configuration: ModeConfiguration | None = None
    phase_one: Any = None
    initial_contact: bool = False
    fragment: bool = False
    candidates: tuple[RemotePolicy, ...] = ()
    rounds: int = 0
    refused: Reason | None = None
    renews: int | None = None
    renewed: bool = False
    told: bool = False
    inside: Network | None = None
    declined: frozenset[Network] = frozenset()
    one_time: bool = False
    moving: bool = False
    reached: bool = False


@dataclass(slots=True)
class Cookies:
    initiator: bytes
    responder: bytes = NO_COOKIE

    def __str__(self) -> str:
        return f"{self.initiator.hex()}:{self.responder.hex()}"


@dataclass(slots=True)
class Life:
    """The clockwork of a session: its alarms, its probes, and how it says good-bye once there are keys; when a message
    `moved` it last."""

    over: bool = False
    limit: Timer | None = None
    expiry: Timer = field(default_factory=lambda: Timer(0.0, "phase 1 lifetime", None))
    keepalive: Timer | None = None
    liveness: Liveness = field(default_factory=Liveness)
    farewell: Callable[[], None] | None = None
    moved: Instant = -inf


class Registry(Protocol):
    """What a session tells of itself where all sessions are known."""

    def accepted(self, session: Session, user: str) -> None:
        """A login was proved; nothing has been given for it yet."""
        ...

    def doubtful(self, session: Session, user: str) -> list[Session]:
        """Sessions that are over, if their peers do not answer any more."""
        ...

    def barred(self, session: Session, user: str) -> str:
        """Why a proved login is not let in beside another session of the same person; empty when it is."""
        ...

    def renew(self, session: Session, now: Instant) -> None:
        """A new phase 1 for a session whose own will end soon."""
        ...

    def succeed(self, session: Session, old: Session) -> None:
        """`session` takes over the number and everything else of `old`."""
        ...

    def predecessor(self, session: Session) -> Session | None:
        """The session that this one is to take over, if it still is."""
        ...

    def holder(self, session: Session, inside: Network) -> Session | None:
        """Another session whose peer has this inside, or a part of it."""
        ...

    def charge(self, session: Session, octets: int, path: Path) -> bool:
        """What an answer of phase 1 costs; False when it may not leave by this path."""
        ...

    def affords(self, session: Session, octets: int, path: Path, *, unasked: bool) -> bool:
        """Whether so much may go to a peer that may be somebody else; `unasked`: though nothing came."""
        ...

    def closed(self, session: Session) -> None: ...


@dataclass(slots=True, eq=False)
class Session:
    """`initiator` is the role in phase 1. `registry` is the endpoint's: it knows the other sessions."""

    id: int
    desk: Desk
    remote: RemotePolicy
    initiator: bool
    cookies: Cookies
    path: Path
    registry: Registry
    facts: Facts = field(default_factory=Facts)
    gates: Gates = field(default_factory=Gates)
    exchanges: Exchanges = field(default_factory=Exchanges)
    children: Children = field(default_factory=Children)
    life: Life = field(default_factory=Life)
    early: Early = field(default_factory=Early)
    heir: Session | None = None

    @property
    def gateway(self) -> bool:
        return self.remote.side is Side.GATEWAY

    @property
    def established(self) -> bool:
        return self.facts.phase_one is not None

    @property
    def answered(self) -> bool:
        """The responder has given its cookie."""
        return self.cookies.responder != NO_COOKIE

    def header(self, exchange: int, message_id: int) -> Header:
        return Header(self.cookies.initiator, self.cookies.responder, 0, exchange, 0, message_id)

    def learn(self, header: Header) -> None:
        """The responder's cookie comes with its first message."""
        if not self.answered:
            self.cookies.responder = header.responder

    @property
    def peer_address(self) -> Address:
        """Whose certificate and whose key: that of the dialled gateway, or of whoever began."""
        return self.facts.dialled.address if self.facts.dialled is not None else self.path.remote.address

    def heard_over(self, path: Path, now: Instant) -> None:
        """A fresh message of the peer came over this path. Until somebody is proved it may change ports, for NAT
        traversal, but no address: whoever holds keys with a gateway may still be a stranger who writes another's
        address on his messages. Then the session follows, but not with every message."""
        proved = self.established and (self.initiator or self.gates.passed(Gate.LOGIN))
        if proved and now >= self.life.moved + MOVES_EVERY:
            self.life.moved = now if path != self.path else self.life.moved
            self.follow(path)
        elif not proved and path.remote.address == self.path.remote.address:
            local = Peer(self.path.local.address, path.local.port)
            self.path = Path(local, path.remote, floated=path.floated)

    def reached(self, path: Path) -> None:
        """A message of the peer came over this path, whatever it says."""
        if self.initiator and path.floated and not self.facts.reached:
            self.facts.reached = True
            self.desk.tell(Reached(self.id, path))

    def follow(self, path: Path) -> None:
        """A fresh, proved message came over this path: answers and the traffic of the children go there from now on."""
        if path == self.path:
            return
        old, self.path = self.path, path
        self.exchanges.moved()
        if self.children:
            self.children.move(path)
            self.desk.tell(PathChanged(self.id, old, path, self.children.ids()))

    def limit(self, seconds: float, why: str, call: Callable[[Instant], None], now: Instant) -> None:
        """One alarm at a time for the step the session is in; a new one replaces it."""
        self.unlimit()
        self.life.limit = self.desk.timers.set(now + seconds, why, call)

    def unlimit(self) -> None:
        if self.life.limit is not None:
            self.life.limit.cancel()
            self.life.limit = None

    def inherit(self, old: Session) -> None:
        """What outlives a phase 1 comes over; the old one falls silent, but for what it still has to hear."""
        attempt, self.id, old.id = self.id, old.id, self.id
        self.children, old.children = old.children, Children()
        self.facts.configuration = old.facts.configuration
        self.facts.request, self.facts.dialled = old.facts.request, old.facts.dialled
        self.facts.renewed, self.facts.told, self.facts.inside = True, old.facts.told, old.facts.inside
        self.facts.declined, self.facts.moving = old.facts.declined, old.facts.moving
        self.children.move(self.path)
        old.heir = self
        old.stop()
        old.exchanges.hand_over()
        record = self.facts.phase_one
        self.desk.tell(Renewed(self.id, attempt, self.path, record.suite, str(self.cookies)))

    def living(self) -> Session:
        """Whoever took this place in the end, which may be nobody else."""
        return self if self.heir is None else self.heir.living()

    def stop(self) -> None:
        """Nothing more is begun here. What knows the session goes, so that it never waits for the garbage collector."""
        self.life.over, self.life.farewell = True, None
        self.early.drop()
        self.unlimit()
        self.life.liveness.stop()
        self.life.expiry.cancel()
        if self.life.keepalive is not None:
            self.life.keepalive.cancel()

    def end(self, reason: Reason, *, farewell: bool = True) -> None:
        """The end, once: deletes to the peer if wanted, everything of the session taken back, and the fact told."""
        if self.life.over:
            return
        good_bye = self.life.farewell if farewell else None
        self.stop()
        self.exchanges.cancel()
        if good_bye is not None:
            good_bye()
        self.children.drop(self, reason)
        self.desk.tell(Ended(self.id, reason, self.established))
        self.registry.closed(self)
