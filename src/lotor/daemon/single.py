"""The warden's engines and the daemon in one process, for containers and for looking at things."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable

from lotor import config
from lotor.config import ConfigError
from lotor.confinement import hardening
from lotor.daemon import listening
from lotor.daemon.active_config import equip
from lotor.daemon.exits import Exit, faulty
from lotor.daemon.options import Options
from lotor.daemon.pair import begin
from lotor.daemon.processes import ALONE, alone
from lotor.daemon.serving import Daemon, Surroundings, capturing, log_as
from lotor.files.peers import opened
from lotor.runtime.present import Present
from lotor.warden import loading
from lotor.warden.back_ends import BackEndsAtNeed, LedBackEnds
from lotor.warden.loading import Holding
from lotor.warden.outline import outline
from lotor.warden.service_manager import Life, ServiceManager, told
from lotor.warden.warden import Warden, hold

log = logging.getLogger(__name__)


async def serve(options: Options, loaded: Holding, ready: Callable[[], None], manager: ServiceManager) -> int:
    """The exit code. Raises `StartError`."""
    log.warning("%s", ALONE)

    async def tell() -> None:
        ready()
        await held.enter_async_context(told(manager, Life(lambda: outline(warden))))

    warden = Warden(lambda: loading.load(options.file), loaded, hold(loaded.settings, BackEndsAtNeed(_back_ends)))
    warden.follow_reloads(manager.reloads)
    listening.demand_free(loaded.settings)
    hardening.bound(scripts=config.has_scripts(loaded.settings), pam=config.asks_pam(loaded.settings))
    try:
        with capturing(options.capture) as capture, opened(serves=config.is_gateway(loaded.settings)) as peers:
            await begin(warden)
            present = Present(equip(warden.present()))
            log_as(present, options.said)
            control = listening.address_of(loaded.settings.listen.adminsock)
            given = Surroundings(
                str(options.file),
                warden.privileged,
                warden,
                equip,
                present,
                control,
                alone(),
                capture,
                owner=os.geteuid(),
                peers=peers,
            )
            async with contextlib.AsyncExitStack() as held:
                code = await Daemon(given).serve(tell)
            if code is Exit.OK:
                await warden.release()
            return code
    except ConfigError as error:
        raise faulty(str(options.file), error) from error
    finally:
        await warden.stop()


def _back_ends() -> LedBackEnds:
    from lotor.backends.near import NearBackEnds

    return NearBackEnds()
