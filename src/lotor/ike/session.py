"""A session: one peer, from its first datagram to its end, in any protocol version.

It owns no protocol: each version adds what it needs in a subclass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from typing import ClassVar, Protocol

from lotor.ike.children import Children
from lotor.ike.context import CoreContext
from lotor.ike.events import Ended, PathChanged, Rerouted
from lotor.ike.gates import Gate, Gates
from lotor.ike.proved import ProvedPeer
from lotor.ike.registry import Registry
from lotor.ike.timers import Timer
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.network import Address, Instant, Network, Path, Peer
from lotor.model.policy import RemotePolicy, Side
from lotor.model.reason import Reason
from lotor.model.redirection import Detour
from lotor.model.ticket import Resumption
from lotor.wire.header import Header

NO_SPI = bytes(8)

MOVE_INTERVAL_S = 0.1
"""Seconds between two moves of a session because of messages. The packet engine follows packets as often."""


@frozen
class Dialled:
    """The gateway that a session was opened for. No datagram changes it. `host` is the name that a person typed, None
    for an address. `detour`: how this end was sent to another one that answers in its place. `resumption`: the
    ticket with which this end comes back to it."""

    address: Address
    host: str | None = None
    detour: Detour | None = None
    resumption: Resumption | None = None


@dataclass(slots=True)
class Inner:
    """The addresses inside the tunnel. `brought`: the inner network of a peer that was given no address. `told`: the
    `Configured` event was emitted. `declined`: inner networks for which the gateway refused an SA pair. `moving`: the
    client has a new inner address that no SA pair carries yet."""

    configuration: ModeConfiguration | None = None
    brought: Network | None = None
    told: bool = False
    declined: frozenset[Network] = frozenset()
    moving: bool = False


@dataclass(slots=True)
class Spis:
    """The SPIs of the IKE SA, which IKEv1 calls cookies. Every message carries both."""

    initiator: bytes
    responder: bytes = NO_SPI

    def __str__(self) -> str:
        return f"{self.initiator.hex()}:{self.responder.hex()}"


class Voice(Protocol):
    """The messages that a session sends of its own accord once there are keys."""

    def probe(self) -> None:
        """Asks the peer for a sign of life."""
        ...

    def delete_ike_sa(self) -> None:
        """Deletes the IKE SA alone: its SA pairs live on under another session."""
        ...

    def send_deletes(self) -> None:
        """Sends deletes for the SA pairs and the IKE SA."""
        ...


@dataclass(slots=True)
class Life:
    """The timers of a session; its voice, present while there are keys; and when a message `moved` the session last."""

    over: bool = False
    limit: Timer | None = None
    expiry: Timer | None = None
    keepalive: Timer | None = None
    voice: Voice | None = None
    moved: Instant = -inf


@dataclass(slots=True, eq=False)
class Session:
    """`initiator` is the role in the exchange that made the keys. `registry` knows the other sessions of the endpoint.
    `dialled`: the gateway that this end meant to reach, None where the peer began. `renews`: the session that this one
    is opened to take over; `renewed`: it took one over. `initial_contact`: the peer says that it holds no other SAs
    with this end."""

    VERSION: ClassVar[int] = 0
    """The major version of the protocol."""

    id: int
    context: CoreContext
    remote: RemotePolicy
    initiator: bool
    spis: Spis
    path: Path
    registry: Registry[Session]
    gates: Gates = field(default_factory=Gates)
    dialled: Dialled | None = None
    renews: int | None = None
    renewed: bool = False
    user: str = ""
    initial_contact: bool = False
    proved: ProvedPeer | None = None
    inner: Inner = field(default_factory=Inner)
    children: Children = field(default_factory=Children)
    life: Life = field(default_factory=Life)

    @property
    def gateway(self) -> bool:
        return self.remote.side is Side.GATEWAY

    @property
    def grants(self) -> Grants:
        """What the login of the peer granted; nothing before it."""
        return self.proved.grants if self.proved is not None else NO_GRANTS

    @property
    def established(self) -> bool:
        return self.proved is not None

    @property
    def past_gates(self) -> bool:
        """Whether this end called the peer, or the peer has proved all that the gateway asks for."""
        return self.initiator or self.gates.all_open()

    @property
    def answered(self) -> bool:
        """Whether the responder has given its SPI."""
        return self.spis.responder != NO_SPI

    def learn(self, header: Header) -> None:
        """Takes the responder's SPI from its first message."""
        if not self.answered:
            self.spis.responder = header.responder

    @property
    def peer_address(self) -> Address:
        """The address by which certificates and keys are looked up: the dialled gateway's, or that of the peer."""
        return self.dialled.address if self.dialled is not None else self.path.remote.address

    @property
    def vouched(self) -> str:
        """What a gateway that had proved itself called the one to which it sent this end; empty where none did."""
        detour = self.dialled.detour if self.dialled is not None else None
        return detour.vouched if detour is not None else ""

    @property
    def carried(self) -> Path:
        """The way of ESP: in UDP where it is floated, else natively."""
        return self.path

    def heard_over(self, path: Path, now: Instant) -> None:
        """A fresh message of the peer came over this path. An unproved peer may change its port, for NAT traversal, but
        not its address: it holds keys, but may still be a stranger who forges the source address. A proved peer is
        followed, but not with every message."""
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
            alike = self.carried == path
            if alike:
                self.children.move(path)
            self.context.tell(PathChanged(self.id, old, path, self.children.ids() if alike else ()))
            self.carry()

    def carry(self) -> None:
        """SA pairs whose ESP goes another way than `carried` do so no longer."""
        way = self.carried
        if stale := tuple(pair.child.id for pair in self.children if pair.child.path != way):
            self.children.move(way)
            self.context.tell(Rerouted(self.id, way, "in UDP" if way.floated else "without UDP", stale))

    def limit(self, seconds: float, why: str, call: Callable[[Instant], None], now: Instant) -> None:
        """Sets the one alarm for the present step of the session; it replaces the one before."""
        self.unlimit()
        self.life.limit = self.context.timers.set(now + seconds, why, call)

    def unlimit(self) -> None:
        if self.life.limit is not None:
            self.life.limit.cancel()
            self.life.limit = None

    def take_over(self, old: Session) -> None:
        """Takes over what outlives the keys of `old`. The old session sends nothing more, but still answers
        duplicates."""
        self.id, old.id = old.id, self.id
        self.children, old.children = old.children, Children()
        self.inner, self.dialled, self.renewed = replace(old.inner), self.dialled or old.dialled, True
        self.children.move(self.carried)
        old.stop()
        old.hand_over(self)

    def stop(self) -> None:
        """Begins nothing more. Everything that refers to the session lets go of it, so that it is freed at once."""
        self.life.over, self.life.voice = True, None
        self.silence()
        self.unlimit()
        for timer in (self.life.expiry, self.life.keepalive):
            if timer is not None:
                timer.cancel()

    def end(self, reason: Reason, *, send_deletes: bool = True) -> None:
        """Ends the session, once: may `send_deletes` to the peer, drops the SA pairs, tells `Ended` and leaves the
        registry."""
        if self.life.over:
            return
        voice = self.life.voice if send_deletes else None
        self.stop()
        self.cancel()
        if voice is not None:
            voice.send_deletes()
        self.children.drop(self, reason)
        self.context.tell(Ended(self.id, reason, self.established))
        self.registry.closed(self)

    # --- what a version adds ------------------------------------------------------------------------------------------

    @property
    def lingers(self) -> bool:
        """Whether it is still found for a moment when it has ended: last words are heard, and copies answered."""
        return False

    def heard_since(self, then: Instant) -> bool:
        """Whether a proved message came after that time."""
        raise NotImplementedError

    def moved(self) -> None:
        """The path has changed: exchanges under way follow."""

    def hand_over(self, successor: Session) -> None:
        """Another session takes over, and begins anew what this one had begun."""

    def forget(self) -> None:
        """Duplicates of finished exchanges are not answered any more."""

    def silence(self) -> None:
        """Sends no probe and takes no step of its own any more."""

    def cancel(self) -> None:
        """Cancels every exchange under way."""
