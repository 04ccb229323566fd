"""The process of a one-time link: it gives up its rights, then serves strangers, and asks the command for signatures.

It has what it may show, a socket that listens, and its end of the line. A private key it never had: the command that
started it signs, and only what proves a server of TLS 1.3.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress

from lotor.confinement import hardening
from lotor.confinement.identity import Identity
from lotor.confinement.sandbox import Files, Profile, Unconfined, confine, program_files
from lotor.confinement.unprivileged import give_up, tie
from lotor.crypto.tls import TlsIdentity
from lotor.links.serving import Serving
from lotor.links.site import Site
from lotor.links.task import Document, Task
from lotor.privsep import errand
from lotor.privsep.asking import Asker, Refused
from lotor.privsep.frames import Ended
from lotor.privsep.linking import SIGN_HANDSHAKE, VISITED, Handshake, Visit
from lotor.privsep.living import READY, StartFailure, tell_failure

MODULE = "lotor.links.process"
SIGNING = 5.0
"""Seconds that a signature may take."""
LOOKS = 1.0
"""Seconds between two looks whether the link is over."""
POLITE = 10
"""How much later than tunnels this process is served by the processor (nice)."""


def main(number: int) -> None:
    """`number` is that of the line's descriptor. It ends with the process at the other end."""
    line = socket.socket(fileno=number)
    asks = tie(line)
    with suppress(Ended):
        task, listening = errand.heard(line, Task)
        documents = errand.parts(line, Document, task.documents)
        try:
            renounce(task.identity, asks)
        except Unconfined as why:
            tell_failure(line, StartFailure(str(why), "", 1))
            return
        with suppress(TimeoutError):
            asyncio.run(serve(line, task, documents, listening))


def renounce(identity: str, asks: int) -> None:
    """Raises `Unconfined`. Who is not root has no rights to give up but those of the own user."""
    os.nice(POLITE)
    if os.geteuid() == 0:
        give_up(Identity.of(identity), asks, Files())
        return
    hardening.renounce()
    confine(Files(read=program_files()), Profile.DAEMON)


async def serve(line: socket.socket, task: Task, documents: list[Document], listening: socket.socket) -> None:
    """Until the link is over. `TimeoutError` when it is too old, `Ended` when the command is gone."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    asker = Asker(line, lambda _: gone.set(), "command")

    def sign(scheme: int, message: bytes) -> bytes | None:
        """In a thread of its own connection."""
        asking = asyncio.run_coroutine_threadsafe(asker.ask(SIGN_HANDSHAKE, Handshake(scheme, message)), loop)
        with suppress(Ended, Refused, TimeoutError, ValueError):
            return asking.result(SIGNING).value
        return None

    async def tell(visit: Visit) -> None:
        with suppress(Ended, Refused):
            await asker.ask(VISITED, visit)

    site = Site(task.host, task.token, documents)
    serving = Serving(site, TlsIdentity(task.chain, task.key, sign), task.policy, tell)
    async with asyncio.timeout(task.seconds), serving.at(listening):
        await asker.ask(READY, None)
        while not gone.is_set() and not site.is_over(loop.time()):
            with suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), LOOKS)
    asker.close()


if __name__ == "__main__":
    main(int(sys.argv[-1]))
