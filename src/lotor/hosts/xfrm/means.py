"""What ESP in the kernel is made with, and what the configuration wishes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from lotor.hosts.routing import OUTER_MARK
from lotor.hosts.xfrm.device import Device
from lotor.hosts.xfrm.offload import hindrance
from lotor.hosts.xfrm.table import XfrmTable
from lotor.ports.esp import Capabilities


class DeviceMaker(Protocol):
    """Raises `OSError` with a clear text where it cannot."""

    async def make(self, mtu: int) -> Device:
        """Refused where another program that lives has one already; what a killed one left is taken away."""
        ...

    async def remove(self, device: Device) -> None:
        """Also one that is gone already."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """`probe`: what SA pairs of this kernel may have, `OSError` where it has no ESP; it leaves nothing behind. `table`
    opens a socket, and is called in the network namespace that the SAs belong to. `hindrance`: why a network device
    does nothing for ESP, empty where it does."""

    probe: Callable[[], Awaitable[Capabilities]]
    devices: DeviceMaker
    table: Callable[[], XfrmTable]
    hindrance: Callable[[str], str] = hindrance


@dataclass(frozen=True, slots=True)
class Wishes:
    """`mtu`: the largest inner packet, octets. `mark`: of outer packets, for routes and filters. `offload`: the network
    device that does the cryptography, empty for none."""

    mtu: int
    mark: int = OUTER_MARK
    offload: str = ""
