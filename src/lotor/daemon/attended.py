"""The daemon's own process, which a warden starts: it gives up every right, then asks the warden for what needs one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from functools import partial
from pathlib import Path

from lotor.config import ConfigError
from lotor.confinement.identity import Identity
from lotor.confinement.sandbox import Files
from lotor.confinement.unprivileged import GivenUp, give_up
from lotor.daemon import collector
from lotor.daemon.active_config import ActiveConfig, equip
from lotor.daemon.exits import Exit, StartError, faulty, typed
from lotor.daemon.first_steps import Told, alone, play, show_life
from lotor.daemon.options import Said
from lotor.daemon.processes import both
from lotor.daemon.serving import Daemon, Surroundings, capturing, log_as
from lotor.privsep.asking import Asker, Refused
from lotor.privsep.backing import BACK_ENDS, Serving
from lotor.privsep.far_accounting import FarAccounting
from lotor.privsep.far_configurations import FarConfigurations
from lotor.privsep.far_esp import FarHostEsp
from lotor.privsep.far_files import FarFiles
from lotor.privsep.far_gateways import FarGateways
from lotor.privsep.far_hooks import FarHooks
from lotor.privsep.far_host import FarHost
from lotor.privsep.far_leases import FarLeases
from lotor.privsep.far_logins import FarLogins
from lotor.privsep.far_orders import FarOrders
from lotor.privsep.far_records import FarRecords
from lotor.privsep.far_signer import FarSigner
from lotor.privsep.far_sockets import FarSockets
from lotor.privsep.far_tickets import FarTickets
from lotor.privsep.far_tunnels import FarTunnels
from lotor.privsep.hosting import scripts_of
from lotor.privsep.living import ABOUT, READY, Given, Lent
from lotor.privsep.privileged import Privileged
from lotor.runtime.capture import Capture
from lotor.runtime.present import Present

log = logging.getLogger(__name__)


def main(number: int) -> Exit:
    """`number` is that of the line's descriptor."""
    return play(number, "daemon", _daemon)


def _daemon(told: Told) -> Exit:
    with _capturing(told.given, told.lent) as capture:
        given_up = give_up(Identity.of(told.given.identity), told.warden, Files())
        return asyncio.run(_serve((told.given, told.lent), told.line, given_up, capture))


def _capturing(given: Given, lent: Lent) -> contextlib.AbstractContextManager[Capture | None]:
    """In the files that the warden made, one daemon after another."""
    return capturing(Path(given.capture) if given.capture is not None else None, lent.capture)


async def _serve(told: tuple[Given, Lent], line: socket.socket, given_up: GivenUp, capture: Capture | None) -> Exit:
    asker = Asker(line, alone)
    try:
        return await _attended(told, asker, given_up, capture)
    finally:
        asker.close()


async def _attended(told: tuple[Given, Lent], asker: Asker, given_up: GivenUp, capture: Capture | None) -> Exit:
    given, lent = told
    configurations = FarConfigurations(asker)
    make = partial(equip, files=FarFiles(asker))
    try:
        active = await asyncio.to_thread(make, await configurations.present())
    except ConfigError as error:
        raise typed(error) if given.caller else faulty(given.name, error) from error
    except OSError as error:
        raise StartError(f"the warden gives no configuration: {error.strerror or error}") from error
    present = Present(active)
    log_as(present, Said(given.debug, given.json))
    warden = (await asker.ask(ABOUT, None)).value
    surroundings = Surroundings(
        given.name,
        far_ports(asker, present, warden.session_ids),
        configurations,
        make,
        present,
        _socket(lent.control),
        both(warden, given_up, partial(_beyond, asker)),
        capture,
        _socket(lent.caller),
        seconds=warden.seconds,
        restarts=warden.restarts,
        peers=lent.peers,
    )

    beats: asyncio.Task[None] | None = None

    async def ready() -> None:
        nonlocal beats
        await asker.ask(READY, None)
        beats = asyncio.get_running_loop().create_task(show_life(asker))
        collector.settle()

    return await Daemon(surroundings).serve(ready)


async def _beyond(asker: Asker) -> Serving | None:
    try:
        return (await asker.ask(BACK_ENDS, None)).value
    except Refused:
        return None


def _socket(descriptor: int | None) -> socket.socket | None:
    return socket.socket(fileno=descriptor) if descriptor is not None else None


def far_ports(asker: Asker, present: Present[ActiveConfig], session_ids: str = "") -> Privileged:
    """What needs rights, at the other end of the line. `present` says which scripts there are."""
    return Privileged(
        signer=FarSigner(asker),
        logins=FarLogins(asker),
        leases=FarLeases(asker),
        sockets=FarSockets(asker),
        tunnels=FarTunnels(asker),
        esp=FarHostEsp(asker),
        host=FarHost(asker),
        accounting=FarAccounting(asker),
        session_ids=session_ids,
        hooks=FarHooks(asker, lambda: scripts_of(present.now.settings.remotes)),
        records=FarRecords(asker),
        orders=FarOrders(asker),
        gateways=FarGateways(asker),
        tickets=FarTickets(asker),
    )
