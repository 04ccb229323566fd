"""Sockets that the warden opens (the port `ports.sockets.Sockets`)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from lotor.model.network import Address, Peer
from lotor.ports.sockets import sharing
from lotor.privsep.asking import Asker
from lotor.privsep.far import ask, descriptor
from lotor.privsep.opening import OPEN_RAW_ESP, OPEN_UDP, SOURCE_TOWARDS, Place, Version


class FarSockets:
    """The daemon's end. A socket belongs to the caller: the warden keeps no copy."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._turn = asyncio.Lock()

    async def udp(self, local: Peer, beside: Sequence[socket.socket] = ()) -> socket.socket:
        """One after the other: those beside it share their ports until the answer is there."""
        async with self._turn:
            with sharing(beside):
                answered = await ask(self._asker, OPEN_UDP, Place(local, bool(beside)))
        udp = socket.socket(fileno=descriptor(answered))
        udp.setblocking(False)
        return udp

    async def raw_esp(self, version: int) -> socket.socket:
        return socket.socket(fileno=descriptor(await ask(self._asker, OPEN_RAW_ESP, Version(version))))

    async def source_towards(self, remote: Peer) -> Address:
        return (await ask(self._asker, SOURCE_TOWARDS, remote)).value.address
