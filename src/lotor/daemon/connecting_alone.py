"""The same as `connecting` in one process, which does everything as root."""

from __future__ import annotations

import asyncio
import os

from lotor.config import ConfigError
from lotor.confinement import hardening
from lotor.daemon.active_config import equip
from lotor.daemon.connecting import Call, nothing_to_read
from lotor.daemon.exits import typed
from lotor.daemon.options import Said
from lotor.daemon.processes import alone
from lotor.daemon.serving import Daemon, Surroundings, log_as
from lotor.daemon.talk import Talk
from lotor.daemon.visits import visited
from lotor.runtime.present import Present
from lotor.warden.warden import Warden, hold


async def connect(call: Call) -> bool:
    """As `connecting.connect`."""
    warden = Warden(nothing_to_read, call.loaded, hold(call.loaded.settings))
    hardening.bound(scripts=False)
    try:
        with Talk(call.person) as talk, visited() as control:
            await warden.start()
            present = Present(equip(warden.present()))
            log_as(present, Said())
            listener = control.socket if control is not None else None
            ports = warden.privileged
            given = Surroundings(
                call.name, ports, warden, equip, present, listener, alone(), caller=talk.theirs, owner=os.geteuid()
            )
            await _serve(Daemon(given), talk)
            await warden.release()
            return talk.over
    except ConfigError as error:
        raise typed(error) from error
    finally:
        await warden.stop()


async def _serve(daemon: Daemon, talk: Talk) -> None:
    """Raises `StartError`."""
    ready = asyncio.Event()

    async def tell() -> None:
        talk.obey_signals()  # which are the daemon's otherwise
        ready.set()

    serves, begins = asyncio.ensure_future(daemon.serve(tell)), asyncio.ensure_future(ready.wait())
    stops = asyncio.ensure_future(talk.stopped.wait())
    await asyncio.wait({serves, begins, stops}, return_when=asyncio.FIRST_COMPLETED)
    for each in (begins, stops):
        each.cancel()
    if serves.done():
        serves.result()
    serves.add_done_callback(lambda _: talk.lost("its log says more"))
    try:
        await talk.hold()
    finally:
        daemon.stop()
        await serves
