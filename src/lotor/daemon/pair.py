"""The warden as a process: it starts the daemon, and starts it again, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lotor import config
from lotor.config.back_ends import BackEndSettings
from lotor.config.settings import Settings
from lotor.confinement import hardening
from lotor.confinement.identity import unprivileged
from lotor.control.listening import Listener
from lotor.daemon import listening, logs
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.options import Options
from lotor.files import captures
from lotor.files.peers import opened
from lotor.model.frozen import frozen
from lotor.privsep.living import Given, Lent
from lotor.privsep.serving import Handler
from lotor.warden import loading
from lotor.warden.attendance import Attendance
from lotor.warden.back_ends import BackEndsAtNeed, LedBackEnds
from lotor.warden.giving import giving
from lotor.warden.loading import Holding
from lotor.warden.outline import outline
from lotor.warden.service_manager import Life, ServiceManager, told
from lotor.warden.spawning import Program
from lotor.warden.supervise import Care, StartFailed, Supervisor
from lotor.warden.warden import Warden, hold

log = logging.getLogger(__name__)


BACK_ENDS = "back-ends"
"""The word of a command line by which `daemon.entry` becomes the process of RADIUS and LDAP."""


@frozen
class Guarded:
    """What a warden begins with. `daemon` may have been started ahead."""

    options: Options
    loaded: Holding
    daemon: Program
    manager: ServiceManager


async def guard(guarded: Guarded, ready: Callable[[], None], log_file: int | None) -> int:
    """The exit code. `log_file` is a descriptor for both processes. Raises `StartError`."""
    options, loaded = guarded.options, guarded.loaded
    stopped = asyncio.Event()
    back_ends = BackEndsAtNeed(lambda: _back_ends(guarded, log_file))
    warden = Warden(lambda: loading.load(options.file), loaded, hold(loaded.settings, back_ends))
    warden.follow(lambda settings: logs.follow(settings, options.said))
    warden.follow_reloads(guarded.manager.reloads)
    listening.demand_free(loaded.settings)
    hardening.bound(scripts=config.has_scripts(loaded.settings), daemon=True, pam=config.asks_pam(loaded.settings))

    async def serve() -> None:
        ready()
        life = Life(lambda: outline(warden, serves=supervisor.pid is not None), lambda: supervisor.answers)
        async with told(guarded.manager, life):
            await stopped.wait()

    async with attending(warden) as attendance:
        with (
            captured(options.capture) as capture,
            _control(loaded.settings) as control,
            opened(serves=config.is_gateway(loaded.settings)) as peers,
        ):
            lent = Lent(log_file, control.socket.fileno() if control is not None else None, capture, peers=peers)
            given = given_to(options, loaded.settings, lent)
            care = Care(lambda: {**begun(control, attendance), **giving(given, lent)}, attendance.let_go)
            supervisor = Supervisor(guarded.daemon, care)
            _catch_signals(stopped, supervisor)
            await kept(warden, supervisor, stopped, serve)
        await warden.release()
    return Exit.OK


def _back_ends(guarded: Guarded, log_file: int | None) -> LedBackEnds:
    """The process of RADIUS and LDAP becomes the user that the daemon becomes."""
    from lotor.warden.far_back_ends import FarBackEnds, Start

    options, settings = guarded.options, guarded.loaded.settings

    def given(wanted: BackEndSettings) -> Given:
        lent = Lent(log_file, asked=0)
        return replace(given_to(options, settings, lent), level=wanted.level)

    return FarBackEnds(Start(guarded.daemon.beside(BACK_ENDS), given, log_file))


@contextlib.asynccontextmanager
async def attending(warden: Warden) -> AsyncIterator[Attendance]:
    """What daemons are answered with; in the end everything is given back."""
    attendance = Attendance(warden)
    try:
        yield attendance
    finally:
        await attendance.close()
        await warden.stop()


async def kept(
    warden: Warden, supervisor: Supervisor, stopped: asyncio.Event, serve: Callable[[], Awaitable[None]]
) -> None:
    """`serve` runs once a daemon does, unless the program is told to stop before; behind it the daemon is ended. Raises
    `StartError`."""
    await begin(warden)
    if await started(supervisor, stopped):
        try:
            await serve()
        finally:
            await supervisor.stop()


async def begin(warden: Warden) -> None:
    """Raises `StartError` where this host refuses what the configuration wants of it."""
    try:
        await warden.start()
    except OSError as error:
        raise StartError(error.strerror or str(error)) from error


def given_to(options: Options, settings: Settings, lent: Lent) -> Given:
    """Raises `StartError`."""
    try:
        identity = unprivileged(settings.privsep)
    except LookupError as error:
        raise StartError(str(error), Exit.CONFIGURATION) from error
    return Given(
        name=str(options.file),
        identity=identity.word,
        log=lent.log is not None,
        control=lent.control is not None,
        syslog=not options.foreground,
        level=settings.log.value,
        debug=options.debug,
        form=logs.form_of(settings, options.said).value,
        json=options.json,
        capture=str(options.capture) if lent.capture is not None else None,
        caller=lent.caller is not None,
        peers=lent.peers is not None,
        asked=lent.asked is not None,
    )


@contextlib.contextmanager
def captured(file: Path | None) -> Iterator[captures.Made | None]:
    """The files of a capture, which go on where a daemon is followed by another one."""
    if file is None:
        yield None
        return
    try:
        made = captures.make(file)
    except OSError as error:
        raise StartError(str(error.strerror)) from error
    try:
        yield made
    except StartError:
        captures.discard(file)
        raise
    finally:
        for descriptor in made:
            os.close(descriptor)


def begun(control: Listener | None, attendance: Attendance) -> Mapping[int, Handler]:
    """For one daemon, which has the administrator's socket, too."""
    if control is not None and control.mend():
        log.warning("the daemon that ended had shut the control socket down: there is another one in its place")
    return attendance.begin()


async def started(supervisor: Supervisor, stopped: asyncio.Event) -> bool:
    """Whether it serves; not where the program is told to stop before, and then nothing of it is left. Raises
    `StartError`."""
    loop = asyncio.get_running_loop()
    start, stop = loop.create_task(supervisor.start()), loop.create_task(stopped.wait())
    await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not start.done():
        start.cancel()
        await asyncio.wait({start})
    if start.cancelled():
        return False
    try:
        start.result()
    except StartFailed as failed:
        code = Exit(failed.code) if failed.code in set(Exit) else Exit.FAILED
        raise StartError(failed.text, code, failed.fix) from failed
    return True


@contextlib.contextmanager
def _control(settings: Settings) -> Iterator[Listener | None]:
    """The administrator's socket, which outlives a daemon: a call between two daemons waits for the next one."""
    address = listening.address_of(settings.listen.adminsock)
    if address is None:
        yield None
        return
    try:
        listener = Listener(address)
    except OSError as error:
        raise StartError(error.strerror or str(error), Exit.BUSY) from error
    try:
        yield listener
    finally:
        listener.close()


def _catch_signals(stopped: asyncio.Event, supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, supervisor.hang_up)
