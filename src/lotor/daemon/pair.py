"""The warden as a process: it starts the daemon, and starts it again, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from lotor import config
from lotor.config.settings import Settings
from lotor.control.listening import Listener
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.given import MODULE, Given, Options, address_of
from lotor.warden import hardening, loading
from lotor.warden.attendance import Attendance
from lotor.warden.child import Program, interpreter
from lotor.warden.identity import unprivileged
from lotor.warden.loading import Holding
from lotor.warden.supervise import StartFailed, Supervisor
from lotor.warden.warden import Warden, hold


async def guard(options: Options, loaded: Holding, ready: Callable[[], None], log_file: int | None) -> int:
    """The exit code. `log_file` is a descriptor for both processes. Raises `StartError`."""
    stopped = asyncio.Event()
    warden = Warden(lambda: loading.load(options.file), loaded, hold())
    attendance = Attendance(warden)
    hardening.bound(scripts=config.has_scripts(loaded.settings), daemon=True)
    try:
        with _control(loaded.settings) as control:
            await warden.start()
            supervisor = Supervisor(_program(options, loaded.settings, log_file, control), attendance.care)
            await _started(supervisor)
            try:
                _catch_signals(stopped, supervisor)
                ready()
                await stopped.wait()
            finally:
                await supervisor.stop()
    finally:
        await attendance.close()
        await warden.stop()
    return Exit.OK


def _program(options: Options, settings: Settings, log_file: int | None, control: int | None) -> Program:
    try:
        identity = unprivileged(settings.privsep)
    except LookupError as error:
        raise StartError(str(error), Exit.CONFIGURATION) from error
    given = Given(
        name=str(options.file),
        identity=identity.word,
        log=log_file,
        control=control,
        syslog=not options.foreground,
        level=settings.log.value,
        debug=options.debug,
        capture=str(options.capture) if options.capture is not None else None,
    )
    descriptors = tuple(each for each in (log_file, control) if each is not None)
    return Program(interpreter(MODULE, given.word), descriptors, quiet=not options.foreground)


async def _started(supervisor: Supervisor) -> None:
    try:
        await supervisor.start()
    except StartFailed as failed:
        raise StartError(failed.text, Exit(failed.code), failed.fix) from failed


@contextlib.contextmanager
def _control(settings: Settings) -> Iterator[int | None]:
    """The descriptor of the administrator's socket, which outlives a daemon: whoever calls meanwhile waits."""
    address = address_of(settings.listen.adminsock)
    if address is None:
        yield None
        return
    try:
        listener = Listener(address)
    except OSError as error:
        raise StartError(error.strerror or str(error), Exit.BUSY) from error
    try:
        yield listener.socket.fileno()
    finally:
        listener.close()


def _catch_signals(stopped: asyncio.Event, supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, supervisor.hang_up)
