"""One run of the daemon, from the start of its engines to their end: beside a warden or in one process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from lotor.config.provision import Provision
from lotor.control.listening import Address
from lotor.control.server import ControlServer
from lotor.daemon import logs
from lotor.daemon.active_config import ActiveConfig
from lotor.daemon.assembly import Assembled, assemble, dismantle
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.options import Said
from lotor.daemon.processes import Processes
from lotor.daemon.reloading import Reload
from lotor.daemon.reminding import reminding
from lotor.daemon.service import AdminService
from lotor.daemon.wiring import SHUT_DOWN
from lotor.files import captures
from lotor.model.frozen import frozen
from lotor.model.reason import Reason
from lotor.model.reasons.local import EngineFault
from lotor.privsep.privileged import Configurations, Privileged
from lotor.runtime.capture import Capture
from lotor.runtime.present import Present

log = logging.getLogger(__name__)


@frozen
class Surroundings:
    """What a daemon is given: `name` of the configuration file; `make` turns what the warden read into what the daemon
    obeys (`ConfigError`); `present` holds that of the start. `control` makes the administrator's socket, or is one;
    `caller` is the other end of a connection whose caller needs no such socket; `processes`: which this program is,
    for the status; `owner`: the user who may do what root may: a daemon's own user is nobody's administrator.
    `seconds`: how long the program has run already; `restarts`: how many daemons of it there were before.
    `peers`: the descriptor of the file of a gateway's last peers."""

    name: str
    privileged: Privileged
    configurations: Configurations
    make: Callable[[Provision], ActiveConfig]
    present: Present[ActiveConfig]
    control: Address | socket.socket | None
    processes: Processes
    capture: Capture | None = None
    caller: socket.socket | None = None
    owner: int = 0
    seconds: float = 0.0
    restarts: int = 0
    peers: int | None = None


class Daemon:
    """`serve` once, until `stop`, a signal or a fault of an engine; `ready` is called when clients may come."""

    def __init__(self, given: Surroundings) -> None:
        self._given = given
        self._stopped = asyncio.Event()
        self._code = Exit.OK
        self._why: Reason = SHUT_DOWN

    def stop(self) -> None:
        self._stopped.set()

    async def serve(self, ready: Callable[[], Awaitable[None]]) -> Exit:
        """Raises `StartError`."""
        assembled = await assemble(
            self._given.present, self._given.privileged, self._broken, capture=self._given.capture
        )
        try:
            for warning in self._given.present.now.warnings:
                log.warning("%s", warning.partition("\n")[0])
            await self._serve(assembled, ready)
        finally:
            await dismantle(assembled)
        return self._code

    async def _serve(self, assembled: Assembled, ready: Callable[[], Awaitable[None]]) -> None:
        given = self._given
        reload = Reload(given.configurations, given.make, assembled.listeners, given.present)
        admin = AdminService(assembled.wiring, given.name, reload, given.processes, given.owner)
        admin.remember(given.seconds, given.restarts)
        server: ControlServer | None = None
        try:
            server = await self._control(admin)
            with self._signals(admin):
                log.info("lotor serves with %s", given.name)
                if given.caller is None:  # who calls here begins the connection, and types the password for it
                    assembled.wiring.keeping.begin()
                await ready()
                async with reminding(given.peers, assembled.wiring):
                    await self._stopped.wait()
            log.info("lotor stops")
        finally:
            await assembled.wiring.stop(self._why)
            if server is not None:
                await server.stop()

    async def _control(self, admin: AdminService) -> ControlServer | None:
        control, caller = self._given.control, self._given.caller
        if control is None and caller is None:
            return None
        server = ControlServer(control, admin)
        try:
            await server.start()
            if caller is not None:
                await server.join(caller)
        except OSError as error:
            raise StartError(error.strerror or str(error), Exit.BUSY) from error
        return server

    @contextlib.contextmanager
    def _signals(self, admin: AdminService) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, admin.read_again)
        yield

    def _broken(self, why: str) -> None:
        self._code, self._why = Exit.FAILED, EngineFault(why)
        self.stop()


def log_as(present: Present[ActiveConfig], said: Said) -> None:
    """As the configuration says, which another daemon may have reloaded since the warden's start."""

    def follow(active: ActiveConfig) -> None:
        logs.follow(active.settings, said)

    follow(present.now)
    present.follow(follow)


@contextlib.contextmanager
def capturing(file: Path | None, made: captures.Made | None = None) -> Iterator[Capture | None]:
    """Before anything else is touched: a person who asked for a capture wants all of it. `made` as `Capture` has it."""
    if file is None:
        yield None
        return
    try:
        capture = Capture(file, made=made)
    except OSError as error:
        raise StartError(str(error.strerror)) from error
    with contextlib.closing(capture):
        log.warning("%s", capture.remark)
        try:
            yield capture
        except StartError:
            if made is None:
                captures.discard(file)
            raise
