"""Which engine carries ESP: the one in user space or the kernel's, by what is wanted and what this host has."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from lotor._native import device_mtu
from lotor.daemon.exits import Exit, StartError
from lotor.dataplane.kernel.engine import Kernel
from lotor.dataplane.userspace.engine import Userspace
from lotor.model.engines import Engine, EngineChoice, EngineWish, Wanted
from lotor.model.network import OUTER_MTU
from lotor.model.offloads import Offloads
from lotor.ports.carrier import Carrier
from lotor.ports.esp import EspEngine
from lotor.ports.host_esp import Leading
from lotor.ports.interface import TunDevice, TunnelInterface, Tunnels
from lotor.privsep.privileged import Privileged

log = logging.getLogger(__name__)

UNCUT = (
    "esp_frag: this kernel has no xfrm interface, and seals IPv4 packets that may be cut (UDP without DF) as they are: "
    "their outer datagrams may be larger; `modprobe xfrm_interface`, or write `engine userspace;`"
)
_USUAL_MTU = device_mtu(OUTER_MTU - 20)
"""Of a device where no esp_frag is written, with outer headers of IPv6."""
UNASKED = {
    EngineWish.AUTO: "engine auto: nothing asks for the kernel's",
    EngineWish.USERSPACE: "engine userspace",
}


@dataclass(frozen=True, slots=True)
class Carrying:
    """An engine behind its three ports, and why it is this one."""

    engine: EspEngine
    carrier: Carrier
    interface: TunnelInterface
    choice: EngineChoice


@dataclass(frozen=True, slots=True)
class Means:
    """What an engine is made of: `nat_t`, the sockets of port 4500, and kernel `offloads` of the one in user space.
    `held` lets go of what it takes."""

    privileged: Privileged
    nat_t: Sequence[socket.socket]
    offloads: Offloads
    held: AsyncExitStack


async def choose(wanted: Wanted, means: Means) -> Carrying:
    """Raises `StartError`: where the kernel's engine is a must and there is none, or no device can be made."""
    if not wanted.asks_kernel:
        return await _userspace(means, EngineChoice(Engine.USERSPACE, UNASKED[wanted.wish]))
    try:
        return await _kernel(wanted, means)
    except OSError as error:
        why = f"{wanted}: {error.strerror or error}"
        if wanted.wish is EngineWish.KERNEL:
            raise StartError(f"{why}; `lotor doctor` says what helps", _exit_of(error)) from error
        log.warning("%s; ESP is carried in user space", why)
        return await _userspace(means, EngineChoice(Engine.USERSPACE, why, fell_back=True))


async def _kernel(wanted: Wanted, means: Means) -> Carrying:
    esp = means.privileged.esp
    device = await esp.open()
    try:
        engine = Kernel(esp, device, *means.nat_t)
    except OSError:
        await esp.close()
        raise
    means.held.push_async_callback(engine.stop)
    if device.leading is Leading.POLICIES and device.mtu < _USUAL_MTU:
        log.warning("%s", UNCUT)
    if device.hindrance:
        log.warning("esp_offload: %s; the kernel does all of its cryptography itself", device.hindrance)
    choice = EngineChoice(Engine.KERNEL, "; ".join(each for each in (str(wanted), device.hindrance) if each))
    return Carrying(engine, engine.carrier, engine.interface, choice)


async def _userspace(means: Means, choice: EngineChoice) -> Carrying:
    tun = await _open_device(means.privileged.tunnels)
    means.held.callback(tun.close)
    raw_esp = means.privileged.sockets.raw_esp
    engine = Userspace(tun, *means.nat_t, raw_esp=raw_esp, wanted=means.offloads)
    means.held.push_async_callback(engine.stop)
    return Carrying(engine, engine.carrier, engine.interface, choice)


async def _open_device(tunnels: Tunnels) -> TunDevice:
    try:
        return await tunnels.open()
    except OSError as error:
        raise StartError(error.strerror or str(error), _exit_of(error)) from error


def _exit_of(error: OSError) -> Exit:
    return Exit.NOT_ROOT if error.errno == errno.EPERM else Exit.NO_DEVICE
