"""The UDP sockets that `listen { }` asks for: which they are, and how they are opened."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterable
from dataclasses import replace

from lotor.config import is_gateway
from lotor.config.listening import isakmp, nat_t, places
from lotor.config.problem import NOWHERE
from lotor.config.settings import Adminsock, Listen, ListenAddress, Settings
from lotor.control.listening import Address
from lotor.daemon.exits import Exit, StartError
from lotor.hosts.sockets import open_udp
from lotor.model.network import Peer
from lotor.ports.sockets import Sockets

__all__ = ["address_of", "demand_free", "isakmp", "nat_t", "open_anywhere", "open_at"]

log = logging.getLogger(__name__)

LACKING = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""What the kernel says of an address that this host does not have, or of IPv6 where there is none."""


def demand_free(settings: Settings) -> None:
    """To be called with all rights: without them the program that holds a port cannot be named. Raises `StartError`."""
    if not is_gateway(settings):
        return
    for place in sorted(places([settings]), key=str):
        try:
            open_udp(place).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(str(error.strerror), Exit.BUSY) from error


def address_of(adminsock: Adminsock | None) -> Address | None:
    """Where the administrator's socket is; None for `adminsock disabled`."""
    if adminsock is None:
        return None
    return Address(adminsock.path, adminsock.owner, adminsock.group, adminsock.mode)


async def open_anywhere(sockets: Sockets, wanted: ListenAddress, listen: Listen) -> socket.socket | None:
    """`open_at` for a client: its gateway answers wherever it is asked from, so that a free port does where the usual
    one is taken and no line of the configuration asks for it."""
    try:
        return await open_at(sockets, wanted, listen)
    except StartError as error:
        if error.code is not Exit.BUSY or wanted.at != NOWHERE:
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
        if error.errno in LACKING and not (listen.strict_address and wanted.at != NOWHERE):
            log.log(logging.DEBUG if wanted.at == NOWHERE else logging.WARNING, "%s", error.strerror)
            return None
        raise StartError(str(error.strerror), _exit_of(error)) from error


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
