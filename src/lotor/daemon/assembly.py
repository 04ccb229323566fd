"""What the daemon is made of, and the order in which it takes hold of what it is given and lets go of it.

`EspEngine`, `Carrier` and `TunnelInterface` are what `choosing` chose; `Trust` is trust.CurrentTrust. Everything else
needs rights and comes from `Privileged`: the engines of warden.Warden, in this process or in its own.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

from lotor.daemon import listening
from lotor.daemon.active_config import ActiveConfig
from lotor.daemon.choosing import Means, choose
from lotor.daemon.engines import carried
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.listeners import Listeners
from lotor.daemon.wiring import Wiring
from lotor.ike.endpoint import Endpoint
from lotor.model.frozen import frozen
from lotor.model.policy import Side
from lotor.ports.sockets import Sockets, local_of
from lotor.privsep.privileged import Privileged
from lotor.runtime.capture import Capture
from lotor.runtime.present import Present
from lotor.runtime.randomness import SystemRandomness
from lotor.runtime.sockets import IsakmpSocket

log = logging.getLogger(__name__)


@frozen
class Assembled:
    """`listeners` follow a reload; `held` lets go of what was taken, last first."""

    wiring: Wiring
    listeners: Listeners
    held: AsyncExitStack


async def assemble(
    present: Present[ActiveConfig],
    privileged: Privileged,
    broken: Callable[[str], None],
    capture: Capture | None = None,
) -> Assembled:
    """Everything running; `capture` gets every IKE datagram and the keys to read them.

    Raises `StartError`, after letting go of what was taken."""
    active = present.now
    async with AsyncExitStack() as held:
        isakmp, nat_t = await _open_sockets(privileged.sockets, active, held)
        means = Means(privileged, nat_t, active.settings.offloads, held)
        carrying = await choose(active.settings.engine, means)
        policy = carried(active.policy, carrying.engine.capabilities)
        core = Endpoint(policy, SystemRandomness(), disclose=capture is not None)
        wiring = Wiring(
            core, present, privileged, carrying, isakmp=map(IsakmpSocket, isakmp), broken=broken, capture=capture
        )
        listeners = Listeners(wiring.carriers, privileged.sockets, map(local_of, nat_t))
        wiring.start()
        wiring.listen(listeners.follow)
        return Assembled(wiring, listeners, held.pop_all())
    raise AssertionError("unreachable")


async def dismantle(assembled: Assembled) -> None:
    await assembled.held.aclose()


async def _open_sockets(
    sockets: Sockets, active: ActiveConfig, held: AsyncExitStack
) -> tuple[list[socket.socket], list[socket.socket]]:
    """Port 500 on every address wanted, and the sockets of port 4500, one for each IP version. A mere client may have
    other ports."""
    listen = active.settings.listen
    open_one = listening.open_at if active.serves_as(Side.GATEWAY) else listening.open_anywhere
    isakmp: list[socket.socket] = []
    nat_t: list[socket.socket] = []
    for found, places in ((isakmp, listening.isakmp(listen)), (nat_t, listening.nat_t(listen))):
        for wanted in places:
            udp = await open_one(sockets, wanted, listen)
            if udp is not None:
                held.callback(udp.close)
                found.append(udp)
    if not isakmp or not nat_t:
        raise StartError("no address of listen { } can be opened: see the log", Exit.CONFIGURATION)
    return isakmp, nat_t
