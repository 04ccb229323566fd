"""What a person types for a gateway, as addresses: one that was typed, or those of a name, IPv4 before IPv6."""

from __future__ import annotations

import asyncio
import socket
import threading
from functools import partial
from ipaddress import ip_address
from typing import Any

from lotor.model.network import Address
from lotor.names.aside import aside

MOST_TRIED = 4
MOST_ASKED = 16
"""Names that are looked up at a time, also for somebody who does not wait any more: each has a thread until the
resolver says something."""

_places = threading.BoundedSemaphore(MOST_ASKED)


def _asked(host: str) -> asyncio.Future[list[Any]]:
    """What the resolver says. It takes its time, half a minute where no server answers. Raises `OSError` where too many
    are asked already."""
    if not _places.acquire(blocking=False):
        raise OSError(None, f"{MOST_ASKED} names are being looked up already: try again in a minute")
    try:
        return aside(partial(_ask, host), "lotor-names")
    except RuntimeError as error:
        _places.release()
        raise OSError(None, "this host has no room for another thread") from error


def _ask(host: str) -> list[Any]:
    try:
        return socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM, flags=socket.AI_ADDRCONFIG)
    finally:
        _places.release()


def typed(text: str) -> Address | None:
    """The address, also one in brackets; None for a name."""
    try:
        return ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        return None


async def resolve(host: str) -> list[Address]:
    """The addresses of a host name, asked for once; `OSError` with a sentence when there is none.

    A name often has an IPv6 address for the sake of other services; a gateway that is found by IPv4 today is found as
    fast by it tomorrow.
    """
    try:
        found = await _asked(host)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "not a host name"
        raise OSError(None, f"cannot resolve {host}: {why}") from error
    addresses = dict.fromkeys(ip_address(entry[4][0]) for entry in found)
    usable = [each for each in addresses if each.version == 4 or not each.is_link_local]
    if not usable:
        raise OSError(None, f"cannot resolve {host}: it has link-local addresses only")
    return sorted(usable, key=lambda address: address.version)[:MOST_TRIED]
