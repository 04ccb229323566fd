"""A TUN device that the warden makes (the port `ports.interface.Tunnels`)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lotor.privsep.asking import Asker
from lotor.privsep.far import ask, descriptor
from lotor.privsep.opening import OPEN_TUNNEL


@dataclass(slots=True)
class FarTunnel:
    """Implements `ports.TunDevice`: its descriptor is the only one, so that the device goes with it."""

    name: str
    fd: int
    framed: bool = False

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class FarTunnels:
    """The daemon's end."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def open(self) -> FarTunnel:
        answered = await ask(self._asker, OPEN_TUNNEL, None)
        return FarTunnel(answered.value.name, descriptor(answered))
