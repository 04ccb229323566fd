"""The main program: it refuses to start for one clear reason, or serves until it is told to stop and leaves nothing."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lotor import config
from lotor.config import ConfigError
from lotor.config.settings import Settings
from lotor.daemon import logs
from lotor.daemon.background import PidFile, in_background
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.loadout import equip, load
from lotor.daemon.privilege import demand_privilege
from lotor.daemon.processes import ALONE
from lotor.daemon.serving import Daemon, Surroundings, capturing
from lotor.files.places import OPEN, make_open
from lotor.runtime.capture import Capture
from lotor.runtime.present import Present
from lotor.warden import hardening, loading
from lotor.warden.loading import Holding
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
    logs.set_up(sink, loaded.settings.log.value, debug=options.debug)
    if logs.goes_nowhere(sink):
        log.warning(
            "there is no %s: the log of this daemon in the background goes nowhere; -l FILE keeps it", logs.SYSLOG
        )
    if options.single_process:
        log.warning("%s", ALONE)
    pid_file = _pid_file(options, loaded.settings)
    if pid_file is not None:
        pid_file.take()
    try:
        with capturing(options.capture) as capture:
            return await _alone(options, loaded, ready, capture)
    finally:
        if pid_file is not None:
            pid_file.give_back()


async def _alone(options: Options, loaded: Holding, ready: Callable[[], None], capture: Capture | None) -> int:
    """The warden's engines and the daemon in one process."""
    warden = Warden(lambda: loading.load(options.file), loaded, hold())
    hardening.bound(scripts=config.has_scripts(loaded.settings))
    try:
        await warden.start()
        present = Present(equip(warden.present()))
        present.follow(lambda loadout: logs.set_level(loadout.settings.log.value, debug=options.debug))
        given = Surroundings(str(options.file), warden.privileged, warden, equip, present, capture)
        return await Daemon(given).serve(ready)
    except ConfigError as error:
        text = f"{options.file} has errors, nothing was started\n{error}"
        raise StartError(text, Exit.CONFIGURATION) from error
    finally:
        await warden.stop()


def _pid_file(options: Options, settings: Settings) -> PidFile | None:
    """In the foreground only when the configuration names one."""
    named = settings.paths.pidfile
    if named is not None:
        return PidFile(named.path)
    return None if options.foreground else PidFile(DEFAULT_PID_FILE)
