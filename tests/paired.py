"""A daemon's end and a warden's end of a real line, in one program."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from lotor import config
from lotor.privsep.asking import Asker
from lotor.privsep.frames import pair
from lotor.privsep.serving import Server


@asynccontextmanager
async def line(handlers):
    """Whoever asks, and why the warden gave the daemon up, once it has."""
    daemon, warden = pair()
    lost = asyncio.get_running_loop().create_future()
    server = Server(warden, handlers, lambda why: lost.done() or lost.set_result(why))
    asker = Asker(daemon, lambda _: None)
    try:
        yield asker, lost
    finally:
        asker.close()
        server.close()
        daemon.close()
        warden.close()


def settings(text):
    """What a configuration file of this text says."""
    return config.loads(text).settings
