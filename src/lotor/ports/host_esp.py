"""The port of the ESP that the host's kernel carries: its SA pairs, and the device that they end at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lotor.model.child import Child, Counters
from lotor.model.network import Path
from lotor.ports.esp import Capabilities, Expired, Moved


class Leading(Enum):
    """What leads packets into the tunnels: routes to an xfrm interface, whose SAs and policies see nothing else; or
    policies alone, which see all packets of the host."""

    ROUTES = "routes"
    POLICIES = "policies"


@dataclass(frozen=True, slots=True)
class KernelDevice:
    """The device that was made: routes to what is inside lead to it. `mtu`: largest inner packet, octets. `hindrance`:
    why the network device that was to do the cryptography does none, in words; empty where it does, and where none
    was."""

    name: str
    mtu: int
    leading: Leading
    capabilities: Capabilities
    hindrance: str = ""


class HostEsp(Protocol):
    """Asked from the event loop. The caller keeps the calls for one SA pair in order. `OSError` with a clear text where
    the kernel refuses. What `ports.EspEngine` says of a method of the same name counts here, too."""

    async def open(self) -> KernelDevice:
        """Looks whether the kernel has ESP, takes away what a killed program left, and makes the device. Changes
        nothing where it raises `OSError`."""
        ...

    async def close(self) -> None:
        """Every SA, policy and device of this program is gone; may be called again, and without `open`."""
        ...

    async def install(self, child: Child) -> None: ...

    async def activate(self, child: int) -> None: ...

    async def remove(self, child: int) -> Counters | None: ...

    async def move(self, child: int, path: Path) -> None:
        """`ports.EspEngine.move`, between ESP in UDP and native ESP, too."""
        ...

    async def counters(self, children: Iterable[int]) -> Mapping[int, Counters]: ...

    async def notices(self) -> tuple[Expired | Moved, ...]:
        """What the kernel told since the last call, in its order: waits until there is something. One call at a
        time. Bounded: where too much was told at once, the SA pairs are looked at instead."""
        ...
