"""What a person types for a gateway, as addresses: one that was typed, or those of a name, IPv4 before IPv6."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

from lotor.model.network import Address

MOST_TRIED = 4


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
    loop = asyncio.get_running_loop()
    try:
        found: list[Any] = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM, flags=socket.AI_ADDRCONFIG)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "not a host name"
        raise OSError(None, f"cannot resolve {host}: {why}") from error
    addresses = dict.fromkeys(ip_address(entry[4][0]) for entry in found)
    usable = [each for each in addresses if each.version == 4 or not each.is_link_local]
    if not usable:
        raise OSError(None, f"cannot resolve {host}: it has link-local addresses only")
    return sorted(usable, key=lambda address: address.version)[:MOST_TRIED]
