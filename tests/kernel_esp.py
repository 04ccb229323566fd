"""The ESP of a kernel in a test's memory (the port `ports.host_esp`): it tells and refuses as a test says."""

from __future__ import annotations

import asyncio
import errno

from lotor.model.child import Counters
from lotor.ports.esp import Capabilities
from lotor.ports.host_esp import KernelDevice, Leading
from scripted import moved

DEVICE = KernelDevice("lotor0", 1400, Leading.ROUTES, Capabilities(rates=False, cuts=False))
NO_ESP = OSError(errno.EPROTONOSUPPORT, "this kernel has no ESP: modprobe esp4")


class MemoryEsp:
    """`refuses`: what `open` raises. `children` that are installed, `figures` of them; `said`: what `notices` gives, a
    fault among them; `calls` in their order."""

    def __init__(self, refuses=None, device=DEVICE):
        self.refuses, self.device = refuses, device
        self.children, self.figures, self.calls = {}, {}, []
        self.said = asyncio.Queue()

    async def open(self):
        self.calls.append("open")
        if self.refuses is not None:
            raise self.refuses
        return self.device

    async def close(self):
        self.calls.append("close")
        self.children.clear()

    async def install(self, child):
        if child.id in self.children:
            raise OSError(errno.EEXIST, f"SA pair {child.id} is installed already")
        self.children[child.id] = child

    async def activate(self, child):
        self.calls.append(("activate", child))

    async def remove(self, child):
        return self._figures(child) if self.children.pop(child, None) else None

    async def move(self, child, path):
        self.calls.append(("move", child, path))
        if child in self.children:
            self.children[child] = moved(self.children[child], path)

    async def counters(self, children):
        return {each: self._figures(each) for each in children if each in self.children}

    async def notices(self):
        told = await self.said.get()
        if isinstance(told, Exception):
            raise told
        return told

    def _figures(self, child):
        return self.figures.get(child, Counters())
