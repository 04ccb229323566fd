"""The kernel's engine: SA pairs behind the port of whoever has the rights, and port 4500 in the event loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from lotor.dataplane.kernel.carrier import EncapsulatedSockets
from lotor.dataplane.spis import Spis
from lotor.model.child import Child, Counters, Encapsulation
from lotor.model.network import Path
from lotor.model.offloads import NO_OFFLOADS, Offloads
from lotor.ports.esp import Broken, Moved, Notice
from lotor.ports.host_esp import HostEsp, KernelDevice

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """`ports.TunnelInterface` of the kernel's device, behind which are no shortcuts of this program's."""

    name: str
    mtu: int

    @property
    def offloads(self) -> Offloads:
        return NO_OFFLOADS


class Kernel:
    """`ports.EspEngine` for many tunnels at one device (`interface`), with NAT traversal sockets of IPv4, of IPv6, or
    of both (`carrier`), which remain their owner's. `device`: what `esp.open` made. After `stop` the engine cannot be
    started again. Nothing of a packet comes here: not even a `Strange` one."""

    def __init__(self, esp: HostEsp, device: KernelDevice, *nat_t: socket.socket) -> None:
        self.carrier = EncapsulatedSockets(*nat_t)
        self.interface = Device(device.name, device.mtu)
        self.capabilities = device.capabilities
        self._esp = esp
        self._spis = Spis(time.monotonic)
        self._paths: dict[int, Path] = {}
        """Where SA pairs are, as far as that is known: not while they are moved."""
        self._moving: set[int] = set()
        """Those of whose moves nothing else was told since they began."""
        self._hearing: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self, notify: Callable[[Notice], None]) -> None:
        if self._stopped:
            raise OSError("the packet engine was stopped: make a new one")
        if self._hearing is None:
            self._hearing = asyncio.get_running_loop().create_task(self._hear(notify))

    async def stop(self) -> None:
        """Also where whoever has the rights is gone: his end takes everything away."""
        self._stopped = True
        if self._hearing is not None:
            self._hearing.cancel()
        self.carrier.close()
        try:
            await self._esp.close()
        except OSError as error:
            log.warning("the kernel's SAs were not taken away: %s", error.strerror or error)

    async def reserve_spi(self) -> int:
        return self._spis.reserve()

    async def prepare(self, encapsulation: Encapsulation, version: int) -> None:
        """The kernel takes native ESP by itself."""
        if encapsulation is Encapsulation.UDP and version not in self.carrier.versions:
            text = f"ESP in UDP over IPv{version} needs a listen address of IPv{version}"
            raise OSError(errno.EAFNOSUPPORT, text)

    async def install(self, child: Child) -> None:
        await self._esp.install(child)
        self._spis.use(child.id, child.inbound.spi)
        self._paths[child.id] = child.path

    async def activate(self, child: int) -> None:
        await self._esp.activate(child)

    async def remove(self, child: int) -> Counters | None:
        last = await self._esp.remove(child)
        self._spis.free(child)
        self._paths.pop(child, None)
        return last

    async def move(self, child: int, path: Path) -> None:
        """Asks nothing where the pair followed its peer there already. Should it be elsewhere after all, since a word
        of it came late, the kernel tells so with the peer's next packet."""
        if self._paths.get(child) == path:
            return
        known = self._paths.pop(child, None) is not None
        self._moving.add(child)
        try:
            await self._esp.move(child, path)
            if known and child in self._moving:
                self._paths[child] = path
        finally:
            self._moving.discard(child)

    async def counters(self, children: Iterable[int]) -> Mapping[int, Counters]:
        return await self._esp.counters(children)

    async def _hear(self, notify: Callable[[Notice], None]) -> None:
        """What comes of a notice is the event loop's business, as with records of an engine in user space."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                for each in await self._esp.notices():
                    if isinstance(each, Moved):
                        self._followed(each)
                    loop.call_soon(self._tell, notify, each)
        except Exception as error:  # noqa: BLE001 - who hears nothing any more knows no lifetimes
            why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            loop.call_soon(self._tell, notify, Broken(f"the kernel's ESP is out of reach: {why}"))

    def _followed(self, moved: Moved) -> None:
        self._moving.discard(moved.child)
        if moved.child in self._paths:
            self._paths[moved.child] = self._paths[moved.child].to(moved.remote)

    def _tell(self, notify: Callable[[Notice], None], notice: Notice) -> None:
        if not self._stopped:
            notify(notice)
