"""The port of what a connection changes on its host: addresses, routes, DNS, MSS."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.network import Address, Network, Path


@frozen
class Attachment:
    """One client connection to set up on the host. `session` names its undo journal. `follows`: the session that ended
    and whose place on the host this one takes, 0 where there is none. `remote`: its block of the configuration.
    `closes`: what belongs into the tunnel is to be unreachable while it is down."""

    session: int
    device: str
    mtu: int
    path: Path
    configuration: ModeConfiguration
    follows: int = 0
    remote: str = ""
    closes: bool = False


class Leaving(Enum):
    """How a connection that `closes` leaves its host: open, where a person ended it; closed, where it was lost; as it
    was before, where it never came up."""

    OPEN = "open"
    CLOSED = "closed"
    AS_BEFORE = "as before"


class Host(Protocol):
    """Every change is written to a journal before it is made, so that `detach` and `recover` undo exactly it."""

    async def admit(self, attachment: Attachment) -> None:
        """Raises `OSError` with a clear text where `attach` would refuse what the gateway gave. Changes nothing."""
        ...

    async def attach(self, attachment: Attachment) -> None:
        """A second one of a session takes the place of the first. Raises `OSError` with a clear text, after undoing
        what was done; after a failed second one `detach` undoes what is left."""
        ...

    async def changed(self, seen: int) -> int:
        """How often the network outside of the tunnels has changed: links, addresses, routes. Waits until that is
        another number than `seen`. Raises `OSError` where nobody can tell."""
        ...

    async def detach(self, session: int, leaving: Leaving = Leaving.OPEN) -> None: ...

    async def closed(self) -> tuple[str, ...]:
        """The gateways without a connection for which this host is closed: their addresses. Raises `OSError`."""
        ...

    async def open(self, gateways: tuple[str, ...]) -> int:
        """The host is open again for what belongs into the tunnels to these, by address or name of a block, as far as
        they have no connection. How many it was closed for. Raises `OSError`."""
        ...

    async def portal(self, seconds: int) -> int:
        """What a login page needs leaves in clear for so long, where this host is closed for a gateway without a
        connection; the kernel ends it. For how many gateways. Raises `OSError`."""
        ...

    async def release(self) -> None:
        """A person ends the program: this host is open again for all that it closed and that has no connection."""
        ...

    async def recover(self) -> int:
        """Undo what a crashed daemon left; how many changes were undone. What it closed stays closed."""
        ...


class GatewayRoutes(Protocol):
    """What a gateway changes on its host: the device is up, and the networks of its pool are behind it. `partners` are
    who may send to them; none: everybody."""

    async def start(self, device: str, mtu: int, networks: Iterable[Network], partners: Iterable[Network] = ()) -> None:
        """Raises `OSError`, after undoing what was done."""
        ...

    async def serve(self, networks: Iterable[Network], partners: Iterable[Network] = ()) -> None:
        """From now on these networks are behind the device and no others. Raises `OSError`, and nothing changed."""
        ...

    async def own(self) -> frozenset[Address]:
        """The addresses that no client may have: those of this host, and of each of its networks the one that stands
        for the network and the one for all of its hosts. Raises `OSError`."""
        ...

    async def links(self) -> frozenset[Network]:
        """The networks that this host has an address in. Raises `OSError`."""
        ...

    async def stop(self) -> None:
        """Everything as it was before `start`; also without one, and again. What a crashed gateway left is undone by
        `Host.recover`, with everything else."""
        ...
