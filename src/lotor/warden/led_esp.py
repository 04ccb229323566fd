"""The kernel's ESP with what belongs to its device on this host: the routes to the pool, and who comes by it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack

from lotor.model.child import Child, Counters
from lotor.model.network import Path
from lotor.ports.esp import Expired, Moved
from lotor.ports.host_esp import HostEsp, KernelDevice
from lotor.warden.admitting import LedNetwork
from lotor.warden.pool_routes import PoolRoutes


class LedEsp:
    """Implements `ports.host_esp.HostEsp`: the routes to the pool lead to its device, and clients come by it. `near`
    makes the kernel's as the configuration in force wishes it, None where that asks for none. It is asked for nothing
    before `open`, and not after `close`: another program of this host may have its own."""

    def __init__(self, near: Callable[[], HostEsp | None], pool: PoolRoutes, network: LedNetwork) -> None:
        self._near = near
        self._esp: HostEsp | None = None
        self._pool = pool
        self._network = network
        self._led = False
        self._leaving = False
        """It did not close yet."""

    @property
    def led(self) -> bool:
        """Whether the kernel carries ESP."""
        return self._led

    async def open(self) -> KernelDevice:
        """Raises `OSError`, also where there is a device already."""
        if self._esp is not None and not self._leaving:
            raise OSError(errno.EBUSY, "the device of the kernel's ESP is there already")
        await self.close()
        esp = self._esp = self._near()
        if esp is None:
            raise OSError(errno.EPROTONOSUPPORT, "the configuration asks for no ESP of the kernel")
        try:
            device = await esp.open()
            await self._network.lead(device.name, device.leading)
            await self._pool.begin(device.name, device.mtu)
        except BaseException:
            await self._network.let_go()
            await self._end()
            raise
        self._led = True
        return device

    async def close(self) -> None:
        """All of it that can be done; the last refusal is raised."""
        led, self._led = self._led, False
        async with AsyncExitStack() as over:
            over.push_async_callback(self._end)
            if led:
                over.push_async_callback(self._network.let_go)
                over.push_async_callback(self._pool.end)

    async def _end(self) -> None:
        """What would not go is taken away by the next call, or by the next `open`: only who made a device knows it from
        that of a program that lives."""
        if self._esp is not None:
            self._leaving = True
            await self._esp.close()
        self._esp, self._leaving = None, False

    async def install(self, child: Child) -> None:
        await self._open().install(child)

    async def activate(self, child: int) -> None:
        await self._open().activate(child)

    async def remove(self, child: int) -> Counters | None:
        return await self._esp.remove(child) if self._esp is not None else None

    async def move(self, child: int, path: Path) -> None:
        await self._open().move(child, path)

    async def counters(self, children: Iterable[int]) -> Mapping[int, Counters]:
        return await self._esp.counters(children) if self._esp is not None else {}

    async def notices(self) -> tuple[Expired | Moved, ...]:
        return await self._open().notices()

    def _open(self) -> HostEsp:
        """Raises `OSError`."""
        if self._esp is None or not self._led:
            raise OSError(errno.ENODEV, "the kernel's ESP is not open")
        return self._esp
