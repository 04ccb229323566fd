"""A reload: the configuration is read, judged and taken over whole, or everything stays as it was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress

from lotor import config
from lotor.config import ConfigError
from lotor.config.provision import Provision
from lotor.daemon.active_config import ActiveConfig
from lotor.daemon.exits import StartError
from lotor.daemon.listeners import Listeners
from lotor.hosts.xfrm.sizes import inner_mtu
from lotor.privsep.privileged import Configurations
from lotor.runtime.present import Present

log = logging.getLogger(__name__)


class Reload:
    """`make` turns what the warden read into what this program obeys: `ConfigError` when that is not possible."""

    def __init__(
        self,
        configurations: Configurations,
        make: Callable[[Provision], ActiveConfig],
        listeners: Listeners,
        present: Present[ActiveConfig],
    ) -> None:
        self._configurations = configurations
        self._make = make
        self._listeners = listeners
        self._present = present
        self._turn = asyncio.Lock()

    async def __call__(self) -> list[str]:
        """What a person should know of it. Raises `ConfigError` and `StartError`, and nothing has changed."""
        async with self._turn:
            try:
                provision = await self._configurations.prepare()
            except OSError as error:
                raise StartError(f"the configuration was not read: {error.strerror or error}") from error
            try:
                return await self._take_over(provision)
            except (ConfigError, StartError):
                with suppress(OSError):
                    await self._configurations.withdraw()
                raise

    async def _take_over(self, provision: Provision) -> list[str]:
        active = await asyncio.get_running_loop().run_in_executor(None, self._make, provision)
        with ExitStack() as opened:
            carriers = await self._listeners.prepare(active, opened)
            try:
                told = list(await self._configurations.take_over())
            except OSError as error:
                raise StartError(f"this host cannot be a gateway: {error.strerror or error}") from error
            opened.pop_all()
        told += self._listeners.replace(carriers, active)
        told += at_next_start(self._present.now, active)
        self._present.replace(active)
        return told


def at_next_start(old: ActiveConfig, new: ActiveConfig) -> list[str]:
    """The directives whose change a running program does not follow."""
    before, now = old.settings, new.settings
    changed = {
        "adminsock": before.listen.adminsock != now.listen.adminsock,
        "path pidfile": before.paths.pidfile != now.paths.pidfile,
        "engine": before.engine.wish is not now.engine.wish,
        "the MTU by esp_frag": before.engine.asks_kernel and inner_mtu(before) != inner_mtu(now),
        "esp_offload": before.engine.offload != now.engine.offload,
        "offload": before.offloads != now.offloads,
        "privsep": before.privsep != now.privsep,
        "the rights of PAM": config.asks_pam(now) and not config.asks_pam(before),
        "the rights of scripts": config.has_scripts(now) and not config.has_scripts(before),
    }
    waiting = [name for name, differs in changed.items() if differs]
    return [f"{' and '.join(waiting)}: the change counts once lotor itself is restarted"] if waiting else []
