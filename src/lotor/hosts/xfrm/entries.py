"""The kernel's security associations and policies as values, one direction each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from lotor.model.algorithms import Compression, EspSuite
from lotor.model.child import DirectionKeys, Encapsulation, Lifetime
from lotor.model.network import Address, Network, Peer

OWN_REQIDS = range(0x6C6F_0000, 0x6C70_0000)
"""Of lotor's SAs, which are known by them: nothing else is ever taken away. Other programs count theirs from 1."""
OWN_INTERFACE = 0x6C6F_746F
"""The number (if_id) of lotor's xfrm interface, and of what belongs to it."""
OWN_LABEL = OWN_INTERFACE
"""By which lotor's policies are known, and those of its SAs whose reqid another program has chosen."""


class Direction(IntEnum):
    """Of a policy, as the kernel numbers them (XFRM_POLICY_): into this host, out of it, and through it."""

    IN = 0
    OUT = 1
    FORWARD = 2


class Protocol(IntEnum):
    """IP protocol numbers of SAs."""

    ESP = 50
    IPCOMP = 108


@dataclass(frozen=True, slots=True)
class SaId:
    """What names an SA in the kernel: of ESP its SPI, of IPComp its CPI, at the address that packets come to."""

    destination: Address
    spi: int
    protocol: Protocol = Protocol.ESP


@dataclass(frozen=True, slots=True)
class Sa:
    """One SA in tunnel mode, or in transport mode inside of an IPComp SA (`inner` then has the tunnel). `source` and
    `destination`: outer addresses, with the ports of ESP in UDP. `interface`: the number of the xfrm interface, 0 for
    none. `mark`: what its ESP packets are marked with for the routes, 0 for nothing. `sequence`: the last sequence
    number that was sent. `received` and `window`: as `State` tells them of the SA in whose place this one comes.
    `device`: the network device that does the cryptography, empty for none. `led`: the reqid is that of another
    program's policy, so that the SA has a label by which it is known."""

    source: Peer
    destination: Peer
    encapsulation: Encapsulation
    suite: EspSuite
    keys: DirectionKeys
    reqid: int
    lifetime: Lifetime = field(default_factory=Lifetime)
    replay_window: int = 0
    esn: bool = False
    interface: int = 0
    mark: int = 0
    sequence: int = 0
    received: int = 0
    window: bytes = b""
    tunnel: bool = True
    device: str = ""
    outbound: bool = False
    led: bool = False

    @property
    def id(self) -> SaId:
        return SaId(self.destination.address, self.keys.spi)

    @property
    def by_device(self) -> bool:
        """Whether the kernel is asked to hand it to its device, which it never does with ESP in UDP."""
        return bool(self.device) and self.encapsulation is Encapsulation.NONE


@dataclass(frozen=True, slots=True)
class CompSa:
    """An IPComp SA (RFC 3173) in tunnel mode, whose packets go through an ESP SA of the same `reqid` in transport
    mode. `mark`: that of the ESP SA where packets leave, since the kernel asks for the way of the outer of the two."""

    source: Address
    destination: Address
    cpi: int
    algorithm: Compression
    reqid: int
    interface: int = 0
    mark: int = 0

    @property
    def id(self) -> SaId:
        return SaId(self.destination, self.cpi, Protocol.IPCOMP)


PolicyId = tuple[Direction, Network, Network, int, bool]
"""What names a policy in the kernel: `Policy.selector`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which packets go through which SA: those from `source` to `destination`. `local` and `remote`: outer addresses of
    the template, by where its packets come from and go to. `spi` 0: any SA of this `reqid`. `comp`: packets may go
    through IPComp before. `interface` as of an SA. Of two policies for a packet the kernel takes the one with the
    lesser `priority`. `foreign`: of another program, without lotor's label: both may have one for the same packets."""

    direction: Direction
    source: Network
    destination: Network
    tunnel_source: Address
    tunnel_destination: Address
    reqid: int
    spi: int = 0
    comp: bool = False
    interface: int = 0
    priority: int = 0
    foreign: bool = False

    @property
    def selector(self) -> PolicyId:
        """What names a policy in the kernel."""
        return self.direction, self.source, self.destination, self.interface, self.foreign


@dataclass(frozen=True, slots=True)
class State:
    """What the kernel tells of an SA: `octets` and `packets` of the inside that it carried, what it refused
    (`replayed`: whose number came before, or is too old to know; `forged`), and the highest sequence number that it has
    sent or received. `window`: which numbers up to `received` came, in the kernel's form, for an SA of the same replay
    window."""

    id: SaId
    reqid: int
    octets: int = 0
    packets: int = 0
    replayed: int = 0
    forged: int = 0
    sent: int = 0
    received: int = 0
    window: bytes = b""


@dataclass(frozen=True, slots=True)
class SaExpired:
    """A lifetime of an SA is over; after a `hard` one the kernel has taken the SA away. `state`: its last figures."""

    state: State
    hard: bool


@dataclass(frozen=True, slots=True)
class SaTaken:
    """An SA was taken away, by lotor or by another program. `state`: its last figures."""

    state: State


@dataclass(frozen=True, slots=True)
class SaMapped:
    """An authentic packet of an SA came in UDP from another address or port."""

    id: SaId
    remote: Peer


@dataclass(frozen=True, slots=True)
class Overrun:
    """More was told than the socket holds, or another program took all SAs away: they and the policies must be looked
    at."""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Another program leads packets out by ESP, as this policy says."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class PolicyGone:
    """A policy is no more, or leads no packets out by ESP any more: one of others, or of lotor's, whoever took it."""

    selector: PolicyId


@dataclass(frozen=True, slots=True)
class PoliciesLost:
    """A program took all policies away."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A packet waits for the SA of this policy, which is not there."""

    policy: Policy


Told = SaExpired | SaTaken | SaMapped | Overrun | PolicySet | PolicyGone | PoliciesLost | Wanted
