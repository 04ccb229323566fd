"""Which engine implements which port, and the order in which they take hold of the host and let go of it.

`DataPlane` userspace.Userspace over dataplane.Tun · `Host` hosts.LinuxHost, for a gateway also hosts.GatewayHost ·
`Leases` leases.Pool · `Keys` keys.Keyring · `LoginBackend` auth (see engines.py) · `Hooks` hooks.ScriptHooks.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from lotor.config.problem import NOWHERE
from lotor.config.settings import Listen, ListenAddress
from lotor.daemon.engines import carried, environment, tun_device, userspace
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.loadout import Loadout
from lotor.daemon.machinery import Equipment, Machinery
from lotor.hosts.client import LinuxHost
from lotor.hosts.gateway import GatewayHost, pool_networks
from lotor.hosts.routing import OUTER_MARK
from lotor.ike.endpoint import Endpoint
from lotor.leases.pool import Beside, Pool
from lotor.model.network import ISAKMP_PORT, NAT_T_PORT, Peer
from lotor.model.policy import Side
from lotor.ports.leases import Leases
from lotor.runtime.capture import Capture
from lotor.runtime.dice import SystemDice
from lotor.runtime.sockets import ANYWHERE, IsakmpSocket, open_udp

log = logging.getLogger(__name__)

LACKING = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""What the kernel says of an address that this host does not have, or of IPv6 where there is none."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """`held` lets go of what was taken from the host, last first."""

    machinery: Machinery
    held: AsyncExitStack


async def assemble(loadout: Loadout, broken: Callable[[str], None], capture: Capture | None = None) -> Assembled:
    """Everything running; `capture` gets every IKE datagram and the keys to read them.

    Raises `StartError`, after letting go of what was taken."""
    async with AsyncExitStack() as held:
        isakmp, nat_t = _open_sockets(loadout.settings.listen, held)
        host = LinuxHost()
        if undone := await host.recover():
            log.warning("%d changes that an earlier daemon left on this host were undone", undone)
        tun = tun_device(held)
        dataplane = userspace(tun, nat_t)
        leases = _leases(loadout)
        sockets = tuple(map(IsakmpSocket, isakmp))
        equipment = Equipment(dataplane, host, sockets, leases, environment, OUTER_MARK, capture)
        core = Endpoint(carried(loadout.policy, dataplane), SystemDice(), disclose=capture is not None)
        machinery = Machinery(core, loadout, equipment, broken)
        await _open_gateway(loadout, dataplane.device(), dataplane.mtu(), held)
        held.callback(dataplane.stop)
        machinery.start()
        return Assembled(machinery, held.pop_all())
    raise AssertionError("unreachable")


async def dismantle(assembled: Assembled) -> None:
    await assembled.held.aclose()


def _leases(loadout: Loadout) -> Leases | None:
    mode_cfg = loadout.settings.mode_cfg
    if mode_cfg is None or mode_cfg.network4 is None or not loadout.serves_as(Side.GATEWAY):
        return None
    beside = Beside(mode_cfg.network6, mode_cfg.prefix6) if mode_cfg.network6 is not None else None
    return Pool(mode_cfg.network4, mode_cfg.pool_size, mode_cfg.netmask4, beside)


async def _open_gateway(loadout: Loadout, device: str, mtu: int, held: AsyncExitStack) -> None:
    mode_cfg = loadout.settings.mode_cfg
    if mode_cfg is None or mode_cfg.network4 is None or not loadout.serves_as(Side.GATEWAY):
        return
    gateway = GatewayHost()
    firsts = [first for first in (mode_cfg.network4, mode_cfg.network6) if first is not None]
    pools = [network for first in firsts for network in pool_networks(first, mode_cfg.pool_size)]
    try:
        await gateway.start(device, mtu, pools)
    except OSError as error:
        raise StartError(f"this host cannot be a gateway: {error.strerror or error}") from error
    held.push_async_callback(gateway.stop)


def _open_sockets(listen: Listen, held: AsyncExitStack) -> tuple[list[socket.socket], list[socket.socket]]:
    """Port 500 on every address wanted, and the sockets of port 4500, one for each IP version."""
    wanted = listen.isakmp or tuple(ListenAddress(address, ISAKMP_PORT) for address in ANYWHERE.values())
    opened = [_open(one, listen, held) for one in wanted]
    floated = [_open(one, listen, held) for one in (_nat_t(listen, version) for version in ANYWHERE) if one is not None]
    isakmp, nat_t = [each for each in opened if each is not None], [each for each in floated if each is not None]
    if not isakmp or not nat_t:
        raise StartError("no address of listen { } can be opened: see the log", Exit.CONFIGURATION)
    return isakmp, nat_t


def _nat_t(listen: Listen, version: int) -> ListenAddress | None:
    """One socket carries the NAT traversal of all addresses of an IP version."""
    lines = listen.isakmp_natt or tuple(ListenAddress(each.address, NAT_T_PORT, each.at) for each in listen.isakmp)
    wanted = [each for each in lines if each.address.version == version]
    if not wanted:
        return None if lines else ListenAddress(ANYWHERE[version], NAT_T_PORT)
    if len({each.port for each in wanted}) > 1:
        raise StartError(f"{wanted[1].at}: isakmp_natt has one port for all addresses", Exit.CONFIGURATION)
    if len({each.address for each in wanted}) == 1:
        return wanted[0]
    return ListenAddress(ANYWHERE[version], wanted[0].port, wanted[0].at)


def _open(wanted: ListenAddress, listen: Listen, held: AsyncExitStack) -> socket.socket | None:
    """None for an address that this host does not have, unless `strict_address` asks for it."""
    try:
        udp = open_udp(Peer(wanted.address, wanted.port), mark=OUTER_MARK)
    except OSError as error:
        if error.errno in LACKING and not (listen.strict_address and wanted.at is not NOWHERE):
            log.log(logging.DEBUG if wanted.at is NOWHERE else logging.WARNING, "%s", error.strerror)
            return None
        raise StartError(str(error.strerror), _exit_of(error)) from error
    held.callback(udp.close)
    return udp


def _exit_of(error: OSError) -> Exit:
    match error.errno:
        case errno.EADDRINUSE:
            return Exit.BUSY
        case errno.EACCES | errno.EPERM:
            return Exit.NOT_ROOT
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return Exit.CONFIGURATION
        case _:
            return Exit.FAILED
