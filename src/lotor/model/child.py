"""An SA pair as the core describes it to an engine that carries ESP."""

from __future__ import annotations

from enum import Enum
from ipaddress import IPv4Address

from lotor.model.algorithms import Compression, EspSuite
from lotor.model.frozen import frozen
from lotor.model.network import Network, Path
from lotor.model.secret import Secret

REPLAY_WINDOW = 1024
LOWEST_SPI = 256
"""SPIs 0 to 255 are reserved (RFC 4303 §2.1); 0 would read as the non-ESP marker."""


class Encapsulation(Enum):
    """How ESP travels: in UDP of the NAT traversal socket (RFC 3948), or as IP protocol 50."""

    UDP = "udp"
    NONE = "esp"

    @classmethod
    def along(cls, path: Path) -> Encapsulation:
        """In UDP where an SA pair's path is on the ports of NAT traversal."""
        return cls.UDP if path.floated else cls.NONE


@frozen
class DirectionKeys:
    """One direction: the SPI that its receiver chose, and KEYMAT cut into keys (GCM: key then 4 octets of salt)."""

    spi: int
    encryption: Secret
    integrity: Secret


@frozen
class Lifetime:
    """Seconds and octets after which an SA pair should be (`soft`) or must be (`hard`) replaced; None never."""

    soft_seconds: float | None = None
    hard_seconds: float | None = None
    soft_octets: int | None = None
    hard_octets: int | None = None


@frozen
class IpComp:
    """An IPComp association (RFC 3173) inside an SA pair. Each CPI was chosen by the end that receives with it."""

    algorithm: Compression
    cpi_in: int
    cpi_out: int


@frozen
class Informed:
    """What the engine answers `client`, its inner address, when it asks by DHCPINFORM (RFC 2131), and as whom: number
    and octets of each option, at most 255 octets, the most important first."""

    client: IPv4Address
    server: IPv4Address
    options: tuple[tuple[int, bytes], ...]


@frozen
class Child:
    """One SA pair in tunnel mode. `id` and `session` are the core's own numbers. An incoming packet must have its
    source in `remote_networks` and its destination in `local_networks`; a packet to `remote_networks` goes out here.
    Networks may be of both IP versions, whatever that of the path. `esp_frag`: the largest outer IP datagram in octets.
    `rate`: octets a second that the pair carries each way at most, None without a limit. `esn`: sequence numbers have
    64 bits, of which 32 are sent (RFC 4303 §2.2.1). `encapsulation`: that of the path. `replaces`: the SA pair whose
    outgoing traffic this one takes over.
    `informed`: what a DHCPINFORM of the peer is answered, None: it is carried like any packet.
    `sending` False: it only receives until it is activated (the responder of a rekey, so that no packet is lost)."""

    id: int
    session: int
    path: Path
    encapsulation: Encapsulation
    suite: EspSuite
    inbound: DirectionKeys
    outbound: DirectionKeys
    local_networks: tuple[Network, ...]
    remote_networks: tuple[Network, ...]
    lifetime: Lifetime = Lifetime()
    esp_frag: int | None = None
    compression: IpComp | None = None
    replay_window: int = REPLAY_WINDOW
    replaces: int | None = None
    sending: bool = True
    rate: int | None = None
    esn: bool = False
    informed: Informed | None = None


@frozen
class Counters:
    """Traffic of one SA pair: inner octets and packets; packets refused, dropped by the rate limit, and dropped by an
    overloaded engine (`shed`); ESP packets of the peer that never came, by the gaps in their sequence numbers (`lost`);
    when the last good packet came (monotonic seconds; None: none yet)."""

    octets_in: int = 0
    octets_out: int = 0
    packets_in: int = 0
    packets_out: int = 0
    replayed: int = 0
    forged: int = 0
    misdirected: int = 0
    limited: int = 0
    shed: int = 0
    lost: int = 0
    last_inbound: float | None = None

    def plus(self, more: Counters | None) -> Counters:
        """Sums; `last_inbound` is the later one."""
        if more is None:
            return self
        later = max((each for each in (self.last_inbound, more.last_inbound) if each is not None), default=None)
        return Counters(
            octets_in=self.octets_in + more.octets_in,
            octets_out=self.octets_out + more.octets_out,
            packets_in=self.packets_in + more.packets_in,
            packets_out=self.packets_out + more.packets_out,
            replayed=self.replayed + more.replayed,
            forged=self.forged + more.forged,
            misdirected=self.misdirected + more.misdirected,
            limited=self.limited + more.limited,
            shed=self.shed + more.shed,
            lost=self.lost + more.lost,
            last_inbound=later,
        )
