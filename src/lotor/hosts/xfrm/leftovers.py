"""What a killed program left in the kernel, whichever engine the next one has: policies that lead nowhere would take
packets of the host for ever."""

from __future__ import annotations

import errno
import socket

from lotor.hosts.tun import OWN


async def take_away() -> int:
    """How many devices, SAs and policies are gone: none of a program that lives. Nothing is loaded or asked where no
    device of this network namespace may be lotor's. Raises `OSError` with a sentence."""
    if not any(name.startswith(OWN) for _, name in socket.if_nameindex()):
        return 0
    from lotor.hosts.xfrm.device import Devices
    from lotor.hosts.xfrm.netlink import Xfrm

    try:
        devices = await Devices().clean()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return 0
    return devices + await Xfrm().flush() if devices else 0
