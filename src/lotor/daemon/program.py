"""The main program: it refuses to start for one clear reason, or serves until it is told to stop and leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lotor.config import ConfigError
from lotor.control.server import Address, ControlServer
from lotor.daemon import logs
from lotor.daemon.assembly import assemble, dismantle
from lotor.daemon.background import PidFile, in_background
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.loadout import Loadout, load
from lotor.daemon.privilege import demand_privilege
from lotor.daemon.processes import ALONE
from lotor.daemon.service import Origin, Steward
from lotor.files.places import OPEN, make_open
from lotor.runtime.capture import Capture
from lotor.warden import hardening

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
    loadout = _load(options.file)
    _open_state()
    os.umask(0o077)
    if options.foreground:
        return asyncio.run(_main(options, loadout, lambda: None))
    return in_background(lambda ready: asyncio.run(_main(options, loadout, ready)))


def _open_state() -> None:
    """The control socket in it may be for a group. Nothing in it is secret that does not say so itself, and an earlier
    lotor left it closed."""
    try:
        make_open(STATE)
        if STATE.stat().st_uid == os.geteuid():
            STATE.chmod(OPEN)
    except OSError as error:
        raise StartError(f"cannot make the directory {STATE}: {error.strerror}") from error


def _load(file: Path) -> Loadout:
    try:
        return load(file)
    except ConfigError as error:
        raise StartError(f"{file} has errors, nothing was started\n{error}", Exit.CONFIGURATION) from error


async def _main(options: Options, loadout: Loadout, ready: Callable[[], None]) -> int:
    sink = options.log or (logs.Sink.STDERR if options.foreground else logs.Sink.SYSLOG)
    logs.set_up(sink, loadout.settings.log.value, debug=options.debug)
    if logs.goes_nowhere(sink):
        log.warning(
            "there is no %s: the log of this daemon in the background goes nowhere; -l FILE keeps it", logs.SYSLOG
        )
    if options.single_process:
        log.warning("%s", ALONE)
    pid_file = _pid_file(options, loadout)
    if pid_file is not None:
        pid_file.take()
    try:
        return await Daemon(options, loadout).serve(ready)
    finally:
        if pid_file is not None:
            pid_file.give_back()


def _pid_file(options: Options, loadout: Loadout) -> PidFile | None:
    """In the foreground only when the configuration names one."""
    named = loadout.settings.paths.pidfile
    if named is not None:
        return PidFile(named.path)
    return None if options.foreground else PidFile(DEFAULT_PID_FILE)


class Daemon:
    """One run, from the engines' start to their end."""

    def __init__(self, options: Options, loadout: Loadout) -> None:
        self._options = options
        self._loadout = loadout
        self._stopped = asyncio.Event()
        self._code = Exit.OK
        self._tasks: set[asyncio.Task[object]] = set()

    async def serve(self, ready: Callable[[], None]) -> int:
        with contextlib.ExitStack() as held:
            return await self._serve(ready, self._capture(held))

    def _capture(self, held: contextlib.ExitStack) -> Capture | None:
        """Before anything else is touched: who asked for a capture wants all of it."""
        if self._options.capture is None:
            return None
        try:
            capture = Capture(self._options.capture)
        except OSError as error:
            raise StartError(str(error.strerror)) from error
        held.callback(capture.close)
        log.warning("%s", capture.remark)
        return capture

    async def _serve(self, ready: Callable[[], None], capture: Capture | None) -> int:
        assembled = await assemble(self._loadout, self._broken, capture)
        for warning in self._loadout.warnings:
            log.warning("%s", warning.partition("\n")[0])
        try:
            file = self._options.file
            steward = Steward(
                assembled.machinery, Origin(str(file), lambda: load(file), assembled.premises.adapt, self._taken_over)
            )
            server = await self._control(steward)
            try:
                self._catch_signals(steward)
                log.info("lotor serves with %s", self._options.file)
                ready()
                await self._stopped.wait()
                log.info("lotor stops")
            finally:
                await assembled.machinery.stop()
                if server is not None:
                    await server.stop()
        finally:
            await dismantle(assembled)
        return self._code

    def _taken_over(self, loadout: Loadout) -> None:
        logs.set_level(loadout.settings.log.value, debug=self._options.debug)

    async def _control(self, steward: Steward) -> ControlServer | None:
        adminsock = self._loadout.settings.listen.adminsock
        if adminsock is None:
            return None
        address = Address(adminsock.path, adminsock.owner, adminsock.group, adminsock.mode)
        server = ControlServer(address, steward)
        try:
            await server.start()
        except OSError as error:
            raise StartError(error.strerror or str(error), Exit.BUSY) from error
        return server

    def _catch_signals(self, steward: Steward) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(steward))

    def _begin(self, steward: Steward) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(steward.read_again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _broken(self, why: str) -> None:
        del why
        self._code = Exit.FAILED
        self._stopped.set()
