"""Reads sessions of the past from the database of a fleet for `lotor history --all`, in a process of its own.

What a database sends is never read by root: the process becomes the user that the process of back ends becomes, and is
confined as that one is, before it asks anybody.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import closing
from typing import cast

from lotor.backends.sharing import FleetAnswers
from lotor.config.servers import FleetSettings
from lotor.confinement.identity import Identity
from lotor.confinement.sandbox import Files
from lotor.confinement.unprivileged import give_up, tie
from lotor.fleet.reader import FleetReader
from lotor.model.frozen import frozen
from lotor.ports.fleet import Fleet
from lotor.privsep.codec import decode
from lotor.privsep.frames import receive
from lotor.privsep.serving import Server
from lotor.privsep.sharing import PAST

MODULE = "lotor.backends.reading"


@frozen
class Reading:
    """Whom to become (`Identity.word`), and which database to ask: the first message on the line."""

    identity: str
    settings: FleetSettings


def main(number: int) -> None:
    """`number` is that of the line's descriptor. It ends with the process at the other end."""
    line = socket.socket(fileno=number)
    asks = tie(line)
    line.setblocking(True)
    wanted = cast("Reading", decode(Reading, receive(line).body))
    line.setblocking(False)
    if os.geteuid() == 0:
        give_up(Identity.of(wanted.identity), asks, Files())
    asyncio.run(answer(line, wanted.settings))


async def answer(line: socket.socket, settings: FleetSettings) -> None:
    """Until nobody asks any more."""
    over = asyncio.Event()
    with closing(FleetReader(settings)) as reader:

        async def present() -> Fleet:
            return cast("Fleet", reader)

        rows = FleetAnswers(present).rows()
        server = Server(line, {PAST.number: rows[PAST.number]}, lambda _: over.set())
        try:
            await over.wait()
        finally:
            server.close()


if __name__ == "__main__":
    main(int(sys.argv[-1]))
