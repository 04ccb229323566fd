"""Ways to one server, and the first of them, UDP: connected sockets with random source ports, and one identifier of a
packet for each request.

The kernel gives a connected socket nothing but what comes from the address and port of the server.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol, cast

from lotor.model.network import Address

IDENTIFIERS = 256
_dice = random.SystemRandom()


class Hearer(Protocol):
    """Who waits for an answer."""

    def heard(self, datagram: bytes) -> None: ...

    def refused(self, why: str = "") -> None:
        """Nobody listens there now. `why` in words, where something tells."""
        ...


class Channel(Protocol):
    """One way on which requests have identifiers of their own. `reliable`: nothing is sent twice on it. `proved`:
    whether an answer has come on it. `local`: from where the server is asked."""

    reliable: bool

    @property
    def proved(self) -> bool: ...

    @property
    def local(self) -> Address: ...

    def enter(self, make: Callable[[int], Hearer]) -> int:
        """An identifier, and who hears what comes for it."""
        ...

    def leave(self, identifier: int, *, answered: bool, sent: float) -> None:
        """`answered`: the server's answer has come to what was sent at that time."""
        ...

    def send(self, octets: bytes) -> None: ...


class Channels(Protocol):
    """Those to one server."""

    async def channel(self, address: str, port: int) -> Channel:
        """With a free identifier. Raises `OSError`."""
        ...

    def close(self) -> None:
        """Who waits goes on waiting."""
        ...


class UdpChannel(asyncio.DatagramProtocol):
    """One socket. It gives each identifier once, and is closed when all were given and none is waited for: an answer to
    a request that is over comes to nobody."""

    reliable = False
    proved = False

    def __init__(self) -> None:
        self._free = _dice.sample(range(IDENTIFIERS), IDENTIFIERS)
        self._waiting: dict[int, Hearer] = {}
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def spent(self) -> bool:
        return not self._free or self._transport is None or self._transport.is_closing()

    @property
    def local(self) -> Address:
        """From where the server is asked."""
        place = self._transport.get_extra_info("sockname") if self._transport else ("0.0.0.0", 0)  # noqa: S104 - none
        return ip_address(str(place[0]).partition("%")[0])

    def enter(self, make: Callable[[int], Hearer]) -> int:
        """An identifier, and who hears what comes for it."""
        identifier = self._free.pop()
        try:
            self._waiting[identifier] = make(identifier)
        except BaseException:
            self.leave(identifier)
            raise
        return identifier

    def leave(self, identifier: int, *, answered: bool = False, sent: float = 0.0) -> None:
        del answered, sent
        self._waiting.pop(identifier, None)
        self._close_when_idle()

    def send(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(octets)

    def retire(self) -> None:
        """No identifier is given any more; who waits goes on waiting."""
        self._free.clear()
        self._close_when_idle()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        hearer = self._waiting.get(data[1]) if len(data) > 1 else None
        if hearer is not None:
            hearer.heard(data)

    def _close_when_idle(self) -> None:
        if not self._free and not self._waiting and self._transport is not None:
            self._transport.close()

    def error_received(self, exc: Exception) -> None:
        """ICMP says that the port, or the host, is not there: to whatever was sent last."""
        del exc
        for hearer in tuple(self._waiting.values()):
            hearer.refused()


class UdpChannels:
    """A new one is opened when the identifiers of the last are given, or the server moved."""

    def __init__(self) -> None:
        self._last: UdpChannel | None = None
        self._place: tuple[str, int] | None = None
        self._opening = asyncio.Lock()

    async def channel(self, address: str, port: int) -> UdpChannel:
        """With a free identifier. Raises `OSError`."""
        async with self._opening:
            if self._last is None or self._last.spent or self._place != (address, port):
                loop, former = asyncio.get_running_loop(), self._last
                _, self._last = await loop.create_datagram_endpoint(UdpChannel, remote_addr=(address, port))
                self._place = (address, port)
                if former is not None:
                    former.retire()
            return self._last

    def close(self) -> None:
        if self._last is not None:
            self._last.retire()
