"""What RADIUS servers ask for of sessions, where the configuration says who may: otherwise nobody is heard, and what
hears them is not even loaded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lotor.config.back_ends import BackEndSettings
from lotor.ports.demands import Demand, Settled

if TYPE_CHECKING:
    from lotor.radius.dynamic import DynamicRequests


class HeardDemands:
    """Implements `ports.demands.Demands`. `use` in a running event loop."""

    def __init__(self) -> None:
        self._heard: DynamicRequests | None = None
        self._begun = asyncio.Event()

    def use(self, settings: BackEndSettings | None) -> None:
        """Raises `OSError`, and nothing has changed."""
        radius = settings.radius if settings is not None else None
        if self._heard is not None:
            self._heard.use(radius)
        elif radius is not None and radius.dynamic_clients:
            from lotor.radius.dynamic import DynamicRequests

            self._heard = DynamicRequests(radius)
            self._begun.set()

    async def demanded(self) -> tuple[Demand, ...]:
        await self._begun.wait()
        return await self._heard.demanded() if self._heard is not None else ()

    async def settle(self, settled: Settled) -> None:
        if self._heard is not None:
            await self._heard.settle(settled)

    def close(self) -> None:
        if self._heard is not None:
            self._heard.close()
