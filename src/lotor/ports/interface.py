"""The port of the interface that tunnels end at: what the host's routes lead to."""

from __future__ import annotations

from typing import Protocol

from lotor.model.offloads import Offloads


class TunnelInterface(Protocol):
    """As it is in use; none of it changes while the program runs."""

    @property
    def name(self) -> str: ...

    @property
    def mtu(self) -> int:
        """Largest inner packet, octets."""
        ...

    @property
    def offloads(self) -> Offloads:
        """Which shortcuts through the kernel are taken."""
        ...


class TunDevice(Protocol):
    """Made by a process with the right to, handed to an engine as a descriptor. `framed`: a virtio-net header stands
    before each packet although `fd` is no TUN device; of a device the engine sees that itself."""

    name: str
    fd: int
    framed: bool

    def close(self) -> None:
        """The device is gone; may be called again."""
        ...


class Tunnels(Protocol):
    """Makes TUN devices."""

    async def open(self) -> TunDevice:
        """A new one, which goes when it is closed. `OSError` with a clear text."""
        ...
