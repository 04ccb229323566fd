"""The main program: it refuses to start for one clear reason, or serves until it is told to stop and leaves nothing."""

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
from lotor.daemon import logs
from lotor.daemon.background import PidFile, in_background
from lotor.daemon.exits import StartError, faulty
from lotor.daemon.given import Options
from lotor.daemon.privilege import demand_privilege, demand_wardens_privilege
from lotor.files.places import OPEN, make_open
from lotor.warden import hardening, loading
from lotor.warden.loading import Holding

log = logging.getLogger(__name__)

STATE = Path("/run/lotor")
DEFAULT_PID_FILE = STATE / "lotor.pid"


def run(options: Options) -> int:
    """The exit code; `StartError` when the daemon does not start."""
    demand_privilege()
    if not options.single_process:
        demand_wardens_privilege()
    hardening.withhold_memory()
    loaded = _load(options.file)
    _open_state()
    os.umask(0o077)
    if options.foreground:
        return _run(options, loaded, lambda: None)
    return in_background(lambda ready: _run(options, loaded, ready))


def _run(options: Options, loaded: Holding, ready: Callable[[], None]) -> int:
    try:
        return asyncio.run(_main(options, loaded, ready))
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
    try:
        return loading.load(file)
    except ConfigError as error:
        raise faulty(str(file), _all_faults(file, error)) from error


def _all_faults(file: Path, found: ConfigError) -> ConfigError:
    """Those of the certificates that are trusted, too."""
    from lotor.daemon.active_config import load

    try:
        load(file)
    except ConfigError as more:
        return more
    return found


async def _main(options: Options, loaded: Holding, ready: Callable[[], None]) -> int:
    _stop_cleanly()
    sink = options.log or (logs.Sink.STDERR if options.foreground else logs.Sink.SYSLOG)
    with _descriptor(options.log) as file:
        logs.set_up(sink if file is None else file, loaded.settings.log.value, debug=options.debug)
        if logs.goes_nowhere(sink):
            log.warning(
                "there is no %s: the log of this daemon in the background goes nowhere; -l FILE keeps it", logs.SYSLOG
            )
        pid_file = _pid_file(options, loaded.settings)
        if pid_file is not None:
            pid_file.take()
        try:
            return await _served(options, loaded, ready, file)
        finally:
            if pid_file is not None:
                pid_file.give_back()


def _stop_cleanly() -> None:
    """A signal that comes before there is anything to stop ends the start as a fault does: nothing is left of it."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _served(options: Options, loaded: Holding, ready: Callable[[], None], log_file: int | None) -> int:
    """A warden never loads what parses a peer's octets."""
    if options.single_process:
        from lotor.daemon.single import serve

        return await serve(options, loaded, ready)
    from lotor.daemon.pair import guard

    return await guard(options, loaded, ready, log_file)


@contextlib.contextmanager
def _descriptor(log_file: Path | None) -> Iterator[int | None]:
    """Of a log file that both processes write to."""
    if log_file is None:
        yield None
        return
    try:
        descriptor = logs.open_log(log_file)
    except OSError as error:
        raise StartError(f"the log {log_file} cannot be opened: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _pid_file(options: Options, settings: Settings) -> PidFile | None:
    """In the foreground only when the configuration names one."""
    named = settings.paths.pidfile
    if named is not None:
        return PidFile(named.path)
    return None if options.foreground else PidFile(DEFAULT_PID_FILE)
