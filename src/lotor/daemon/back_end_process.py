"""The process of RADIUS and LDAP, which a warden starts: it gives up every right before it has a secret, then answers.

It holds the secrets of the back ends and passwords that are being judged, and nothing else of the gateway's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from pathlib import Path

from lotor.backends.answering import Answers
from lotor.backends.engines import Make, engines_of
from lotor.backends.present import PresentBackEnds
from lotor.config.back_ends import BackEndSettings
from lotor.config.settings import LogForm
from lotor.confinement.identity import Identity
from lotor.confinement.sandbox import Files
from lotor.confinement.unprivileged import GivenUp, give_up
from lotor.daemon import collector, logs
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.first_steps import Told, alone, play, show_life
from lotor.privsep.asking import Asker
from lotor.privsep.backing import Confined
from lotor.privsep.faults import Fault
from lotor.privsep.frames import refuse_descriptors
from lotor.privsep.living import READY
from lotor.privsep.serving import Server

log = logging.getLogger(__name__)

TRUSTED = (
    *map(Path, ("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/usr/share/ca-certificates")),
    *map(Path, ("/usr/local/share/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted")),
    Path("/var/lib/ca-certificates"),
)
"""Where distributions keep the authorities that a host trusts; beside them it reads what every program reads to look
names up."""


def main(number: int) -> Exit:
    """`number` is that of the line's descriptor."""
    return play(number, "process of back ends", _back_ends)


def _back_ends(told: Told) -> Exit:
    given_up = give_up(Identity.of(told.given.identity), told.warden, Files(read=TRUSTED))
    return asyncio.run(answer(told, given_up))


async def answer(told: Told, given_up: GivenUp, make: Make = engines_of) -> Exit:
    """Until it is ended. `make` has the engines for settings. Raises `StartError` for those that it cannot begin
    with."""
    if told.lent.asked is None:
        raise StartError("the warden gives no line on which it asks")
    first: asyncio.Future[Fault | None] = asyncio.get_running_loop().create_future()

    def configured(settings: BackEndSettings, fault: Fault | None) -> None:
        if fault is None:
            logs.set_level(settings.level, debug=told.given.debug)
            logs.set_form(LogForm.JSON if told.given.json else settings.form)
        if not first.done():
            first.set_result(fault)

    back_ends = PresentBackEnds(make)
    with socket.socket(fileno=told.lent.asked) as asked:
        asked.setblocking(False)
        refuse_descriptors(asked)
        rows = Answers(back_ends, confined(given_up), configured).rows()
        server = Server(asked, rows, alone, "warden")
        asker = Asker(told.line, alone)
        try:
            if (fault := await first) is not None:
                raise StartError(fault.sentence)
            await asker.ask(READY, None)
            collector.settle()
            await show_life(asker)
        finally:
            server.close()
            asker.close()
    return Exit.FAILED


def confined(given_up: GivenUp) -> Confined:
    return Confined(os.getpid(), given_up.user, given_up.group, given_up.landlock, given_up.calls, given_up.refused)
