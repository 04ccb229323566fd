"""A session: one peer, from its first datagram to its end, whatever the protocol version.

It owns no protocol: a version adds what it keeps of its own in a class below this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from math import inf
from typing import ClassVar, Protocol

from lotor.ike.children import Children
from lotor.ike.desk import Desk
from lotor.ike.events import Ended, PathChanged
from lotor.ike.gates import Gate, Gates
from lotor.ike.timers import Timer
from lotor.model.configuration import ModeConfiguration
from lotor.model.identity import Identity
from lotor.model.network import Address, Instant, Network, Path, Peer
from lotor.model.policy import RemotePolicy, Side
from lotor.model.reason import Reason
from lotor.wire.header import Header

NO_SPI = bytes(8)

MOVE_INTERVAL_S = 0.1
"""Seconds between two moves of a session by messages; the packet engine follows packets as often."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """The gateway that a session was opened for; no datagram changes it. `host` is the name that a person typed, None
    for an address."""

    address: Address
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Proved:
    """What the keys prove of the peer, whatever the version that made them. `login`: a login follows, and only that
    names the person; `person`: a shared key alone says who belongs to the group, not who it is; `probed`: it answers
    when it is asked whether it is there; `translated`: a NAT stands before it."""

    identity: Identity
    login: bool
    person: bool
    probed: bool
    translated: bool


@dataclass(slots=True)
class Inner:
    """The addresses inside the tunnel. `brought`: by a peer that was given none; `told`: of the configuration;
    `declined`: what of our inside the gateway gave no SA pair; `moving`: to another inside address, which no SA pair
    carries yet."""

    configuration: ModeConfiguration | None = None
    brought: Network | None = None
    told: bool = False
    declined: frozenset[Network] = frozenset()
    moving: bool = False


@dataclass(slots=True)
class Spis:
    """Those of the IKE SA, which IKEv1 calls cookies: every message shows both."""

    initiator: bytes
    responder: bytes = NO_SPI

    def __str__(self) -> str:
        return f"{self.initiator.hex()}:{self.responder.hex()}"


class Voice(Protocol):
    """What a session says of itself once there are keys."""

    def probe(self) -> None:
        """Asks the peer for a sign of life."""
        ...

    def part(self) -> None:
        """Deletes the keys alone: the SA pairs live on under those of another session."""
        ...

    def farewell(self) -> None:
        """Deletes for everything."""
        ...


@dataclass(slots=True)
class Life:
    """The clockwork of a session: its alarms, and its voice, which comes and goes with the keys; when a message
    `moved` it last."""

    over: bool = False
    limit: Timer | None = None
    expiry: Timer | None = None
    keepalive: Timer | None = None
    voice: Voice | None = None
    moved: Instant = -inf


class Registry(Protocol):
    """What a session tells of itself where all sessions are known."""

    def accepted(self, session: Session, user: str) -> None:
        """A login was proved; nothing has been given for it yet."""
        ...

    def maybe_stale(self, session: Session, user: str) -> list[Session]:
        """Sessions that are over, if their peers do not answer any more."""
        ...

    def barred(self, session: Session, user: str) -> Reason | None:
        """Why a proved login is not let in beside another session of the same person; None when it is."""
        ...

    def renew(self, session: Session, now: Instant) -> None:
        """A new phase 1 for a session whose own will end soon."""
        ...

    def succeed(self, session: Session, old: Session) -> None:
        """`session` takes over the number and everything else of `old`."""
        ...

    def allot(self, session: Session, seconds: float) -> None:
        """The login grants so much time from now on, renewals of phase 1 within it."""
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

    def replace(self, others: Iterable[Session], why: Reason, *, farewell: bool = False) -> None:
        """Sessions of peers that are gone, or whose place another has: they end, with deletes for `farewell`."""
        ...

    def closed(self, session: Session) -> None: ...


@dataclass(slots=True, eq=False)
class Session:
    """`initiator` is the role in the exchange that made the keys. `registry` is the endpoint's: it knows the other
    sessions. `dialled`: whom this end meant to reach, None where the peer began; `renews`: the session that this
    attempt is to take over, `renewed`: it did. `initial_contact`: the peer says that it holds nothing else of ours."""

    VERSION: ClassVar[int] = 0
    """The major version of the protocol."""

    id: int
    desk: Desk
    remote: RemotePolicy
    initiator: bool
    spis: Spis
    path: Path
    registry: Registry
    gates: Gates = field(default_factory=Gates)
    dialled: Dialled | None = None
    renews: int | None = None
    renewed: bool = False
    user: str = ""
    initial_contact: bool = False
    proved: Proved | None = None
    inner: Inner = field(default_factory=Inner)
    children: Children = field(default_factory=Children)
    life: Life = field(default_factory=Life)

    @property
    def gateway(self) -> bool:
        return self.remote.side is Side.GATEWAY

    @property
    def established(self) -> bool:
        return self.proved is not None

    @property
    def answered(self) -> bool:
        """The responder has given its SPI."""
        return self.spis.responder != NO_SPI

    def learn(self, header: Header) -> None:
        """The responder's SPI comes with its first message."""
        if not self.answered:
            self.spis.responder = header.responder

    @property
    def peer_address(self) -> Address:
        """Whose certificate and whose key: that of the dialled gateway, or of whoever began."""
        return self.dialled.address if self.dialled is not None else self.path.remote.address

    def heard_over(self, path: Path, now: Instant) -> None:
        """A fresh message of the peer came over this path. Until somebody is proved it may change ports, for NAT
        traversal, but no address: whoever holds keys with a gateway may still be a stranger who writes another's
        address on his messages. Then the session follows, but not with every message."""
        proved = self.established and (self.initiator or self.gates.passed(Gate.LOGIN))
        if proved and now >= self.life.moved + MOVE_INTERVAL_S:
            self.life.moved = now if path != self.path else self.life.moved
            self.follow(path)
        elif not proved and path.remote.address == self.path.remote.address:
            local = Peer(self.path.local.address, path.local.port)
            self.path = Path(local, path.remote, floated=path.floated)

    def follow(self, path: Path) -> None:
        """A fresh, proved message came over this path: answers and the traffic of the children go there from now on."""
        if path == self.path:
            return
        old, self.path = self.path, path
        self.moved()
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
        """What outlives the keys comes over; the old session falls silent, but for what it still has to hear."""
        self.id, old.id = old.id, self.id
        self.children, old.children = old.children, Children()
        self.inner, self.dialled, self.renewed = replace(old.inner), old.dialled, True
        self.children.move(self.path)
        old.stop()
        old.hand_over(self)

    def stop(self) -> None:
        """Nothing more is begun here. What knows the session goes, so that it never waits for the garbage collector."""
        self.life.over, self.life.voice = True, None
        self.silence()
        self.unlimit()
        for timer in (self.life.expiry, self.life.keepalive):
            if timer is not None:
                timer.cancel()

    def end(self, reason: Reason, *, farewell: bool = True) -> None:
        """The end, once: deletes to the peer if wanted, everything of the session taken back, and the fact told."""
        if self.life.over:
            return
        voice = self.life.voice if farewell else None
        self.stop()
        self.cancel()
        if voice is not None:
            voice.farewell()
        self.children.drop(self, reason)
        self.desk.tell(Ended(self.id, reason, self.established))
        self.registry.closed(self)

    # --- what a version adds ------------------------------------------------------------------------------------------

    def heard_since(self, then: Instant) -> bool:
        """Whether a proved message came after that."""
        raise NotImplementedError

    def moved(self) -> None:
        """The path is another one: what is under way follows."""

    def hand_over(self, heir: Session) -> None:
        """Another session takes over: it begins anew what this one began."""

    def forget(self) -> None:
        """Nobody finds the way to what is finished any more."""

    def silence(self) -> None:
        """No probe and no step of its own."""

    def cancel(self) -> None:
        """Whatever is under way is over."""
