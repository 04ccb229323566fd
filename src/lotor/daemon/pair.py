"""The warden as a process: it starts the daemon, and starts it again, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lotor import config
from lotor.config.settings import Settings
from lotor.control.listening import Listener
from lotor.daemon import listening, logs
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.given import MODULE, Given, Options, address_of
from lotor.files import captures
from lotor.hosts import netlink
from lotor.privsep.serving import Handler
from lotor.warden import hardening, loading
from lotor.warden.attendance import Attendance
from lotor.warden.child import Program, interpreter
from lotor.warden.identity import unprivileged
from lotor.warden.loading import Holding
from lotor.warden.supervise import Care, StartFailed, Supervisor
from lotor.warden.warden import Warden, hold

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lent:
    """Descriptors that each daemon inherits; None for what there is not. `capture`: of packets, and of keys."""

    log: int | None
    control: int | None
    capture: tuple[int, int] | None

    @property
    def all(self) -> tuple[int, ...]:
        return tuple(each for each in (self.log, self.control, *(self.capture or ())) if each is not None)


async def guard(options: Options, loaded: Holding, ready: Callable[[], None], log_file: int | None) -> int:
    """The exit code. `log_file` is a descriptor for both processes. Raises `StartError`."""
    stopped = asyncio.Event()
    warden = Warden(lambda: loading.load(options.file), loaded, hold())
    warden.follow(lambda settings: logs.set_level(settings.log.value, debug=options.debug))
    attendance = Attendance(warden)
    listening.demand_free(loaded.settings)
    hardening.bound(scripts=config.has_scripts(loaded.settings), daemon=True)
    try:
        with captured(options.capture) as capture, _control(loaded.settings) as control:
            lent = Lent(log_file, control.socket.fileno() if control is not None else None, capture)
            care = Care(lambda: _begin(control, attendance), attendance.let_go)
            supervisor = Supervisor(_program(options, loaded.settings, lent), care)
            _catch_signals(stopped, supervisor)
            await warden.start()
            asyncio.get_running_loop().run_in_executor(None, netlink.load)  # beside the start of the daemon
            if await started(supervisor, stopped):
                try:
                    ready()
                    await stopped.wait()
                finally:
                    await supervisor.stop()
    finally:
        await attendance.close()
        await warden.stop()
    return Exit.OK


def _program(options: Options, settings: Settings, lent: Lent) -> Program:
    try:
        identity = unprivileged(settings.privsep)
    except LookupError as error:
        raise StartError(str(error), Exit.CONFIGURATION) from error
    given = Given(
        name=str(options.file),
        identity=identity.word,
        log=lent.log,
        control=lent.control,
        syslog=not options.foreground,
        level=settings.log.value,
        debug=options.debug,
        capture=(str(options.capture), *lent.capture) if lent.capture is not None else None,
    )
    return Program(interpreter(MODULE, given.word), lent.all, quiet=not options.foreground)


@contextlib.contextmanager
def captured(file: Path | None) -> Iterator[tuple[int, int] | None]:
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


def _begin(control: Listener | None, attendance: Attendance) -> Mapping[int, Handler]:
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
    """The administrator's socket, which outlives a daemon: whoever calls meanwhile waits."""
    address = address_of(settings.listen.adminsock)
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
