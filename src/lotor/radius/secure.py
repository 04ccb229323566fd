"""TLS towards one server (RFC 6614): one connection that is kept, with up to 256 requests on it, then another.

Nothing is sent twice on a connection, which loses nothing. What ends it is told to whoever waits on it.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from lotor.config.radsec import context_of
from lotor.config.servers import RadiusTls
from lotor.model.network import Address
from lotor.model.secret import Secret
from lotor.radius.channels import IDENTIFIERS, Hearer
from lotor.radius.structure import HEADER, LARGEST

DIALLING = 10.0
"""Seconds until a connection must be there, TLS included; whoever waits for it may give up sooner."""
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds in which nobody dials again, after as many connections in a row that brought no answer."""
SILENCE = 10.0
"""Seconds at most that a request waits before a connection without any answer counts as dead."""
MOST_STRAYS = IDENTIFIERS
"""Packets in a row that answer nothing, until nobody reads more of them."""
IDLE, INTERVAL, PROBES = 30, 10, 3
"""Of TCP: after so many seconds of quiet the other end is probed, again after so many, so often."""
UNANSWERED = "it closed the connection without an answer: does it know this gateway, and its certificate?"
_dice = random.SystemRandom()


class TlsError(OSError):
    """There is no connection; the text says why. `lasting`: it is the same a moment later."""

    def __init__(self, text: str, *, lasting: bool = False) -> None:
        super().__init__(text)
        self.lasting = lasting


class SecureChannel(asyncio.Protocol):
    """One connection; implements `channels.Channel`. An identifier is free again when its answer has come,
    however late. `patience`: seconds after which a request without an answer says something of the connection. `over`
    hears of its end once."""

    reliable = True

    def __init__(self, patience: float, over: Callable[[SecureChannel], None]) -> None:
        self._free = deque(_dice.sample(range(IDENTIFIERS), IDENTIFIERS))
        self._waiting: dict[int, Hearer] = {}
        self._given_up: set[int] = set()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._patience = min(patience, SILENCE)
        self._over = over
        self._retired = False
        self._answered = float("-inf")
        self._strays = 0
        self.fault = ""

    @property
    def spent(self) -> bool:
        closed = self._transport is None or self._transport.is_closing()
        return closed or self._retired or not self._free

    @property
    def proved(self) -> bool:
        """Whether an answer has come on it."""
        return self._answered > float("-inf")

    @property
    def local(self) -> Address:
        place = self._transport.get_extra_info("sockname") if self._transport else ("0.0.0.0", 0)  # noqa: S104 - none
        return ip_address(str(place[0]).partition("%")[0])

    def enter(self, make: Callable[[int], Hearer]) -> int:
        identifier = self._free.popleft()
        try:
            self._waiting[identifier] = make(identifier)
        except BaseException:
            self._free.append(identifier)
            raise
        return identifier

    def leave(self, identifier: int, *, answered: bool, sent: float) -> None:
        """Who waited long, while nothing came for anybody, leaves a connection that nobody should rely on."""
        if self._waiting.pop(identifier, None) is None:
            return
        now = asyncio.get_running_loop().time()
        if answered:
            self._free.append(identifier)
            self._answered, self._strays = now, 0
        else:
            self._given_up.add(identifier)
            if self._answered < sent <= now - self._patience:
                self._retired = True
        self._close_when_idle()

    def send(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.write(octets)

    def retire(self) -> None:
        """No identifier is given any more; who waits goes on waiting."""
        self._retired = True
        self._close_when_idle()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if (lower := transport.get_extra_info("socket")) is not None:
            lower.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in ((socket.TCP_KEEPIDLE, IDLE), (socket.TCP_KEEPINTVL, INTERVAL)):
                lower.setsockopt(socket.IPPROTO_TCP, option, value)
            lower.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
            lower.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SILENCE * 1000))

    def data_received(self, data: bytes) -> None:
        """At most one packet that is not whole yet is kept."""
        self._buffer += data
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[2:4])
            if not HEADER <= length <= LARGEST:
                self._break(f"it sends what is no packet: {length} octets long")
                return
            if len(self._buffer) < length:
                return
            packet = bytes(self._buffer[:length])
            del self._buffer[:length]
            self._hear(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        closed = "it closed the connection" if self.proved else UNANSWERED
        self.fault = self.fault or (words(exc) if exc is not None else closed)
        self._buffer.clear()
        self._over(self)
        for hearer in tuple(self._waiting.values()):
            hearer.refused(self.fault)

    def _hear(self, packet: bytes) -> None:
        identifier = packet[1]
        if (hearer := self._waiting.get(identifier)) is not None:
            hearer.heard(packet)
        elif identifier in self._given_up:
            self._given_up.remove(identifier)
            self._free.append(identifier)
        self._strays += 1
        if self._strays > MOST_STRAYS:
            self._break("it sends answers that nobody waits for")

    def _break(self, why: str) -> None:
        self.fault = self.fault or why
        self._buffer.clear()
        if self._transport is not None:
            self._transport.abort()

    def _close_when_idle(self) -> None:
        if self._retired and not self._waiting and self._transport is not None:
            self._transport.close()


class SecureChannels:
    """Those to one server; implements `channels.Channels`. One is dialled at a time, however many ask, and when the
    last one is over, has no identifier left, or leads to where the server was."""

    def __init__(self, tls: RadiusTls, host: str, files: Mapping[Path, Secret], patience: float) -> None:
        self._tls = tls
        self._name = tls.name or host
        self._files = files
        self._patience = patience
        self._context: ssl.SSLContext | None = None
        self._last: SecureChannel | None = None
        self._place: tuple[str, int] | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._fault = TlsError("it was not asked yet")
        self._failures, self._again = 0, float("-inf")
        self._closed = False

    async def channel(self, address: str, port: int) -> SecureChannel:
        """With a free identifier. Raises `TlsError`, for a while without dialling again."""
        while self._last is None or self._last.spent or self._place != (address, port):
            if self._dialling is None:
                self._demand_dialling()
                self._dialling = asyncio.get_running_loop().create_task(self._dial(address, port))
            dialled = self._dialling
            await asyncio.wait({dialled})
            if self._last is None:
                raise TlsError(str(self._fault), lasting=self._fault.lasting)
        return self._last

    def close(self) -> None:
        """Nobody dials any more."""
        self._closed, self._fault = True, TlsError("it is not asked any more", lasting=True)
        dialling, self._dialling = self._dialling, None
        if dialling is not None:
            dialling.cancel()
        if self._last is not None:
            self._last.retire()

    def _demand_dialling(self) -> None:
        """Raises `TlsError`."""
        if self._closed or asyncio.get_running_loop().time() < self._again:
            raise TlsError(str(self._fault), lasting=self._fault.lasting)

    async def _dial(self, address: str, port: int) -> None:
        """What goes wrong is kept for those who wait."""
        former, self._last, self._place = self._last, None, None
        if former is not None:
            former.retire()
        try:
            async with asyncio.timeout(DIALLING):
                self._last = await self._dialled(address, port)
            self._place = (address, port)
        except TimeoutError:
            self._failed(TlsError(f"there was no TLS within {DIALLING:g} seconds"))
        except OSError as fault:
            self._failed(fault if isinstance(fault, TlsError) else TlsError(words(fault), lasting=_lasts(fault)))
        except ValueError:  # an empty label, or one that is too long
            self._failed(TlsError(f"no certificate has the name {self._name}", lasting=True))
        finally:
            self._dialling = None

    async def _dialled(self, address: str, port: int) -> SecureChannel:
        """Raises `OSError`."""
        context = await self._trusting()
        made = SecureChannel(self._patience, self._ended)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: made, address, port, ssl=context, server_hostname=self._name)
        return made

    async def _trusting(self) -> ssl.SSLContext:
        """The authorities of the host take a quarter of a second: in a thread. Raises `OSError`."""
        if self._context is None:
            try:
                if self._tls.authority is not None:
                    self._context = context_of(self._tls, self._files)
                else:
                    self._context = await asyncio.to_thread(context_of, self._tls, self._files)
            except OSError as fault:
                raise TlsError(str(fault), lasting=True) from None
        return self._context

    def _ended(self, channel: SecureChannel) -> None:
        """One that brought no answer is as none."""
        if self._closed:
            return
        if channel.proved:
            self._failures = 0
        else:
            self._failed(TlsError(channel.fault))

    def _failed(self, fault: TlsError) -> None:
        self._fault = fault
        self._again = asyncio.get_running_loop().time() + PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1


def words(fault: Exception) -> str:
    """What went wrong, as far as OpenSSL and the system tell."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {fault.verify_message}"
    if isinstance(fault, ssl.SSLError):
        told = (fault.reason or str(fault)).replace("_", " ").lower()
        hint = ": it refuses this gateway, whose certificate it may want or not know" if "alert" in told else ""
        return f"TLS does not come about ({told}){hint}"
    number = getattr(fault, "errno", None)
    return os.strerror(number) if number and number > 0 else str(fault) or "it closed the connection before TLS was up"


def _lasts(fault: OSError) -> bool:
    return isinstance(fault, ssl.SSLCertVerificationError)
