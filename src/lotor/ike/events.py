"""Facts worth telling: each is one declaration with the line of the journal that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from lotor.model.algorithms import EspSuite, IkeSuite
from lotor.model.child import Child
from lotor.model.configuration import ModeConfiguration
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.network import Path, Peer
from lotor.model.policy import Side
from lotor.model.reason import Reason

NOT_TOLD = "not told yet"
"""The identity in `Offered` of a peer that names itself in a later message."""


class Level(IntEnum):
    """Weights of the journal, as the standard library numbers them."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True, slots=True)
class Event:
    """Base. `line` is a format string over the fields; `level` its weight. `session` 0: not of a session. `published`:
    the name in `lotor events`, where that is not the name of the class."""

    session: int
    level: ClassVar[Level] = Level.INFO
    line: ClassVar[str] = ""
    published: ClassVar[str] = ""

    def text(self) -> str:
        return self.line.format_map({name: getattr(self, name) for name in self.__dataclass_fields__})

    @classmethod
    def public_name(cls) -> str:
        """The name that scripts see and may rely on."""
        return cls.published or cls.__name__


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A phase 1 begins. `request` is the number of our `Connect`, None when the peer began; `ike` the major version of
    the protocol."""

    line = "phase 1 begins with {path} (remote {remote})"
    path: Path
    remote: str
    side: Side
    request: int | None
    ike: int = 1


class Names(tuple[str, ...]):
    """Words in their order, which read as a list of a length that suits a line."""

    __slots__ = ()

    LONGEST: ClassVar[int] = 120

    def __str__(self) -> str:
        """The first words, and how many more there are."""
        shown = ""
        for number, word in enumerate(self):
            longer = f"{shown}, {word}" if shown else word
            if shown and len(longer) > self.LONGEST:
                return f"{shown} and {len(self) - number} more"
            shown = longer
        return shown or "nothing"


@dataclass(frozen=True, slots=True)
class Offered(Event):
    """What the first message of a phase 1 says, ours or the peer's: proposals and vendor ids in their order (those
    without a name as octets), the identity where it travels there, and the octets of the nonce (0: comes later)."""

    level = Level.DEBUG
    line = "{mode} begins: offers {offers}; announces {vendors}; identity {identity}"
    mode: str
    offers: Names
    vendors: Names
    identity: str
    nonce: int


@dataclass(frozen=True, slots=True)
class Chosen(Event):
    """The proposal of phase 1. `vendors` of the responder, nothing when that is us."""

    level = Level.DEBUG
    line = "chosen for phase 1: {suite} with {method}; the responder announces {vendors}"
    suite: str
    method: str
    vendors: Names


@dataclass(frozen=True, slots=True)
class LeftOut(Event):
    """`number` certificates of our chain are not sent."""

    line = "vpnc takes one certificate only: {number} more of the chain stay here, and must stand in its CA-File"
    number: int


@dataclass(frozen=True, slots=True)
class Judged(Event):
    """What came of the peer's proof in phase 1: certificate and signature, or a keyed hash. `verdict` is a `Reason`
    where it was not accepted, and so is not believed."""

    level = Level.DEBUG
    line = "peer {peer}: {verdict}"
    peer: str
    verdict: str | Reason


@dataclass(frozen=True, slots=True)
class LoginRound(Event):
    """One question of XAUTH, counted from 1."""

    level = Level.DEBUG
    line = "login, round {turn}: {wants} asked for"
    turn: int
    wants: Names


@dataclass(frozen=True, slots=True)
class LoginSent(Event):
    """Client: the person's answers are on their way to the gateway."""

    level = Level.DEBUG
    line = "login of {user} sent"
    user: str


@dataclass(frozen=True, slots=True)
class PhaseOneUp(Event):
    """Phase 1 is done: both ends hold keys; in hybrid mode the client is still a stranger."""

    line = "phase 1 established with {path}: {suite}, peer {peer}"
    path: Path
    suite: IkeSuite
    peer: str
    nat: str
    cookies: str
    vendor: str

    @property
    def spis(self) -> str:
        """Those of the IKE SA: IKEv1 calls them cookies."""
        return self.cookies

    @property
    def ike_suite(self) -> IkeSuite:
        """Of the IKE SA: IKEv1 calls its making phase 1."""
        return self.suite


@dataclass(frozen=True, slots=True)
class Reached(Event):
    """Client: the gateway's messages arrive over the ports of NAT traversal, too; told once."""

    level = Level.DEBUG
    line = "the gateway answers over {path}"
    path: Path


@dataclass(frozen=True, slots=True)
class Renewed(Event):
    """A new phase 1 took over the session: its address, SA pairs and engines stay. `attempt` is the number under which
    the new phase 1 was told of until now; nothing more comes of it."""

    line = "phase 1 renewed with {path}: {suite}"
    attempt: int
    path: Path
    suite: IkeSuite
    cookies: str

    @property
    def spis(self) -> str:
        """Those of the new IKE SA."""
        return self.cookies

    @property
    def ike_suite(self) -> IkeSuite:
        """Of the new IKE SA."""
        return self.suite


@dataclass(frozen=True, slots=True)
class Readdressed(Event):
    """Client: a renewed phase 1 came with another address. `Configured` follows when an SA pair carries it."""

    line = "the gateway gives {new} with the renewed phase 1, instead of {old}"
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    """`grants`: what the back end gave beside its yes."""

    line = "login of {user} accepted"
    user: str
    grants: Grants = NO_GRANTS


@dataclass(frozen=True, slots=True)
class LoginRefused(Event):
    """What a peer chose stands behind what it did not: a program that reads the line for the address is not fooled."""

    level = Level.WARNING
    line = "login from {source} as {user} refused: {reason.clause}"
    user: str
    reason: Reason
    source: Peer


@dataclass(frozen=True, slots=True)
class Configured(Event):
    """Mode config is done. On the client this is what was received, on the gateway what was given."""

    line = "address {configuration.inside} for {user}"
    user: str
    address: str
    configuration: ModeConfiguration


@dataclass(frozen=True, slots=True)
class ChildUp(Event):
    """An SA pair carries traffic. `rekey_at` in the core's clock."""

    line = "SA pair {child.id} up: {suite}, SPI {child.inbound.spi:#010x} in, {child.outbound.spi:#010x} out"
    child: Child
    suite: EspSuite
    initiated: bool
    rekey_at: float | None


@dataclass(frozen=True, slots=True)
class ChildDown(Event):
    """The engine removes the SA pair."""

    line = "SA pair {child} down: {reason}"
    child: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Up(Event):
    """Every gate is open and the first SA pair carries traffic."""

    line = "tunnel up with {path}, user {user}"
    path: Path
    user: str


@dataclass(frozen=True, slots=True)
class PathChanged(Event):
    """An authentic packet moved the peer. The engines of its SA pairs follow."""

    line = "peer moved from {old} to {new}"
    old: Path
    new: Path
    children: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dead(Event):
    """Dead peer detection gave up, or retransmission did on an established session; `Ended` follows."""

    level = Level.WARNING
    line = "peer {path} is dead: {reason}"
    path: Path
    reason: Reason


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The session is gone. `established`: phase 1 was up. Leases are released, hooks run."""

    line = "session ended: {reason}"
    reason: Reason
    established: bool


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """A message was dropped or refused; rate limited where anyone could cause it."""

    level = Level.WARNING
    published = "Turned"
    line = "{what} from {path}: {reason}"
    path: Path
    what: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Deferring(Event):
    """More newcomers than a gateway answers at once. `Undeferred` ends it, half a minute later at the soonest."""

    level = Level.WARNING
    line = "many first messages of strangers: from now on they are answered when they come again"


@dataclass(frozen=True, slots=True)
class Undeferred(Event):
    """The load is over: `deferred` messages had no answer, `repeated` came again and had one."""

    level = Level.WARNING
    line = (
        "first messages are answered at once again: in {seconds} s {deferred} had no answer, {repeated} came again "
        "and were answered"
    )
    seconds: int
    deferred: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Remark(Event):
    """Anything else worth a line in the debug journal."""

    level = Level.DEBUG
    line = "{text_}"
    text_: str


def reason_of(event: Event) -> Reason | None:
    """Why, where an event tells of a refusal, a failure or an end."""
    match event:
        case Ended() | Dead() | ChildDown() | Dropped() | LoginRefused():
            return event.reason
        case Judged(verdict=Reason() as verdict):
            return verdict
        case _:
            return None
