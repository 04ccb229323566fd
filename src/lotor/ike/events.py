"""Events: facts worth telling. Each class is one declaration, with the line of the journal that it becomes."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from lotor.model.algorithms import EspSuite, Ike2Suite, IkeSuite
from lotor.model.child import Child
from lotor.model.configuration import ModeConfiguration
from lotor.model.declared import Declared
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.network import Address, Path, Peer
from lotor.model.policy import Side
from lotor.model.reason import Reason

NOT_TOLD = "not told yet"
"""The identity in `Offered` of a peer that sends it in a later message."""


class Level(IntEnum):
    """Weights of the journal, with the numbers of the standard library."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class Event(Declared):
    """Base. `line` is a format string over the fields, `line_v2` that of IKEv2 where it is another one; `level` is its
    weight. `session` 0: no session. `published`: the
    name in `lotor events`, where that is not the name of the class. `advice`: what helps, where no reason says it.
    `repeats`: told again and again while nothing changes, so that `lotor events` leaves it out. The first sentence of a
    docstring stands in docs/events.md."""

    session: int
    level: ClassVar[Level] = Level.INFO
    line: ClassVar[str] = ""
    line_v2: ClassVar[str] = ""
    published: ClassVar[str] = ""
    repeats: ClassVar[bool] = False
    advice: ClassVar[str] = ""

    def text(self) -> str:
        line = self.line_v2 if self.line_v2 and self.version == 2 else self.line
        return line.format_map({name: getattr(self, name) for name in self.declared})

    @property
    def version(self) -> int:
        """The major version of IKE in whose words it is told."""
        return 1

    @classmethod
    def public_name(cls) -> str:
        """The name that scripts see and may rely on."""
        return cls.published or cls.__name__


def version_of(suite: IkeSuite | Ike2Suite) -> int:
    """The major version of IKE that has such suites."""
    return 2 if isinstance(suite, Ike2Suite) else 1


class Started(Event):
    """A phase 1 begins. `request` is the number of our `Connect`, None when the peer began. `ike` is the major version
    of the protocol. `called`: the gateway that was meant, where another one sent this client on."""

    line = "phase 1 begins with {path} (remote {remote})"
    line_v2 = "IKEv2 begins with {path} (remote {remote})"
    path: Path
    remote: str
    side: Side
    request: int | None
    ike: int = 1
    called: Address | None = None

    @property
    def version(self) -> int:
        return self.ike


class Names(tuple[str, ...]):
    """Words in their order. As text, a list short enough for a line."""

    __slots__ = ()

    LONGEST: ClassVar[int] = 120

    def __str__(self) -> str:
        """The first words, and the number of those left out."""
        shown = ""
        for number, word in enumerate(self):
            longer = f"{shown}, {word}" if shown else word
            if shown and len(longer) > self.LONGEST:
                return f"{shown} and {len(self) - number} more"
            shown = longer
        return shown or "nothing"


class Offered(Event):
    """The first message of a phase 1, of either end: its proposals and vendor ids in their order (unknown vendor ids as
    octets), its identity if it carries one, and the length of its nonce in octets (0: the nonce comes later)."""

    level = Level.DEBUG
    line = "{mode} begins: offers {offers}; announces {vendors}; identity {identity}"
    mode: str
    offers: Names
    vendors: Names
    identity: str
    nonce: int


class Chosen(Event):
    """The proposal that phase 1 uses. `vendors`: the responder's vendor ids, empty when this end is the responder."""

    level = Level.DEBUG
    line = "chosen for phase 1: {suite} with {method}; the responder announces {vendors}"
    suite: str
    method: str
    vendors: Names


class LeftOut(Event):
    """`number` certificates of our chain are not sent."""

    advice = "add those certificates to the CA-File of the people who use vpnc"
    line = "vpnc takes one certificate only: {number} more of the chain stay here, and must stand in its CA-File"
    number: int


class Judged(Event):
    """The result of the peer's proof in phase 1, by certificate and signature or by a keyed hash. `verdict` is a
    `Reason` where the proof was not accepted; the identity is then not believed."""

    level = Level.DEBUG
    line = "peer {peer}: {verdict}"
    peer: str
    verdict: str | Reason


class PpkUsed(Event):
    """A post-quantum pre-shared key is in the keys of the IKE SA, and both ends hold it (RFC 8784)."""

    line = "the PPK {ppk} is in the keys"
    ppk: str


class PpkUnused(Event):
    """No post-quantum pre-shared key is in the keys of the IKE SA, though `ppk on` asks for one."""

    level = Level.WARNING
    line = "no PPK is in the keys: {why}"
    why: str | Reason


class LoginRound(Event):
    """One prompt of a login, counted from 1."""

    level = Level.DEBUG
    line = "login, round {turn}: {wants} asked for"
    turn: int
    wants: Names


class LoginSent(Event):
    """Client: the answers to a prompt were sent to the gateway."""

    level = Level.DEBUG
    line = "login of {user} sent"
    user: str


class PhaseOneUp(Event):
    """Phase 1 is done: both ends hold keys. After hybrid authentication the client is still a stranger."""

    line = "phase 1 established with {path}: {suite}, peer {peer}"
    line_v2 = "IKE SA established with {path}: {suite}, peer {peer}"
    path: Path
    suite: IkeSuite | Ike2Suite
    peer: str
    nat: str
    cookies: str
    vendor: str

    @property
    def version(self) -> int:
        return version_of(self.suite)

    @property
    def spis(self) -> str:
        """Those of the IKE SA: IKEv1 calls them cookies."""
        return self.cookies

    @property
    def ike_suite(self) -> IkeSuite | Ike2Suite:
        """Of the IKE SA: IKEv1 calls its making phase 1."""
        return self.suite


class Reached(Event):
    """Client: a message of the gateway arrived on the ports of NAT traversal. Told once."""

    level = Level.DEBUG
    line = "the gateway answers over {path}"
    path: Path


class Renewed(Event):
    """A new phase 1 took over the session, with its address and SA pairs. `attempt` is the number under which the new
    phase 1 was told of before; no more events have that number."""

    line = "phase 1 renewed with {path}: {suite}"
    line_v2 = "IKE SA renewed with {path}: {suite}"
    attempt: int
    path: Path
    suite: IkeSuite | Ike2Suite
    cookies: str

    @property
    def version(self) -> int:
        return version_of(self.suite)

    @property
    def spis(self) -> str:
        """Those of the new IKE SA."""
        return self.cookies

    @property
    def ike_suite(self) -> IkeSuite | Ike2Suite:
        """Of the new IKE SA."""
        return self.suite


class Readdressed(Event):
    """Client: the renewed phase 1 came with another address. `Configured` follows when an SA pair carries it."""

    line = "the gateway gives {new} with the renewed phase 1, instead of {old}"
    old: str
    new: str


class LoggedIn(Event):
    """A login was accepted. `grants`: what the back end gave beside its yes. `machine`: the device that proved itself
    before the person did (RFC 4739), None where none has to."""

    line = "login of {user} accepted"
    user: str
    grants: Grants = NO_GRANTS
    machine: str | None = None


class CameBack(Event):
    """A client is back by a ticket of an earlier session (RFC 5723), and its user did not log in again."""

    line = "{path} is back by a ticket, without a login"
    path: Path


class LoginRefused(Event):
    """A login was refused. In the line, what the peer chose stands behind what it did not choose, so that it cannot
    fool a program that searches the line for the address."""

    level = Level.WARNING
    line = "login from {source} as {user} refused: {reason.clause}"
    user: str
    reason: Reason
    source: Peer


class GrantUnkept(Event):
    """What the back end granted is not given, and the login stands without it (`unkept_grants note`)."""

    level = Level.WARNING
    line = "{user} is in without what was granted: {reason}"
    user: str
    reason: Reason


class Regranted(Event):
    """The RADIUS server changed what the login granted (CoA, RFC 5176). `grants`: all that counts from now on."""

    line = "{user} goes on with other grants: {what}"
    user: str
    what: str
    grants: Grants


class Configured(Event):
    """Mode config is done: what the client received, or the gateway gave."""

    line = "address {configuration.inside} for {user}"
    user: str
    address: str
    configuration: ModeConfiguration


class ChildUp(Event):
    """An SA pair carries traffic. `rekey_at` in the core's clock."""

    line = "SA pair {child.id} up: {suite}, SPI {child.inbound.spi:#010x} in, {child.outbound.spi:#010x} out"
    child: Child
    suite: EspSuite
    initiated: bool
    rekey_at: float | None


class ChildDown(Event):
    """An SA pair is gone: the engine removes it."""

    line = "SA pair {child} down: {reason}"
    child: int
    reason: Reason


class Up(Event):
    """Every gate is open and the first SA pair carries traffic."""

    line = "tunnel up with {path}, user {user}"
    path: Path
    user: str


class PathChanged(Event):
    """An authentic packet moved the peer. The engines of `children` follow: SA pairs whose ESP goes the same way."""

    line = "peer moved from {old} to {new}"
    old: Path
    new: Path
    children: tuple[int, ...]


class Rerouted(Event):
    """ESP of `children` goes over this path from now on, `way`: in UDP or without, since a NAT came or went (RFC 7296
    §2.23, RFC 4555 §3.8)."""

    level = Level.DEBUG
    line = "ESP goes over {path} {way}"
    path: Path
    way: str
    children: tuple[int, ...]


class RoundTrip(Event):
    """The peer answered what needs no person and no sums: a probe, or the end of a login. `seconds` from the message to
    its answer."""

    level = Level.DEBUG
    repeats = True
    line = "the peer answered after {seconds:.3f} s"
    seconds: float


class SentAway(Event):
    """Gateway: a client that is connected was asked to go to another gateway (RFC 5685)."""

    line = "asked to go to {gateway}"
    gateway: str


class MovesOn(Event):
    """Client: the gateway asks to go to another one, which is called beside the present connection (RFC 5685)."""

    line = "{path.remote.address} sends this client to {gateway}"
    path: Path
    gateway: str


class Draining(Event):
    """Gateway: an administrator sends its clients elsewhere (`lotor drain`). `asked` are connected and go where
    they are sent; `stay` are connected and cannot be sent: they speak IKEv1, or do not follow."""

    level = Level.WARNING
    advice = "lotor drain --end takes clients in again; lotor logout ends the connections of those that stay"
    line = "draining to {gateways}: connected clients asked to go: {asked}, that cannot be asked: {stay}"
    gateways: Names
    asked: int
    stay: int


class Drained(Event):
    """Gateway: clients are taken in again (`lotor drain --end`)."""

    level = Level.WARNING
    line = "clients are taken in again"


class Dead(Event):
    """Dead peer detection gave up, or retransmission did on an established session; `Ended` follows."""

    level = Level.WARNING
    line = "peer {path} is dead: {reason}"
    path: Path
    reason: Reason


class Doubted(Event):
    """Client: a message in clear says that the gateway does not know this session. Nothing proves that."""

    level = Level.DEBUG
    line = "{path} says in clear, which proves nothing, that it does not know this session"
    path: Path


class Ended(Event):
    """The session is gone. `established`: phase 1 was up. Leases are released, hooks run."""

    line = "session ended: {reason}"
    reason: Reason
    established: bool


class Dropped(Event):
    """A message was dropped or refused; rate limited where anyone could cause it."""

    level = Level.WARNING
    published = "Turned"
    line = "{what} from {path}: {reason}"
    path: Path
    what: str
    reason: Reason


class Deferring(Event):
    """More newcomers than a gateway answers at once. `Undeferred` ends it, half a minute later at the soonest."""

    level = Level.WARNING
    advice = (
        "nothing, where it ends by itself: known clients are answered meanwhile; security.md says what a flood can do"
    )
    line = "many first messages of strangers: from now on they are answered when they come again"


class Undeferred(Event):
    """The load is over. `deferred` messages got no answer, `repeated` ones came again and got one."""

    level = Level.WARNING
    line = (
        "first messages are answered at once again: in {seconds} s {deferred} had no answer, {repeated} came again "
        "and were answered"
    )
    seconds: int
    deferred: int
    repeated: int


class Remark(Event):
    """Anything else worth a line in the debug journal."""

    level = Level.DEBUG
    line = "{text_}"
    text_: str


def reason_of(event: Event) -> Reason | None:
    """The reason of an event that tells of a refusal, a failure or an end; None for others."""
    match event:
        case Ended() | Dead() | ChildDown() | Dropped() | LoginRefused():
            return event.reason
        case Judged(verdict=Reason() as verdict):
            return verdict
        case _:
            return None
