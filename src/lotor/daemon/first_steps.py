"""The first steps of a process that a warden started, whatever it is for: it hears what it is to do, and where it logs;
a fault on the way is told to the warden."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

from lotor.config.settings import LogForm
from lotor.confinement.sandbox import Unconfined
from lotor.confinement.unprivileged import tie
from lotor.daemon import logs
from lotor.daemon.exits import Exit, StartError
from lotor.model.frozen import frozen
from lotor.privsep.asking import Asker
from lotor.privsep.frames import Ended
from lotor.privsep.living import BEAT, LIVES, Given, Lent, StartFailure, ask_given, tell_failure

log = logging.getLogger(__name__)


@frozen
class Told:
    """What the process heard on its `line`. `warden`: its process id."""

    line: socket.socket
    warden: int
    given: Given
    lent: Lent


def play(number: int, name: str, part: Callable[[Told], Exit]) -> Exit:
    """`number` is that of the line's descriptor; `part` is what the process does, under this `name`, from giving up its
    rights on."""
    line = socket.socket(fileno=number)
    try:
        warden = tie(line)
        given, lent = ask_given(line)
        sink = logs.Sink.SYSLOG if given.syslog else logs.Sink.STDERR
        form = LogForm(given.form)
        logs.set_up(lent.log if lent.log is not None else sink, given.level, debug=given.debug, form=form)
        return part(Told(line, warden, given, lent))
    except Ended:
        return Exit.FAILED  # the warden does not serve, and has said why
    except (Unconfined, StartError) as error:
        code, fix = (error.code, error.fix) if isinstance(error, StartError) else (Exit.FAILED, "")
        tell_failure(line, StartFailure(str(error), fix, code))
        return code
    except Exception as error:  # noqa: BLE001 - nobody reads a traceback where standard error leads nowhere
        log.critical("internal error: %s", _where(error))
        tell_failure(line, StartFailure(f"internal error in the {name}: {type(error).__name__}", "", Exit.FAILED))
        return Exit.FAILED


def _where(error: Exception) -> str:
    """Its kind and the lines that led to it; the text of an error may quote a peer."""
    lines = [f"{Path(each.filename).name}:{each.lineno}" for each in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} at {' '.join(lines[-8:])}"


async def show_life(asker: Asker) -> None:
    """In the event loop that does everything else: where that stands still, the warden hears nothing."""
    with contextlib.suppress(Ended):
        while True:
            await asker.ask(LIVES, None)
            await asyncio.sleep(BEAT)


def alone(why: str) -> None:
    """Without a warden nothing goes on, and what this process has open is closed by its end."""
    log.critical("%s: this process ends", why)
    os._exit(Exit.FAILED)
