"""The main program: it refuses to start for one clear reason, or serves until it is told to stop and leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lotor import config
from lotor.config import ConfigError
from lotor.config.settings import Settings
from lotor.control.listening import Listener
from lotor.daemon import attended, logs
from lotor.daemon.attended import Given
from lotor.daemon.background import PidFile, in_background
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.loadout import equip, load
from lotor.daemon.privilege import demand_privilege
from lotor.daemon.processes import ALONE, alone
from lotor.daemon.serving import Daemon, Surroundings, address_of, capturing
from lotor.files.places import OPEN, make_open
from lotor.runtime.present import Present
from lotor.warden import hardening, loading
from lotor.warden.attendance import Attendance
from lotor.warden.child import Program, interpreter
from lotor.warden.identity import unprivileged
from lotor.warden.loading import Holding
from lotor.warden.supervise import StartFailed, Supervisor
from lotor.warden.warden import Warden, hold

log = logging.getLogger(__name__)

STATE = Path("/run/lotor")
DEFAULT_PID_FILE = STATE / "lotor.pid"


@dataclass(frozen=True, slots=True)
class Options:
    """The command line of `lotor daemon`."""

    file: Path
    foreground: bool = False
    log: Path | None = None
    debug: bool = False
    capture: Path | None = None
    single_process: bool = False


def run(options: Options) -> int:
    """The exit code; `StartError` when the daemon does not start."""
    demand_privilege()
    hardening.withhold_memory()
    loaded = _load(options.file)
    _open_state()
    os.umask(0o077)
    if options.foreground:
        return asyncio.run(_main(options, loaded, lambda: None))
    return in_background(lambda ready: asyncio.run(_main(options, loaded, ready)))


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
        text = f"{file} has errors, nothing was started\n{_all_faults(file, error)}"
        raise StartError(text, Exit.CONFIGURATION) from error


def _all_faults(file: Path, found: ConfigError) -> ConfigError:
    """Those of the certificates that are trusted, too."""
    try:
        load(file)
    except ConfigError as more:
        return more
    return found


async def _main(options: Options, loaded: Holding, ready: Callable[[], None]) -> int:
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
            if options.single_process:
                return await _alone(options, loaded, ready)
            return await _attended(options, loaded, ready, file)
        finally:
            if pid_file is not None:
                pid_file.give_back()


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


async def _alone(options: Options, loaded: Holding, ready: Callable[[], None]) -> int:
    """The warden's engines and the daemon in one process."""
    log.warning("%s", ALONE)

    async def tell() -> None:
        ready()

    warden = Warden(lambda: loading.load(options.file), loaded, hold())
    hardening.bound(scripts=config.has_scripts(loaded.settings))
    try:
        with capturing(options.capture) as capture:
            await warden.start()
            present = Present(equip(warden.present()))
            present.follow(lambda loadout: logs.set_level(loadout.settings.log.value, debug=options.debug))
            control = address_of(loaded.settings.listen.adminsock)
            given = Surroundings(
                str(options.file), warden.privileged, warden, equip, present, control, alone(), capture
            )
            return await Daemon(given).serve(tell)
    except ConfigError as error:
        text = f"{options.file} has errors, nothing was started\n{error}"
        raise StartError(text, Exit.CONFIGURATION) from error
    finally:
        await warden.stop()


async def _attended(options: Options, loaded: Holding, ready: Callable[[], None], log_file: int | None) -> int:
    """As the warden: the daemon is a process that it starts, and starts again."""
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
    return Program(interpreter(attended.MODULE, given.word), descriptors, quiet=not options.foreground)


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


def _pid_file(options: Options, settings: Settings) -> PidFile | None:
    """In the foreground only when the configuration names one."""
    named = settings.paths.pidfile
    if named is not None:
        return PidFile(named.path)
    return None if options.foreground else PidFile(DEFAULT_PID_FILE)
