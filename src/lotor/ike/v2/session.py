"""A session of IKEv2: what its exchanges share, in addition to what every session has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from lotor.ike.effects import DiscloseSk
from lotor.ike.errors import Misplaced
from lotor.ike.events import Reached
from lotor.ike.session import NO_SPI, Session
from lotor.ike.v2.liveness import Liveness
from lotor.ike.v2.sa import Abilities, IkeSa
from lotor.ike.v2.seal import Protections
from lotor.ike.v2.window import Exchanges
from lotor.ike.v2.work import Work
from lotor.model.identity import Identity
from lotor.model.network import Instant, Path, Peer
from lotor.model.own_certificate import OwnCertificate
from lotor.model.policy import RemotePolicy, V2Policy
from lotor.model.reason import Reason
from lotor.model.secret import Secret
from lotor.model.ticket import Resumption
from lotor.wire.header import Header
from lotor.wire.v2.numbers import VERSION, Flag

_FLAGS = {
    (initiator, response): initiator * int(Flag.INITIATOR) | response * int(Flag.RESPONSE)
    for initiator in (False, True)
    for response in (False, True)
}
"""Of a header, by whether its sender began the IKE SA and whether it answers."""


@dataclass(slots=True, eq=False)
class V2Session(Session):
    """`sa`: None until IKE_SA_INIT is done; `use` sets it. `abilities`: what the peer announced. `candidates`: the
    blocks that may serve a stranger. `refused`: why the login or the proof failed, kept until the peer knows it, and
    what a message that nothing proves says of that. `small`: large packets are lost on this path. `instead`: an address
    that answered in place of the dialled gateway; it is only reported. `reached`: the peer was heard on the ports of
    NAT traversal. `work`: what this end has to do by itself. `told`: the path that a
    client has told its gateway, or on which the gateway has found its client (MOBIKE). `risen`: `Up` was told.
    `successor`: the session that took this one over. `own`: the certificate that this end shows, once that is chosen.
    `ppk`: what the PPK in the keys is called, None without. `claimed`: what a gateway calls itself that proves it
    inside of EAP (RFC 5998), until it has."""

    VERSION: ClassVar[int] = 2

    sa: IkeSa | None = None
    protections: Protections | None = None
    exchanges: Exchanges = field(default_factory=Exchanges)
    liveness: Liveness = field(default_factory=Liveness)
    abilities: Abilities = field(default_factory=Abilities)
    candidates: tuple[RemotePolicy, ...] = ()
    refused: Reason | None = None
    small: bool = False
    instead: Peer | None = None
    reached: bool = False
    work: Work = field(default_factory=Work)
    told: Path | None = None
    risen: bool = False
    successor: V2Session | None = None
    own: OwnCertificate | None = None
    ppk: str | None = None
    claimed: Identity | None = None

    @property
    def resumption(self) -> Resumption | None:
        """The ticket with which a client comes back, once."""
        return self.dialled.resumption if self.dialled is not None else None

    @property
    def ike_sa(self) -> IkeSa:
        """What IKE_SA_INIT agreed on. `Misplaced` before that."""
        if self.sa is None:
            raise Misplaced("IKE_SA_INIT is not done")
        return self.sa

    @property
    def terms(self) -> V2Policy:
        """What the block says for IKEv2. `Misplaced` for a block that does not speak it."""
        if self.remote.v2 is None:
            raise Misplaced(f"{self.remote.name} does not speak IKEv2")
        return self.remote.v2

    def use(self, sa: IkeSa) -> None:
        """These are the keys from now on. An administrator's capture gets them, see `DiscloseSk`."""
        self.sa, self.protections = sa, Protections.of(sa, initiator=self.initiator)
        if self.context.discloses:
            keys = (Secret(sa.keys.ei), Secret(sa.keys.er), Secret(sa.keys.ai), Secret(sa.keys.ar))
            self.context.put(DiscloseSk((self.spis.initiator, self.spis.responder), sa.suite, keys))

    def mix(self, sa: IkeSa, ppk: str | None) -> None:
        """The same SA with or without a PPK in the keys that make other keys and AUTH. Those that protect messages
        stay, and so does whoever counts what they protected."""
        self.sa, self.ppk = sa, ppk

    def header(self, exchange: int, message_id: int, *, response: bool = False) -> Header:
        """Of a message of this end. Until there are keys it names no SPI of the responder's."""
        flags = _FLAGS[self.initiator, response]
        responder = self.spis.responder if self.sa is not None else NO_SPI
        return Header(self.spis.initiator, responder, 0, exchange, flags, message_id, version=VERSION)

    def current(self) -> V2Session:
        """The session that took this one over in the end, or this one."""
        return self if self.successor is None else self.successor.current()

    def reached_over(self, path: Path) -> None:
        """A proved message of the peer came over this path."""
        if self.initiator and path.floated and not self.reached:
            self.reached = True
            self.context.tell(Reached(self.id, path))

    # --- what every session can ---------------------------------------------------------------------------------------

    @property
    def carried(self) -> Path:
        """IKE moves to the ports of NAT traversal for MOBIKE alone, too (RFC 4555 §3.3); ESP goes in UDP where a NAT
        was found (RFC 7296 §2.23): another kernel's SA takes nothing else."""
        translated = self.abilities.translated_here or self.abilities.translated_there
        return replace(self.path, floated=self.path.floated and translated)

    def heard_over(self, path: Path, now: Instant) -> None:
        """A client behind a NAT does not follow its gateway, of which it knows the address (RFC 7296 §2.23). A gateway
        follows its clients, wherever it stands itself."""
        if self.gateway or not (self.established and self.abilities.translated_here):
            Session.heard_over(self, path, now)

    @property
    def lingers(self) -> bool:
        """Where it said something under keys, which is said again if it was lost: why a login was refused, too."""
        answer = self.exchanges.peers.answer
        return self.established or (answer is not None and answer.under is not None)

    def heard_since(self, then: Instant) -> bool:
        return self.liveness.heard_since(then)

    def hand_over(self, successor: Session) -> None:
        """What this end had begun begins anew under other keys; what the peer began is still answered."""
        self.exchanges.hand_over()
        if isinstance(successor, V2Session):
            self.successor = successor
            successor.work.take_over(self.work)

    def forget(self) -> None:
        self.exchanges.forget()

    def silence(self) -> None:
        self.liveness.stop()

    def cancel(self) -> None:
        """What the peer asked last is still answered while the session lingers."""
        if self.lingers:
            self.exchanges.hand_over()
        else:
            self.exchanges.cancel()
