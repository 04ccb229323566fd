"""The administrator's scripts, which the warden runs (the port `ports.hooks.Hooks`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container
from dataclasses import replace

from lotor.model.policy import Side
from lotor.ports.hooks import HookContext, HookEvent
from lotor.privsep.asking import Asker, Refused
from lotor.privsep.frames import Ended
from lotor.privsep.hosting import RUN_HOOK, Hook, addresses_of, shown

log = logging.getLogger(__name__)

Scripts = Container[tuple[str, HookEvent]]
"""For which blocks and events there are scripts."""


class FarHooks:
    """The daemon's end. `scripts` are those of the configuration as it is now."""

    def __init__(self, asker: Asker, scripts: Callable[[], Scripts]) -> None:
        self._asker = asker
        self._scripts = scripts
        self._turns: dict[str, asyncio.Lock] = {}

    def wants(self, remote: str, event: HookEvent) -> bool:
        """The warden runs `phase1_down` only for a session whose `phase1_up` it was asked for: so it is asked for that
        also where only the other events have a script."""
        scripts = self._scripts()
        if event is HookEvent.PHASE1_UP:
            return any((remote, each) in scripts for each in HookEvent)
        return (remote, event) in scripts

    async def run(self, remote: str, event: HookEvent, context: HookContext) -> None:
        """One of each block at a time, so that no block takes the places of the others."""
        if not self.wants(remote, event):
            return
        async with self._turns.setdefault(remote, asyncio.Lock()):
            try:
                await self._asker.ask(RUN_HOOK, Hook(remote, event, _slim(context)))
            except (Refused, Ended, ValueError) as error:
                log.warning("the script of remote %s for %s did not run: %s", remote, event.value, error)


def _slim(context: HookContext) -> HookContext:
    """What a script needs of it: the banner is in no variable."""
    configuration = context.configuration
    if configuration is None:
        return context
    if context.side is Side.GATEWAY:
        return replace(context, configuration=addresses_of(configuration))
    return replace(context, configuration=shown(configuration))
