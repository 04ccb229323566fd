"""Which engine implements which port, and the order in which they take hold of the host and let go of it.

`EspEngine`, `Carrier` and `TunnelInterface` userspace.Userspace over hosts.Tun · `Host` hosts.LinuxHost, for a
gateway also hosts.GatewayHost · `Leases` leases.MemoryLeases · `Signer` keys.LocalSigner · `Trust` trust.LocalTrust ·
`LoginBackend` auth (see engines.py) · `Hooks` hooks.ScriptHooks.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from lotor.daemon import listening
from lotor.daemon.engines import carried, tun_device
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.loadout import Loadout
from lotor.daemon.machinery import Equipment, Esp, Machinery
from lotor.daemon.premises import Grounds, Held, Premises, make_pool
from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.client import LinuxHost
from lotor.hosts.gateway import GatewayHost
from lotor.hosts.routing import OUTER_MARK
from lotor.hosts.sockets import HostSockets
from lotor.hosts.tun import HostTunnels
from lotor.ike.endpoint import Endpoint
from lotor.leases.memory import MemoryLeases
from lotor.leases.succession import Succession
from lotor.model.policy import Side
from lotor.ports.sockets import Sockets, local_of
from lotor.runtime.capture import Capture
from lotor.runtime.randomness import SystemRandomness
from lotor.runtime.sockets import IsakmpSocket
from lotor.warden import hardening

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assembled:
    """`premises` is what a reload may change; `held` lets go of what was taken from the host, last first."""

    machinery: Machinery
    premises: Premises
    held: AsyncExitStack


async def assemble(loadout: Loadout, broken: Callable[[str], None], capture: Capture | None = None) -> Assembled:
    """Everything running; `capture` gets every IKE datagram and the keys to read them.

    Raises `StartError`, after letting go of what was taken."""
    async with AsyncExitStack() as held:
        opener = HostSockets(OUTER_MARK)
        isakmp, nat_t = await _open_sockets(opener, loadout, held)
        hardening.bound(scripts=hardening.has_scripts(loadout.settings))
        host = LinuxHost()
        if undone := await host.recover():
            log.warning("%d changes that an earlier daemon left on this host were undone", undone)
        tun = await tun_device(HostTunnels(), held)
        userspace = Userspace(tun, *nat_t, raw_esp=opener.raw_esp, wanted=loadout.settings.offloads)
        device = userspace.interface
        leases = Succession(make_pool(loadout))
        sockets = tuple(map(IsakmpSocket, isakmp))
        esp = Esp(userspace, userspace.carrier, device)
        equipment = Equipment(esp, host, sockets, MemoryLeases(leases), opener, capture)
        core = Endpoint(
            carried(loadout.policy, userspace.capabilities), SystemRandomness(), disclose=capture is not None
        )
        machinery = Machinery(core, loadout, equipment, broken)
        grounds = Grounds(GatewayHost(), device.name, device.mtu)
        held.push_async_callback(grounds.stop)
        premises = Premises(Held(machinery.doors, leases, grounds, frozenset(map(local_of, nat_t)), opener), loadout)
        await premises.open()
        held.push_async_callback(userspace.stop)
        machinery.start()
        machinery.listen(premises.follow)
        machinery.configurations.released = premises.freed
        return Assembled(machinery, premises, held.pop_all())
    raise AssertionError("unreachable")


async def dismantle(assembled: Assembled) -> None:
    await assembled.held.aclose()


async def _open_sockets(
    sockets: Sockets, loadout: Loadout, held: AsyncExitStack
) -> tuple[list[socket.socket], list[socket.socket]]:
    """Port 500 on every address wanted, and the sockets of port 4500, one for each IP version. A mere client may have
    other ports."""
    listen = loadout.settings.listen
    open_one = listening.open_at if loadout.serves_as(Side.GATEWAY) else listening.open_anywhere
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
