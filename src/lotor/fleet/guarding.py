"""A guard between the system and the driver: it hands over whole messages of the right form, and ends a connection that
brings anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from lotor.fleet.messages import MalformedError, Messages


class Guard(asyncio.Protocol):
    """In front of the driver's protocol, `inner`."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._messages = Messages()
        self._transport: asyncio.BaseTransport | None = None
        self._fault: MalformedError | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._fault is not None:
            return
        try:
            whole = self._messages.take(data)
        except MalformedError as fault:
            self._fault = fault
            self._end()
            return
        if whole:
            self.inner.data_received(whole)

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(self._fault or exc)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()  # type: ignore[no-any-return]

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def _end(self) -> None:
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()


class GuardedLoop:
    """The running loop, whose connections of `kind` have a guard."""

    def __init__(self, kind: type) -> None:
        self._loop = asyncio.get_running_loop()
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(self, factory: Callable[[], Any], *args: Any, **options: Any) -> tuple[Any, Any]:
        transport, protocol = await self._loop.create_connection(lambda: self._guarded(factory()), *args, **options)
        return transport, _inside(protocol)

    async def create_unix_connection(self, factory: Callable[[], Any], *args: Any, **options: Any) -> tuple[Any, Any]:
        made = self._loop.create_unix_connection(lambda: self._guarded(factory()), *args, **options)
        transport, protocol = await made
        return transport, _inside(protocol)

    async def start_tls(self, *args: Any, **options: Any) -> Any:
        """A transport that is told of its protocol later."""
        transport = await self._loop.start_tls(*args, **options)
        return None if transport is None else _Secured(transport, self)

    def guarded(self, transport: Any, protocol: Any) -> Any:
        """The guard of a protocol that knows its transport already."""
        guard = self._guarded(protocol)
        if isinstance(guard, Guard):
            guard._transport = transport  # noqa: SLF001 - of this module
        return guard

    def _guarded(self, protocol: Any) -> Any:
        return Guard(protocol) if isinstance(protocol, self._kind) else protocol


class _Secured:
    """A transport of TLS."""

    def __init__(self, transport: Any, loop: GuardedLoop) -> None:
        self._transport = transport
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def set_protocol(self, protocol: Any) -> None:
        self._transport.set_protocol(self._loop.guarded(self._transport, protocol))


def _inside(protocol: Any) -> Any:
    return protocol.inner if isinstance(protocol, Guard) else protocol
