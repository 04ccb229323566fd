"""The UDP sockets that `listen { }` asks for: which they are, and how they are opened."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterable
from dataclasses import replace

from lotor.config.problem import NOWHERE
from lotor.config.settings import Listen, ListenAddress
from lotor.daemon.exits import Exit, StartError
from lotor.model.network import ANYWHERE, ISAKMP_PORT, NAT_T_PORT, Peer
from lotor.ports.sockets import Sockets

log = logging.getLogger(__name__)

LACKING = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""What the kernel says of an address that this host does not have, or of IPv6 where there is none."""


def isakmp(listen: Listen) -> tuple[ListenAddress, ...]:
    """Where port 500 is to be open."""
    return listen.isakmp or tuple(ListenAddress(address, ISAKMP_PORT) for address in ANYWHERE.values())


def nat_t(listen: Listen) -> tuple[ListenAddress, ...]:
    """Where port 4500 is: one socket carries the NAT traversal of all addresses of an IP version."""
    each = (_nat_t(listen, version) for version in ANYWHERE)
    return tuple(one for one in each if one is not None)


async def open_anywhere(sockets: Sockets, wanted: ListenAddress, listen: Listen) -> socket.socket | None:
    """`open_at` for a client: its gateway answers wherever it is asked from, so that a free port does where the usual
    one is taken and no line of the configuration asks for it."""
    try:
        return await open_at(sockets, wanted, listen)
    except StartError as error:
        if error.code is not Exit.BUSY or wanted.at is not NOWHERE:
            raise
        log.info("%s: a free port does for a client", error)
        return await open_at(sockets, replace(wanted, port=0), listen)


async def open_at(
    sockets: Sockets, wanted: ListenAddress, listen: Listen, beside: Iterable[socket.socket] = ()
) -> socket.socket | None:
    """None for an address that this host does not have, unless `strict_address` asks for it. `beside`: sockets of ours
    that may have the port of every address. Raises `StartError`."""
    try:
        return await sockets.udp(Peer(wanted.address, wanted.port), tuple(beside))
    except OSError as error:
        if error.errno in LACKING and not (listen.strict_address and wanted.at is not NOWHERE):
            log.log(logging.DEBUG if wanted.at is NOWHERE else logging.WARNING, "%s", error.strerror)
            return None
        raise StartError(str(error.strerror), _exit_of(error)) from error


def _nat_t(listen: Listen, version: int) -> ListenAddress | None:
    lines = listen.isakmp_natt or tuple(ListenAddress(each.address, NAT_T_PORT, each.at) for each in listen.isakmp)
    wanted = [each for each in lines if each.address.version == version]
    if not wanted:
        return None if lines else ListenAddress(ANYWHERE[version], NAT_T_PORT)
    if len({each.address for each in wanted}) == 1:
        return wanted[0]
    return ListenAddress(ANYWHERE[version], wanted[0].port, wanted[0].at)


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
