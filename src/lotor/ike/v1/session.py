"""A session of IKEv1: what its exchanges share, in addition to what every session has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lotor.ike.errors import Misplaced
from lotor.ike.events import Reached, Renewed
from lotor.ike.session import Session
from lotor.ike.v1.early import Early
from lotor.ike.v1.exchanges import Exchanges
from lotor.ike.v1.isakmp import PhaseOne
from lotor.ike.v1.liveness import Liveness
from lotor.model.network import Instant, Path, Peer
from lotor.model.policy import RemotePolicy
from lotor.model.reason import Reason
from lotor.wire.header import Header


@dataclass(slots=True, eq=False)
class V1Session(Session):
    """`phase_one`: None until its keys are proved. `candidates`: the blocks that may serve a stranger. `refused`: why
    the login or phase 1 failed, set before the peer acknowledges it (also from an unauthenticated notify). `rounds`:
    prompts of XAUTH so far. `one_time`: the login cannot be repeated without the person. `fragment`: the peer accepts
    IKE fragments. `instead`: an address that answered in place of the dialled gateway; it is only reported. `reached`:
    the peer was heard on the ports of NAT traversal. `successor`: the session that took this one over."""

    VERSION: ClassVar[int] = 1

    exchanges: Exchanges = field(default_factory=Exchanges)
    early: Early = field(default_factory=Early)
    liveness: Liveness = field(default_factory=Liveness)
    phase_one: PhaseOne | None = None
    candidates: tuple[RemotePolicy, ...] = ()
    refused: Reason | None = None
    rounds: int = 0
    one_time: bool = False
    fragment: bool = False
    instead: Peer | None = None
    reached: bool = False
    successor: V1Session | None = None

    @property
    def isakmp_sa(self) -> PhaseOne:
        """The finished phase 1. `Misplaced` before that."""
        if self.phase_one is None:
            raise Misplaced("phase 1 is not done")
        return self.phase_one

    def header(self, exchange: int, message_id: int) -> Header:
        return Header(self.spis.initiator, self.spis.responder, 0, exchange, 0, message_id)

    def reached_over(self, path: Path) -> None:
        """A message of the peer came over this path, whatever its content."""
        if self.initiator and path.floated and not self.reached:
            self.reached = True
            self.context.tell(Reached(self.id, path))

    def current(self) -> V1Session:
        """The session that took this one over in the end, or this one."""
        return self if self.successor is None else self.successor.current()

    # --- what every session can ---------------------------------------------------------------------------------------

    def heard_since(self, then: Instant) -> bool:
        return self.liveness.heard_since(then)

    def moved(self) -> None:
        self.exchanges.moved()

    def take_over(self, old: Session) -> None:
        attempt = self.id
        Session.take_over(self, old)
        self.context.tell(Renewed(self.id, attempt, self.path, self.isakmp_sa.suite, str(self.spis)))

    def hand_over(self, successor: Session) -> None:
        self.successor = successor if isinstance(successor, V1Session) else None
        self.exchanges.hand_over()

    def forget(self) -> None:
        self.exchanges.forget()

    def silence(self) -> None:
        self.early.drop()
        self.liveness.stop()

    def cancel(self) -> None:
        self.exchanges.cancel()
