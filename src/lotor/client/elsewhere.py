"""Where another gateway is, to which one sends this client: its address, and the way there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from lotor.client.addresses import resolve, typed
from lotor.model.network import Address, Path, Peer

Way = Callable[[Peer], Awaitable[Path]]
"""The path to a gateway (`OSError` without a route)."""
Resolve = Callable[[str], Awaitable[list[Address]]]


async def way_to(gateway: str, port: int, way: Way, resolving: Resolve = resolve) -> Path:
    """To the first of its addresses to which a way leads. `OSError` with a sentence where there is none."""
    address = typed(gateway)
    known = [address] if address is not None else await resolving(gateway)
    fault = OSError(None, f"no way leads to {gateway}")
    for each in known:
        try:
            return await way(Peer(each, port))
        except OSError as error:
            fault = error
    raise fault
