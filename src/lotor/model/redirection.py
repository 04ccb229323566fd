"""Clients that are sent to another gateway (RFC 5685): when, where to, and how one came to the one that it calls."""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum
from ipaddress import ip_address

from lotor.model.frozen import frozen
from lotor.model.network import Address

LONGEST_NAME = 253
MOST_GATEWAYS = 16
"""Among which clients are spread."""
MOST_REDIRECTS = 5
"""How often a client goes on, one call or one connection (RFC 5685 §7)."""
HOST = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*"
"""A name that a resolver may be asked for: whoever sends it may be anybody."""


def named(text: str) -> Address | str:
    """A gateway by its address or the name of its host, as people write it. `ValueError`, also for an address with a
    scope, which is of one host alone and may have any letters."""
    if "%" not in text:
        with suppress(ValueError):
            return ip_address(text)
    if len(text) > LONGEST_NAME or not re.fullmatch(HOST, text):
        raise ValueError(f"{text!r} is neither an address nor the name of a host")
    return text


class Occasion(Enum):
    """When a gateway sends clients elsewhere."""

    DRAINING = "draining"
    FULL = "full"
    ALWAYS = "always"


@frozen
class Redirection:
    """What a gateway's block says of it: names or addresses of other gateways, among which clients are spread.
    `proved`: only clients that have proved who they are hear of it."""

    gateways: tuple[str, ...]
    when: frozenset[Occasion]
    proved: bool = False


@frozen
class Detour:
    """A client was sent from the gateway that was `meant` to the one that it calls, at last `by` another one.
    `vouched`: what a gateway that had proved itself called it; empty where nothing proved that."""

    meant: Address
    by: Address
    vouched: str = ""
