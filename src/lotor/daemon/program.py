"""The main program, once loaded: it refuses to start for one clear reason, or serves until told to stop, and leaves
nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from lotor.config import ConfigError
from lotor.config.settings import Settings
from lotor.daemon import collector, logs
from lotor.daemon.background import PidFile
from lotor.daemon.exits import StartError, faulty
from lotor.daemon.options import Options
from lotor.files.places import OPEN, make_open
from lotor.model.frozen import frozen
from lotor.warden import loading, service_manager
from lotor.warden.loading import Holding
from lotor.warden.service_manager import ServiceManager
from lotor.warden.spawning import UMASK, Program

log = logging.getLogger(__name__)

STATE = Path("/run/lotor")
DEFAULT_PID_FILE = STATE / "lotor.pid"


@frozen
class Start:
    """What is started: `ready` is to be called when it serves."""

    options: Options
    loaded: Holding
    daemon: Program
    ready: Callable[[], None]
    manager: ServiceManager


def run(options: Options, daemon: Program, ready: Callable[[], None]) -> int:
    """The exit code; `StartError` when the daemon does not start. `daemon` is not used where one process does all."""
    wanted = service_manager.taken(os.environ)
    loaded = _load(options.file)
    _open_state()
    os.umask(UMASK)
    manager = ServiceManager(wanted if options.foreground else None)
    try:
        return asyncio.run(_main(Start(options, loaded, daemon, ready, manager)))
    except asyncio.CancelledError:
        raise StartError("it was told to stop before it served") from None


def _open_state() -> None:
    """The control socket in it may be for a group. Nothing in it is secret that does not say so itself, and an earlier
    lotor left it closed."""
    try:
        make_open(STATE)
        if STATE.stat().st_uid == os.geteuid():
            STATE.chmod(OPEN)
    except OSError as error:
        raise StartError(f"cannot make the directory {STATE}: {error.strerror}") from error


def _load(file: Path) -> Holding:
    """What is wrong with authorities tell the daemon and `lotor check`: no certificate of others is parsed here."""
    try:
        return loading.load(file)
    except ConfigError as error:
        raise faulty(str(file), error) from error


async def _main(start: Start) -> int:
    options, loaded = start.options, start.loaded
    _stop_cleanly()
    sink = options.log or (logs.Sink.STDERR if options.foreground else logs.Sink.SYSLOG)
    with _descriptor(options.log) as file:
        form = logs.form_of(loaded.settings, options.said)
        logs.set_up(sink if file is None else file, loaded.settings.log.value, debug=options.debug, form=form)
        if logs.goes_nowhere(sink):
            log.warning(
                "there is no %s: the log of this daemon in the background goes nowhere; -l FILE keeps it", logs.SYSLOG
            )
        pid_file = _pid_file(options, loaded.settings)
        if pid_file is not None:
            pid_file.take()
        try:
            return await _served(start, file)
        finally:
            if pid_file is not None:
                pid_file.give_back()


def _stop_cleanly() -> None:
    """A signal that comes before there is anything to stop ends the start as a fault does: nothing is left of it."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _served(start: Start, log_file: int | None) -> int:
    """A warden never loads what parses a peer's octets."""

    def ready() -> None:
        start.ready()
        collector.settle()

    if start.options.single_process:
        from lotor.daemon.single import serve

        return await serve(start.options, start.loaded, ready, start.manager)
    from lotor.daemon.pair import Guarded, guard

    return await guard(Guarded(start.options, start.loaded, start.daemon, start.manager), ready, log_file)


@contextlib.contextmanager
def _descriptor(log_file: Path | None) -> Iterator[int | None]:
    """Of a log file that both processes write to. A start that came to nothing leaves no empty one."""
    if log_file is None:
        yield None
        return
    was_there = log_file.exists()
    try:
        descriptor = logs.open_log(log_file)
    except OSError as error:
        raise StartError(f"the log {log_file} cannot be opened: {error.strerror}") from error
    try:
        yield descriptor
    except StartError:
        if not was_there and not os.fstat(descriptor).st_size:
            log_file.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _pid_file(options: Options, settings: Settings) -> PidFile | None:
    """In the foreground only when the configuration names one."""
    named = settings.paths.pidfile
    if named is not None:
        return PidFile(named.path)
    return None if options.foreground else PidFile(DEFAULT_PID_FILE)
