"""The port of what an administrator asks and wants of all gateways of a fleet at one of them."""

from __future__ import annotations

from typing import Protocol

from lotor.model.frozen import frozen
from lotor.ports.fleet import GatewayState, Present


@frozen
class FleetLook:
    """`name`: that of this gateway. `fault`: a sentence without a full stop that says why the database tells nothing
    now; empty: it does. `waiting`: rows that this gateway has for it and that it has not taken yet."""

    name: str
    fault: str = ""
    waiting: int = 0
    gateways: tuple[GatewayState, ...] = ()


class Gateways(Protocol):
    """Raises `OSError` with a clear text where nobody can be asked."""

    async def look(self) -> FleetLook | None:
        """None: this gateway stands alone."""
        ...

    async def present(self, user: str = "") -> tuple[Present, ...]:
        """As `ports.fleet.Fleet` has it."""
        ...

    async def logout(self, subject: str) -> None:
        """Every gateway hears that the sessions of a user, of an inside address or of an id are to end."""
        ...
