"""The port of the engines that carry ESP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import Protocol

from lotor.model.algorithms import Compression
from lotor.model.child import Child, Counters
from lotor.model.network import Path, Peer
from lotor.model.offloads import Offloads


@dataclass(frozen=True, slots=True)
class Expired:
    """A lifetime of an SA pair is over; `hard`: the engine carries nothing for it any more."""

    child: int
    hard: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """An authentic, fresh packet of the SA pair came from a new outer address or port; the engine follows already."""

    child: int
    remote: Peer


@dataclass(frozen=True, slots=True)
class Broken:
    """The engine stopped: `why` is a whole sentence."""

    why: str


Notice = Expired | Moved | Broken


class DataPlane(Protocol):
    """An engine. Methods do not block and are called from the event loop; `OSError` with a clear text when refused.

    `receive` gets ISAKMP messages of the NAT traversal socket (marker removed) with their path; `notify` gets notices;
    both are called in the event loop.
    """

    def start(self, receive: Callable[[bytes, Path], None], notify: Callable[[Notice], None]) -> None: ...

    def stop(self) -> None: ...

    @property
    def compressions(self) -> frozenset[Compression]:
        """What SA pairs may have; nothing else is offered or accepted."""
        ...

    def device(self) -> str:
        """Name of the TUN device."""
        ...

    def mtu(self) -> int:
        """Largest inner packet, octets."""
        ...

    def offloads(self) -> Offloads:
        """Which shortcuts are taken."""
        ...

    def transmit(self, message: bytes, path: Path) -> None:
        """Send an ISAKMP message from the NAT traversal socket; the engine adds the marker, but not to `KEEPALIVE`."""
        ...

    def reserve_spi(self) -> int:
        """A random SPI that no SA of this engine uses, kept until install or for a minute."""
        ...

    def install(self, child: Child) -> None:
        """Inbound works when this returns; outbound too if `child.sending`, else from `activate` on."""
        ...

    def activate(self, child: int) -> None:
        """Outgoing traffic takes this SA pair from now on, as if it were the newest: the peer proved that it holds the
        keys."""
        ...

    def remove(self, child: int) -> Counters | None:
        """What the SA pair had carried in the end; None for one that is unknown, which is no error."""
        ...

    def move(self, child: int, path: Path) -> None: ...

    def counters(self, child: int) -> Counters | None:
        """The instant in them is that of the packet, the same at every call: who reckons it back from another clock
        tells a new one each time."""
        ...


class TunDevice(Protocol):
    """The privileged half: made by whoever may, handed to the engine as a descriptor."""

    name: str
    fd: int

    def configure(self, address: IPv4Interface | IPv6Interface | None, mtu: int) -> None: ...
